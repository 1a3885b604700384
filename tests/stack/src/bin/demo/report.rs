//! What is in Elasticsearch, read from Elasticsearch.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde_json::{Value, json};
use stack::{Elasticsearch, Result, megabytes};

use crate::agent::Agent;
use crate::servers::Servers;

const STREAMS: &str = "metrics-brokerbeat.*,logs-brokerbeat.*";
const GROUP_STREAM: &str = "metrics-brokerbeat.kafka.consumergroup-*";
/// What the collectors and the agent itself write in any run. Events are not among them: they need something to happen.
const EXPECTED: &[&str] = &[
    "metrics-brokerbeat.agent-default",
    "metrics-brokerbeat.jvm-default",
    "metrics-brokerbeat.kafka.broker-default",
    "metrics-brokerbeat.kafka.cluster-default",
    "metrics-brokerbeat.kafka.consumergroup-default",
    "metrics-brokerbeat.kafka.controller-default",
    "metrics-brokerbeat.kafka.group-default",
    "metrics-brokerbeat.kafka.partition-default",
    "metrics-brokerbeat.kafka.request-default",
    "metrics-brokerbeat.kafka.topic-default",
    "metrics-brokerbeat.target-default",
    "metrics-brokerbeat.zookeeper.mntr-default",
    "metrics-brokerbeat.zookeeper.server-default",
];

/// Prints documents by data stream, lag by group, and the agent's memory.
pub(crate) fn print(servers: &Servers, agent: &Agent) {
    let memory = agent.resident_bytes().map_or("?".to_owned(), megabytes);
    let binary = megabytes(agent.binary_bytes());
    println!("\nbrokerbeat: {memory} MB resident, binary {binary} MB");
    match text(&servers.elasticsearch) {
        Ok(text) => print!("{text}"),
        // The demo goes on: Elasticsearch may be busy for a moment.
        Err(error) => println!("  cannot ask Elasticsearch: {error}"),
    }
}

fn text(elasticsearch: &Elasticsearch) -> Result<String> {
    let mut text = String::new();
    for (stream, count) in counts(elasticsearch)? {
        text += &format!("  {count:>8}  {stream}\n");
    }
    for (group, lag) in lags(elasticsearch)? {
        text += &format!("  {lag:>8}  lag of {group}\n");
    }
    Ok(text)
}

/// Names the expected data streams that are empty.
pub(crate) fn verdict(servers: &Servers) -> ExitCode {
    let counts = match counts(&servers.elasticsearch) {
        Ok(counts) => counts,
        Err(error) => {
            eprintln!("demo: cannot ask Elasticsearch: {error:?}");
            return ExitCode::FAILURE;
        }
    };
    let empty = EXPECTED
        .iter()
        .filter(|&&stream| counts.get(stream).is_none_or(|&count| count == 0));
    let empty: Vec<&str> = empty.copied().collect();
    if empty.is_empty() {
        println!("every expected data stream has documents");
        return ExitCode::SUCCESS;
    }
    eprintln!("demo: empty after this time: {}", empty.join(", "));
    ExitCode::FAILURE
}

fn counts(elasticsearch: &Elasticsearch) -> Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for stream in elasticsearch.data_streams(STREAMS)? {
        let count = elasticsearch.count(&stream)?;
        counts.insert(stream, count);
    }
    Ok(counts)
}

/// The lag by "cluster / group / topic" at the newest tick of each, over all partitions.
fn lags(elasticsearch: &Elasticsearch) -> Result<BTreeMap<String, i64>> {
    let body = json!({"size": 1000, "sort": [{"@timestamp": "desc"}], "query": {"range": {"@timestamp": {"gte": "now-30s"}}}});
    let path = format!("{GROUP_STREAM}/_search?ignore_unavailable=true&allow_no_indices=true");
    let answer = elasticsearch.post(&path, &body)?;
    let mut newest: BTreeMap<String, (Value, i64)> = BTreeMap::new();
    for hit in answer["hits"]["hits"].as_array().into_iter().flatten() {
        let source = &hit["_source"];
        let tick = field(source, "@timestamp");
        let names = [
            "kafka.cluster.name",
            "kafka.consumergroup.id",
            "kafka.topic.name",
        ];
        let names = names.map(|name| field(source, name).as_str().unwrap_or("?").to_owned());
        let Some(lag) = field(source, "kafka.consumergroup.consumer_lag").as_i64() else {
            continue;
        };
        let (of, sum) = newest.entry(names.join(" / ")).or_insert((tick.clone(), 0));
        if *of == tick {
            *sum += lag;
        }
    }
    Ok(newest
        .into_iter()
        .map(|(group, (_, lag))| (group, lag))
        .collect())
}

/// A field by its dotted name, whether the document has it nested or dotted.
fn field(source: &Value, name: &str) -> Value {
    if let Some(value) = source.get(name) {
        return value.clone();
    }
    for (at, _) in name.match_indices('.') {
        let (head, rest) = name.split_at(at);
        if let Some(inner) = source.get(head) {
            let value = field(inner, rest.trim_start_matches('.'));
            if !value.is_null() {
                return value;
            }
        }
    }
    Value::Null
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_nested_and_dotted() {
        for source in [
            json!({"a": {"b": {"c": 1}}}),
            json!({"a.b": {"c": 1}}),
            json!({"a": {"b.c": 1}}),
            json!({"a.b.c": 1}),
        ] {
            assert_eq!(field(&source, "a.b.c"), json!(1), "{source}");
        }
        assert_eq!(field(&json!({"a": 1}), "a.b"), Value::Null);
    }
}
