//! From judgements to fields and to lines of the event stream. Pure.

use super::snapshot::Group;
use crate::clock::Millis;
use crate::document::Document;
use crate::event::event;
use crate::lag::rates::Rates;
use crate::lag::{Change, GroupVerdict, Status, Verdict};

/// `event.action` of a line about a group, and about a partition.
const GROUP_CHANGED: &str = "consumer-group-status-changed";
const PARTITION_CHANGED: &str = "consumer-partition-status-changed";

/// What is said of a partition.
pub fn with_partition(document: Document, verdict: &Verdict) -> Document {
    let judgement = &verdict.judgement;
    let sample = verdict.sample.as_ref();
    let document = document
        .with("kafka.consumergroup.lag.status", judgement.status.as_str())
        .with("kafka.consumergroup.lag.reason", judgement.cause.as_str())
        .with("kafka.consumergroup.lag.status_since", date(verdict.since))
        .with_some(
            "kafka.consumergroup.log_start_offset",
            sample.and_then(|sample| sample.log_start),
        )
        .with_some("kafka.consumergroup.lag.stuck", stuck_seconds(verdict))
        .with_some("kafka.consumergroup.lag.catch_up", judgement.catch_up)
        .with_some(
            "kafka.consumergroup.lag.retention_left",
            sample.and_then(|sample| sample.retention_left()),
        )
        .with_some("kafka.consumergroup.lag.lost", lost(verdict));
    with_rates(document, PARTITION_RATES, judgement.rates.as_ref())
}

/// What is said of a group.
pub fn with_group(document: Document, verdict: &GroupVerdict) -> Document {
    let worst = verdict.worst.as_ref();
    let document = document
        .with("kafka.group.lag.status", verdict.status.as_str())
        .with("kafka.group.lag.reason", verdict.cause.as_str())
        .with("kafka.group.lag.status_since", date(verdict.since))
        .with_some(
            "kafka.group.lag.worst.topic",
            worst.map(|(topic, _)| topic.as_str()),
        )
        .with_some(
            "kafka.group.lag.worst.partition",
            worst.map(|(_, partition)| *partition),
        )
        .with_some("kafka.group.lag.catch_up", verdict.catch_up)
        .with_some("kafka.group.lag.skew", verdict.skew)
        .with_some("kafka.group.lag.retention_left", verdict.retention_left);
    with_rates(document, GROUP_RATES, verdict.rates.as_ref())
}

/// Fields of the rates: of the commit, the log end, the lag, and the time that they are taken over.
type RateFields = [&'static str; 4];

const PARTITION_RATES: RateFields = [
    "kafka.consumergroup.lag.rate.committed",
    "kafka.consumergroup.lag.rate.log_end",
    "kafka.consumergroup.lag.rate.lag",
    "kafka.consumergroup.lag.rate.span",
];

const GROUP_RATES: RateFields = [
    "kafka.group.lag.rate.committed",
    "kafka.group.lag.rate.log_end",
    "kafka.group.lag.rate.lag",
    "kafka.group.lag.rate.span",
];

fn with_rates(document: Document, fields: RateFields, rates: Option<&Rates>) -> Document {
    let Some(rates) = rates else {
        return document;
    };
    let values = [rates.committed, rates.log_end, rates.lag, rates.seconds];
    let fields = fields.into_iter().zip(values);
    fields.fold(document, |document, (field, value)| {
        document.with(field, value)
    })
}

/// A group is found by the same fields as its documents.
pub(super) fn with_id(line: Document, group: &Group) -> Document {
    line.with("kafka.consumergroup.id", group.id.as_str())
        .with("kafka.consumergroup.store", group.store.as_str())
}

pub(super) fn group_line(group: &Group, before: Status, verdict: &GroupVerdict) -> Document {
    let (status, cause) = (verdict.status, verdict.cause);
    let worst = verdict.worst.as_ref();
    let place = worst.map_or_else(String::new, |(topic, partition)| {
        format!(", worst is {topic}-{partition}")
    });
    let message = format!(
        "group {}: lag status {} → {} ({}{place})",
        group.name(),
        before.as_str(),
        status.as_str(),
        cause.as_str()
    );
    with_change(
        event(GROUP_CHANGED, level(status), &message),
        group,
        before,
        status,
        cause.as_str(),
    )
    .with_some("kafka.topic.name", worst.map(|(topic, _)| topic.as_str()))
    .with_some("kafka.partition.id", worst.map(|(_, partition)| *partition))
}

pub(super) fn partition_line(group: &Group, change: &Change) -> Document {
    let Change {
        topic,
        partition,
        before,
        verdict,
    } = change;
    let judgement = &verdict.judgement;
    let sample = verdict.sample.as_ref();
    let message = format!(
        "group {}, {topic}-{partition}: lag status {} → {} ({}{})",
        group.name(),
        before.as_str(),
        judgement.status.as_str(),
        judgement.cause.as_str(),
        numbers(verdict)
    );
    let line = event(PARTITION_CHANGED, level(judgement.status), &message);
    with_change(
        line,
        group,
        *before,
        judgement.status,
        judgement.cause.as_str(),
    )
    .with("kafka.topic.name", topic.as_str())
    .with("kafka.partition.id", *partition)
    .with_some(
        "kafka.consumergroup.offset",
        sample.map(|sample| sample.committed),
    )
    .with_some(
        "kafka.consumergroup.log_end_offset",
        sample.map(|sample| sample.log_end),
    )
    .with_some(
        "kafka.consumergroup.consumer_lag",
        sample.map(|sample| sample.lag()),
    )
    .with_some("kafka.consumergroup.lag.stuck", stuck_seconds(verdict))
    .with_some("kafka.consumergroup.lag.lost", lost(verdict))
}

fn with_change(
    line: Document,
    group: &Group,
    before: Status,
    status: Status,
    reason: &str,
) -> Document {
    with_id(line, group)
        .with("kafka.consumergroup.lag.status_before", before.as_str())
        .with("kafka.consumergroup.lag.status", status.as_str())
        .with("kafka.consumergroup.lag.reason", reason)
}

/// `, 120 records behind, no commit for 300 s`.
fn numbers(verdict: &Verdict) -> String {
    let Some(sample) = &verdict.sample else {
        return String::new();
    };
    let mut text = format!(", {} records behind", sample.lag());
    if let Some(seconds) = stuck_seconds(verdict).filter(|seconds| *seconds > 0) {
        text += &format!(", no commit for {seconds} s");
    }
    if let Some(lost) = lost(verdict) {
        text += &format!(", {lost} deleted unread");
    }
    text
}

fn stuck_seconds(verdict: &Verdict) -> Option<u64> {
    Some(verdict.judgement.stuck_for? / 1_000)
}

fn lost(verdict: &Verdict) -> Option<i64> {
    let sample = verdict.sample.as_ref()?;
    let truncated = verdict.judgement.status == Status::Truncated;
    sample.lost().filter(|_| truncated)
}

pub(super) fn level(status: Status) -> &'static str {
    match status {
        Status::Ok | Status::NoCommit | Status::Unknown => "info",
        Status::Warn => "warning",
        Status::Rewind | Status::Stall | Status::Stop | Status::Err | Status::Truncated => "error",
    }
}

fn date(millis: u64) -> String {
    Millis(millis).to_rfc3339()
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::super::lines::Lines;
    use super::super::snapshot::{Missing, Reason, Store};
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::lag::{Evaluator, Reader, Rules, Sample, Settings, Sight};

    /// A window later nobody has read 10 records of each partition.
    pub(in crate::collect::kafka) fn stopped(partitions: i32) -> GroupVerdict {
        let rules = Rules::new(&Settings::default(), Duration::from_secs(10));
        let mut evaluator = Evaluator::new(rules);
        let mut verdict = None;
        for (tick, log_end) in [(0, 5), (10_000, 15), (310_000, 15)] {
            evaluator.begin(tick, None);
            let mut group = evaluator.group("g");
            for partition in 0..partitions {
                let sample = Sample {
                    committed: 5,
                    log_start: Some(0),
                    log_end,
                };
                group.partition("t", partition, Sight::Sample(sample), Reader::Nobody);
            }
            verdict = Some(group.finish(None));
            evaluator.end(true);
        }
        verdict.unwrap()
    }

    /// A group of which nothing is known.
    pub(in crate::collect::kafka) fn group(id: &str, store: Store) -> Group {
        let missing = || Missing::new(Reason::Timeout, "");
        Group {
            id: id.to_owned(),
            store,
            coordinator: None,
            listing: None,
            description: Err(missing()),
            committed: Err(missing()),
            last_partitions: BTreeMap::new(),
        }
    }

    pub(in crate::collect::kafka) fn lines(verdicts: &[(&str, GroupVerdict)]) -> Vec<Document> {
        let groups: Vec<Group> = verdicts
            .iter()
            .map(|(id, _)| group(id, Store::Kafka))
            .collect();
        let mut lines = Lines::default();
        for (group, (_, verdict)) in groups.iter().zip(verdicts) {
            lines.add(group, verdict);
        }
        lines.into_documents()
    }

    pub(in crate::collect::kafka) fn messages(lines: &[Document]) -> Vec<&str> {
        let messages = lines
            .iter()
            .filter_map(|line| line.get("message")?.as_str());
        messages.collect()
    }

    #[test]
    fn a_change_has_before_after_reason_and_the_numbers() {
        let lines = lines(&[("orders", stopped(1))]);
        assert_eq!(
            messages(&lines),
            [
                "group orders: lag status OK → STOP (no_members, worst is t-0)",
                "group orders, t-0: lag status OK → STOP (no_members, 10 records behind, no commit for 300 s)",
            ]
        );
        for line in &lines {
            let strangers = Catalogue::get().strangers("event", &line.fields());
            assert!(strangers.is_empty(), "{strangers:?}");
            assert_eq!(line.get("log.level").unwrap(), "error");
        }
    }

    /// One id may stand for a group in Kafka and for another one in ZooKeeper.
    #[test]
    fn lines_name_their_group_as_its_documents_do() {
        let group = group("orders", Store::ZooKeeper);
        let mut lines = Lines::default();
        lines.add(&group, &stopped(20));
        let lines = lines.into_documents();
        assert_eq!(lines.len(), 1 + 10 + 1);
        for line in lines {
            assert_eq!(line.get("kafka.consumergroup.id").unwrap(), "orders");
            assert_eq!(line.get("kafka.consumergroup.store").unwrap(), "zookeeper");
            let message = line.get("message").unwrap().as_str().unwrap();
            assert!(
                message.starts_with("group orders (in ZooKeeper)"),
                "{message}"
            );
        }
    }
}
