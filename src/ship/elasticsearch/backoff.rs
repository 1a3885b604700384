//! How long to wait before the next attempt.

use std::time::Duration;

/// First wait: long enough that a restarting node is not hammered, short enough not to be noticed.
const FIRST: Duration = Duration::from_secs(1);
/// Longest wait: data is never later than this after Elasticsearch is back.
const LONGEST: Duration = Duration::from_secs(60);

/// Doubling waits with jitter, so that many agents do not come back in one instant.
#[derive(Debug, Default)]
pub(in crate::ship) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure; a server's own `Retry-After` is honoured where it is longer.
    pub(in crate::ship) fn failed(&mut self, retry_after: Option<Duration>) -> Duration {
        let whole = Self::whole(self.failures);
        self.failures = self.failures.saturating_add(1);
        let jittered = whole.mul_f64(0.5 + fastrand::f64() / 2.0);
        jittered.max(retry_after.unwrap_or_default().min(LONGEST))
    }

    /// Without jitter, after so many failures before.
    fn whole(failures: u32) -> Duration {
        FIRST.saturating_mul(1 << failures.min(10)).min(LONGEST)
    }

    /// The shortest wait that the last failure may have led to.
    pub(super) fn shortest(&self) -> Duration {
        Self::whole(self.failures.saturating_sub(1)) / 2
    }

    /// It worked.
    pub(in crate::ship) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_again() {
        let mut backoff = Backoff::default();
        assert!(backoff.failed(None) <= FIRST);
        for _ in 0..40 {
            assert!(backoff.failed(None) <= LONGEST);
        }
        assert!(backoff.failed(None) >= LONGEST / 2);
        assert_eq!(
            backoff.failed(Some(Duration::from_secs(3600))),
            LONGEST,
            "a bound for the server's wish too"
        );
        backoff.succeeded();
        assert!(backoff.failed(None) <= FIRST);
    }
}
