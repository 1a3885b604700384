//! Noticing that the configuration file changed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Editors and configuration management write in several steps; wait until it is quiet.
const QUIET: Duration = Duration::from_millis(300);

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
        let mut watcher = notify::recommended_watcher(move |_| {
            // A full channel already says that something happened.
            send.try_send(()).ok();
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
            while let Ok(Some(())) = tokio::time::timeout(QUIET, self.events.recv()).await {}
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
