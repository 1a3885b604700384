//! Ticks: every document of an interval carries the same round moment, on every agent.
//!
//! A tick is a multiple of the target's interval since the epoch. Collection starts at
//! the tick plus the target's phase, so that agents do not hit brokers in one instant.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

/// The largest part of an interval by which a target's phase may shift its collection.
const PHASE_DIVISOR: u64 = 4;

/// The part of an interval that a cycle may take: the rest is room for the next one.
const BUDGET_NUMERATOR: u32 = 4;
const BUDGET_DENOMINATOR: u32 = 5;

/// Milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// Now, by the machine's clock.
    pub fn now() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self(millis(since))
    }

    /// As Elasticsearch's dates want it: `2026-01-02T03:04:05.678Z`.
    pub fn to_rfc3339(self) -> String {
        let moment = i64::try_from(self.0)
            .ok()
            .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok())
            .unwrap_or_default();
        format!("{moment:.3}")
    }

    /// How long until then; nothing if it is past.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(later.0.saturating_sub(self.0))
    }
}

/// The rhythm of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    interval: u64,
    phase: u64,
}

impl Rhythm {
    /// The rhythm of the target of that name. Intervals below a millisecond do not exist.
    pub fn new(interval: Duration, target: &str) -> Self {
        let interval = millis(interval).max(1);
        let digest = Sha256::digest(target.as_bytes());
        let hash = digest
            .iter()
            .take(8)
            .fold(0u64, |hash, byte| hash << 8 | u64::from(*byte));
        Self {
            interval,
            phase: hash % (interval / PHASE_DIVISOR).max(1),
        }
    }

    /// The tick to wait for. At the start it is the next one. After a collected tick it is the first
    /// later one whose collection has not had to start yet, so that a cycle that takes its
    /// whole budget costs no tick.
    pub fn next(self, last: Option<Millis>, now: Millis) -> Millis {
        let Some(last) = last else {
            return self.after(now);
        };
        let due = self.after(Millis(now.0.saturating_sub(self.phase + 1)));
        due.max(Millis(last.0 + self.interval))
    }

    /// The tick that was last, for a single cycle at any moment.
    pub fn last(self, now: Millis) -> Millis {
        Millis(now.0 / self.interval * self.interval)
    }

    fn after(self, moment: Millis) -> Millis {
        Millis((moment.0 / self.interval + 1) * self.interval)
    }

    /// When the collection of a tick starts.
    pub fn start_of(self, tick: Millis) -> Millis {
        Millis(tick.0 + self.phase)
    }

    /// How many ticks lie between the last collected tick and the next one.
    pub fn missed(self, last: Millis, next: Millis) -> u64 {
        (next.0.saturating_sub(last.0) / self.interval).saturating_sub(1)
    }

    /// The time that one cycle may take.
    pub fn budget(self) -> Duration {
        Duration::from_millis(self.interval) * BUDGET_NUMERATOR / BUDGET_DENOMINATOR
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_multiples_since_the_epoch() {
        let rhythm = Rhythm::new(Duration::from_secs(10), "kafka a:9092");
        assert_eq!(rhythm.next(None, Millis(0)), Millis(10_000));
        assert_eq!(rhythm.next(None, Millis(9_999)), Millis(10_000));
        assert_eq!(rhythm.next(None, Millis(10_000)), Millis(20_000));
        assert_eq!(rhythm.last(Millis(19_999)), Millis(10_000));
        assert_eq!(rhythm.missed(Millis(10_000), Millis(20_000)), 0);
        assert_eq!(rhythm.missed(Millis(10_000), Millis(50_000)), 3);
    }

    #[test]
    fn a_cycle_that_takes_its_whole_budget_costs_no_tick_and_a_late_one_is_counted() {
        for name in ["a", "b", "c", "d"] {
            let rhythm = Rhythm::new(Duration::from_secs(10), name);
            let tick = Millis(10_000);
            let ended = Millis(rhythm.start_of(tick).0 + 8_000);
            assert_eq!(rhythm.next(Some(tick), ended), Millis(20_000));
            let late = Millis(rhythm.start_of(Millis(20_000)).0 + 1);
            assert_eq!(rhythm.next(Some(tick), late), Millis(30_000));
            assert_eq!(rhythm.missed(tick, Millis(30_000)), 1);
        }
    }

    #[test]
    fn the_phase_is_fixed_and_at_most_a_quarter() {
        for name in ["a", "b", "c", "jmx host:9999"] {
            let rhythm = Rhythm::new(Duration::from_secs(10), name);
            assert_eq!(rhythm, Rhythm::new(Duration::from_secs(10), name));
            let start = rhythm.start_of(Millis(10_000));
            assert!((10_000..12_500).contains(&start.0), "{start:?}");
        }
    }

    #[test]
    fn dates_are_what_elasticsearch_wants() {
        assert_eq!(Millis(0).to_rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            Millis(1_767_323_045_678).to_rfc3339(),
            "2026-01-02T03:04:05.678Z"
        );
    }
}
