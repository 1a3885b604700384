//! What holds of every document, and of documents that add up others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::judge::Row;
use crate::agent::{field, of_dataset, text};

/// Fields that say by their meaning that they may be below 0: changes, and settings without limit.
const MAY_BE_NEGATIVE: &[&str] = &[
    "kafka.consumergroup.lag.raw",
    "kafka.consumergroup.lag.rate.committed",
    "kafka.consumergroup.lag.rate.log_end",
    "kafka.consumergroup.lag.rate.lag",
    "kafka.group.lag.rate.committed",
    "kafka.group.lag.rate.log_end",
    "kafka.group.lag.rate.lag",
    "kafka.broker.config.retention.bytes",
    "kafka.topic.config.retention.bytes",
    "kafka.broker.config.retention.ms",
    "kafka.topic.config.retention.ms",
];

/// Numbers below 0, and what stands for a number that is none. (`NaN` itself would be no JSON.)
pub(crate) fn faults(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(document, &mut String::new(), &mut found);
    found
}

fn walk(value: &Value, path: &mut String, found: &mut Vec<String>) {
    let wrong = match value {
        Value::Null => true,
        Value::Number(number) => {
            let below = number.as_f64().is_none_or(|number| number < 0.0);
            below && !MAY_BE_NEGATIVE.contains(&path.as_str())
        }
        Value::String(text) => matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity"),
        _ => false,
    };
    if wrong {
        found.push(format!("{path} is {value}"));
    }
    match value {
        Value::Array(all) => all.iter().for_each(|one| walk(one, path, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let length = path.len();
                if length > 0 {
                    path.push('.');
                }
                path.push_str(name);
                walk(value, path, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// Sums, maxima and counts of a group are those of its rows in the same cycle, and a topic's of its partitions.
pub(crate) fn sums(documents: &[Value], rows: &[Row<'_>]) -> Vec<String> {
    let mut of_group: BTreeMap<&str, Vec<Option<i64>>> = BTreeMap::new();
    let mut of_topic: BTreeMap<(&str, &str), Vec<Option<i64>>> = BTreeMap::new();
    for row in rows {
        let (group, topic, _) = &row.place;
        of_group.entry(group).or_default().push(row.lag);
        of_topic.entry((group, topic)).or_default().push(row.lag);
    }
    let nothing = Vec::new();
    let mut found = Vec::new();
    // Nobody knows how many partitions a group has whose commits could not be read.
    let mut unread = BTreeSet::new();
    for document in of_dataset(documents, "kafka.group") {
        let group = text(document, "kafka.consumergroup.id");
        if text(document, "kafka.group.state") == "gone" {
            if of_group.contains_key(group) {
                found.push(format!("{group} has rows and is gone: {document}"));
            }
            continue;
        }
        let readable = text(document, "kafka.group.lag.unknown_reason").is_empty();
        if !readable {
            unread.insert(group);
        }
        let lags = of_group.get(group).unwrap_or(&nothing);
        found.extend(sum("kafka.group", document, lags, readable));
    }
    for document in of_dataset(documents, "kafka.group_topic") {
        let key = (
            text(document, "kafka.consumergroup.id"),
            text(document, "kafka.topic.name"),
        );
        let lags = of_topic.get(&key).unwrap_or(&nothing);
        let readable = !unread.contains(key.0);
        found.extend(sum("kafka.group_topic", document, lags, readable));
    }
    found
}

fn sum(prefix: &str, document: &Value, lags: &[Option<i64>], readable: bool) -> Vec<String> {
    let number = |name: &str| field(document, &format!("{prefix}.{name}"))?.as_i64();
    let known: Vec<i64> = lags.iter().copied().flatten().collect();
    let unknown = (lags.len() - known.len()) as i64;
    let checks = [
        ("lag.sum", known.iter().copied().reduce(|a, b| a + b)),
        ("lag.max", known.iter().copied().max()),
        ("partitions", readable.then_some(lags.len() as i64)),
        ("lag.unknown_partitions", readable.then_some(unknown)),
    ];
    let wrong = checks
        .into_iter()
        .filter(|(name, wanted)| number(name) != *wanted);
    wrong
        .map(|(name, wanted)| format!("{prefix}.{name} is not {wanted:?}: {document}"))
        .collect()
}
