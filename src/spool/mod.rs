//! The queue between collect and ship, on disk.
//!
//! Every document goes through it, always. Its interface is three calls: [`Spool::append`] gives records their sequence
//! number, [`Spool::next`] lends the oldest ones to the shipper, [`Spool::ack`] (with what became of each) or
//! [`Spool::give_back`] end the loan.
//!
//! # Constraints
//! * Collectors never wait for the output, and nothing that was appended is lost by a process that dies.
//! * Documents come packed in blocks of a stream and a tick ([`Block`]), and leave one by one or by the block: the
//!   queue never packs or unpacks.
//! * Streams are held independently (no template, no right), for days perhaps: one that is held must not stop, nor cost, the
//!   others.
//! * What a day without Elasticsearch collects must not be in memory: of a block some 200 bytes are.
//!
//! # Format
//! Segments ([`segment`]) of frames ([`frame`]), a frame for a block, and one [`cursor`] with what is settled and the
//! accounts. Sequence numbers rise by one per record and are never used twice.
//!
//! # Write
//! A block is one write at the end of the newest segment. When that is full the next one begins. What cannot be written (a full
//! disk) waits in memory, a few megabytes of it, and collecting goes on; the frame that did not fit is cut off again.
//! [`Spool::keep`] syncs data and then replaces the cursor, once a second: so a process that dies loses nothing, and a machine
//! that dies loses at most what the last second brought.
//!
//! # Read
//! A block is read when its turn comes and checked whole: a bit that is wrong costs the block, which is counted as dropped.
//!
//! # Delete
//! A segment goes when all of it is settled *and* a cursor says so: with an older one its records would be missed.
//! When the queue is full, or all of a segment is older than the age that may be set, the oldest segment goes, with what waits
//! in it; that is counted and said. A segment spans a sixteenth of that age at most.
//!
//! # Recover
//! All heads are read. Records before the cursor's `next_seq` wait if the cursor says so; those behind it have come since. What the
//! cursor counts and no segment has is lost, and counted as dropped. A record may have been sent before the process died: it
//! counts as attempted, and Elasticsearch's 409 as duplicate. Torn ends and damaged frames are skipped, up to the next frame that is
//! whole. Old segments are never written to again.
//!
//! # Invariants
//! * A record is either waiting, lent or settled; only waiting ones are lent, only waiting ones are dropped for room,
//!   each is settled once.
//! * For every stream the equation of [`Ledger`] holds after every call.

mod age;
mod block;
mod checkpoint;
#[cfg(test)]
mod crashes;
mod cursor;
mod frame;
mod held;
mod ledger;
mod lend;
mod memory;
#[cfg(test)]
mod mended;
mod queue;
mod recover;
#[cfg(test)]
mod refused;
mod replay;
mod segment;
#[cfg(test)]
mod tests;

pub use block::{Block, Gzip, Lines, Packer};
pub use cursor::Cursor;
pub use ledger::{Account, Ledger, Outcome};
pub use recover::Recovered;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{self, Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Notify;

use self::queue::Queue;
use crate::clock::Millis;
use crate::dead_letter::{self, DeadLetter, Refusal};
use crate::identity::DocumentId;

/// File that the process that uses the directory holds a lock on.
const LOCK_FILE: &str = "lock";

/// A document on its way: encoded once, never looked into again.
#[derive(Debug, Clone)]
pub struct Record {
    /// Sequence number, given by [`Spool::append`].
    pub seq: u64,
    /// What was appended.
    pub entry: Entry,
    /// Whether an earlier attempt to ship it ended without an answer: then a 409 is a duplicate.
    pub attempted: bool,
}

/// A document as the shipper sees it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Data stream: `metrics-brokerbeat.kafka.partition-default`.
    pub stream: Arc<str>,
    /// `@timestamp`.
    pub timestamp: Millis,
    /// Hash of series and timestamp.
    pub id: DocumentId,
    /// Its lines in a bulk request: the action, and the final JSON.
    pub lines: Lines,
}

/// Documents of one stream and tick, packed together: what the writer appends.
#[derive(Debug, Clone)]
pub struct Pack {
    /// Data stream.
    pub stream: Arc<str>,
    /// `@timestamp`.
    pub timestamp: Millis,
    /// Its documents, in their order.
    pub rows: Vec<Row>,
    /// Their lines.
    pub block: Arc<Block>,
}

/// A document of a [`Pack`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Where its lines end in the text of the block; they begin where those before it end.
    pub end: u32,
    /// Hash of series and timestamp.
    pub id: DocumentId,
}

/// How the queue is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// What its segments take on disk.
    pub bytes: u64,
    /// `@timestamp` of the document that waits longest.
    pub oldest: Option<Millis>,
    /// Whether documents are written to disk, and not only kept in memory.
    pub is_written: bool,
}

/// Why there is no queue.
#[derive(Debug, Error)]
pub enum SpoolError {
    /// The directory cannot be used.
    #[error(
        "cannot use the queue's directory {directory}; make it readable and writable, or set another spool.path"
    )]
    Io {
        /// Which.
        directory: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Two would write over each other.
    #[error(
        "another agent uses the queue's directory {directory}; stop it or set another spool.path"
    )]
    InUse {
        /// Which.
        directory: PathBuf,
    },
}

/// The queue. Shared by the writer and the shipper.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    inner: Mutex<Queue>,
    /// Held while a checkpoint is written: a later one must not be replaced by an earlier one.
    keeping: Mutex<()>,
    arrived: Notify,
    dead_letter: DeadLetter,
    doubled: Mutex<replay::Doubled>,
    _lock: File,
}

impl Spool {
    /// Opens the directory, which is made if it is not there, and takes up what is in it.
    pub fn open(directory: &Path, max_bytes: u64) -> Result<(Self, Recovered), SpoolError> {
        let wrong = |source| SpoolError::Io {
            directory: directory.to_owned(),
            source,
        };
        std::fs::create_dir_all(directory).map_err(wrong)?;
        let lock = File::create(directory.join(LOCK_FILE)).map_err(wrong)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => SpoolError::InUse {
                directory: directory.to_owned(),
            },
            TryLockError::Error(source) => wrong(source),
        })?;
        let (queue, recovered) = Queue::recover(directory, max_bytes).map_err(wrong)?;
        let letters = directory.join(dead_letter::FOLDER);
        let dead_letter = DeadLetter::new(letters, dead_letter::DEFAULT_BYTES, queue.letters_gone);
        let spool = Self {
            directory: directory.to_owned(),
            inner: Mutex::new(queue),
            keeping: Mutex::default(),
            arrived: Notify::new(),
            dead_letter,
            doubled: Mutex::default(),
            _lock: lock,
        };
        Ok((spool, recovered))
    }

    /// Gives up documents that are older than that, from the next [`Self::keep`] on.
    pub fn set_max_age(&self, max_age: Option<Duration>) {
        self.lock().max_age = max_age;
    }

    /// The same with so much room for the dead letter.
    pub fn with_dead_letter(mut self, max_bytes: u64) -> Self {
        let gone = self.lock().letters_gone;
        let directory = self.dead_letter.directory().to_owned();
        self.dead_letter = DeadLetter::new(directory, max_bytes, gone);
        self
    }

    /// Takes records in, in order. Where there is no room the oldest waiting ones go; returns how many went.
    pub fn append(&self, pack: Pack) -> usize {
        if pack.rows.is_empty() {
            return 0;
        }
        let dropped = beside_others(|| self.lock().append(pack, false));
        self.arrived.notify_one();
        dropped
    }

    /// Counts a record that is refused before it is queued because its series and tick have one already.
    pub fn refuse(&self, stream: &Arc<str>) {
        let mut queue = self.lock();
        queue.ledger.came(stream, false, 1);
        queue.ledger.settled(stream, Outcome::Collision, 1);
    }

    /// Lends the oldest waiting records of the streams that `ready` allows: at most so many
    /// bytes and records, but always one if there is one.
    pub fn next(
        &self,
        max_bytes: usize,
        max_records: usize,
        ready: impl FnMut(&str) -> bool,
    ) -> Vec<Record> {
        beside_others(|| self.lock().lend(max_bytes, max_records, ready))
    }

    /// Settles a lent record.
    pub fn ack(&self, seq: u64, outcome: Outcome) {
        self.lock().settle(seq, outcome);
    }

    /// Puts lent records that the output refused for good into the dead letter, and settles them; all or none. On an error, which
    /// has been said, they are still lent: the caller gives them back and leaves their streams alone for a while.
    pub fn dead_letter(&self, refused: &[(&Record, Refusal)]) -> io::Result<()> {
        if refused.is_empty() {
            return Ok(());
        }
        let lines = dead_letter::lines(refused, Millis::now());
        let put = beside_others(|| self.dead_letter.put(&lines));
        let gone = self.dead_letter.gone();
        let mut queue = self.lock();
        if put.is_ok() {
            for (record, _) in refused {
                queue.settle(record.seq, Outcome::DeadLettered);
            }
        }
        queue.give_up(&gone);
        // Their files go with the next cursor, and may be the room that is missing.
        queue.is_dirty |= gone.up_to > 0;
        put
    }

    /// Ends the loan of a record that is to be tried again.
    pub fn give_back(&self, seq: u64, attempted: bool) {
        self.lock().give_back(seq, attempted);
    }

    /// Ends the loan of a record at that time, and not before: it is not lent again until then, and what is behind it is.
    pub fn set_aside(&self, seq: u64, until: Instant) {
        self.lock().set_aside(seq, until);
    }

    /// Brings forward what was set aside until exactly then.
    pub fn bring_back(&self, until: Instant) {
        self.lock().bring_back_at(until);
    }

    /// When the first record that was set aside is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.lock().aside.keys().next().copied()
    }

    /// Ends all loans after a request whose outcome is unknown.
    pub fn give_back_all(&self) {
        self.lock().give_back_all();
    }

    /// Returns when a record has come in since the last call.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Streams that have waiting records.
    pub fn waiting_streams(&self) -> Vec<Arc<str>> {
        self.lock().waiting_streams()
    }

    /// Records that are not settled.
    pub fn queued(&self) -> u64 {
        self.lock().ledger.total().queued
    }

    /// What it takes, and how it is doing.
    pub fn state(&self) -> State {
        self.lock().state()
    }

    /// The accounts as they are now.
    pub fn ledger(&self) -> Ledger {
        self.lock().ledger.clone()
    }

    /// Gives up what is too old, syncs what has been written, then the cursor, then removes what it does without. Waits for the disk: not for a
    /// task that others wait for.
    pub fn keep(&self) -> io::Result<()> {
        let _one_at_a_time = self.keeping.lock().unwrap_or_else(PoisonError::into_inner);
        let documents = self.lock().expire(Millis::now());
        if documents > 0 {
            tracing::error!(documents, "documents older than spool.max_age dropped");
        }
        let Some(checkpoint) = self.lock().checkpoint()? else {
            return Ok(());
        };
        // Whatever the cursor counts as dead-lettered was written before: now it is synced before.
        if let Err(error) = self.dead_letter.sync() {
            self.lock().not_kept(checkpoint);
            return Err(error);
        }
        let mut files = checkpoint.closed.iter().chain(&checkpoint.open);
        let cursor = self.directory.join(recover::CURSOR);
        let kept = files.try_for_each(File::sync_data).and_then(|()| {
            let kept = crate::files::replace(&cursor, &checkpoint.cursor);
            let is_full = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
            if checkpoint.doomed.is_empty() || !kept.as_ref().is_err_and(is_full) {
                return kept;
            }
            // Their room is what the cursor lacks. If all ends in between, they are counted as dropped and were not.
            self.remove(&checkpoint.doomed);
            crate::files::replace(&cursor, &checkpoint.cursor)
        });
        if kept.is_err() {
            self.lock().not_kept(checkpoint);
            return kept;
        }
        self.remove(&checkpoint.doomed);
        self.dead_letter.remove(checkpoint.letters_gone);
        self.lock().removed(&checkpoint.doomed);
        Ok(())
    }

    fn remove(&self, segments: &[u64]) {
        for number in segments {
            std::fs::remove_file(segment::path(&self.directory, *number)).ok();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A panic inside (an unbalanced account in a debug build) ends the agent anyway.
        match self.inner.try_lock() {
            Ok(queue) => queue,
            Err(sync::TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(sync::TryLockError::WouldBlock) => {
                beside_others(|| self.inner.lock().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }
}

/// Bytes of the segments of a directory, which another process may be using.
pub fn disk_bytes(directory: &Path) -> u64 {
    let segments = segment::list(directory).unwrap_or_default();
    let bytes = |number| {
        segment::path(directory, number)
            .metadata()
            .map_or(0, |meta| meta.len())
    };
    segments.into_iter().map(bytes).sum()
}

/// Work that may wait for the disk, or for somebody who does: the runtime's other tasks go on meanwhile.
fn beside_others<T>(work: impl FnOnce() -> T) -> T {
    let is_worker = |handle: Handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread;
    match Handle::try_current().is_ok_and(is_worker) {
        true => tokio::task::block_in_place(work),
        false => work(),
    }
}

/// The cursor of a directory, which another process may be using; nothing if there is none.
pub fn look(directory: &Path) -> Option<Cursor> {
    Cursor::decode(&std::fs::read(directory.join(recover::CURSOR)).ok()?)
}
