//! The state's file under `path.data`.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{Damage, decode};
use crate::lag::evaluator::Evaluator;
use crate::lag::rules::Rules;

/// A larger file is none of ours: some 500,000 partitions fit, and nothing else is read into memory.
const MAX_BYTES: u64 = 64 << 20;

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
        Self(path_data.join(format!("lag-{name}.state")))
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

    /// Replaces it by rename.
    pub fn save(&self, bytes: &[u8]) -> Result<(), StateError> {
        crate::files::replace(&self.0, bytes).map_err(|source| self.io(source))
    }

    fn io(&self, source: io::Error) -> StateError {
        StateError::Io {
            file: self.0.display().to_string(),
            source,
        }
    }
}
