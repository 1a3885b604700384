//! A cluster of each mode with clients, one of which does not keep up, and an agent that watches all of it.

use std::thread;
use std::time::Duration;

use stack::{Consumer, Kafka, Producer, ZooKeeper};

use crate::agent::Setting;
use crate::servers;

const TOPIC: &str = "orders";
const PARTITIONS: u32 = 3;
const RECORDS_PER_SECOND: f64 = 20.0;

const BROKER: &str = "kafka-broker, kafka-controller, kafka-coordinator, kafka-partition, jvm";

/// One cluster. Clients are dropped before their brokers.
struct Cluster {
    producer: Producer,
    quick: Consumer,
    paused: Consumer,
    kafka: Kafka,
    zookeeper: Option<ZooKeeper>,
}

pub(super) struct Scene {
    orders: Cluster,
    payments: Cluster,
}

impl Scene {
    /// Both clusters at once: each is ready when its clients have read and written.
    pub(super) fn start() -> Self {
        thread::scope(|scope| {
            let orders = scope.spawn(|| {
                let zookeeper = ZooKeeper::start().expect("ZooKeeper starts");
                let kafka = Kafka::start_zookeeper_mode(&zookeeper, 1).expect("Kafka starts");
                Cluster::start(kafka, Some(zookeeper))
            });
            let payments = scope.spawn(|| {
                let kafka = Kafka::start_kraft().expect("Kafka starts");
                Cluster::start(kafka, None)
            });
            // The test's own part of the waiting: nobody needs Elasticsearch before.
            servers::elasticsearch();
            Self {
                orders: orders.join().expect("the cluster of ZooKeeper mode"),
                payments: payments.join().expect("the cluster of KRaft mode"),
            }
        })
    }

    /// The agent's configuration, set up in Elasticsearch.
    pub(super) fn watch(&self, namespace: &str, interval: Duration, more: &str) -> Setting {
        let text = format!(
            "namespace: {namespace}\nclusters:\n{}{}{more}\
             output.elasticsearch: {{hosts: [\"{}\"]}}\n",
            self.orders.config("orders"),
            self.payments.config("payments"),
            servers::elasticsearch().url(),
        );
        let setting = Setting::every(interval, &text);
        let set_up = setting.command(&["setup"]);
        assert_eq!(set_up.status.code(), Some(0), "{set_up:?}");
        setting
    }

    /// The broker that further servers may join.
    pub(super) fn kafka(&self) -> &Kafka {
        &self.payments.kafka
    }
}

impl Cluster {
    fn start(kafka: Kafka, zookeeper: Option<ZooKeeper>) -> Self {
        kafka.create_topic(TOPIC, PARTITIONS, 1).expect("a topic");
        let bootstrap = kafka.bootstrap();
        let start = |group| Consumer::start(&bootstrap, TOPIC, group).expect("a consumer");
        let (producer, quick, paused) = thread::scope(|scope| {
            let quick = scope.spawn(|| start("quick"));
            let paused = scope.spawn(|| start("paused"));
            let producer = Producer::start(&bootstrap, TOPIC, RECORDS_PER_SECOND);
            let joined = (quick.join(), paused.join());
            (
                producer.expect("a producer"),
                joined.0.expect("quick"),
                joined.1.expect("paused"),
            )
        });
        paused.commit().expect("committed");
        paused.pause().expect("paused");
        Self {
            producer,
            quick,
            paused,
            kafka,
            zookeeper,
        }
    }

    fn presets(&self) -> String {
        match self.zookeeper {
            Some(_) => BROKER.to_owned(),
            None => format!("{BROKER}, kafka-raft"),
        }
    }

    fn config(&self, name: &str) -> String {
        let mut endpoints = vec![
            (self.kafka.jmx(), self.presets()),
            (self.producer.jmx(), "kafka-producer, jvm".to_owned()),
            (self.quick.jmx(), "kafka-consumer, jvm".to_owned()),
            (self.paused.jmx(), "kafka-consumer, jvm".to_owned()),
        ];
        let mut text = format!(
            "- name: {name}\n  kafka: {{bootstrap: [\"{}\"], lag: {{window: 10s}}}}\n  disks: {{directories: [{:?}]}}\n",
            self.kafka.bootstrap(),
            self.kafka.log_directory(),
        );
        if let Some(zookeeper) = &self.zookeeper {
            text += &format!("  zookeeper: {{hosts: [\"{}\"]}}\n", zookeeper.addr());
            endpoints.push((zookeeper.jmx(), "zookeeper, jvm".to_owned()));
        }
        text += "  jmx:\n";
        let entry = |(endpoint, presets)| {
            format!("  - {{endpoint: \"{endpoint}\", presets: [{presets}]}}\n")
        };
        text + &endpoints.into_iter().map(entry).collect::<String>()
    }
}
