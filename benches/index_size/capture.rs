//! One tick of a real broker, as the agent ships it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brokerbeat::assets;
use serde_json::Value;
use stack::{GroupAdmin, GroupPlan, Kafka, Process, Sink, WorkDir, wait_until};

use super::shared;

/// Records in each partition; the commits are at the first three.
const RECORDS: u32 = 5;
/// Rates and states need some ticks before they are known.
const TICKS: usize = 6;
const INTERVAL: Duration = Duration::from_secs(2);
/// So many ticks come in that time on any machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// The newest document of every series.
type Newest = BTreeMap<String, Value>;

/// Starts the broker and the agent; gives the documents of metrics that a tick has.
pub(crate) fn tick(agent: &Path, plan: GroupPlan) -> Vec<Value> {
    let kafka = Kafka::start_kraft().unwrap();
    let java = GroupAdmin::start(&kafka.bootstrap()).unwrap();
    java.make_topics(plan, RECORDS).unwrap();
    java.commit(plan).unwrap();
    let newest = Arc::new(Mutex::new(Newest::new()));
    let taking = Arc::clone(&newest);
    let sink = Sink::start(Some(assets::VERSION), move |body| {
        let documents = Sink::documents(body).unwrap();
        let taken = documents.len();
        let mut newest = taking.lock().unwrap();
        let of_metrics = |document: &Value| document["data_stream"]["type"] == "metrics";
        for document in documents.into_iter().filter(of_metrics) {
            let series = document["brokerbeat"]["series"]
                .as_str()
                .unwrap()
                .to_owned();
            newest.insert(series, document);
        }
        taken
    });
    let (_work, process) = start(agent, &kafka, &sink.unwrap());
    let mut ticks = std::collections::BTreeSet::new();
    let wanted = (plan.groups * plan.partitions) as usize;
    let enough = wait_until("some whole ticks", PATIENCE, || {
        let newest = newest.lock().unwrap();
        let of_groups = newest.values().filter(|document| {
            document["data_stream"]["dataset"] == "brokerbeat.kafka.consumergroup"
        });
        ticks.extend(
            newest
                .values()
                .map(|document| document["@timestamp"].to_string()),
        );
        (ticks.len() >= TICKS && of_groups.count() >= wanted).then_some(())
    });
    assert!(enough.is_ok(), "{}", process.log_tail(20));
    let newest = newest.lock().unwrap();
    newest.values().cloned().collect()
}

fn start(agent: &Path, kafka: &Kafka, sink: &Sink) -> (WorkDir, Process) {
    let clusters = format!(
        "- name: orders\n  kafka: {{bootstrap: [\"{}\"]}}\n  jmx: [{{endpoint: \"{}\", presets: [kafka-broker, kafka-controller, jvm]}}]",
        kafka.bootstrap(),
        kafka.jmx(),
    );
    shared::agent::start(agent, INTERVAL, &sink.url(), &clusters)
}
