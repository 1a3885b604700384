//! A Kafka with its ZooKeeper, the collector that reads both, and what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use brokerbeat::clock::Millis;
use brokerbeat::collect::{Collected, Collector, Cycle};
use brokerbeat::config::Source;
use brokerbeat::document::Document;
use serde_json::Value;
use stack::{
    Consumer, Kafka, Options as ServerOptions, Producer, ZooKeeper, ZooKeeperVersion, wait_until,
};
use tokio::time::Instant;

use crate::agent::PATIENCE;

pub(super) const TOPIC: &str = "orders";

/// Enough for a cycle on a busy machine; what hangs costs half of the rest.
pub(super) const BUDGET: Duration = Duration::from_secs(20);

/// Kafka 2.8.2 with three partitions of 100 records each, and its ZooKeeper 3.5.9.
pub(super) struct Cluster {
    pub(super) zookeeper: ZooKeeper,
    pub(super) kafka: Kafka,
    _producer: Producer,
    /// Reads the same topic in the group `billing`, which is in ZooKeeper, too.
    _consumer: Consumer,
}

pub(super) static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    let options = ServerOptions::new();
    let zookeeper = ZooKeeper::start_of(ZooKeeperVersion::V3_5, &options).expect("ZooKeeper");
    let kafka = Kafka::start_zookeeper_mode(&zookeeper, 1).expect("Kafka starts");
    kafka.create_topic(TOPIC, 3, 1).expect("a topic");
    let producer = Producer::start(&kafka.bootstrap(), TOPIC, 0.0).expect("a producer");
    producer.send(300).expect("sent");
    let consumer = Consumer::start(&kafka.bootstrap(), TOPIC, "billing").expect("a consumer");
    wait_until("the group has committed everywhere", PATIENCE, || {
        consumer.commit().ok()?;
        let rows = kafka.describe_groups(Some("billing")).ok()?;
        let committed = rows.iter().filter(|row| row.current_offset.is_some());
        (committed.count() == 3).then_some(())
    })
    .unwrap();
    consumer.pause().expect("paused");
    Cluster {
        zookeeper,
        kafka,
        _producer: producer,
        _consumer: consumer,
    }
});

/// The collector and the threads that it needs.
pub(super) struct Reader {
    runtime: tokio::runtime::Runtime,
    collector: Box<dyn Collector>,
}

impl Reader {
    pub(super) fn new(section: &str) -> Self {
        Self::with(section, "")
    }

    pub(super) fn with(section: &str, rest: &str) -> Self {
        let source = Source {
            path: "test.yml".into(),
            overrides: Vec::new(),
            only_groups: Vec::new(),
        };
        let bootstrap = CLUSTER.kafka.bootstrap();
        let text = format!(
            "clusters:\n- name: a\n  kafka: {{bootstrap: [\"{bootstrap}\"], zookeeper_offsets: {section}}}\n{rest}"
        );
        let config = source.parse(&text, &|_| None).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let guard = runtime.enter();
        let collector = (config.clusters[0].targets[0].build)();
        drop(guard);
        Self { runtime, collector }
    }

    pub(super) fn read(&mut self) -> Collected {
        self.read_within(BUDGET)
    }

    pub(super) fn read_within(&mut self, budget: Duration) -> Collected {
        let collector = &mut self.collector;
        let mut collected = self.runtime.block_on(async {
            let deadline = Instant::now() + budget;
            let tick = Some(Millis::now());
            let cycle = Cycle {
                tick,
                ..Cycle::until(deadline)
            };
            collector.collect(&cycle).await
        });
        assert!(collected.up, "{:?}", collected.faults);
        let later = collected.later.take().into_iter().flatten().flatten();
        collected.documents.extend(later);
        assert_single(&collected.documents);
        collected
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.runtime.block_on(self.collector.close());
    }
}

/// No two documents of a tick are one series.
fn assert_single(documents: &[Document]) {
    let mut seen = BTreeSet::new();
    for document in documents {
        let (dataset, kind) = (&document.dataset, &document.kind);
        let series = brokerbeat::identity::series("c", dataset, kind, &document.keys());
        assert!(seen.insert(series.clone()), "twice: {series}");
    }
}

pub(super) fn text<'a>(document: &'a Document, field: &str) -> &'a str {
    document.get(field).and_then(Value::as_str).unwrap_or("")
}

pub(super) fn number(document: &Document, field: &str) -> Option<i64> {
    document.get(field)?.as_i64()
}

pub(super) fn of_zookeeper<'a>(
    found: &'a Collected,
    dataset: &str,
    group: &str,
) -> Vec<&'a Document> {
    let all = found.documents.iter();
    let wanted = |d: &&Document| {
        d.dataset == dataset
            && text(d, "kafka.consumergroup.store") == "zookeeper"
            && text(d, "kafka.consumergroup.id") == group
    };
    all.filter(wanted).collect()
}

/// Lag, or why there is none, by topic and partition.
pub(super) fn lags(found: &Collected, group: &str) -> BTreeMap<(String, i64), Result<i64, String>> {
    let rows = of_zookeeper(found, "kafka.consumergroup", group).into_iter();
    let rows = rows.map(|row| {
        let partition = number(row, "kafka.partition.id").unwrap();
        let lag = number(row, "kafka.consumergroup.consumer_lag");
        let reason = text(row, "kafka.consumergroup.lag.unknown_reason");
        let at = (text(row, "kafka.topic.name").to_owned(), partition);
        (at, lag.ok_or_else(|| reason.to_owned()))
    });
    rows.collect()
}

pub(super) fn reasons(found: &Collected, group: &str) -> Vec<String> {
    let lags = lags(found, group).into_values();
    lags.map(|lag| lag.err().unwrap_or_else(|| "known".to_owned()))
        .collect()
}

pub(super) fn faults(found: &Collected) -> String {
    let faults = found.faults.iter();
    let said = faults.map(|fault| format!("{}: {}\n", fault.kind.as_str(), fault.message));
    said.collect()
}
