//! Documents that are too old to be worth shipping.

use std::time::Duration;

use super::queue::{Queue, SEGMENTS};
use crate::clock::Millis;

impl Queue {
    /// Gives up the oldest segments whose documents are all older than the bound; says how many documents waited there.
    pub(super) fn expire(&mut self, now: Millis) -> usize {
        let Some(max_age) = self.max_age else {
            return 0;
        };
        let mut dropped = 0;
        while let Some((number, segment)) = self.segments.first_key_value() {
            // One in which nothing waits goes with the next cursor.
            if segment.live == 0 || segment.newest.until(now) <= max_age {
                break;
            }
            dropped += self.drop_segment(*number);
        }
        dropped
    }

    /// Whether a segment holds documents of so much time that it could not go as a whole when the oldest of them must.
    pub(super) fn spans_enough(&self, number: u64, tick: Millis) -> bool {
        let part = |age: Duration| age / SEGMENTS;
        let segment = self.segments.get(&number);
        segment
            .zip(self.max_age.map(part))
            .is_some_and(|(segment, part)| segment.oldest.until(tick) > part)
    }
}
