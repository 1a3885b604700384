//! A folder per server under the system's temporary folder, removed with the server.
//!
//! A process that was killed leaves its folders behind. Each folder carries a file that its owner keeps locked; the
//! next run removes the folders whose lock is free.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::error::{At, Result};

const PREFIX: &str = "brokerbeat-stack-";
const OWNER: &str = ".owner";
/// A younger folder may belong to a process that is just about to lock it.
const TOO_YOUNG: Duration = Duration::from_secs(30);

static SWEEP: Once = Once::new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder that lives as long as this value. `BROKERBEAT_STACK_KEEP=1` keeps it, for a look at the logs.
#[derive(Debug)]
pub struct WorkDir {
    path: PathBuf,
    /// Held, never read: see the module's text.
    _owner: File,
}

impl WorkDir {
    /// Makes a folder whose name ends with `name`.
    pub fn new(name: &str) -> Result<Self> {
        SWEEP.call_once(sweep);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("{PREFIX}{}-{number}-{name}", std::process::id()));
        fs::create_dir_all(&path).at("create", &path)?;
        // Elasticsearch runs as another user when we are root.
        fs::set_permissions(&path, Permissions::from_mode(0o755)).at("open up", &path)?;
        let owner = File::create(path.join(OWNER)).at("create a file in", &path)?;
        owner.lock().at("lock a file in", &path)?;
        Ok(Self {
            path,
            _owner: owner,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file or folder in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A folder in it, made if it is not there.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.join(name);
        fs::create_dir_all(&path).at("create", &path)?;
        Ok(path)
    }

    /// Writes a file in it and gives its path.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.join(name);
        fs::write(&path, text).at("write", &path)?;
        Ok(path)
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        if std::env::var_os("BROKERBEAT_STACK_KEEP").is_some() {
            eprintln!("kept {}", self.path.display());
        } else if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("cannot remove {}: {error}", self.path.display());
        }
    }
}

fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_stale(&entry.path()) {
            // Another run may sweep at the same time, or it may be another user's: both are theirs to mind.
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

fn is_stale(folder: &Path) -> bool {
    let age = fs::metadata(folder)
        .and_then(|meta| meta.modified())
        .map(|time| time.elapsed().unwrap_or_default());
    if age.is_ok_and(|age| age < TOO_YOUNG) {
        return false;
    }
    match File::open(folder.join(OWNER)) {
        Ok(file) => file.try_lock().is_ok(),
        Err(_) => true,
    }
}
