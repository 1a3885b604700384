//! The fields of how old the first unread records are. Pure.

use super::lag::Row;
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
    const SECONDS: &str = "kafka.consumergroup.lag.seconds";
    let age = match age {
        None => return document,
        Some(Err(why)) => {
            return document.with(&format!("{SECONDS}_unknown_reason"), why.as_str());
        }
        Some(Ok(age)) => age,
    };
    let document = document
        .with(SECONDS, age.seconds)
        .with(&format!("{SECONDS}_method"), age.method.as_str());
    match age.method {
        Method::Exact => document,
        Method::Estimated => document
            .with(&format!("{SECONDS}_error"), age.error)
            .with(&format!("{SECONDS}_basis"), age.basis.as_str()),
    }
}

/// The fields of a group, or of one of its topics: those of the partition that is furthest behind.
pub(super) fn with_worst(document: Document, prefix: &str, rows: &[Row<'_>]) -> Document {
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
            .with(&format!("{prefix}.lag.seconds"), age.seconds)
            .with(&format!("{prefix}.lag.seconds_method"), age.method.as_str()),
    };
    let unknown = (unknown > 0).then_some(unknown);
    document.with_some(&format!("{prefix}.lag.seconds_unknown_partitions"), unknown)
}
