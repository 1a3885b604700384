//! Documents that are newer than what their time-series stream takes now: when to ask again.
//!
//! They are set aside one by one, so that what is older in the same stream goes on. The oldest of them asks, and once it is taken
//! the others go: a day of them must not be sent for every question.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use crate::clock::Millis;

/// How long the others wait for the oldest at most: it may come to another end than to be taken.
const BEHIND: Duration = Duration::from_secs(600);

/// The waits of the streams that have refused a document for that.
#[derive(Debug, Default)]
pub(super) struct Ahead(HashMap<String, Refused>);

#[derive(Debug)]
struct Refused {
    /// The oldest document that was too new.
    timestamp: Millis,
    backoff: Backoff,
    wait: Wait,
}

/// When to send again what was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    /// The oldest document.
    pub(super) oldest: Instant,
    /// The others, unless [`Ahead::took`] says so before.
    pub(super) others: Instant,
}

impl Ahead {
    /// The stream refused documents from that time on: when to ask again, and whether it is the first time. What comes while one
    /// is to ask waits with the others.
    pub(super) fn refused(
        &mut self,
        stream: &str,
        timestamp: Millis,
        now: Instant,
    ) -> (Wait, bool) {
        let is_first = !self.0.contains_key(stream);
        let refused = self.0.entry(stream.to_owned()).or_insert_with(|| Refused {
            timestamp,
            backoff: Backoff::default(),
            wait: Wait {
                oldest: now,
                others: now,
            },
        });
        let is_over = refused.wait.oldest <= now;
        if is_over {
            refused.wait.oldest = now + refused.backoff.failed(None);
        }
        if refused.wait.others <= now {
            refused.wait.others = now + BEHIND;
        }
        let mut wait = refused.wait;
        if !is_over && timestamp > refused.timestamp {
            wait.oldest = wait.others;
        }
        refused.timestamp = refused.timestamp.min(timestamp);
        (wait, is_first)
    }

    /// The stream took a document: its time may have come as far as that, and then what waits until then goes.
    pub(super) fn took(&mut self, stream: &str, timestamp: Millis) -> Option<Instant> {
        let is_due = |refused: &Refused| timestamp >= refused.timestamp;
        if !self.0.get(stream).is_some_and(is_due) {
            return None;
        }
        self.0.remove(stream).map(|refused| refused.wait.others)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn waits_grow_until_the_stream_takes_what_it_had_refused() {
        let mut ahead = Ahead::default();
        let now = Instant::now();
        let (first, is_first) = ahead.refused("a", Millis(7), now);
        assert!(is_first && first.oldest <= now + Duration::from_secs(1));
        let others = first.others;
        assert_eq!(others, now + BEHIND);
        let behind = Wait {
            oldest: others,
            others,
        };
        assert_eq!(ahead.refused("a", Millis(9), now), (behind, false));
        let (second, is_first) = ahead.refused("a", Millis(9), first.oldest);
        assert!(!is_first && second.oldest >= first.oldest + Duration::from_secs(1));
        assert_eq!(second.others, others);
        assert_eq!(ahead.took("a", Millis(6)), None);
        assert_eq!(ahead.refused("a", Millis(8), now), (behind, false));
        assert_eq!(ahead.took("a", Millis(7)), Some(others));
        assert!(ahead.refused("a", Millis(9), now).1);
    }
}
