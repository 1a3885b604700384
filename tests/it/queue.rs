//! The queue on disk and a real Elasticsearch: what dies in between, and what is there afterwards.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stack::{Elasticsearch, wait_until};

use crate::agent::{PATIENCE, Setting, search, text};
use crate::servers;

const NAMESPACE: &str = "killed";
const DEATHS: usize = 5;

fn setting(elasticsearch: &Elasticsearch) -> Setting {
    let config = format!(
        "clusters: [{{name: orders, zookeeper: {{hosts: [\"{}\"]}}}}]\nnamespace: {NAMESPACE}\n\
         output.elasticsearch: {{hosts: [\"{}\"]}}\n",
        servers::zookeeper().addr(),
        elasticsearch.url(),
    );
    Setting::new(&config)
}

/// Documents of the test's streams, by stream.
fn documents(elasticsearch: &Elasticsearch) -> BTreeMap<String, Vec<Value>> {
    let pattern = format!("*-brokerbeat.*-{NAMESPACE}");
    let streams = elasticsearch.data_streams(&pattern).unwrap();
    let of = |stream: String| {
        let found = search(elasticsearch, &stream);
        (stream, found)
    };
    streams.into_iter().map(of).collect()
}

fn count(elasticsearch: &Elasticsearch) -> usize {
    documents(elasticsearch).values().map(Vec::len).sum()
}

#[test]
fn an_agent_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing() {
    let elasticsearch = servers::elasticsearch();
    let mut agent = setting(elasticsearch).run();
    for death in 0..=DEATHS {
        let before = count(elasticsearch);
        let step = format!("documents before death {death}");
        let more = || (count(elasticsearch) > before).then_some(());
        wait_until(&step, PATIENCE, more)
            .unwrap_or_else(|error| panic!("{error}\n{}", agent.log()));
        if death < DEATHS {
            agent = agent.killed().run();
        }
    }
    agent.stop_clean();
    let accounts = agent.setting.accounts();
    for (stream, found) in documents(elasticsearch) {
        let account = &accounts[&stream];
        let number = |name: &str| account[name].as_u64().unwrap();
        let series: BTreeSet<(&str, &str)> = found
            .iter()
            .map(|one| (text(one, "brokerbeat.series"), text(one, "@timestamp")))
            .collect();
        if stream.starts_with("metrics-") {
            assert_eq!(
                series.len(),
                found.len(),
                "{stream}: a document is there twice"
            );
        }
        assert_eq!(
            number("indexed") + number("duplicate"),
            found.len() as u64,
            "{stream}: {account}"
        );
        assert_eq!(
            number("collected"),
            found.len() as u64 + number("queued"),
            "{stream}: {account}"
        );
        assert_eq!(number("queued"), 0, "{stream}: {account}");
    }
}
