//! The fields of how old the first unread records are. Pure.

use super::rows::Row;
use super::snapshot::Snapshot;
use crate::document::Document;
use crate::lag::seconds::{Age, Method, Unknown, worst};

/// The age of the first record that a group with this commit has not read.
pub(super) fn of(
    snapshot: &Snapshot,
    (topic, partition): (&str, i32),
    committed: i64,
) -> Option<Result<Age, Unknown>> {
    let ends = snapshot.logs.get(topic)?.get(&partition)?;
    snapshot.times.age((topic, partition), committed, ends)
}

/// A partition's fields. What is exact needs no more words.
pub(super) fn with_age(document: Document, age: Option<Result<Age, Unknown>>) -> Document {
    const UNKNOWN_REASON: &str = "kafka.consumergroup.lag.seconds_unknown_reason";
    let age = match age {
        None => return document,
        Some(Err(why)) => return document.with(UNKNOWN_REASON, why.as_str()),
        Some(Ok(age)) => age,
    };
    let document = document
        .with("kafka.consumergroup.lag.seconds", age.seconds)
        .with(
            "kafka.consumergroup.lag.seconds_method",
            age.method.as_str(),
        );
    match age.method {
        Method::Exact => document,
        Method::Estimated => document
            .with("kafka.consumergroup.lag.seconds_error", age.error)
            .with("kafka.consumergroup.lag.seconds_basis", age.basis.as_str()),
    }
}

/// The names of a roll-up's fields.
pub(super) struct Names {
    seconds: &'static str,
    method: &'static str,
    unknown_partitions: &'static str,
}

/// Of a group.
pub(super) const GROUP: Names = Names {
    seconds: "kafka.group.lag.seconds",
    method: "kafka.group.lag.seconds_method",
    unknown_partitions: "kafka.group.lag.seconds_unknown_partitions",
};

/// Of a group's topic.
pub(super) const GROUP_TOPIC: Names = Names {
    seconds: "kafka.group_topic.lag.seconds",
    method: "kafka.group_topic.lag.seconds_method",
    unknown_partitions: "kafka.group_topic.lag.seconds_unknown_partitions",
};

/// The fields of a roll-up: those of the partition that is furthest behind.
pub(super) fn with_worst(document: Document, names: &Names, rows: &[Row<'_>]) -> Document {
    let ages = rows
        .iter()
        .filter_map(|row| row.age.as_ref()?.as_ref().ok());
    let lagging = rows.iter().filter(|row| row.lag.is_ok());
    let unknown = lagging
        .filter(|row| !matches!(row.age, Some(Ok(_))))
        .count();
    let document = match worst(ages) {
        None => document,
        Some(age) => document
            .with(names.seconds, age.seconds)
            .with(names.method, age.method.as_str()),
    };
    let unknown = (unknown > 0).then_some(unknown);
    document.with_some(names.unknown_partitions, unknown)
}
