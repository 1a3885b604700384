//! Blocks that cannot be written wait in memory, and are written as soon as they can be.

use std::io;
use std::sync::Arc;

use super::held::{Held, Place};
use super::queue::{Queue, Segment};
use crate::clock::Millis;

/// What may wait in memory while nothing can be written.
const ROOM: usize = 8 << 20;

impl Queue {
    /// Writes a frame behind those that wait in memory, or has it wait there too.
    pub(super) fn place(&mut self, first: u64, since: Millis, frame: Vec<u8>) -> Place {
        let written = self.write_memory();
        let written = written.and_then(|()| self.write(first, since, &frame));
        match self.noted(written) {
            Some(place) => place,
            None => {
                self.memory += frame.len();
                self.in_memory.insert(first);
                Place::Memory(Arc::new(frame))
            }
        }
    }

    /// Tries again to write what waits in memory.
    pub(super) fn empty_memory(&mut self) {
        if self.is_in_memory() {
            self.is_dirty = true;
            let written = self.write_memory();
            self.noted(written);
        }
    }

    /// In order: a start takes a frame that lies behind a later one for a copy.
    fn write_memory(&mut self) -> io::Result<()> {
        while let Some(first) = self.in_memory.first().copied() {
            let held = self.blocks.get(&first);
            if let Some((since, frame)) = held.and_then(Held::in_memory) {
                let place = self.write(first, since, &frame)?;
                if let Place::Segment { number, .. } = place {
                    self.segment_of(number, since).live += 1;
                }
                self.memory -= frame.len();
                if let Some(held) = self.blocks.get_mut(&first) {
                    held.place = place;
                }
            }
            self.in_memory.remove(&first);
        }
        Ok(())
    }

    /// The segment of a block, which is from then.
    pub(super) fn segment_of(&mut self, number: u64, since: Millis) -> &mut Segment {
        let segment = self.segments.entry(number).or_default();
        segment.oldest = segment.oldest.min(since);
        segment.newest = segment.newest.max(since);
        segment
    }

    /// Gives up the oldest that wait in memory until the rest fits.
    pub(super) fn bound_memory(&mut self) -> usize {
        let mut dropped = 0;
        while self.memory > ROOM {
            // Of one that is lent too, nothing more can go.
            let waits = |first: &&u64| {
                self.blocks
                    .get(first)
                    .is_some_and(|held| held.waiting() > 0)
            };
            let Some(first) = self.in_memory.iter().find(waits).copied() else {
                break;
            };
            dropped += self.lose(first);
        }
        dropped
    }

    /// Whether blocks wait in memory because they cannot be written.
    pub(super) fn is_in_memory(&self) -> bool {
        !self.in_memory.is_empty()
    }

    /// Says once that nothing can be written, and once that it can again.
    fn noted<T>(&mut self, written: io::Result<T>) -> Option<T> {
        match written {
            Ok(place) => {
                if std::mem::take(&mut self.fails) {
                    tracing::info!("the queue is written to disk again");
                }
                Some(place)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.fails, true) {
                    tracing::error!(
                        directory = %self.directory.display(), %error,
                        "the queue cannot be written: documents wait in memory, a few megabytes of them; make room or mend the directory"
                    );
                }
                None
            }
        }
    }
}
