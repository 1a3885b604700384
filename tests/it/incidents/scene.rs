//! What the incidents happen to: a Kafka cluster of three with clients and groups, an ensemble of three ZooKeepers.

use std::thread;
use std::time::Duration;

use stack::{Consumer, Kafka, Options, Producer, ZooKeeper};

use crate::agent::Setting;
use crate::servers;

/// Read by all groups; all brokers have a copy.
pub(super) const TOPIC: &str = "orders";
const PARTITIONS: u32 = 3;
/// Takes no batch above this, which is less than any batch has.
const SMALL: &str = "small";
const SMALLEST: &str = "max.message.bytes=60";

pub(super) struct Scene {
    // Clients go before their brokers.
    pub(super) producer: Producer,
    pub(super) oversized: Producer,
    pub(super) stopped: Consumer,
    pub(super) stalled: Consumer,
    pub(super) rewound: Consumer,
    /// The first one is the controller.
    pub(super) brokers: [Kafka; 3],
    pub(super) zookeepers: [ZooKeeper; 3],
}

impl Scene {
    pub(super) fn start() -> Self {
        thread::scope(|scope| {
            let zookeepers = scope
                .spawn(|| ZooKeeper::start_ensemble(&Options::new()).expect("ZooKeeper starts"));
            servers::elasticsearch();
            let brokers = brokers();
            topics(&brokers[0]);
            let bootstrap = brokers[0].bootstrap();
            let consumer =
                |group: &str| Consumer::start(&bootstrap, TOPIC, group).expect("a consumer");
            Self {
                producer: Producer::start(&bootstrap, TOPIC, 20.0).expect("a producer"),
                oversized: Producer::start(&bootstrap, SMALL, 0.0).expect("a producer"),
                stopped: consumer("stopped"),
                stalled: consumer("stalled"),
                rewound: consumer("rewound"),
                brokers,
                zookeepers: zookeepers.join().expect("an ensemble"),
            }
        })
    }

    pub(super) fn watch(&self, namespace: &str) -> Setting {
        let hosts = self
            .zookeepers
            .iter()
            .map(|one| format!("\"{}\"", one.addr()));
        let hosts: Vec<String> = hosts.collect();
        let broker = |broker: &Kafka| {
            (
                broker.jmx(),
                "kafka-broker, kafka-controller, kafka-raft, jvm",
            )
        };
        let mut endpoints: Vec<_> = self.brokers.iter().map(broker).collect();
        endpoints.push((self.producer.jmx(), "kafka-producer, jvm"));
        endpoints.push((self.oversized.jmx(), "kafka-producer, jvm"));
        let entry = |(endpoint, presets)| {
            format!("  - {{endpoint: \"{endpoint}\", presets: [{presets}]}}\n")
        };
        let text = format!(
            "namespace: {namespace}\nclusters:\n- name: orders\n  kafka: {{bootstrap: [\"{}\"]}}\n  jmx:\n{}\
             - name: ensemble\n  zookeeper: {{hosts: [{}]}}\noutput.elasticsearch: {{hosts: [\"{}\"]}}\n",
            self.brokers[0].bootstrap(),
            endpoints.into_iter().map(entry).collect::<String>(),
            hosts.join(", "),
            servers::elasticsearch().url(),
        );
        let setting = Setting::every(Duration::from_secs(10), &text);
        let set_up = setting.command(&["setup"]);
        assert_eq!(set_up.status.code(), Some(0), "{set_up:?}");
        setting
    }

    /// The ensemble's leader, and one that follows it.
    pub(super) fn leader_and_follower(&self) -> [&ZooKeeper; 2] {
        let leads = |one: &&ZooKeeper| {
            one.four_letter_word("srvr")
                .is_ok_and(|said| said.contains("Mode: leader"))
        };
        let leader = self.zookeepers.iter().find(leads).expect("a leader");
        let follower = self.zookeepers.iter().find(|one| !leads(one));
        [leader, follower.expect("a follower")]
    }
}

fn brokers() -> [Kafka; 3] {
    // The groups' own topics outlive a broker, too.
    let options = Options::new()
        .set("default.replication.factor", "3")
        .set("offsets.topic.replication.factor", "3");
    let first = Kafka::start_kraft_with(&options).expect("Kafka starts");
    let (second, third) = thread::scope(|scope| {
        let join = |id| Kafka::join_kraft_with(&first, id, &options).expect("a broker joins");
        let third = scope.spawn(move || join(3));
        (join(2), third.join().expect("a broker joins"))
    });
    [first, second, third]
}

fn topics(kafka: &Kafka) {
    kafka.create_topic(TOPIC, PARTITIONS, 3).expect("a topic");
    // No other copy: some of its partitions have no leader once a broker is gone.
    kafka.create_topic("alone", 9, 1).expect("a topic");
    for (name, setting) in [(SMALL, SMALLEST), ("strict", "min.insync.replicas=3")] {
        kafka
            .create_topic_with(name, PARTITIONS, &[setting])
            .expect("a topic");
    }
}
