//! Outputs other than Elasticsearch: everything that was collected is there, once, and the accounts say so.

mod console;
mod file;
mod kafka;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::agent::{Setting, field, text};
use crate::servers;

/// A configuration that collects from a ZooKeeper and ships as `output` says.
fn config(output: &str) -> String {
    format!(
        "clusters: [{{name: orders, zookeeper: {{hosts: [\"{}\"]}}}}]\n{output}\n",
        servers::zookeeper().addr(),
    )
}

/// A number of the accounts of all streams.
fn sum(setting: &Setting, name: &str) -> u64 {
    let status = setting.queue_status();
    let accounts = status["streams"].as_object().unwrap();
    accounts
        .values()
        .map(|account| account[name].as_u64().unwrap())
        .sum()
}

/// Documents as lines, each whole.
fn parsed(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// Ids of documents; each has what a pipeline needs to bring it to its stream.
fn ids(documents: &[Value]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for document in documents {
        let id = text(document, "@metadata.id");
        assert_eq!(id.len(), 32, "{document}");
        let stream_type = text(document, "data_stream.type");
        let is_log = stream_type == "logs";
        assert_eq!(field(document, "@metadata._id").is_some(), is_log);
        assert!(is_log || stream_type == "metrics", "{document}");
        assert!(text(document, "data_stream.dataset").starts_with("brokerbeat."));
        assert_eq!(text(document, "data_stream.namespace"), "default");
        ids.insert(id.to_owned());
    }
    ids
}

/// What arrived is what was collected, and nothing waits.
fn assert_balanced(setting: &Setting, documents: &[Value]) {
    let number = |name| sum(setting, name);
    assert_eq!(
        ids(documents).len() as u64,
        number("indexed") + number("duplicate")
    );
    assert_eq!(number("collected"), number("indexed") + number("duplicate"));
    assert_eq!((number("dropped"), number("queued")), (0, 0));
}
