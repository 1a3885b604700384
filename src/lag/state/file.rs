//! The state's file under `path.data`.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{Damage, decode};
use crate::lag::evaluator::Evaluator;
use crate::lag::rules::Rules;

/// A larger file is none of ours: some 500,000 partitions fit, and nothing else is read into memory.
const MAX_BYTES: u64 = 64 << 20;

/// Begin and end of the files' names.
const PREFIX: &str = "lag-";
const SUFFIX: &str = ".state";

/// For how long the file of a cluster is kept that is no longer configured: it may come back under its name.
const KEEP_LEFT_OVER: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Files of `path.data` that are looked at: there are a handful and one a cluster.
const MOST_FILES: usize = 10_000;

/// Where the state of a target is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFile(PathBuf);

/// Why there is no state.
#[derive(Debug, Error)]
pub enum StateError {
    /// The file is there and cannot be read or written.
    #[error("cannot use {file}")]
    Io {
        /// Which file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not what this program wrote.
    #[error("{file} is left aside: {damage}; statuses are found anew within a window")]
    Damaged {
        /// Which file.
        file: String,
        /// Why.
        damage: Damage,
    },
}

impl StateFile {
    /// The file of the target of that name, which may have any characters.
    pub fn new(path_data: &Path, target: &str) -> Self {
        let hash = Sha256::digest(target.as_bytes());
        let name: String = hash
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self(path_data.join(format!("{PREFIX}{name}{SUFFIX}")))
    }

    /// Removes what clusters of other names have left behind a long time ago. What cannot be removed stays.
    pub fn remove_left_over(path_data: &Path, targets: &[&str], now: SystemTime) {
        let used: BTreeSet<PathBuf> = targets
            .iter()
            .map(|name| Self::new(path_data, name).0)
            .collect();
        let entries = std::fs::read_dir(path_data).into_iter().flatten();
        for entry in entries.take(MOST_FILES).flatten() {
            let (file, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let is_state = name.starts_with(PREFIX) && name.ends_with(SUFFIX);
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            let is_old = written.is_ok_and(|written| {
                let age = now.duration_since(written).unwrap_or_default();
                age >= KEEP_LEFT_OVER
            });
            if is_state && is_old && !used.contains(&file) {
                let removed = std::fs::remove_file(&file);
                tracing::debug!(file = %file.display(), ?removed, "lag statuses of a cluster that is not configured");
            }
        }
    }

    /// Reads it; nothing where nothing was written.
    pub fn load(&self, rules: Rules) -> Result<Option<Evaluator>, StateError> {
        let file = match std::fs::File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.io(source)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| self.io(source))?;
        let state = match bytes.len() as u64 > MAX_BYTES {
            true => Err(Damage::Bytes),
            false => decode(&bytes, rules),
        };
        state.map(Some).map_err(|damage| StateError::Damaged {
            file: self.0.display().to_string(),
            damage,
        })
    }

    /// Replaces it by rename. What could not be read again is not written.
    pub fn save(&self, bytes: &[u8]) -> Result<(), StateError> {
        if bytes.len() as u64 > MAX_BYTES {
            return Err(self.io(ErrorKind::FileTooLarge.into()));
        }
        crate::files::replace(&self.0, bytes).map_err(|source| self.io(source))
    }

    fn io(&self, source: io::Error) -> StateError {
        StateError::Io {
            file: self.0.display().to_string(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::TestDirectory;

    #[test]
    fn a_cluster_that_is_gone_for_long_leaves_nothing_behind() {
        let directory = TestDirectory::new();
        let now = SystemTime::now();
        let file = |name: &str, age: Duration| {
            let file = directory.path().join(name);
            let open = std::fs::File::create(&file).unwrap();
            open.set_modified(now - age).unwrap();
            file
        };
        let state = |target: &str, age| {
            let StateFile(path) = StateFile::new(directory.path(), target);
            file(path.file_name().unwrap().to_str().unwrap(), age)
        };
        let lately = KEEP_LEFT_OVER - Duration::from_secs(60);
        let kept = [
            state("orders", 2 * KEEP_LEFT_OVER),
            state("renamed lately", lately),
            file("clusters.json", 2 * KEEP_LEFT_OVER),
            file("agent.state", 2 * KEEP_LEFT_OVER),
            file("lag-notes.txt", 2 * KEEP_LEFT_OVER),
        ];
        let left_over = state("renamed", KEEP_LEFT_OVER);
        StateFile::remove_left_over(directory.path(), &["orders", "new"], now);
        assert!(kept.iter().all(|file| file.exists()));
        assert!(!left_over.exists());
    }
}
