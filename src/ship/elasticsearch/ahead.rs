//! Documents that are newer than what their time-series stream takes now: when to ask again.
//!
//! They are set aside one by one, so that what is older in the same stream goes on.

use std::collections::HashMap;
use std::time::Duration;

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
}

impl Ahead {
    /// The stream refused documents from that time on: how long to wait, and whether it is the first time.
    pub(super) fn refused(&mut self, stream: &str, timestamp: Millis) -> (Duration, bool) {
        let is_first = !self.0.contains_key(stream);
        let refused = self.0.entry(stream.to_owned()).or_insert_with(|| Refused {
            timestamp,
            backoff: Backoff::default(),
        });
        refused.timestamp = refused.timestamp.min(timestamp);
        (refused.backoff.failed(None), is_first)
    }

    /// The stream took a document: its time may have come as far as that.
    pub(super) fn took(&mut self, stream: &str, timestamp: Millis) {
        if self
            .0
            .get(stream)
            .is_some_and(|refused| timestamp >= refused.timestamp)
        {
            self.0.remove(stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_until_the_stream_takes_what_it_had_refused() {
        let mut ahead = Ahead::default();
        assert!(ahead.refused("a", Millis(7)).1);
        let (_, is_first) = ahead.refused("a", Millis(9));
        assert!(!is_first);
        ahead.took("a", Millis(6));
        let (wait, is_first) = ahead.refused("a", Millis(8));
        assert!(!is_first && wait >= Duration::from_secs(2), "{wait:?}");
        ahead.took("a", Millis(7));
        let (wait, is_first) = ahead.refused("a", Millis(9));
        assert!(is_first && wait <= Duration::from_secs(1), "{wait:?}");
    }
}
