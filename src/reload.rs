//! Noticing that the configuration file changed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Editors and configuration management write in several steps; wait until it is quiet.
const QUIET: Duration = Duration::from_millis(300);
/// A directory in which something is written all the time is never quiet; then this has to do.
const LONGEST_QUIET: Duration = Duration::from_secs(2);

/// Changes of one file's text.
pub struct Changes {
    file: PathBuf,
    seen: Option<Vec<u8>>,
    events: mpsc::Receiver<()>,
    /// Ends the watch when it is dropped.
    _watcher: RecommendedWatcher,
}

impl Changes {
    /// Watches the file's directory: editors and Kubernetes replace the file (or a link beside it),
    /// after which a watch on the file itself would see nothing.
    pub fn watch(file: &Path) -> Result<Self, notify::Error> {
        let (send, events) = mpsc::channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // Somebody reads in the directory (this program does): no change. An error may hide one.
            if !event.is_ok_and(|event| event.kind.is_access()) {
                // A full channel already says that something happened.
                send.try_send(()).ok();
            }
        })?;
        let directory = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        watcher.watch(directory, RecursiveMode::NonRecursive)?;
        Ok(Self {
            seen: std::fs::read(file).ok(),
            file: file.to_owned(),
            events,
            _watcher: watcher,
        })
    }

    /// Returns when the file's text is another one than before. A file that is gone is no change:
    /// it is about to be replaced.
    pub async fn next(&mut self) {
        loop {
            if self.events.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
            let quiet = async {
                while let Ok(Some(())) = tokio::time::timeout(QUIET, self.events.recv()).await {}
            };
            // Not quiet in time is fine, too: the text is compared below.
            tokio::time::timeout(LONGEST_QUIET, quiet).await.ok();
            let Ok(now) = std::fs::read(&self.file) else {
                continue;
            };
            if self.seen.as_ref() != Some(&now) {
                self.seen = Some(now);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::TestDirectory;

    /// Long enough for any machine; the test ends as soon as the change is seen.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn sees_a_change_in_a_directory_that_is_never_quiet() {
        let directory = TestDirectory::new();
        let file = directory.path().join("brokerbeat.yml");
        std::fs::write(&file, "a: 1").unwrap();
        let mut changes = Changes::watch(&file).unwrap();
        let noise = directory.path().join("noise");
        let noisy = async {
            loop {
                tokio::fs::write(&noise, "x").await.unwrap();
                tokio::time::sleep(QUIET / 10).await;
            }
        };
        crate::files::replace(&file, b"a: 2").unwrap();
        let seen = tokio::time::timeout(PATIENCE, changes.next());
        tokio::select! {
            seen = seen => seen.unwrap(),
            () = noisy => {}
        }
    }

    #[tokio::test]
    async fn sees_a_replaced_file_and_not_a_touched_one() {
        let directory = TestDirectory::new();
        let file = directory.path().join("brokerbeat.yml");
        std::fs::write(&file, "a: 1").unwrap();
        let mut changes = Changes::watch(&file).unwrap();
        std::fs::write(&file, "a: 1").unwrap();
        crate::files::replace(&file, b"a: 2").unwrap();
        tokio::time::timeout(PATIENCE, changes.next())
            .await
            .unwrap();
        assert_eq!(changes.seen.as_deref(), Some(&b"a: 2"[..]));
        std::fs::write(&file, "a: 2").unwrap();
        let again = tokio::time::timeout(QUIET * 4, changes.next()).await;
        assert!(again.is_err(), "the same text is no change");
    }
}
