//! Where downloaded and compiled things stay between runs.
//!
//! An entry's name ends with a fingerprint of what it is made from, so another pin is another entry, and what is there
//! is whole: an entry is made aside and then renamed.

use std::fs::{self, File, TryLockError};
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{At, Result};
use crate::wait;

/// The folder: `BROKERBEAT_STACK_CACHE`, or else `brokerbeat-stack` in the user's cache folder. For root that is
/// `/var/cache`, since `/root` is closed to the user that Elasticsearch runs as.
pub fn cache_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("BROKERBEAT_STACK_CACHE") {
        return std::path::absolute(&folder).unwrap_or_else(|_| PathBuf::from(folder));
    }
    let base = if nix::unistd::geteuid().is_root() {
        PathBuf::from("/var/cache")
    } else if let Some(folder) = std::env::var_os("XDG_CACHE_HOME") {
        PathBuf::from(folder)
    } else {
        PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into())).join(".cache")
    };
    base.join("brokerbeat-stack")
}

/// The entry `key` for these inputs, made by `fill` in the folder it is given if it is not there yet.
///
/// `fill` must not ask for another entry: the lock is held.
pub(crate) fn entry(
    key: &str,
    inputs: &[&str],
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let root = cache_folder();
    let done = root.join(format!("{key}-{:016x}", fingerprint(inputs)));
    if done.is_dir() {
        return Ok(done);
    }
    fs::create_dir_all(&root).at("create", &root)?;
    let _held = lock(&root)?;
    if done.is_dir() {
        return Ok(done);
    }
    let partial = root.join(format!("partial-{key}"));
    if partial.exists() {
        // Left by a run that was killed: nobody else works here while we hold the lock.
        fs::remove_dir_all(&partial).at("remove", &partial)?;
    }
    fs::create_dir_all(&partial).at("create", &partial)?;
    fill(&partial)?;
    fs::rename(&partial, &done).at("rename", &partial)?;
    Ok(done)
}

/// Keeps two runs from filling the cache at the same time; free as soon as the file is closed, however we end.
fn lock(root: &Path) -> Result<File> {
    let path = root.join("lock");
    let file = File::create(&path).at("create", &path)?;
    let mut said = false;
    while let Err(error) = file.try_lock() {
        if let TryLockError::Error(source) = error {
            return Err(source).at("lock", &path);
        }
        if !said {
            eprintln!("waiting for somebody else who fills {}", root.display());
            said = true;
        }
        wait::pause(Duration::from_millis(200))?;
    }
    Ok(file)
}

fn fingerprint(inputs: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for input in inputs {
        hasher.write(input.as_bytes());
        hasher.write_u8(0xff);
    }
    hasher.finish()
}
