//! Documents about groups as rows: the first six columns and the last three are those of `kafka-consumer-groups.sh`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cli::show::aligned;
use crate::document::{Document, text};

/// What is not known or not there.
const NOTHING: &str = "-";

/// A heading, and the fields of which the first that is there is shown.
const COLUMNS: &[(&str, &[&str])] = &[
    ("GROUP", &["kafka.consumergroup.id"]),
    ("TOPIC", &["kafka.topic.name"]),
    ("PARTITION", &["kafka.partition.id"]),
    ("CURRENT-OFFSET", &["kafka.consumergroup.offset"]),
    ("LOG-END-OFFSET", &["kafka.consumergroup.log_end_offset"]),
    ("LAG", &["kafka.consumergroup.consumer_lag"]),
    ("SECONDS", &["kafka.consumergroup.lag.seconds"]),
    (
        "STATUS",
        &["kafka.consumergroup.lag.status", "kafka.group.lag.status"],
    ),
    (
        "REASON",
        &[
            "kafka.consumergroup.lag.unknown_reason",
            "kafka.consumergroup.lag.reason",
            "kafka.group.lag.unknown_reason",
            "kafka.group.unknown_reason",
            "kafka.group.lag.reason",
        ],
    ),
    ("CONSUMER-ID", &["kafka.consumergroup.client.member_id"]),
    ("HOST", &["kafka.consumergroup.client.host"]),
    ("CLIENT-ID", &["kafka.consumergroup.client.id"]),
];

/// The table with its headings: partitions in the order of groups, topics and numbers; a group without any has a row of
/// its own.
pub(super) fn table(documents: &[Document]) -> Vec<String> {
    let rows = documents.iter().filter(|one| is_row(one));
    let with_rows: BTreeSet<_> = rows.map(name).collect();
    let is_shown = |one: &&Document| is_row(one) || !with_rows.contains(&name(one));
    let shown = documents.iter().filter(is_shown);
    let mut shown: Vec<&Document> = shown.collect();
    shown.sort_by_cached_key(|one| (name(one), place(one)));
    let heading = COLUMNS.iter().map(|(heading, _)| (*heading).to_owned());
    let rows = shown.into_iter().map(row);
    let rows: Vec<Vec<String>> = std::iter::once(heading.collect()).chain(rows).collect();
    aligned(&rows)
}

/// What Kafka's tool says beside its table.
pub(super) fn sentences(documents: &[Document]) -> Vec<String> {
    let groups = documents.iter().filter(|one| !is_row(one));
    let mut sentences: Vec<String> = groups.filter_map(sentence).collect();
    sentences.sort_unstable();
    sentences
}

fn sentence(group: &Document) -> Option<String> {
    let id = cell(group, &["kafka.consumergroup.id"]);
    let state = cell(group, &["kafka.group.state"]);
    let members = group.get("kafka.group.members").and_then(Value::as_u64);
    if let Some(why) = group.get("kafka.group.unknown_reason") {
        return Some(format!(
            "Members of consumer group '{id}' are not known: {}",
            text(why)
        ));
    }
    (members == Some(0)).then(|| format!("Consumer group '{id}' has no active members ({state})."))
}

fn is_row(document: &Document) -> bool {
    document.get("kafka.partition.id").is_some()
}

/// Group and store.
fn name(document: &Document) -> [String; 2] {
    ["kafka.consumergroup.id", "kafka.consumergroup.store"].map(|field| cell(document, &[field]))
}

/// Topic and partition.
fn place(document: &Document) -> (String, u64) {
    let number = document.get("kafka.partition.id").and_then(Value::as_u64);
    (cell(document, &["kafka.topic.name"]), number.unwrap_or(0))
}

fn row(document: &Document) -> Vec<String> {
    COLUMNS
        .iter()
        .map(|(_, fields)| cell(document, fields))
        .collect()
}

fn cell(document: &Document, fields: &[&str]) -> String {
    let value = fields.iter().find_map(|field| document.get(field));
    match value {
        None => NOTHING.to_owned(),
        // Seconds: what comes behind the point is below the error of an estimate.
        Some(Value::Number(number)) if number.is_f64() => {
            format!("{:.0}", number.as_f64().unwrap_or(0.0))
        }
        Some(value) => crate::cli::show::printable(&text(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(group: &str, number: u32) -> Document {
        Document::new("kafka.consumergroup", "partition")
            .key("kafka.consumergroup.id", group)
            .key("kafka.topic.name", "orders")
            .key("kafka.partition.id", number)
    }

    fn group(id: &str) -> Document {
        Document::new("kafka.group", "group").key("kafka.consumergroup.id", id)
    }

    #[test]
    fn rows_stand_in_order_and_a_group_without_any_is_seen() {
        let documents = [
            group("b")
                .with("kafka.group.members", 0)
                .with("kafka.group.state", "empty"),
            partition("b", 10).with("kafka.consumergroup.consumer_lag", 7),
            partition("b", 9)
                .with("kafka.consumergroup.lag.seconds", 12.6)
                .with("kafka.consumergroup.lag.status", "STOP")
                .with("kafka.consumergroup.lag.reason", "no_members"),
            group("a").with("kafka.group.unknown_reason", "timeout"),
        ];
        let table: Vec<String> = table(&documents)
            .iter()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            table[1..],
            [
                "a - - - - - - - timeout - - -",
                "b orders 9 - - - 13 STOP no_members - - -",
                "b orders 10 - - 7 - - - - - -",
            ]
        );
        assert_eq!(
            sentences(&documents),
            [
                "Consumer group 'b' has no active members (empty).",
                "Members of consumer group 'a' are not known: timeout",
            ]
        );
    }

    /// A group's name is what a client made of it.
    #[test]
    fn no_name_moves_the_cursor() {
        let table = table(&[partition("a\u{1b}[2J\nb", 0)]);
        assert_eq!(table.len(), 2);
        assert!(!table[1].contains(['\u{1b}', '\n']), "{table:?}");
    }
}
