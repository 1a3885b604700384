//! What a group's partitions of one topic come to. Pure.
//!
//! A sum counts what is known. It is whole where `lag.unknown_partitions` is 0, at least that much
//! where it is not, and absent where nothing is known: it never stands for more than it says.

use std::collections::BTreeSet;

use super::ages;
use super::rows::{Lags, Row};
use super::snapshot::Group;
use crate::document::Document;

/// A document for each topic of the group, whose rows are in the order of their topics.
pub(super) fn documents(group: &Group, rows: &[Row<'_>]) -> Vec<Document> {
    let of_topic = |a: &Row<'_>, b: &Row<'_>| a.topic == b.topic;
    let topics = rows.chunk_by(of_topic);
    topics.filter_map(|rows| document(group, rows)).collect()
}

fn document(group: &Group, rows: &[Row<'_>]) -> Option<Document> {
    let lags = Lags::of(rows);
    let reasons: BTreeSet<&str> = rows
        .iter()
        .filter_map(|row| Some(row.lag.err()?.as_str()))
        .collect();
    let reasons: Vec<&str> = reasons.into_iter().collect();
    let document = group
        .document("kafka.group_topic", "topic")
        .key("kafka.topic.name", rows.first()?.topic)
        .with_some("kafka.group_topic.members", members(group, rows))
        .with_some("kafka.group_topic.lag.sum", lags.sum)
        .with_some("kafka.group_topic.lag.max", lags.max)
        .with_some(
            "kafka.group_topic.lag.unknown_reason",
            (!reasons.is_empty()).then_some(reasons),
        );
    let document = ages::with_worst(document, &ages::GROUP_TOPIC, rows);
    // Without its commits nobody knows how many partitions a group has.
    Some(match &group.committed {
        Err(_) => document,
        Ok(_) => document
            .with("kafka.group_topic.partitions", rows.len())
            .with("kafka.group_topic.lag.unknown_partitions", lags.unknown),
    })
}

/// How many members have a partition of the topic, where the members are known.
fn members(group: &Group, rows: &[Row<'_>]) -> Option<usize> {
    group.description.as_ref().ok()?;
    let ids = rows.iter().filter_map(|row| Some(row.member?.id.as_str()));
    Some(ids.collect::<BTreeSet<&str>>().len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::collect::kafka::snapshot::{Description, Member, Missing, Reason, Store};
    use crate::document::get_nested;
    use crate::lag::seconds::{Age, Unknown};

    fn member(id: &str) -> Member {
        Member {
            id: id.into(),
            client_id: String::new(),
            host: String::new(),
            instance_id: None,
            assigned: BTreeMap::new(),
        }
    }

    fn group() -> Group {
        Group {
            id: "g".into(),
            store: Store::Kafka,
            coordinator: Some(1),
            listing: None,
            description: Ok(Description {
                state: "Stable".into(),
                kind: "Classic".into(),
                simple: false,
                assignor: String::new(),
                members: vec![],
            }),
            committed: Ok(BTreeMap::new()),
            last_partitions: BTreeMap::new(),
        }
    }

    fn row<'a>(topic: &'a str, lag: Result<i64, Reason>, member: Option<&'a Member>) -> Row<'a> {
        Row {
            topic,
            partition: 0,
            committed: None,
            log_start: None,
            log_end: None,
            lag,
            age: lag.ok().map(|lag| match lag {
                0.. => Ok(Age {
                    seconds: 10.0 * lag as f64,
                    ..Age::NONE
                }),
                _ => Err(Unknown::Truncated),
            }),
            member,
        }
    }

    fn made(group: &Group, rows: &[Row<'_>]) -> Vec<serde_json::Value> {
        let documents = documents(group, rows).into_iter();
        documents
            .map(|document| {
                let fields = document.fields();
                get_nested(&fields, "kafka.group_topic")
                    .cloned()
                    .unwrap_or_default()
            })
            .collect()
    }

    #[test]
    fn a_sum_says_whether_it_is_whole() {
        let (one, two) = (member("1"), member("2"));
        let rows = [
            row("a", Ok(5), Some(&one)),
            row("a", Ok(-3), Some(&one)),
            row("a", Ok(7), Some(&two)),
            row("b", Ok(4), None),
            row("b", Err(Reason::NoLeader), None),
            row("b", Err(Reason::NoCommit), Some(&two)),
            row("c", Err(Reason::NoCommit), None),
        ];
        let mut group = group();
        let known = json!({
            "members": 2, "partitions": 3,
            "lag": {"sum": 12, "max": 7, "unknown_partitions": 0,
                    "seconds": 70.0, "seconds_method": "exact", "seconds_unknown_partitions": 1},
        });
        let partial = json!({
            "members": 1, "partitions": 3,
            "lag": {"sum": 4, "max": 4, "unknown_partitions": 2,
                    "seconds": 40.0, "seconds_method": "exact",
                    "unknown_reason": ["no_commit", "no_leader"]},
        });
        let nothing = json!({
            "members": 0, "partitions": 1,
            "lag": {"unknown_partitions": 1, "unknown_reason": ["no_commit"]},
        });
        assert_eq!(made(&group, &rows), [known, partial, nothing]);
        group.committed = Err(Missing::new(Reason::Timeout, ""));
        group.description = Err(Missing::new(Reason::Timeout, ""));
        let rows = [row("a", Err(Reason::Timeout), None)];
        let unknown = json!({"lag": {"unknown_reason": ["timeout"]}});
        assert_eq!(made(&group, &rows), [unknown]);
    }
}
