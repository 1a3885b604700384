//! Answers of aggregations as rows, as Lens makes a table of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Name of the buckets of time.
const TIME: &str = "time";
/// By what terms are ordered; no number of the panel.
const ORDER: &str = "order";

/// One leaf of nested buckets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// The keys of the terms above it, from the outermost, as text.
    pub(crate) keys: Vec<String>,
    /// Its bucket of time, in milliseconds.
    pub(crate) time: Option<i64>,
    /// Values by column; null where there is none.
    pub(crate) values: BTreeMap<String, Value>,
}

/// All leaves, with the growth per second of those columns that are rates.
pub(crate) fn rows(aggregations: &Value, rates: &[(String, String)]) -> Vec<Row> {
    let mut found = Vec::new();
    descend(
        aggregations,
        &Row {
            keys: Vec::new(),
            time: None,
            values: BTreeMap::new(),
        },
        &mut found,
    );
    for (column, counter) in rates {
        add_rate(&mut found, column, counter);
    }
    found
}

fn descend(level: &Value, above: &Row, found: &mut Vec<Row>) {
    let Some(level) = level.as_object() else {
        return;
    };
    let nested = level.iter().find(|(_, one)| one["buckets"].is_array());
    let Some((name, nested)) = nested else {
        let mut row = above.clone();
        let numbers = level
            .iter()
            .filter(|(id, one)| *id != ORDER && one.is_object());
        row.values = numbers
            .map(|(id, one)| (id.clone(), value(id, one)))
            .collect();
        return found.push(row);
    };
    for bucket in nested["buckets"].as_array().into_iter().flatten() {
        let mut row = above.clone();
        match name == TIME {
            true => row.time = bucket["key"].as_i64(),
            false => row.keys.push(key(&bucket["key"])),
        }
        descend(bucket, &row, found);
    }
}

/// A key as text, whatever its type.
pub(crate) fn key(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The number of an aggregation, below its filter if it has one; of `top_hits` the only field of the hit.
fn value(id: &str, aggregation: &Value) -> Value {
    let inner = aggregation.get(id).unwrap_or(aggregation);
    match inner.get("hits") {
        Some(hits) => only(&hits["hits"][0]["_source"]),
        None => inner["value"].clone(),
    }
}

fn only(source: &Value) -> Value {
    match source.as_object() {
        None => source.clone(),
        Some(object) => object.values().next().map_or(Value::Null, only),
    }
}

/// What Lens' counter rate is: the growth to the next bucket of the same series, over the time between; none where a
/// counter began anew.
fn add_rate(rows: &mut [Row], column: &str, counter: &str) {
    let mut before: BTreeMap<Vec<String>, (i64, f64)> = BTreeMap::new();
    for row in rows {
        let here = row
            .time
            .zip(row.values.get(counter).and_then(Value::as_f64));
        let Some((time, value)) = here else { continue };
        let rate = before
            .insert(row.keys.clone(), (time, value))
            .and_then(|(then, was)| {
                let seconds = (time - then) as f64 / 1_000.0;
                (value >= was).then(|| (value - was) / seconds)
            });
        row.values.insert(column.to_owned(), json!(rate));
        row.values.remove(counter);
    }
}

#[test]
fn answers_become_rows_and_a_rate_is_the_growth_of_one_series() {
    let time = |key: i64, max: f64| json!({"key": key, "value0counter": {"value": max}});
    let split = |key: &str, times: Value| json!({"key": key, "order": {"value": 1}, "time": {"buckets": times}});
    let answer = json!({"split": {"buckets": [
        split("a", json!([time(0, 10.0), time(4_000, 30.0), time(8_000, 2.0)])),
        split("b", json!([time(0, 7.0)])),
    ]}});
    let rates = [("value0".to_owned(), "value0counter".to_owned())];
    let found = rows(&answer, &rates);
    let rate = |row: &Row| row.values["value0"].as_f64();
    assert_eq!(
        found.iter().map(rate).collect::<Vec<_>>(),
        [None, Some(5.0), None, None]
    );
    assert_eq!(
        (found[3].keys.as_slice(), found[3].time),
        (["b".to_owned()].as_slice(), Some(0))
    );

    let last = json!({"value0": {"doc_count": 1, "value0": {"hits": {"hits": [{"_source": {"a": {"b": "STOP"}}}]}}}});
    assert_eq!(rows(&last, &[])[0].values["value0"], "STOP");
    let none = json!({"value0": {"doc_count": 0, "value0": {"hits": {"hits": []}}}});
    assert!(rows(&none, &[])[0].values["value0"].is_null());
}
