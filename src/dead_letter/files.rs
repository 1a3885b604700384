//! The files of the dead letter.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::Letter;

const SUFFIX: &str = "ndjson";
/// Documents may be private.
const DIRECTORY_MODE: u32 = 0o700;

/// One of them.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// What a file holds.
#[derive(Debug)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    /// Its lines; blank ones are left out.
    pub(super) fn all(&self) -> impl Iterator<Item = &[u8]> {
        let lines = self.0.split(|byte| *byte == b'\n');
        lines.filter(|line| !line.trim_ascii().is_empty())
    }

    /// Bytes.
    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Those that are letters.
    pub(super) fn letters(&self) -> impl Iterator<Item = Letter> {
        self.all().filter_map(Letter::read)
    }
}

/// Makes the directory if it is not there.
pub(super) fn make(directory: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(directory)
}

/// The path of a file.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:012}.{SUFFIX}"))
}

/// All files, the oldest first; none where there is no directory.
pub(super) fn list(directory: &Path) -> io::Result<Vec<Stored>> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let Some(number) = stem.and_then(|stem| stem.parse().ok()) else {
            continue;
        };
        if path.extension().is_none_or(|extension| extension != SUFFIX) {
            continue;
        }
        // It may have been removed since.
        if let Ok(meta) = path.metadata() {
            let bytes = meta.len();
            files.push(Stored {
                number,
                path,
                bytes,
            });
        }
    }
    files.sort_unstable_by_key(|file| file.number);
    Ok(files)
}

/// Reads a file; one that has been removed in between is empty.
pub(super) fn read(path: &Path) -> io::Result<Lines> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Lines(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Lines(Vec::new())),
        Err(error) => Err(error),
    }
}
