//! What has to be written for the state of the queue to be on disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;

use super::cursor::Cursor;
use super::queue::{Queue, SMALLEST_SEGMENT};
use super::segment::Writer;

/// What [`Queue::checkpoint`] gives to whoever may wait for a disk.
#[derive(Debug)]
pub(super) struct Checkpoint {
    /// Segments that are no longer written to.
    pub(super) closed: Vec<File>,
    /// The one that is.
    pub(super) open: Option<File>,
    pub(super) cursor: Vec<u8>,
    pub(super) doomed: Vec<u64>,
    /// Files of the dead letter up to this number may go.
    pub(super) letters_gone: u64,
}

impl Queue {
    /// What has to be written for the state to be on disk; nothing if it is.
    pub(super) fn checkpoint(&mut self) -> io::Result<Option<Checkpoint>> {
        self.empty_memory();
        if !self.is_dirty {
            return Ok(None);
        }
        if cfg!(debug_assertions) {
            self.assert_accounts();
        }
        let done = |writer: &Writer| {
            let live = self
                .segments
                .get(&writer.number)
                .map_or(0, |segment| segment.live);
            live == 0 && writer.length > SMALLEST_SEGMENT
        };
        if self.writer.as_ref().is_some_and(done) {
            self.close_segment();
        }
        let open = self.writer.as_ref().map(Writer::handle).transpose()?;
        self.is_dirty = false;
        Ok(Some(Checkpoint {
            closed: std::mem::take(&mut self.unsynced),
            open,
            cursor: self.cursor().encode(),
            doomed: std::mem::take(&mut self.doomed),
            letters_gone: self.letters_gone,
        }))
    }

    /// A checkpoint has been written: the segments that it did without have been removed.
    pub(super) fn removed(&mut self, numbers: &[u64]) {
        for number in numbers {
            self.segments.remove(number);
        }
    }

    /// A checkpoint could not be written.
    pub(super) fn not_kept(&mut self, checkpoint: Checkpoint) {
        self.unsynced.extend(checkpoint.closed);
        self.doomed.extend(checkpoint.doomed);
        self.is_dirty = true;
    }

    /// For every stream the equation holds, and what the account says is queued is what the blocks hold.
    fn assert_accounts(&self) {
        let mut queued: BTreeMap<&str, u64> = BTreeMap::new();
        for held in self.blocks.values() {
            *queued.entry(&held.stream).or_default() += held.unsettled() as u64;
        }
        for (stream, account) in self.ledger.accounts() {
            let held = queued.remove(&**stream).unwrap_or(0);
            assert!(account.balances(), "{stream}: {account:?}");
            assert_eq!(account.queued, held, "{stream}: {account:?}");
        }
        assert!(queued.is_empty(), "without an account: {queued:?}");
    }

    fn cursor(&self) -> Cursor {
        let mut waiting: Vec<(u64, u64)> = Vec::new();
        for (first, held) in &self.blocks {
            for (index, count) in held.runs() {
                let (at, count) = (first + index as u64, count as u64);
                match waiting.last_mut() {
                    Some((last, length)) if *last + *length == at => *length += count,
                    _ => waiting.push((at, count)),
                }
            }
        }
        let accounts = self.ledger.accounts().iter();
        Cursor {
            next_seq: self.next_seq,
            waiting,
            letters_gone: self.letters_gone,
            oldest: self.blocks.values().map(|held| held.tick.0).min(),
            accounts: accounts
                .map(|(stream, account)| (stream.to_string(), *account))
                .collect(),
        }
    }
}
