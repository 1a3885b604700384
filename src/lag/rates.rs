//! How fast a partition's commit and its log end move.

use super::rules::MAX_FORECAST_SECONDS;

/// Means over the window, or over what there is of it since the last gap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Offsets committed in a second; never negative: a commit that moved back begins anew.
    pub committed: f64,
    /// Offsets appended in a second; never negative.
    pub log_end: f64,
    /// Change of the lag in a second; negative where it falls.
    pub lag: f64,
    /// Seconds that the means are taken over.
    pub seconds: f64,
}

/// Committed offset and log end at a tick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Point {
    /// Milliseconds since the epoch.
    pub tick: u64,
    /// Committed offset.
    pub committed: i64,
    /// Log end.
    pub log_end: i64,
}

impl Rates {
    /// From one point to a later one. Nothing where no time has passed, and where the commit lies
    /// outside of the log: a distance to there is no lag.
    pub fn between(from: &Point, to: &Point) -> Option<Self> {
        let millis = to
            .tick
            .checked_sub(from.tick)
            .filter(|millis| *millis > 0)?;
        let inside = |point: &Point| point.committed <= point.log_end;
        let committed = to.committed.checked_sub(from.committed)?;
        let log_end = to.log_end.checked_sub(from.log_end)?;
        if committed < 0 || log_end < 0 || !inside(from) || !inside(to) {
            return None;
        }
        let seconds = millis as f64 / 1_000.0;
        Some(Self {
            committed: committed as f64 / seconds,
            log_end: log_end as f64 / seconds,
            lag: (log_end - committed) as f64 / seconds,
            seconds,
        })
    }

    /// Seconds until a lag is worked off at this pace; nothing where it is not, or where that
    /// would take longer than a window can foretell.
    pub fn catch_up(&self, lag: i64) -> Option<f64> {
        if lag == 0 {
            return Some(0.0);
        }
        let seconds = lag as f64 / -self.lag;
        (self.lag < 0.0 && seconds <= MAX_FORECAST_SECONDS).then_some(seconds)
    }
}

/// How unevenly a lag is spread over partitions: 0 when all have the same, 1 when one has it all.
/// Nothing for fewer than two, and without lag.
pub fn skew(lags: &[i64]) -> Option<f64> {
    let count = lags.len() as f64;
    let sum: f64 = lags.iter().map(|lag| *lag as f64).sum();
    let most = lags.iter().copied().max()? as f64;
    if lags.len() < 2 || sum <= 0.0 {
        return None;
    }
    let even = 1.0 / count;
    Some(((most / sum - even) / (1.0 - even)).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(tick: u64, committed: i64, log_end: i64) -> Point {
        Point {
            tick,
            committed,
            log_end,
        }
    }

    #[test]
    fn rates_are_differences_over_time() {
        let rates = Rates::between(&point(0, 100, 300), &point(10_000, 200, 320)).unwrap();
        assert_eq!(
            (rates.committed, rates.log_end, rates.lag),
            (10.0, 2.0, -8.0)
        );
        assert_eq!(rates.catch_up(120), Some(15.0));
        assert_eq!(rates.catch_up(0), Some(0.0));
        assert_eq!(rates.catch_up(8 * 604_800), Some(604_800.0), "a week");
        assert_eq!(rates.catch_up(8 * 604_801), None, "no longer than a week");
    }

    #[test]
    fn what_does_not_catch_up_has_no_time_for_it() {
        for to in [point(10_000, 100, 320), point(10_000, 120, 320)] {
            let rates = Rates::between(&point(0, 100, 300), &to).unwrap();
            assert_eq!(rates.catch_up(200), None);
        }
    }

    #[test]
    fn there_is_no_rate_without_time_or_out_of_the_log() {
        let from = point(5, 100, 300);
        assert_eq!(Rates::between(&from, &point(5, 100, 300)), None);
        assert_eq!(Rates::between(&from, &point(4, 100, 300)), None);
        assert_eq!(Rates::between(&from, &point(9, 90, 300)), None);
        assert_eq!(Rates::between(&from, &point(9, 310, 305)), None);
        assert_eq!(Rates::between(&from, &point(9, 100, 200)), None);
        assert_eq!(
            Rates::between(&point(0, i64::MIN, 0), &point(9, 1, i64::MAX)),
            None
        );
    }

    #[test]
    fn skew_is_between_even_and_all_in_one() {
        assert_eq!(skew(&[5, 5, 5, 5]), Some(0.0));
        assert_eq!(skew(&[0, 20, 0, 0]), Some(1.0));
        assert_eq!(skew(&[10, 30]), Some(0.5));
        for none in [&[][..], &[5], &[0, 0]] {
            assert_eq!(skew(none), None);
        }
    }
}
