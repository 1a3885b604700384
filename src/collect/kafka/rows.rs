//! What a snapshot says of the partitions of a group. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::ages;
use super::snapshot::{Group, Member, Reason, Snapshot};
use crate::lag::seconds::{Age, Unknown};
use crate::lag::{Sample, Sight};

/// What is known of one partition of a group.
pub(super) struct Row<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) committed: Option<i64>,
    pub(super) log_start: Option<i64>,
    pub(super) log_end: Option<i64>,
    pub(super) lag: Result<i64, Reason>,
    /// Of the first record that is not read; nothing where the lag is unknown.
    pub(super) age: Option<Result<Age, Unknown>>,
    pub(super) member: Option<&'a Member>,
}

impl Row<'_> {
    pub(super) fn sample(&self) -> Option<Sample> {
        self.lag.ok()?;
        Some(Sample {
            committed: self.committed?,
            log_start: self.log_start,
            log_end: self.log_end?,
        })
    }

    pub(super) fn sight(&self) -> Sight {
        match (self.sample(), self.lag) {
            (Some(sample), _) => Sight::Sample(sample),
            (None, Err(Reason::NoCommit)) => Sight::NoCommit,
            (None, Err(reason)) => Sight::Unknown(reason.as_str()),
            (None, Ok(_)) => Sight::Unknown(Reason::LogEndUnknown.as_str()),
        }
    }
}

/// The rows of a group, in the order of their topics and partitions.
pub(super) fn rows<'a>(
    group: &'a Group,
    snapshot: &Snapshot,
    members: &BTreeMap<(&'a str, i32), &'a Member>,
) -> Vec<Row<'a>> {
    let all: BTreeSet<(&str, i32)> = group.partitions().collect();
    all.into_iter()
        .map(|at| row(group, at, members.get(&at).copied(), snapshot))
        .collect()
}

/// Who reads which partition.
pub(super) fn members(group: &Group) -> BTreeMap<(&str, i32), &Member> {
    let mut readers = BTreeMap::new();
    for member in group
        .description
        .iter()
        .flat_map(|description| &description.members)
    {
        for (topic, partitions) in &member.assigned {
            readers.extend(partitions.iter().map(|id| ((topic.as_str(), *id), member)));
        }
    }
    readers
}

fn row<'a>(
    group: &'a Group,
    (topic, partition): (&'a str, i32),
    member: Option<&'a Member>,
    snapshot: &Snapshot,
) -> Row<'a> {
    let committed = committed(group, topic, partition);
    let log_end = log_end(snapshot, topic, partition);
    Row {
        topic,
        partition,
        committed: committed.ok(),
        log_start: log_start(snapshot, topic, partition),
        log_end: log_end.ok(),
        // A topic that is gone explains more than a missing commit does.
        lag: match (committed, log_end) {
            (Ok(committed), Ok(end)) => Ok(end.saturating_sub(committed)),
            (_, Err(gone @ (Reason::TopicDeleted | Reason::PartitionDeleted))) => Err(gone),
            (Err(reason), _) | (_, Err(reason)) => Err(reason),
        },
        age: committed
            .ok()
            .and_then(|committed| ages::of(snapshot, (topic, partition), committed)),
        member,
    }
}

fn committed(group: &Group, topic: &str, partition: i32) -> Result<i64, Reason> {
    let all = group.committed.as_ref().map_err(|missing| missing.reason)?;
    match all
        .get(topic)
        .and_then(|partitions| partitions.get(&partition))
    {
        None | Some(Ok(None)) => Err(Reason::NoCommit),
        Some(Ok(Some(offset))) => Ok(*offset),
        Some(Err(missing)) => Err(missing.reason),
    }
}

fn log_start(snapshot: &Snapshot, topic: &str, partition: i32) -> Option<i64> {
    let ends = snapshot.logs.get(topic)?.get(&partition)?;
    ends.earliest.as_ref().ok().copied()
}

fn log_end(snapshot: &Snapshot, topic: &str, partition: i32) -> Result<i64, Reason> {
    if let Some(ends) = snapshot
        .logs
        .get(topic)
        .and_then(|partitions| partitions.get(&partition))
    {
        return ends
            .latest
            .as_ref()
            .copied()
            .map_err(|missing| missing.reason);
    }
    let metadata = snapshot
        .metadata
        .as_ref()
        .map_err(|missing| missing.reason)?;
    match metadata.topics.iter().find(|known| known.name == topic) {
        None => Err(Reason::TopicDeleted),
        Some(topic) => match &topic.error {
            Some(error) => Err(Reason::of_code(error.code)),
            None => Err(Reason::PartitionDeleted),
        },
    }
}

/// What the lags of several partitions come to. They are whole where none is unknown.
pub(super) struct Lags {
    /// Sum of those that are known; none where none is.
    pub(super) sum: Option<i64>,
    /// The largest of them.
    pub(super) max: Option<i64>,
    /// How many are unknown.
    pub(super) unknown: usize,
}

impl Lags {
    pub(super) fn of(rows: &[Row<'_>]) -> Self {
        let known = rows.iter().filter_map(|row| row.lag.ok());
        let known: Vec<i64> = known.map(|lag| lag.max(0)).collect();
        Self {
            sum: known.iter().copied().reduce(i64::saturating_add),
            max: known.iter().copied().max(),
            unknown: rows.len() - known.len(),
        }
    }
}
