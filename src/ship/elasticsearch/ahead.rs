//! Documents that are newer than what their time-series stream takes now: when to ask again.
//!
//! They are set aside one by one, so that what is older in the same stream goes on.

use std::collections::HashMap;
use std::time::Instant;

use super::backoff::Backoff;
use crate::clock::Millis;

/// The waits of the streams that have refused a document for that.
#[derive(Debug, Default)]
pub(super) struct Ahead(HashMap<String, Refused>);

#[derive(Debug)]
struct Refused {
    /// The oldest document that was too new.
    timestamp: Millis,
    backoff: Backoff,
    until: Instant,
}

impl Ahead {
    /// The stream refused documents from that time on: when to ask again, and whether it is the first time. What comes while others
    /// wait waits with them.
    pub(super) fn refused(
        &mut self,
        stream: &str,
        timestamp: Millis,
        now: Instant,
    ) -> (Instant, bool) {
        let is_first = !self.0.contains_key(stream);
        let refused = self.0.entry(stream.to_owned()).or_insert_with(|| Refused {
            timestamp,
            backoff: Backoff::default(),
            until: now,
        });
        refused.timestamp = refused.timestamp.min(timestamp);
        if refused.until <= now {
            refused.until = now + refused.backoff.failed(None);
        }
        (refused.until, is_first)
    }

    /// The stream took a document: its time may have come as far as that.
    pub(super) fn took(&mut self, stream: &str, timestamp: Millis) {
        let is_due = |refused: &Refused| timestamp >= refused.timestamp;
        if self.0.get(stream).is_some_and(is_due) {
            self.0.remove(stream);
        }
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
        assert!(is_first && first <= now + Duration::from_secs(1));
        assert_eq!(ahead.refused("a", Millis(9), now), (first, false));
        let (second, is_first) = ahead.refused("a", Millis(9), first);
        assert!(!is_first && second >= first + Duration::from_secs(1));
        ahead.took("a", Millis(6));
        assert_eq!(ahead.refused("a", Millis(8), now), (second, false));
        ahead.took("a", Millis(7));
        assert!(ahead.refused("a", Millis(9), now).1);
    }
}
