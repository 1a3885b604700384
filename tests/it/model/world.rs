//! Everything that was done to the broker, with its times: the model that documents are checked against.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::history::{Log, Register};
use crate::observer::{Micros, Window, now};

/// What a group has committed on a partition; nothing before the first commit and after a deletion.
pub(crate) type Commits = Register<Option<i64>>;

/// Group, topic, partition.
pub(crate) type Place = (String, String, i32);

/// A topic from its making to its deletion. One of the same name may follow.
pub(crate) struct Incarnation {
    pub(crate) life: Window,
    /// By partition.
    pub(crate) logs: Vec<Log>,
}

/// What happened how often, for the report.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) commits: usize,
    pub(crate) records: usize,
    pub(crate) deletions_of_records: usize,
    pub(crate) recreations: usize,
    pub(crate) deletions_of_groups: usize,
    pub(crate) member_changes: usize,
}

#[derive(Default)]
pub(crate) struct World {
    commits: Mutex<BTreeMap<Place, Commits>>,
    topics: Mutex<BTreeMap<String, Vec<Incarnation>>>,
    counts: Mutex<Counts>,
}

/// An actor that panicked is seen by its own error.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn commits(&self) -> MutexGuard<'_, BTreeMap<Place, Commits>> {
        lock(&self.commits)
    }

    pub(crate) fn topics(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Incarnation>>> {
        lock(&self.topics)
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut lock(&self.counts));
    }

    /// Totals. Commits and records are counted where they are kept.
    pub(crate) fn counts(&self) -> Counts {
        let logs = |one: &Incarnation| one.logs.iter().map(Log::count).sum::<usize>();
        let topics = self.topics();
        Counts {
            commits: self.commits().values().map(Register::count).sum(),
            records: topics.values().flatten().map(logs).sum(),
            ..*lock(&self.counts)
        }
    }

    /// Does something to the commits of a group on some partitions.
    pub(crate) fn each_commit(
        &self,
        group: &str,
        topic: &str,
        partitions: impl Iterator<Item = i32>,
        mut change: impl FnMut(i32, &mut Commits),
    ) {
        let mut all = self.commits();
        for partition in partitions {
            let place = (group.to_owned(), topic.to_owned(), partition);
            let commits = all.entry(place).or_insert_with(|| Register::new(None));
            change(partition, commits);
        }
    }

    /// Before a topic is made.
    pub(crate) fn make(&self, topic: &str, partitions: i32) {
        let life = Window {
            from: now(),
            to: Micros::MAX,
        };
        let logs = (0..partitions).map(|_| Log::new()).collect();
        let mut topics = self.topics();
        let all = topics.entry(topic.to_owned()).or_default();
        all.push(Incarnation { life, logs });
    }

    /// When it is gone for sure.
    pub(crate) fn end(&self, topic: &str) {
        if let Some(last) = self.topics().get_mut(topic).and_then(|all| all.last_mut()) {
            last.life.to = now();
        }
    }

    /// Does something with a log of the topic that is there now.
    pub(crate) fn log<T>(&self, topic: &str, partition: i32, act: impl FnOnce(&mut Log) -> T) -> T {
        let mut topics = self.topics();
        let last = topics.get_mut(topic).and_then(|all| all.last_mut());
        let partition = usize::try_from(partition).expect("a partition");
        act(&mut last.expect("the topic was made").logs[partition])
    }
}
