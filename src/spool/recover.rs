//! What a directory of an earlier process holds.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::cursor::Cursor;
use super::held::{Held, Place};
use super::queue::Queue;
use super::segment::{self, Found};
use crate::clock::Millis;

/// What was found, for the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Documents that wait.
    pub waiting: u64,
    /// Documents that were there and cannot be read any more: counted as dropped.
    pub lost: u64,
    /// Bytes of segments that are no records.
    pub damaged_bytes: u64,
    /// Whether there was a cursor that cannot be read: what was settled is not known, and everything is sent again.
    pub cursor_lost: bool,
}

/// The name of the cursor's file.
pub(super) const CURSOR: &str = "cursor";

impl Queue {
    /// Takes up what is in the directory. Nothing of it is written to again: new records begin a new segment.
    pub(super) fn recover(directory: &Path, max_bytes: u64) -> io::Result<(Self, Recovered)> {
        let mut queue = Self::new(directory.to_owned(), max_bytes);
        let mut found = Recovered::default();
        let cursor = match read(&directory.join(CURSOR))? {
            None => Cursor::default(),
            Some(bytes) => Cursor::decode(&bytes).unwrap_or_else(|| {
                found.cursor_lost = true;
                Cursor::default()
            }),
        };
        queue.next_seq = cursor.next_seq;
        queue.letters_gone = cursor.letters_gone;
        for (stream, account) in &cursor.accounts {
            queue.ledger.restore(stream.as_str().into(), *account);
        }
        let mut end = 0;
        for number in segment::list(directory)? {
            let mut file = File::open(segment::path(directory, number))?;
            let scan = segment::scan(&mut file)?;
            found.damaged_bytes += scan.damaged;
            queue.segments.entry(number).or_default().bytes = scan.length + scan.damaged;
            for frame in scan.frames {
                // One that goes back is a copy of somebody's making: its records have been met.
                if frame.head.first_seq < end {
                    found.damaged_bytes += frame.head.frame_len() as u64;
                    continue;
                }
                end = frame.head.end_seq();
                queue.meet(number, &frame, &cursor);
            }
            if end > cursor.next_seq {
                // Not synced, perhaps, and the next cursor counts them.
                queue.unsynced.push(file);
            }
            queue.doom_if_done(number);
            // Another segment must not get the name of one that is to be removed, although that had nothing in it.
            end = end.max(number + 1);
        }
        queue.next_seq = queue.next_seq.max(end);
        found.lost = queue.ledger.reconcile();
        found.waiting = queue.ledger.total().queued;
        queue.is_dirty = true;
        queue.make_room();
        Ok((queue, found))
    }

    fn meet(&mut self, number: u64, frame: &Found, cursor: &Cursor) {
        let head = &frame.head;
        let stream: Arc<str> = self.ledger.name(&head.stream);
        let place = Place::Segment {
            number,
            offset: frame.offset,
        };
        // Any of them may have been sent, and the answer not have been kept.
        let mut held = Held::new(stream.clone(), head.tick, head.count as usize, place, true);
        if head.replayed {
            held = held.since(Millis::now());
        }
        for index in 0..head.count as usize {
            let seq = head.first_seq + index as u64;
            if !cursor.is_waiting(seq) {
                held.settle(index);
            } else {
                match seq >= cursor.next_seq {
                    true => self.ledger.came(&stream, head.replayed, 1),
                    false => self.ledger.found(&stream),
                }
            }
        }
        if held.unsettled() > 0 {
            self.insert(head.first_seq, held);
        }
    }
}

fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
