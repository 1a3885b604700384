//! From the snapshot to documents about groups and their lag. Pure.
//!
//! Lag is log end − committed offset. Where either is unknown there is no lag and a reason: unknown
//! is never 0. Commits are read first; a log end below the commit is then real (the topic was made
//! anew, or truncated): lag is 0, and `lag.raw` keeps the negative number.

use std::collections::{BTreeMap, BTreeSet};

use super::snapshot::{Answer, Description, Group, Member, Reason, Snapshot};
use crate::document::Document;

/// What is known of one partition of a group.
struct Row<'a> {
    topic: &'a str,
    partition: i32,
    committed: Option<i64>,
    log_end: Option<i64>,
    lag: Result<i64, Reason>,
    member: Option<&'a Member>,
}

/// The group's own document and one for each of its partitions.
pub fn documents(group: &Group, snapshot: &Snapshot) -> Vec<Document> {
    let members = members(group);
    let rows: Vec<Row<'_>> = partitions(group)
        .into_iter()
        .map(|at| row(group, at, members.get(&at).copied(), snapshot))
        .collect();
    let mut documents = vec![group_document(group, &rows)];
    documents.extend(rows.iter().map(|row| row_document(group, row)));
    documents
}

/// Committed or assigned now, or known from earlier when the commits cannot be read.
fn partitions(group: &Group) -> BTreeSet<(&str, i32)> {
    let committed = group.committed.iter().flatten();
    let committed =
        committed.flat_map(|(topic, all)| all.keys().map(move |id| (topic.as_str(), *id)));
    let earlier = group.last_partitions.iter();
    let earlier = earlier.flat_map(|(topic, all)| all.iter().map(move |id| (topic.as_str(), *id)));
    committed
        .chain(earlier)
        .chain(members(group).into_keys())
        .collect()
}

/// Who reads which partition.
fn members(group: &Group) -> BTreeMap<(&str, i32), &Member> {
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
        log_end: log_end.ok(),
        // A topic that is gone explains more than a missing commit does.
        lag: match (committed, log_end) {
            (Ok(committed), Ok(end)) => Ok(end.saturating_sub(committed)),
            (_, Err(gone @ (Reason::TopicDeleted | Reason::PartitionDeleted))) => Err(gone),
            (Err(reason), _) | (_, Err(reason)) => Err(reason),
        },
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

fn row_document(group: &Group, row: &Row<'_>) -> Document {
    let document = Document::new("kafka.consumergroup", "partition")
        .key("kafka.consumergroup.id", group.id.as_str())
        .key("kafka.topic.name", row.topic)
        .key("kafka.partition.id", row.partition)
        .with_some("kafka.consumergroup.offset", row.committed)
        .with_some("kafka.consumergroup.log_end_offset", row.log_end);
    let document = match row.lag {
        Ok(lag) => document
            .with("kafka.consumergroup.consumer_lag", lag.max(0))
            .with_some("kafka.consumergroup.lag.raw", (lag < 0).then_some(lag)),
        Err(reason) => document.with("kafka.consumergroup.lag.unknown_reason", reason.as_str()),
    };
    let Some(member) = row.member else {
        return document;
    };
    document
        .with("kafka.consumergroup.client.id", member.client_id.as_str())
        .with(
            "kafka.consumergroup.client.host",
            member.host.trim_start_matches('/'),
        )
        .with("kafka.consumergroup.client.member_id", member.id.as_str())
        .with_some(
            "kafka.consumergroup.client.instance_id",
            member.instance_id.as_deref(),
        )
}

fn group_document(group: &Group, rows: &[Row<'_>]) -> Document {
    let known: Vec<i64> = rows
        .iter()
        .filter_map(|row| row.lag.ok())
        .map(|lag| lag.max(0))
        .collect();
    let sum = known.iter().copied().reduce(i64::saturating_add);
    let document = Document::new("kafka.group", "group")
        .key("kafka.consumergroup.id", group.id.as_str())
        .with("kafka.group.state", state(group))
        .with_some(
            "kafka.group.coordinator.id",
            group.coordinator.filter(|_| is_present(group)),
        )
        .with_some("kafka.group.lag.sum", sum)
        .with_some("kafka.group.lag.unknown_reason", reason(&group.committed));
    // Without its commits nobody knows how many partitions a group has.
    let document = match &group.committed {
        Err(_) => document,
        Ok(_) => document.with("kafka.group.partitions", rows.len()).with(
            "kafka.group.lag.unknown_partitions",
            rows.len() - known.len(),
        ),
    };
    match &group.description {
        Ok(description) => with_description(document, description),
        Err(missing) => document
            .with_some(
                "kafka.group.simple",
                group.listing.as_ref().map(|listing| listing.simple),
            )
            .with("kafka.group.unknown_reason", missing.reason.as_str()),
    }
}

/// Whether anybody told of the group this time: what is only remembered is not said again as new.
fn is_present(group: &Group) -> bool {
    group.listing.is_some() || group.description.is_ok()
}

fn with_description(document: Document, description: &Description) -> Document {
    let named = |text: &str| (!text.is_empty()).then(|| snake_case(text));
    document
        .with("kafka.group.members", description.members.len())
        .with("kafka.group.simple", description.simple)
        .with_some(
            "kafka.group.type",
            named(&description.kind).filter(|kind| kind != UNKNOWN),
        )
        .with_some("kafka.group.assignor", named(&description.assignor))
}

const UNKNOWN: &str = "unknown";

/// By the coordinator's word, else by the list's.
fn state(group: &Group) -> String {
    let described = group
        .description
        .as_ref()
        .ok()
        .map(|description| &description.state);
    let listed = group.listing.as_ref().map(|listing| &listing.state);
    let state = described.or(listed).filter(|state| !state.is_empty());
    state.map_or_else(|| UNKNOWN.to_owned(), |state| snake_case(state))
}

fn reason<T>(answer: &Answer<T>) -> Option<&'static str> {
    answer.as_ref().err().map(|missing| missing.reason.as_str())
}

/// `PreparingRebalance` → `preparing_rebalance`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 1);
    for (index, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
