//! Settings and the constants behind them.

use std::time::Duration;

/// Whole parts of a window; its lag is judged by the least of each.
pub const PARTS: u64 = 6;
/// Least cycles in a window, however long the interval: fewer say nothing about a trend.
const MIN_CYCLES: u64 = 4;
/// Cycles without a sample (missed ticks, a restart) after which rates begin anew.
const GAP_CYCLES: u64 = 3;
/// The most that a consumer's own rhythm of commits can stretch the patience with it, in windows.
const MAX_PATIENCE: u64 = 6;
/// A commit is due after this many of the longest of the last pauses.
const PAUSES: u64 = 2;
/// Offsets at the end of a quiet log that nobody may ever commit: the markers of a few
/// producers that end their transactions together (KIP-98), or what compaction left.
pub const MAX_RESIDUE: i64 = 5;
/// Share of what was produced within a window that must be left over before the lag "grows": what
/// is under way between two commits comes and goes.
pub const MIN_GROWTH: f64 = 0.05;
/// Below this share of the retained log, unread records are the next to be deleted.
pub const RETENTION_NEAR: f64 = 0.1;
/// A forecast from minutes says nothing beyond this.
pub const MAX_FORECAST_SECONDS: f64 = 7.0 * 24.0 * 3_600.0;

/// `clusters[].kafka.lag`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long lag may stand without a commit, and over which time rates are taken.
    pub window: Duration,
    /// Lag up to which a partition counts as caught up.
    pub allowed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // Ten commits of a consumer with the usual 5 s, five ticks of a long interval.
            window: Duration::from_secs(300),
            allowed: 0,
        }
    }
}

/// The settings made usable for an interval; times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The window, at least [`MIN_CYCLES`] intervals.
    pub window: u64,
    /// Length of a part of it, at least one interval.
    pub part: u64,
    /// Samples further apart than this have a gap between them.
    pub gap: u64,
    /// Lag up to which a partition counts as caught up.
    pub allowed: i64,
}

impl Rules {
    /// The rules of a target.
    pub fn new(settings: &Settings, interval: Duration) -> Self {
        let interval = millis(interval).max(1);
        let window = millis(settings.window).max(interval.saturating_mul(MIN_CYCLES));
        Self {
            window,
            part: (window / PARTS).max(interval),
            gap: interval.saturating_mul(GAP_CYCLES),
            allowed: i64::try_from(settings.allowed).unwrap_or(i64::MAX),
        }
    }

    /// How long a consumer with such pauses may go without a commit.
    pub fn patience(&self, longest_pause: u64) -> u64 {
        let due = longest_pause.saturating_mul(PAUSES);
        due.clamp(self.window, self.window.saturating_mul(MAX_PATIENCE))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_makes_sense_for_short_and_long_intervals() {
        let rules = |seconds| Rules::new(&Settings::default(), Duration::from_secs(seconds));
        assert_eq!((rules(1).window, rules(1).part), (300_000, 50_000));
        assert_eq!((rules(60).window, rules(60).part), (300_000, 60_000));
        assert_eq!(
            (rules(3_600).window, rules(3_600).part),
            (14_400_000, 3_600_000)
        );
    }

    #[test]
    fn patience_is_a_window_or_two_pauses_and_has_an_end() {
        let rules = Rules::new(&Settings::default(), Duration::from_secs(10));
        assert_eq!(rules.patience(0), 300_000);
        assert_eq!(rules.patience(200_000), 400_000);
        assert_eq!(rules.patience(u64::MAX), 1_800_000);
    }
}
