//! Looks at file systems, on threads that may wait for them: a disk that hangs costs its own directory and nothing else.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// What Kafka writes into each of its log directories: whose it is.
const PROPERTIES: &str = "meta.properties";

/// Kafka writes four short lines.
const MAX_PROPERTIES_BYTES: u64 = 64 << 10;

/// Room of a file system, in bytes; `df` computes from the same three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(super) struct Room {
    pub(super) total: u64,
    /// Also what is kept for root.
    pub(super) free: u64,
    /// What everybody else may use, brokers among them.
    pub(super) available: u64,
}

/// One look at a directory.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) path: PathBuf,
    /// Nothing where the file system did not answer in time.
    pub(super) seen: Option<Seen>,
}

/// What was seen.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) room: io::Result<Room>,
    /// The text of `meta.properties`.
    pub(super) properties: io::Result<String>,
}

/// Directories, and the looks that still hang.
pub(super) struct Directories(Vec<(PathBuf, Option<JoinHandle<Seen>>)>);

impl Directories {
    pub(super) fn new(paths: &[PathBuf]) -> Self {
        Self(paths.iter().map(|path| (path.clone(), None)).collect())
    }

    /// Looks at all of them at once. One that hangs since an earlier cycle is waited for, not asked again: each of them has one
    /// thread at most.
    pub(super) async fn look(&mut self, deadline: Instant) -> Vec<Look> {
        for (path, look) in &mut self.0 {
            look.get_or_insert_with(|| {
                let path = path.clone();
                tokio::task::spawn_blocking(move || see(&path))
            });
        }
        let mut looks = Vec::new();
        for (path, look) in &mut self.0 {
            let mut seen = None;
            if let Some(handle) = look
                && let Ok(ended) = timeout_at(deadline, handle).await
            {
                *look = None;
                seen = ended.ok();
            }
            looks.push(Look {
                path: path.clone(),
                seen,
            });
        }
        looks
    }
}

fn see(path: &Path) -> Seen {
    // In this order: the file may be waited for, and the room is that of the end.
    let properties = properties(path);
    Seen {
        room: room(path),
        properties,
    }
}

fn room(path: &Path) -> io::Result<Room> {
    let all = statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(all.f_frsize);
    Ok(Room {
        total: bytes(all.f_blocks),
        free: bytes(all.f_bfree),
        available: bytes(all.f_bavail),
    })
}

fn properties(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = File::open(path.join(PROPERTIES))?;
    file.take(MAX_PROPERTIES_BYTES).read_to_string(&mut text)?;
    Ok(text)
}
