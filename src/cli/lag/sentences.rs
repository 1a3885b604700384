//! What is said beside the table: about groups, as Kafka's tool does, and about what is missing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::table::{cell, is_row};
use crate::document::{Document, text};

/// Sentences of one sort before they are counted: the table has all the groups.
const MOST: usize = 10;

/// What Kafka's tool says beside its table, and what a dash in it means. What is not there is said only where nothing is
/// missing.
pub(super) fn sentences(
    documents: &[Document],
    asked_for: &[String],
    complete: bool,
) -> Vec<String> {
    let groups: Vec<&Document> = documents.iter().filter(|one| !is_row(one)).collect();
    let empty = groups.iter().filter_map(|group| without_members(group));
    let unread = groups.iter().filter_map(|group| unknown_members(group));
    let mut sentences = bounded(empty.collect(), "consumer groups without active members");
    sentences.extend(bounded(
        unread.collect(),
        "groups whose members are not known",
    ));
    sentences.extend(unknown_seconds(documents));
    if !complete {
        return sentences;
    }
    let absent = absent(documents, asked_for);
    if groups.is_empty() && absent.is_empty() {
        let such = if asked_for.is_empty() { "" } else { "such " };
        sentences.push(format!("There is no {such}consumer group."));
    }
    let absent = absent.into_iter();
    sentences.extend(absent.map(|name| format!("Consumer group '{name}' does not exist.")));
    sentences
}

/// Whole names that were asked for and are not there.
pub(super) fn absent<'a>(documents: &[Document], asked_for: &'a [String]) -> Vec<&'a str> {
    let ids = documents.iter();
    let ids = ids.filter_map(|one| one.get("kafka.consumergroup.id")?.as_str());
    let ids: BTreeSet<&str> = ids.collect();
    let names = asked_for.iter().map(String::as_str);
    let names = names.filter(|name| !name.contains(['*', '?']));
    names.filter(|name| !ids.contains(name)).collect()
}

fn bounded(mut sentences: Vec<String>, what: &str) -> Vec<String> {
    sentences.sort_unstable();
    let more = sentences.len().saturating_sub(MOST);
    sentences.truncate(MOST);
    if more > 0 {
        sentences.push(format!("… and {more} more {what}."));
    }
    sentences
}

fn without_members(group: &Document) -> Option<String> {
    let members = group.get("kafka.group.members").and_then(Value::as_u64)?;
    let id = cell(group, &["kafka.consumergroup.id"]);
    let state = cell(group, &["kafka.group.state"]);
    (members == 0).then(|| format!("Consumer group '{id}' has no active members ({state})."))
}

fn unknown_members(group: &Document) -> Option<String> {
    let id = cell(group, &["kafka.consumergroup.id"]);
    let why = text(group.get("kafka.group.unknown_reason")?);
    Some(format!("Members of group '{id}' are not known: {why}."))
}

fn unknown_seconds(documents: &[Document]) -> Vec<String> {
    let mut counts = BTreeMap::<String, usize>::new();
    for row in documents.iter().filter(|one| is_row(one)) {
        if let Some(why) = row.get("kafka.consumergroup.lag.seconds_unknown_reason") {
            *counts.entry(text(why).into_owned()).or_default() += 1;
        }
    }
    let sentence = |(why, count): (String, usize)| match count {
        1 => format!("Seconds of 1 partition are not known: {why}."),
        count => format!("Seconds of {count} partitions are not known: {why}."),
    };
    counts.into_iter().map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{group, partition};
    use super::*;

    #[test]
    fn groups_without_members_and_dashes_are_explained() {
        let empty = |id| {
            let group = group(id).with("kafka.group.members", 0);
            group.with("kafka.group.state", "empty")
        };
        let reason = "kafka.consumergroup.lag.seconds_unknown_reason";
        let documents = [
            empty("b"),
            partition("b", 0).with(reason, "pending"),
            group("a").with("kafka.group.unknown_reason", "timeout"),
        ];
        assert_eq!(
            sentences(&documents, &["a".to_owned(), "c".to_owned()], true),
            [
                "Consumer group 'b' has no active members (empty).",
                "Members of group 'a' are not known: timeout.",
                "Seconds of 1 partition are not known: pending.",
                "Consumer group 'c' does not exist.",
            ]
        );
        assert_eq!(sentences(&[], &[], true), ["There is no consumer group."]);
        assert_eq!(sentences(&[], &[], false), [""; 0], "nobody knows");
        let names: Vec<String> = (0..500).map(|n| format!("g{n}")).collect();
        let many: Vec<Document> = names.iter().map(|name| empty(name)).collect();
        let many = sentences(&many, &[], true);
        assert_eq!(many.len(), MOST + 1);
        assert_eq!(
            many[MOST],
            "… and 490 more consumer groups without active members."
        );
    }
}
