//! What is kept under `path.data`.

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::Context;

/// File with the agent's id.
const AGENT_FILE: &str = "agent-id";
/// File that a running agent holds a lock on. The lock ends with the process, however it ends.
const LOCK_FILE: &str = "lock";

/// A directory in use by this process: two agents of one id would write the same series.
#[derive(Debug)]
pub struct DataDirectory {
    /// The id, made at the first start.
    pub agent_id: String,
    /// Holds the lock.
    _lock: File,
}

impl DataDirectory {
    /// Takes the directory, which is made if it is not there.
    pub fn open(path_data: &Path) -> anyhow::Result<Self> {
        let advice = || {
            let shown = path_data.display();
            format!("cannot use path.data {shown}; make it writable or set another path.data")
        };
        std::fs::create_dir_all(path_data).with_context(advice)?;
        let lock = File::create(path_data.join(LOCK_FILE)).with_context(advice)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => anyhow::bail!(
                "another agent runs with path.data {}; stop it or set another path.data",
                path_data.display()
            ),
            Err(TryLockError::Error(error)) => return Err(error).with_context(advice),
        }
        Ok(Self {
            agent_id: agent_id(path_data).with_context(advice)?,
            _lock: lock,
        })
    }
}

/// The agent's id, if it was started before.
pub fn known_agent_id(path_data: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path_data.join(AGENT_FILE)).ok()?;
    Some(uuid::Uuid::try_parse(text.trim()).ok()?.to_string())
}

fn agent_id(path_data: &Path) -> anyhow::Result<String> {
    let file = path_data.join(AGENT_FILE);
    match std::fs::read_to_string(&file) {
        Ok(id) if uuid::Uuid::try_parse(id.trim()).is_ok() => Ok(id.trim().to_owned()),
        Ok(_) => anyhow::bail!("{} is damaged; remove it: a new id is made", file.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let id = uuid::Uuid::new_v4().to_string();
            crate::files::replace(&file, id.as_bytes())?;
            Ok(id)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_stays_and_a_damaged_one_is_not_overwritten() {
        let directory = crate::files::TestDirectory::new();
        assert_eq!(known_agent_id(directory.path()), None);
        let id = agent_id(directory.path()).unwrap();
        assert_eq!(agent_id(directory.path()).unwrap(), id);
        assert_eq!(known_agent_id(directory.path()), Some(id));
        std::fs::write(directory.path().join(AGENT_FILE), "?").unwrap();
        assert!(
            agent_id(directory.path())
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
    }

    #[test]
    fn a_directory_serves_one_agent_at_a_time() {
        let directory = crate::files::TestDirectory::new();
        let first = DataDirectory::open(directory.path()).unwrap();
        let error = DataDirectory::open(directory.path())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("another agent runs with path.data"),
            "{error}"
        );
        let id = first.agent_id.clone();
        drop(first);
        assert_eq!(DataDirectory::open(directory.path()).unwrap().agent_id, id);
    }
}
