//! The file of the dead letter that is written to.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::files;

/// Documents may be private.
const FILE_MODE: u32 = 0o600;

/// The newest file.
#[derive(Debug)]
pub(super) struct Writer {
    file: File,
    length: u64,
    /// Whether it ends within a line: the next one begins on a new one.
    is_torn: bool,
    /// Whether it was written to since the last sync.
    pub(super) is_dirty: bool,
    /// Whether its name has not been synced.
    pub(super) is_new: bool,
}

impl Writer {
    /// The newest file behind `after` if there is room in it, or else a new one.
    pub(super) fn open(directory: &Path, after: u64, wanted: usize, full: u64) -> io::Result<Self> {
        let newest = files::list(directory)?.pop();
        let newest = newest.filter(|file| file.number > after);
        if let Some(newest) = &newest {
            let writer = Self::of(&newest.path, false)?;
            if writer.has_room(wanted, full) {
                return Ok(writer);
            }
        }
        let number = newest.map_or(after, |newest| newest.number) + 1;
        Self::of(&files::path(directory, number), true)
    }

    fn of(path: &Path, is_new: bool) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(is_new)
            .truncate(false)
            .mode(FILE_MODE)
            .open(path)?;
        let length = file.metadata()?.len();
        let mut last = [b'\n'];
        if length > 0 {
            file.read_exact_at(&mut last, length - 1)?;
        }
        Ok(Self {
            file,
            length,
            is_torn: last != [b'\n'],
            is_dirty: false,
            is_new,
        })
    }

    /// Whether so many bytes more are not too many. An empty file takes any.
    pub(super) fn has_room(&self, bytes: usize, full: u64) -> bool {
        self.length == 0 || self.length + bytes as u64 <= full
    }

    /// Whether nobody has removed the file.
    pub(super) fn is_there(&self) -> bool {
        self.file.metadata().is_ok_and(|meta| meta.nlink() > 0)
    }

    /// Adds lines. Of those that do not fit nothing stays.
    pub(super) fn add(&mut self, lines: &[u8]) -> io::Result<()> {
        let begin: &[u8] = if self.is_torn { b"\n" } else { b"" };
        let bytes = [begin, lines].concat();
        if let Err(error) = self.file.write_all_at(&bytes, self.length) {
            self.file.set_len(self.length).ok();
            return Err(error);
        }
        self.length += bytes.len() as u64;
        self.is_torn = false;
        self.is_dirty = true;
        Ok(())
    }

    /// A handle to sync it by.
    pub(super) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// The file.
    pub(super) fn into_file(self) -> File {
        self.file
    }
}
