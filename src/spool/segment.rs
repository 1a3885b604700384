//! Segments: files of frames, one behind the other, which are only ever added to.
//!
//! The name is the sequence number of the first record, in 20 digits. A file begins with `bbspool` and the version of its
//! form; frames follow (see [`super::frame`]).

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::frame::{Broken, HEAD, Head, MAGIC, MAX_NAME};

/// First bytes of a segment; the last one is the version of its form.
const BEGIN: [u8; 8] = *b"bbspool\x01";
const SUFFIX: &str = "seg";
/// Bytes that are looked through at once for the next frame behind a damaged one.
const LOOK: usize = 64 << 10;

/// A frame of a segment.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) offset: u64,
    pub(super) head: Head,
}

/// What looking through a segment gave.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) frames: Vec<Found>,
    /// Bytes up to the end of the last whole frame.
    pub(super) length: u64,
    /// Bytes that are no frame, before that end and behind it.
    pub(super) damaged: u64,
}

/// The path of a segment.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:020}.{SUFFIX}"))
}

/// Numbers of the segments of a directory, the oldest first.
pub(super) fn list(directory: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if path
            .extension()
            .is_some_and(|extension| extension == SUFFIX)
        {
            numbers.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The segment that is written to.
#[derive(Debug)]
pub(super) struct Writer {
    file: File,
    pub(super) number: u64,
    pub(super) length: u64,
}

impl Writer {
    /// A new one. One of that number can only be left over from a start that failed: it has no frames.
    pub(super) fn create(directory: &Path, number: u64) -> io::Result<Self> {
        let path = path(directory, number);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        if let Err(error) = file.write_all(&BEGIN) {
            drop(file);
            std::fs::remove_file(&path).ok();
            return Err(error);
        }
        Ok(Self {
            file,
            number,
            length: BEGIN.len() as u64,
        })
    }

    /// Adds a frame and says where it begins. Of a frame that does not fit nothing stays.
    pub(super) fn add(&mut self, frame: &[u8]) -> io::Result<u64> {
        let offset = self.length;
        if let Err(error) = self.file.write_all_at(frame, offset) {
            self.file.set_len(offset).ok();
            return Err(error);
        }
        self.length += frame.len() as u64;
        Ok(offset)
    }

    /// The file, to sync it once more.
    pub(super) fn into_file(self) -> File {
        self.file
    }

    /// A handle to sync it by, beside whoever writes on.
    pub(super) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

/// Reads the body of a frame.
pub(super) fn read_body(file: &File, offset: u64, head: &Head) -> io::Result<Vec<u8>> {
    let mut body = vec![0; head.body_len];
    file.read_exact_at(&mut body, offset + (HEAD + head.stream.len()) as u64)?;
    Ok(body)
}

/// Reads the head of the frame at an offset.
pub(super) fn read_head(file: &File, offset: u64) -> io::Result<Result<Head, Broken>> {
    let mut bytes = [0; HEAD + MAX_NAME];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Head::read(&bytes[..filled]))
}

/// Finds all frames by their heads. A damaged one costs itself: the next one is looked for.
pub(super) fn scan(file: &mut File) -> io::Result<Scan> {
    let size = file.metadata()?.len();
    let mut scan = Scan::default();
    let mut begin = [0; BEGIN.len()];
    file.seek(SeekFrom::Start(0))?;
    let whole = file.read_exact(&mut begin);
    let mut at = match whole {
        Ok(()) if begin == BEGIN => BEGIN.len() as u64,
        Ok(()) => 0,
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => 0,
        Err(error) => return Err(error),
    };
    scan.length = at;
    while at < size {
        let head = read_head(file, at)?;
        match head {
            Ok(head) if at + head.frame_len() as u64 <= size => {
                let offset = at;
                at += head.frame_len() as u64;
                scan.length = at;
                scan.frames.push(Found { offset, head });
            }
            _ => {
                let next = next_magic(file, at + 1, size)?;
                scan.damaged += next - at;
                at = next;
            }
        }
    }
    Ok(scan)
}

/// Where the next frame may begin; the end of the file if there is none.
fn next_magic(file: &File, from: u64, size: u64) -> io::Result<u64> {
    let mut at = from;
    let mut bytes = vec![0; LOOK];
    while at < size {
        let wanted = usize::try_from(size - at).unwrap_or(LOOK).min(LOOK);
        file.read_exact_at(&mut bytes[..wanted], at)?;
        if let Some(found) = bytes[..wanted]
            .windows(MAGIC.len())
            .position(|four| four == MAGIC)
        {
            return Ok(at + found as u64);
        }
        // The magic may lie across the border.
        let step = wanted.saturating_sub(MAGIC.len() - 1).max(1);
        at += step as u64;
        if wanted < LOOK {
            break;
        }
    }
    Ok(size)
}
