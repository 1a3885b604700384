//! The evaluation of a target's groups, and its file under `path.data`.

use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use crate::lag::state::{StateError, StateFile, encode};
use crate::lag::{Evaluator, Rules};

/// The file is written this often while nothing changes: after a crash so much of the windows is missing.
const SAVE_EVERY: Duration = Duration::from_secs(60);
/// And at most this often while statuses do change: a change that was told is not told again.
const SAVE_CHANGES_EVERY: Duration = Duration::from_secs(10);

/// What is remembered of the groups, in memory and on disk.
pub struct Statuses {
    file: StateFile,
    rules: Rules,
    /// Read from the file by the first cycle.
    evaluator: Option<Evaluator>,
    /// Whether anything is to be written, and since when.
    written: Option<Instant>,
    changed: bool,
    may_write: bool,
    writing: Option<JoinHandle<Result<(), StateError>>>,
    /// Whether the last writing failed: said when it begins, not at every tick.
    fails: bool,
}

impl Statuses {
    /// Nothing is read yet.
    pub fn new(file: StateFile, rules: Rules) -> Self {
        Self {
            file,
            rules,
            evaluator: None,
            written: None,
            changed: false,
            may_write: false,
            writing: None,
            fails: false,
        }
    }

    /// What is remembered. Rubbish in the file is named once, and the file is written anew later.
    ///
    /// # Cancel safety
    /// May be dropped: the file is read again.
    pub async fn evaluator(&mut self) -> &mut Evaluator {
        if self.evaluator.is_none() {
            let (file, rules) = (self.file.clone(), self.rules);
            let read = spawn_blocking(move || file.load(rules)).await;
            let stored = match read {
                Ok(Ok(stored)) => stored,
                Ok(Err(error)) => {
                    warn(&error, "stored lag statuses not read");
                    None
                }
                Err(_) => None,
            };
            self.evaluator = stored;
        }
        let rules = self.rules;
        self.evaluator.get_or_insert_with(|| Evaluator::new(rules))
    }

    /// After a cycle: writes the file where that is due, beside the next cycles.
    pub async fn keep(&mut self, changed: bool) {
        self.may_write = true;
        self.changed |= changed;
        let written = *self.written.get_or_insert_with(Instant::now);
        let due = match self.changed {
            true => SAVE_CHANGES_EVERY,
            false => SAVE_EVERY,
        };
        let busy = self.writing.as_ref().is_some_and(|one| !one.is_finished());
        if written.elapsed() >= due && !busy {
            self.finish_writing().await;
            self.write();
        }
    }

    /// Writes what is remembered, and waits for it.
    pub async fn close(&mut self) {
        self.finish_writing().await;
        if self.may_write {
            self.write();
            self.finish_writing().await;
        }
    }

    fn write(&mut self) {
        let Some(evaluator) = &self.evaluator else {
            return;
        };
        self.written = Some(Instant::now());
        self.changed = false;
        let (bytes, file) = (encode(evaluator), self.file.clone());
        self.writing = Some(spawn_blocking(move || file.save(&bytes)));
    }

    async fn finish_writing(&mut self) {
        let Some(writing) = self.writing.take() else {
            return;
        };
        match writing.await {
            Ok(Err(error)) if !self.fails => {
                self.fails = true;
                warn(&error, "lag statuses not stored");
            }
            Ok(Err(_)) | Err(_) => {}
            Ok(Ok(())) => self.fails = false,
        }
    }
}

fn warn(error: &StateError, what: &str) {
    tracing::warn!(error = error as &dyn std::error::Error, "{what}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::TestDirectory;
    use crate::lag::{Reader, Sample, Settings, Sight};

    fn statuses(directory: &TestDirectory) -> Statuses {
        let rules = Rules::new(&Settings::default(), Duration::from_secs(10));
        Statuses::new(StateFile::new(directory.path(), "orders"), rules)
    }

    async fn see(statuses: &mut Statuses) {
        let evaluator = statuses.evaluator().await;
        evaluator.begin(10_000, Some("abc"));
        let mut group = evaluator.group("g");
        let sample = Sample {
            committed: 5,
            log_start: Some(0),
            log_end: 9,
        };
        group.partition("t", 0, Sight::Sample(sample), Reader::Nobody);
        group.finish(None);
        evaluator.end(true);
    }

    fn files(directory: &TestDirectory) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(directory.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[tokio::test]
    async fn what_a_target_knew_its_successor_knows() {
        let directory = TestDirectory::new();
        let mut before = statuses(&directory);
        see(&mut before).await;
        before.keep(true).await;
        before.close().await;
        let mut after = statuses(&directory);
        assert_eq!(*after.evaluator().await, *before.evaluator().await);
        assert_eq!(after.evaluator().await.len(), 1);
    }

    #[tokio::test]
    async fn rubbish_is_left_aside_and_written_anew() {
        let directory = TestDirectory::new();
        let mut before = statuses(&directory);
        see(&mut before).await;
        before.keep(true).await;
        before.close().await;
        let file = files(&directory).remove(0);
        std::fs::write(&file, "rubbish").unwrap();
        let mut after = statuses(&directory);
        assert!(after.evaluator().await.is_empty());
        see(&mut after).await;
        after.keep(false).await;
        after.close().await;
        assert_eq!(statuses(&directory).evaluator().await.len(), 1);
    }

    #[tokio::test]
    async fn a_single_cycle_writes_nothing() {
        let directory = TestDirectory::new();
        let mut once = statuses(&directory);
        see(&mut once).await;
        once.close().await;
        assert_eq!(files(&directory).len(), 0);
    }
}
