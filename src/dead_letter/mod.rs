//! The dead letter: documents that an output refused for good, each with the reason beside it.
//!
//! A directory of files of lines of JSON, which is added to at the end of the newest file; names are rising numbers. Only the agent
//! writes there; `brokerbeat queue dead-letter replay` leaves a request that the agent takes up.
//!
//! # Constraints
//! * A document is here before the queue counts it as dead-lettered: its line is written first, and synced before the
//!   cursor that says so ([`Spool::keep`](crate::spool::Spool::keep)). A crash in between costs a second line, never the document.
//! * Where nothing can be written the document stays in the queue.
//! * The end of a line that a crash cut off is no line, and does not spoil the next one.
//! * When the directory is full its oldest file is given up; that is counted ([`Gone`]) and said. It is removed once a cursor has
//!   the count, so that nothing is counted twice.
//! * Documents may be private: files are their owner's alone.

mod files;
mod letter;
mod replay;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use letter::lines;
pub use letter::{Letter, Refusal};
pub use replay::Request;
pub(crate) use replay::{Returned, Returning};

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use self::writer::Writer;

/// Its folder in the queue's directory.
pub const FOLDER: &str = "dead-letter";
/// What it may take where nothing else is set.
pub const DEFAULT_BYTES: u64 = 256 << 20;
/// Files that a full dead letter has: then one of them goes.
const FILES: u64 = 64;
/// The largest file: it is read as a whole.
const LARGEST_FILE: u64 = 4 << 20;
/// The smallest.
const SMALLEST_FILE: u64 = 64 << 10;

/// The directory as the agent uses it.
#[derive(Debug)]
pub struct DeadLetter {
    directory: PathBuf,
    max_bytes: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    writer: Option<Writer>,
    /// Written to since the last sync, and left.
    unsynced: Vec<File>,
    /// Whether a file was made since the directory was synced.
    has_made: bool,
    /// Files up to this number are given up.
    gone: u64,
    /// Files up to this number are not added to.
    closed: u64,
    /// The file that is being replayed: it is not given up.
    returning: Option<u64>,
    /// Files up to this number have been removed.
    removed: u64,
    /// Whether the last write failed, so that it is said once.
    fails: bool,
    /// What had to go, and has not been told.
    untold: Gone,
}

/// What had to go for new letters.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Gone {
    /// Files up to this number.
    pub(crate) up_to: u64,
    /// Documents by stream.
    pub(crate) documents: BTreeMap<String, u64>,
}

impl DeadLetter {
    /// Touches nothing before there is something to write. `gone`: files up to that number were given up before.
    pub(crate) fn new(directory: PathBuf, max_bytes: u64, gone: u64) -> Self {
        let inner = Inner {
            gone,
            ..Inner::default()
        };
        Self {
            directory,
            max_bytes,
            inner: Mutex::new(inner),
        }
    }

    /// Where it is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Adds whole lines, all or none of them. What had to go for them is [`gone`](Self::gone), whether they could be written or not.
    pub(crate) fn put(&self, lines: &[u8]) -> io::Result<()> {
        let mut inner = self.lock();
        let put = self.add(&mut inner, lines);
        let failed = put.is_err();
        if failed {
            inner.leave_file();
        }
        match (std::mem::replace(&mut inner.fails, failed), &put) {
            (false, Err(error)) => tracing::error!(
                directory = %self.directory.display(), %error,
                "the dead letter cannot be written: refused documents stay in the queue, their streams wait; make room or mend the directory"
            ),
            (true, Ok(_)) => tracing::info!("the dead letter is written again"),
            _ => {}
        }
        put
    }

    /// What had to go since the last call.
    pub(crate) fn gone(&self) -> Gone {
        std::mem::take(&mut self.lock().untold)
    }

    fn add(&self, inner: &mut Inner, lines: &[u8]) -> io::Result<()> {
        let full = self.file_bytes();
        let fits = |writer: &Writer| writer.is_there() && writer.has_room(lines.len(), full);
        if !inner.writer.as_ref().is_some_and(fits) {
            inner.leave_file();
            files::make(&self.directory)?;
            self.make_room(inner)?;
            let writer = Writer::open(
                &self.directory,
                inner.gone.max(inner.closed),
                lines.len(),
                full,
            )?;
            inner.has_made |= writer.is_new;
            inner.writer = Some(writer);
        }
        let writer = inner.writer.as_mut().expect("there is one or it was made");
        writer.add(lines)
    }

    /// Gives up the oldest files until one more fits.
    fn make_room(&self, inner: &mut Inner) -> io::Result<()> {
        let files = files::list(&self.directory)?;
        let before = inner.gone;
        let left = files.into_iter().filter(|file| file.number > before);
        let left: Vec<_> = left.collect();
        let mut bytes: u64 = left.iter().map(|file| file.bytes).sum();
        for oldest in left {
            let is_enough = bytes + self.file_bytes() <= self.max_bytes;
            if is_enough || inner.returning == Some(oldest.number) {
                break;
            }
            let mut documents: u64 = 0;
            for letter in files::read(&oldest.path)?.letters() {
                *inner.untold.documents.entry(letter.stream).or_default() += 1;
                documents += 1;
            }
            bytes -= oldest.bytes;
            inner.untold.up_to = oldest.number;
            inner.gone = oldest.number;
            tracing::error!(
                documents,
                "the dead letter is full, its oldest documents are given up"
            );
        }
        Ok(())
    }

    fn file_bytes(&self) -> u64 {
        (self.max_bytes / FILES).clamp(SMALLEST_FILE, LARGEST_FILE)
    }

    /// Syncs what has been written.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let (files, has_made) = {
            let mut inner = self.lock();
            let mut files = std::mem::take(&mut inner.unsynced);
            if let Some(writer) = inner.writer.as_mut().filter(|writer| writer.is_dirty) {
                files.push(writer.handle()?);
                writer.is_dirty = false;
            }
            (files, std::mem::take(&mut inner.has_made))
        };
        let synced = files.iter().try_for_each(File::sync_data);
        let synced = synced.and_then(|()| match has_made {
            true => File::open(&self.directory)?.sync_all(),
            false => Ok(()),
        });
        if synced.is_err() {
            let mut inner = self.lock();
            inner.unsynced.extend(files);
            inner.has_made |= has_made;
        }
        synced
    }

    /// Removes what was given up; a cursor has it.
    pub(crate) fn remove(&self, up_to: u64) {
        let before = std::mem::replace(&mut self.lock().removed, up_to);
        if before == up_to {
            return;
        }
        for file in files::list(&self.directory).unwrap_or_default() {
            if file.number <= up_to {
                std::fs::remove_file(file.path).ok();
            }
        }
    }

    /// Letters of a directory that a running agent may be writing to, the oldest first: line and letter, until one is
    /// not taken.
    pub fn read(directory: &Path, mut take: impl FnMut(&[u8], Letter) -> bool) -> io::Result<()> {
        for file in files::list(directory)? {
            for line in files::read(&file.path)?.all() {
                if Letter::read(line).is_some_and(|letter| !take(line, letter)) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Bytes of a directory that a running agent may be writing to.
    pub fn disk_bytes(directory: &Path) -> io::Result<u64> {
        Ok(files::list(directory)?.iter().map(|file| file.bytes).sum())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in it is half done when something panics.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn leave_file(&mut self) {
        if let Some(writer) = self.writer.take().filter(|writer| writer.is_dirty) {
            self.unsynced.push(writer.into_file());
        }
    }
}
