//! The files: `<filename>-<number>.ndjson`, the highest number is written to.
//!
//! Numbers only rise and no file is ever renamed: whoever follows them has one file under one name.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use super::tail;
use super::{FileConfig, FileError};
use crate::identity::DocumentId;
use crate::ship::batches::{Attempt, Fate};
use crate::ship::lines::Lines;

/// Digits of a number: their order by name is the order in which they were written.
const DIGITS: usize = 10;

/// All files of one name.
#[derive(Debug)]
pub(super) struct Files {
    config: FileConfig,
    pub(super) newest: Option<Newest>,
    /// Held while this process writes.
    _lock: File,
}

/// The file that is written to.
#[derive(Debug)]
pub(super) struct Newest {
    number: u64,
    pub(super) file: File,
    length: u64,
    /// What the files ended with when this one was opened, while it may matter.
    known: HashSet<DocumentId>,
}

/// Lines for one file.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) text: Vec<u8>,
    /// Which line of the batch, and where it ends here.
    pub(super) members: Vec<(usize, usize)>,
}

impl Files {
    pub(super) fn open(config: &FileConfig) -> Result<Self, FileError> {
        let directory = config.path.clone();
        let wrong = |source| FileError::Io {
            directory: directory.clone(),
            source,
        };
        std::fs::create_dir_all(&directory).map_err(wrong)?;
        let lock = directory.join(format!("{}.lock", config.filename));
        let lock = File::create(lock).map_err(wrong)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(source)) => return Err(wrong(source)),
            Err(TryLockError::WouldBlock) => {
                let filename = config.filename.clone();
                return Err(FileError::InUse {
                    directory,
                    filename,
                });
            }
        }
        Ok(Self {
            config: config.clone(),
            newest: None,
            _lock: lock,
        })
    }

    /// Writes what is not there yet; blocks.
    pub(super) fn take(&mut self, lines: &Lines) -> Attempt {
        let mut fates = vec![Fate::Again { attempted: false }; lines.rows.len()];
        let written = self.write_all(lines, &mut fates);
        let directory = self.config.path.display();
        Attempt {
            fates,
            trouble: written
                .err()
                .map(|error| format!("the files in {directory} cannot be written: {error}")),
            is_over: false,
        }
    }

    fn write_all(&mut self, lines: &Lines, fates: &mut [Fate]) -> io::Result<()> {
        self.take_up()?;
        let newest = self.newest()?;
        if !lines.rows.iter().any(|row| row.attempted) {
            newest.known = HashSet::new();
        }
        let mut length = newest.length;
        let mut chunk = Chunk::default();
        for (index, (row, line)) in lines.iter().enumerate() {
            let newest = self.newest()?;
            if line.is_empty() {
                fates[index] = Fate::unreadable();
            } else if row.attempted && newest.known.contains(&row.id) {
                fates[index] = Fate::There;
            } else {
                let after = length + (chunk.text.len() + line.len()) as u64;
                let is_empty = length == 0 && chunk.text.is_empty();
                if after > self.config.rotate_every && !is_empty {
                    self.write(std::mem::take(&mut chunk), fates)?;
                    self.rotate()?;
                    length = 0;
                }
                chunk.text.extend_from_slice(line);
                chunk.members.push((index, chunk.text.len()));
            }
        }
        self.write(chunk, fates)
    }

    /// Opens the newest file that is there, or a new one, unless it is open.
    fn take_up(&mut self) -> io::Result<()> {
        let newest = self.newest.take();
        self.newest = newest.filter(|newest| newest.is_at(&self.path(newest.number)));
        if self.newest.is_none() {
            self.newest = Some(match self.numbers()?.last() {
                Some(number) => self.reopen(*number)?,
                None => self.create(1)?,
            });
        }
        Ok(())
    }

    fn newest(&mut self) -> io::Result<&mut Newest> {
        self.newest.as_mut().ok_or_else(none_open)
    }

    /// Takes up a file that an earlier process, or an attempt that failed, has left.
    fn reopen(&self, number: u64) -> io::Result<Newest> {
        let path = self.path(number);
        let file = OpenOptions::new().read(true).append(true).open(&path)?;
        let length = tail::cut_torn_line(&file)?;
        // What is believed to be there must be there after a power failure, too, and so must its name.
        file.sync_data()?;
        File::open(&self.config.path)?.sync_all()?;
        let older = self.numbers()?.into_iter().rev();
        let known = tail::ids(older.map(|number| self.path(number)))?;
        Ok(Newest {
            number,
            file,
            length,
            known,
        })
    }

    fn create(&self, number: u64) -> io::Result<Newest> {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(self.config.permissions)
            .open(self.path(number))?;
        // The process's umask may have taken rights away.
        file.set_permissions(Permissions::from_mode(self.config.permissions))?;
        File::open(&self.config.path)?.sync_all()?;
        Ok(Newest {
            number,
            file,
            length: 0,
            known: HashSet::new(),
        })
    }

    /// Goes on in the next file, and removes those that are too many.
    fn rotate(&mut self) -> io::Result<()> {
        // One that was made and failed then is taken up by the next attempt, as the newest there is.
        let newest = self.newest.take().ok_or_else(none_open)?;
        let mut next = self.create(newest.number + 1)?;
        next.known = newest.known;
        self.newest = Some(next);
        let numbers = self.numbers()?;
        let too_many = numbers.len().saturating_sub(self.config.number_of_files);
        for number in numbers.into_iter().take(too_many) {
            let path = self.path(number);
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!(file = %path.display(), %error, "an old file of output.file cannot be removed");
            }
        }
        Ok(())
    }

    /// Writes and syncs lines that belong into one file.
    fn write(&mut self, chunk: Chunk, fates: &mut [Fate]) -> io::Result<()> {
        if chunk.members.is_empty() {
            return Ok(());
        }
        let newest = self.newest()?;
        let failed = newest.append(&chunk.text).err();
        let there = match failed {
            None => Ok(chunk.text.len()),
            Some(_) => newest.cut_back(&chunk),
        };
        // Where it cannot be said what is there, the file is taken up anew, and read.
        let (there, is_known) = (there.as_ref().copied().unwrap_or(0), there.is_ok());
        newest.length += there as u64;
        if !is_known {
            self.newest = None;
        }
        for (index, end) in chunk.members {
            fates[index] = match end <= there {
                true => Fate::Taken,
                false => Fate::Again {
                    attempted: !is_known,
                },
            };
        }
        failed.map_or(Ok(()), Err)
    }

    /// Numbers of the files that are there, in order.
    fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.config.path)? {
            let name = entry?.file_name();
            let number = name
                .to_str()
                .and_then(|name| name.strip_prefix(&*self.config.filename))
                .and_then(|rest| rest.strip_prefix('-'))
                .and_then(|rest| rest.strip_suffix(".ndjson"))
                .filter(|digits| digits.len() == DIGITS);
            numbers.extend(number.and_then(|digits| digits.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn path(&self, number: u64) -> PathBuf {
        let filename = &self.config.filename;
        let name = format!("{filename}-{number:0width$}.ndjson", width = DIGITS);
        self.config.path.join(name)
    }
}

fn none_open() -> io::Error {
    io::Error::other("no file is open")
}

impl Newest {
    /// Whether somebody has neither moved nor removed it.
    fn is_at(&self, path: &std::path::Path) -> bool {
        let same = |there: std::fs::Metadata| {
            self.file
                .metadata()
                .is_ok_and(|own| (own.ino(), own.dev()) == (there.ino(), there.dev()))
        };
        std::fs::metadata(path).is_ok_and(same)
    }

    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        self.file.write_all(text)?;
        self.file.sync_data()
    }

    /// After a failure: keeps the whole lines, and says how much of the text that is.
    pub(super) fn cut_back(&mut self, chunk: &Chunk) -> io::Result<usize> {
        let written = self.file.metadata()?.len().saturating_sub(self.length);
        let ends = chunk.members.iter().map(|(_, end)| *end);
        let whole = ends.take_while(|end| *end as u64 <= written).last();
        let whole = whole.unwrap_or(0);
        self.file.set_len(self.length + whole as u64)?;
        if self.file.sync_data().is_ok() {
            return Ok(whole);
        }
        // A disk that does not take what it has been given: none of it counts.
        self.file.set_len(self.length)?;
        Ok(0)
    }
}
