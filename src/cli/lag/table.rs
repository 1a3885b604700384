//! Documents about groups as rows: the first six columns and the last three are those of `kafka-consumer-groups.sh`.

use std::collections::BTreeSet;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::cli::show::{aligned_by, printable};
use crate::document::{Document, text};

/// What is not known or not there.
const NOTHING: &str = "-";

/// A column of the table.
struct Column {
    heading: &'static str,
    /// The first of these fields that is there is shown.
    fields: &'static [&'static str],
    /// Digits of the same worth stand below each other.
    is_number: bool,
    /// Its place among those that are left out where the terminal is too narrow; none stays.
    left_out: Option<u8>,
}

const fn words(heading: &'static str, fields: &'static [&'static str]) -> Column {
    Column {
        heading,
        fields,
        is_number: false,
        left_out: None,
    }
}

const fn number(heading: &'static str, fields: &'static [&'static str]) -> Column {
    Column {
        is_number: true,
        ..words(heading, fields)
    }
}

const fn narrow(column: Column, place: u8) -> Column {
    Column {
        left_out: Some(place),
        ..column
    }
}

/// Beside several clusters only: Kafka's tool knows one.
pub(super) const CLUSTER: &str = "kafka.cluster.name";

const COLUMNS: &[Column] = &[
    words("CLUSTER", &[CLUSTER]),
    words("GROUP", &["kafka.consumergroup.id"]),
    words("TOPIC", &["kafka.topic.name"]),
    number("PARTITION", &["kafka.partition.id"]),
    narrow(number("CURRENT-OFFSET", &["kafka.consumergroup.offset"]), 4),
    narrow(
        number("LOG-END-OFFSET", &["kafka.consumergroup.log_end_offset"]),
        5,
    ),
    number("LAG", &["kafka.consumergroup.consumer_lag"]),
    number("SECONDS", &["kafka.consumergroup.lag.seconds"]),
    words(
        "STATUS",
        &["kafka.consumergroup.lag.status", "kafka.group.lag.status"],
    ),
    words(
        "REASON",
        &[
            "kafka.consumergroup.lag.unknown_reason",
            "kafka.consumergroup.lag.reason",
            "kafka.group.lag.unknown_reason",
            "kafka.group.unknown_reason",
            "kafka.group.lag.reason",
        ],
    ),
    narrow(
        words("CONSUMER-ID", &["kafka.consumergroup.client.member_id"]),
        1,
    ),
    narrow(words("HOST", &["kafka.consumergroup.client.host"]), 2),
    narrow(words("CLIENT-ID", &["kafka.consumergroup.client.id"]), 3),
];

/// What is printed.
pub(super) struct Table {
    /// The headings and the rows.
    pub(super) lines: Vec<String>,
    /// Headings of the columns that found no room.
    pub(super) left_out: Vec<&'static str>,
}

/// Partitions in the order of clusters, groups, topics and numbers; a group without any has a row of its own. `width`:
/// of the terminal, if it is one.
pub(super) fn table(documents: &[Document], width: Option<usize>) -> Table {
    let shown = shown(documents);
    let clusters: BTreeSet<String> = shown.iter().map(|one| cell(one, &[CLUSTER])).collect();
    let skipped = usize::from(clusters.len() < 2);
    let mut columns: Vec<&Column> = COLUMNS.iter().skip(skipped).collect();
    let mut left_out = Vec::new();
    loop {
        let lines = lines(&columns, &shown);
        let longest = lines.iter().map(|line| line.width()).max();
        let fits = width.is_none_or(|width| longest.unwrap_or(0) <= width);
        let next = columns.iter().enumerate();
        let next = next.filter_map(|(at, column)| Some((column.left_out?, at)));
        match next.min().filter(|_| !fits) {
            Some((_, at)) => left_out.push(columns.remove(at).heading),
            None => return Table { lines, left_out },
        }
    }
}

fn shown(documents: &[Document]) -> Vec<&Document> {
    let rows = documents.iter().filter(|one| is_row(one));
    let with_rows: BTreeSet<_> = rows.map(name).collect();
    let is_shown = |one: &&Document| is_row(one) || !with_rows.contains(&name(one));
    let mut shown: Vec<&Document> = documents.iter().filter(is_shown).collect();
    shown.sort_by_cached_key(|one| (name(one), place(one)));
    shown
}

fn lines(columns: &[&Column], documents: &[&Document]) -> Vec<String> {
    let heading = columns.iter().map(|column| column.heading.to_owned());
    let row = |document: &&Document| -> Vec<String> {
        let cells = columns.iter().map(|column| cell(document, column.fields));
        cells.collect()
    };
    let mut rows: Vec<Vec<String>> = vec![heading.collect()];
    rows.extend(documents.iter().map(row));
    let numbers: Vec<bool> = columns.iter().map(|column| column.is_number).collect();
    aligned_by(&rows, &numbers)
}

pub(super) fn is_row(document: &Document) -> bool {
    document.get("kafka.partition.id").is_some()
}

/// Cluster, group and store.
fn name(document: &Document) -> [String; 3] {
    [
        CLUSTER,
        "kafka.consumergroup.id",
        "kafka.consumergroup.store",
    ]
    .map(|field| cell(document, &[field]))
}

/// Topic and partition.
fn place(document: &Document) -> (String, u64) {
    let number = document.get("kafka.partition.id").and_then(Value::as_u64);
    (cell(document, &["kafka.topic.name"]), number.unwrap_or(0))
}

pub(super) fn cell(document: &Document, fields: &[&str]) -> String {
    let value = fields.iter().find_map(|field| document.get(field));
    match value {
        None => NOTHING.to_owned(),
        // Seconds: what comes behind the point is below the error of an estimate.
        Some(Value::Number(number)) if number.is_f64() => {
            format!("{:.0}", number.as_f64().unwrap_or(0.0))
        }
        Some(value) => printable(&text(value)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::cli::lag) fn partition(group: &str, number: u32) -> Document {
        Document::new("kafka.consumergroup", "partition")
            .key("kafka.consumergroup.id", group)
            .key("kafka.topic.name", "orders")
            .key("kafka.partition.id", number)
    }

    pub(in crate::cli::lag) fn group(id: &str) -> Document {
        Document::new("kafka.group", "group").key("kafka.consumergroup.id", id)
    }

    fn words(lines: &[String]) -> Vec<String> {
        let words = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
        lines.iter().map(words).collect()
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
        let table = table(&documents, None);
        assert_eq!(
            words(&table.lines[1..]),
            [
                "a - - - - - - - timeout - - -",
                "b orders 9 - - - 13 STOP no_members - - -",
                "b orders 10 - - 7 - - - - - -",
            ]
        );
        assert_eq!(table.left_out, [""; 0]);
        let ends = table.lines.iter().map(|line| line.find("STATUS"));
        let place = ends.flatten().next();
        assert_eq!(table.lines[2].find("STOP"), place, "aligned");
    }

    #[test]
    fn a_narrow_terminal_costs_columns_and_never_a_line() {
        let documents = [partition("b", 9)
            .with("kafka.consumergroup.consumer_lag", 7)
            .with("kafka.consumergroup.client.member_id", "x".repeat(50))];
        let table = |width| table(&documents, Some(width));
        assert_eq!(table(160).left_out, [""; 0]);
        assert_eq!(table(120).left_out, ["CONSUMER-ID"]);
        let narrow = table(60);
        let all = ["CONSUMER-ID", "HOST", "CLIENT-ID", "CURRENT-OFFSET"];
        assert_eq!(narrow.left_out, [&all[..], &["LOG-END-OFFSET"]].concat());
        assert!(narrow.lines.iter().all(|line| line.len() <= 60));
        let heading = &words(&table(10).lines)[0];
        assert_eq!(heading, "GROUP TOPIC PARTITION LAG SECONDS STATUS REASON");
    }

    #[test]
    fn several_clusters_have_a_column() {
        let of = |cluster: &str| partition("a", 0).with(CLUSTER, cluster);
        let one = words(&table(&[of("x")], None).lines);
        assert!(one[1].starts_with("a orders"), "{one:?}");
        let two = words(&table(&[of("y"), of("x")], None).lines);
        assert!(two[0].starts_with("CLUSTER GROUP"), "{two:?}");
        assert!(two[1].starts_with("x a orders"), "{two:?}");
        assert!(two[2].starts_with("y a orders"), "{two:?}");
    }

    /// A group's name is what a client made of it.
    #[test]
    fn no_name_moves_the_cursor() {
        let name = "a\u{1b}[2J\nb\u{202e}c";
        let lines = table(&[partition(name, 0)], None).lines;
        assert_eq!(lines.len(), 2);
        let moves = ['\u{1b}', '\n', '\u{202e}'];
        assert!(!lines[1].contains(moves), "{lines:?}");
    }
}
