//! Small files that must be either old or new, never half.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What the process's mask leaves of it.
const ANY_MODE: u32 = 0o666;
/// The owner's alone.
const PRIVATE_MODE: u32 = 0o600;

/// Writes beside the file, syncs, and renames over it; then syncs the directory.
pub fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_as(file, bytes, ANY_MODE)
}

/// The same, for its owner's eyes only.
pub fn replace_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_as(file, bytes, PRIVATE_MODE)
}

fn replace_as(file: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let beside = file.with_extension("tmp");
    let mut out = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&beside)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    std::fs::rename(&beside, file)?;
    match file.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// A directory of a test, removed at its end.
#[cfg(test)]
pub(crate) struct TestDirectory(std::path::PathBuf);

#[cfg(test)]
impl TestDirectory {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("brokerbeat-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&path).expect("the temporary directory is writable");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
impl Drop for TestDirectory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
