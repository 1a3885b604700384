//! From the snapshot to documents about groups and their lag. Pure.
//!
//! Lag is log end − committed offset. Where either is unknown there is no lag and a reason: unknown
//! is never 0. Commits are read first; a log end below the commit is then real (the topic was made
//! anew, or truncated): lag is 0, and `lag.raw` keeps the negative number.

use std::collections::BTreeSet;

use super::readers::Readers;
use super::rows::{Lags, Row, members, rows};
use super::snapshot::{Answer, Description, Group, Snapshot};
use super::standing::{with_group, with_partition};
use super::{ages, group_topic};
use crate::document::Document;
use crate::lag::series::Judgement;
use crate::lag::{Evaluator, GroupVerdict, Sample, Verdict};

/// What is said of a group and of its partitions, in the order of its rows.
pub struct Judged {
    /// Of the group.
    pub group: GroupVerdict,
    partitions: Vec<Kept>,
}

/// A [`Verdict`] without the sample, which its row has: a large cluster has tens of thousands.
struct Kept {
    judgement: Judgement,
    since: u64,
}

impl Kept {
    fn with(&self, sample: Option<Sample>) -> Verdict {
        Verdict {
            judgement: self.judgement,
            since: self.since,
            sample,
        }
    }
}

/// Gives a group's offsets to the evaluation.
pub fn judge(group: &Group, snapshot: &Snapshot, evaluator: &mut Evaluator) -> Judged {
    let members = members(group);
    let rows = rows(group, snapshot, &members);
    let readers = Readers::of(group, &members);
    let mut cycle = evaluator.group(&group.name());
    let judge = |row: &Row<'_>| {
        let reader = readers.reader(row);
        let verdict = cycle.partition(row.topic, row.partition, row.sight(), reader);
        Kept {
            judgement: verdict.judgement,
            since: verdict.since,
        }
    };
    let partitions = rows.iter().map(judge).collect();
    let mut verdict = cycle.finish(reason(&group.committed));
    if !has_status(group, &rows) {
        verdict.before = None;
    }
    Judged {
        group: verdict,
        partitions,
    }
}

/// Connect's workers and their like commit nothing: there is nothing to judge.
fn has_status(group: &Group, rows: &[Row<'_>]) -> bool {
    let is_other = protocol(group).is_some_and(|protocol| protocol != CONSUMER);
    !is_other || !rows.is_empty()
}

/// The group's own document, one for each of its topics and one for each of its partitions.
pub fn documents(group: &Group, snapshot: &Snapshot, judged: &Judged) -> Vec<Document> {
    let rows = rows(group, snapshot, &members(group));
    let mut documents = vec![group_document(group, &rows, &judged.group)];
    documents.extend(group_topic::documents(group, &rows));
    let rows = rows.iter().zip(&judged.partitions);
    documents.extend(rows.map(|(row, kept)| row_document(group, row, &kept.with(row.sample()))));
    documents
}

fn row_document(group: &Group, row: &Row<'_>, verdict: &Verdict) -> Document {
    let document = group
        .document("kafka.consumergroup", "partition")
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
    let document = with_partition(document, verdict);
    let document = ages::with_age(document, row.age);
    let Some(member) = row.member else {
        return document;
    };
    document
        .with_some("kafka.consumergroup.client.id", told(&member.client_id))
        .with_some(
            "kafka.consumergroup.client.host",
            told(member.host.trim_start_matches('/')),
        )
        .with("kafka.consumergroup.client.member_id", member.id.as_str())
        .with_some(
            "kafka.consumergroup.client.instance_id",
            member.instance_id.as_deref(),
        )
}

/// Old consumers do not tell everything.
fn told(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn group_document(group: &Group, rows: &[Row<'_>], verdict: &GroupVerdict) -> Document {
    let lags = Lags::of(rows);
    let topics: BTreeSet<&str> = rows.iter().map(|row| row.topic).collect();
    let document = group
        .document("kafka.group", "group")
        .with("kafka.group.state", state(group))
        .with_some(
            "kafka.group.coordinator.id",
            group.coordinator.filter(|_| is_present(group)),
        )
        .with_some("kafka.group.protocol", protocol(group))
        .with_some("kafka.group.lag.sum", lags.sum)
        .with_some("kafka.group.lag.max", lags.max)
        .with_some("kafka.group.lag.unknown_reason", reason(&group.committed));
    let document = ages::with_worst(document, &ages::GROUP, rows);
    let document = match has_status(group, rows) {
        true => with_group(document, verdict),
        false => document,
    };
    // Without its commits nobody knows how many partitions a group has.
    let document = match &group.committed {
        Err(_) => document,
        Ok(_) => document
            .with("kafka.group.topics", topics.len())
            .with("kafka.group.partitions", rows.len())
            .with("kafka.group.lag.unknown_partitions", lags.unknown),
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

/// What the members speak, by the list of groups.
fn protocol(group: &Group) -> Option<&str> {
    group.listing.as_ref()?.protocol.as_deref()
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

/// The protocol of groups that commit offsets.
const CONSUMER: &str = "consumer";
/// The state of a group that nobody told.
pub(super) const UNKNOWN: &str = "unknown";

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
pub(super) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 1);
    for (index, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::collect::kafka::snapshot::{
        Inventory, LogEnds, Metadata, Missing, Partition, Reason, Store, Topic,
    };
    use crate::document::get_nested;
    use crate::lag::{Rules, Settings};

    fn missing(reason: Reason) -> Missing {
        Missing::new(reason, "")
    }

    /// Topic `t` with partitions 0 (log end 10) and 1 (no leader).
    fn snapshot(committed: Answer<Vec<(&str, i32, Option<i64>)>>) -> Snapshot {
        let partition = |id| Partition {
            id,
            error: None,
            leader: None,
            replicas: vec![],
            isr: vec![],
        };
        let ends = |latest: Answer<i64>| LogEnds {
            earliest: Ok(0),
            latest,
        };
        let topic = Topic {
            name: "t".into(),
            error: None,
            internal: false,
            selected: true,
            partitions: vec![partition(0), partition(1)],
        };
        let logs = [(0, ends(Ok(10))), (1, ends(Err(missing(Reason::NoLeader))))];
        let group = Group {
            id: "g".into(),
            store: Store::Kafka,
            coordinator: Some(1),
            listing: None,
            description: Err(missing(Reason::Timeout)),
            committed: committed.map(|all| {
                let mut by_partition = BTreeMap::<String, BTreeMap<_, _>>::new();
                for (topic, id, offset) in all {
                    by_partition
                        .entry(topic.into())
                        .or_default()
                        .insert(id, Ok(offset));
                }
                by_partition
            }),
            last_partitions: BTreeMap::new(),
        };
        Snapshot {
            cluster_id: None,
            controller: None,
            description: Ok(()),
            metadata: Ok(Metadata {
                brokers: vec![],
                topics: vec![topic],
            }),
            logs: BTreeMap::from([("t".to_owned(), BTreeMap::from(logs))]),
            groups: vec![group],
            times: Default::default(),
            group_count: None,
            unlisted: BTreeMap::new(),
            old_store: None,
            inventory: Inventory::default(),
            gone: Default::default(),
        }
    }

    fn made(snapshot: &Snapshot) -> Vec<serde_json::Value> {
        let rules = Rules::new(&Settings::default(), Duration::from_secs(10));
        let mut evaluator = Evaluator::new(rules);
        evaluator.begin(0, None);
        let judged = judge(&snapshot.groups[0], snapshot, &mut evaluator);
        documents(&snapshot.groups[0], snapshot, &judged)
            .into_iter()
            .filter(|document| document.dataset != "kafka.group_topic")
            .map(|document| {
                let all = document.fields();
                let group = get_nested(&all, "kafka.group").cloned();
                let mut fields = group.unwrap_or_else(|| {
                    let mut fields = get_nested(&all, "kafka.consumergroup").cloned().unwrap();
                    fields.as_object_mut().unwrap().remove("id");
                    fields.as_object_mut().unwrap().remove("store");
                    fields
                });
                // The first cycle is not what these tests are about.
                let lag = fields["lag"].as_object_mut().unwrap();
                lag.remove("status_since").unwrap();
                lag.remove("reason").unwrap();
                fields
            })
            .collect()
    }

    #[test]
    fn unknown_is_never_zero_and_negative_is_kept_beside_it() {
        let committed = vec![
            ("gone", 0, Some(5)),
            ("t", 0, Some(12)),
            ("t", 1, Some(3)),
            ("t", 2, Some(4)),
        ];
        let made = made(&snapshot(Ok(committed)));
        assert_eq!(
            made[0]["lag"],
            json!({
                "sum": 0,
                "max": 0,
                "seconds_unknown_partitions": 1,
                "unknown_partitions": 3,
                "status": "TRUNCATED",
                "worst": {"topic": "t", "partition": 0},
            })
        );
        assert_eq!(
            made[1..],
            [
                json!({"offset": 5, "lag": {"unknown_reason": "topic_deleted", "status": "UNKNOWN"}}),
                json!({
                    "offset": 12,
                    "log_end_offset": 10,
                    "log_start_offset": 0,
                    "consumer_lag": 0,
                    "lag": {"raw": -2, "seconds_unknown_reason": "truncated", "status": "TRUNCATED"},
                }),
                json!({"offset": 3, "lag": {"unknown_reason": "no_leader", "status": "UNKNOWN"}}),
                json!({"offset": 4, "lag": {"unknown_reason": "partition_deleted", "status": "UNKNOWN"}}),
            ]
        );
    }

    #[test]
    fn a_group_that_nobody_answers_for_keeps_its_partitions_without_numbers() {
        let mut snapshot = snapshot(Err(missing(Reason::CoordinatorUnavailable)));
        snapshot.groups[0].last_partitions = BTreeMap::from([("t".to_owned(), vec![0])]);
        let reason = "coordinator_unavailable";
        assert_eq!(
            made(&snapshot),
            [
                json!({
                    "state": "unknown",
                    "lag": {
                        "unknown_reason": reason,
                        "status": "UNKNOWN",
                        "worst": {"topic": "t", "partition": 0},
                    },
                    "unknown_reason": "timeout",
                }),
                json!({"log_end_offset": 10, "lag": {"unknown_reason": reason, "status": "UNKNOWN"}}),
            ]
        );
    }
}
