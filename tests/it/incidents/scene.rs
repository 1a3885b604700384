//! What the incidents happen to: a Kafka cluster of three with its clients, Connect and MirrorMaker, a cluster with a
//! ZooKeeper, an ensemble of three ZooKeepers.

use std::thread;
use std::time::Duration;

use stack::{
    Connect, Consumer, Kafka, KafkaVersion, MirrorMaker, Options, Producer, WorkDir, ZooKeeper,
};

use super::disk::SmallDisk;
use super::stage::{TOPICS, patiently, tool};
use crate::agent::Setting;
use crate::servers;

/// Read by most groups; all brokers have a copy.
pub(super) const TOPIC: &str = "orders";
/// Whose records are deleted.
pub(super) const SHORT: &str = "short";
/// Read by Connect and copied by MirrorMaker.
pub(super) const MIRRORED: &str = "mirrored";
/// No other copy: some of its partitions have no leader once a broker is gone.
pub(super) const ALONE: &str = "alone";
pub(super) const ALONE_PARTITIONS: i32 = 9;
/// A leader is chosen that was not in sync, if there is no other.
pub(super) const UNCLEAN: &str = "unclean";
const PARTITIONS: u32 = 3;
/// Takes no batch above this, which is less than any batch has.
const SMALL: &str = "small";
const SMALLEST: &str = "max.message.bytes=60";
/// What a broker keeps its logs in, the first one its metadata, too.
const DISKS: [&str; 2] = ["first", "second"];

pub(super) struct Scene {
    pub(super) clients: Clients,
    pub(super) connect: Connect,
    mirror: MirrorMaker,
    /// All of them are controllers, too.
    pub(super) brokers: [Kafka; 3],
    pub(super) old: Kafka,
    pub(super) old_zookeeper: ZooKeeper,
    pub(super) zookeepers: [ZooKeeper; 3],
    pub(super) small: Option<SmallDisk>,
    /// Of the third broker.
    disks: WorkDir,
}

/// They go before their brokers.
pub(super) struct Clients {
    pub(super) producer: Producer,
    pub(super) oversized: Producer,
    pub(super) throttled: Producer,
    // They need no orders.
    _short: Producer,
    _slow: Consumer,
    pub(super) mirrored: Producer,
    pub(super) stopped: Consumer,
    pub(super) stalled: Consumer,
    pub(super) rewound: Consumer,
    pub(super) hung: Consumer,
}

impl Scene {
    pub(super) fn start(with_small_disk: bool) -> Self {
        let disks = WorkDir::new("disks").expect("a folder");
        let small = with_small_disk.then(|| SmallDisk::mount(&disks.join(DISKS[0])));
        let (zookeepers, (old_zookeeper, old), brokers) = thread::scope(|scope| {
            let zookeepers = scope.spawn(ensemble);
            let old = scope.spawn(old);
            scope.spawn(servers::elasticsearch);
            let brokers = brokers(&disks);
            topics(&brokers[0]);
            let join = "no panic";
            (
                zookeepers.join().expect(join),
                old.join().expect(join),
                brokers,
            )
        });
        let clients = Clients::start(&brokers[0].bootstrap());
        for partition in 0..ALONE_PARTITIONS {
            clients.commit("single", ALONE, partition, 0);
        }
        clients.commit("gone", ALONE, 0, 0);
        let mirror = MirrorMaker::start(&brokers[0], &brokers[0], MIRRORED, &Options::new());
        let copies = ["offset", "config", "status"]
            .iter()
            .fold(Options::new(), |options, kind| {
                options.set(&format!("{kind}.storage.replication.factor"), "3")
            });
        Self {
            clients,
            connect: Connect::start_with(&brokers[0], &copies).expect("Connect starts"),
            mirror: mirror.expect("MirrorMaker starts"),
            brokers,
            old,
            old_zookeeper,
            zookeepers,
            small,
            disks,
        }
    }

    /// A configuration for an agent that watches all of it, set up.
    pub(super) fn watch(&self, namespace: &str) -> Setting {
        let text = format!(
            "namespace: {namespace}\nclusters:\n\
             - name: orders\n  kafka: {{bootstrap: [{}]}}\n{}  jmx:\n{}\
             - name: old\n  kafka: {{bootstrap: [\"{}\"]}}\n  jmx:\n{}\
             - name: ensemble\n  zookeeper: {{hosts: [{}]}}\n  jmx:\n{}\
             output.elasticsearch: {{hosts: [\"{}\"]}}\n",
            quoted(self.brokers.iter().map(Kafka::bootstrap)),
            self.small
                .as_ref()
                .map_or_else(String::new, SmallDisk::entry),
            self.endpoints(),
            self.old.bootstrap(),
            entry(self.old.jmx(), "kafka-broker, kafka-controller, jvm"),
            quoted(self.zookeepers.iter().map(ZooKeeper::addr)),
            self.zookeepers
                .iter()
                .map(|one| entry(one.jmx(), "zookeeper"))
                .collect::<String>(),
            servers::elasticsearch().url(),
        );
        let setting = Setting::every(Duration::from_secs(10), &text);
        let set_up = setting.command(&["setup"]);
        assert_eq!(set_up.status.code(), Some(0), "{set_up:?}");
        setting
    }

    fn endpoints(&self) -> String {
        let clients = &self.clients;
        let of_broker = "kafka-broker, kafka-controller, kafka-raft, jvm";
        let mut all: Vec<_> = self
            .brokers
            .iter()
            .map(|one| (one.jmx(), of_broker))
            .collect();
        for producer in [&clients.producer, &clients.oversized, &clients.throttled] {
            all.push((producer.jmx(), "kafka-producer, jvm"));
        }
        all.push((clients.hung.jmx(), "kafka-consumer, jvm"));
        all.push((self.connect.jmx(), "kafka-connect, jvm"));
        all.push((self.mirror.jmx(), "kafka-connect, mirrormaker, jvm"));
        all.into_iter()
            .map(|(endpoint, presets)| entry(endpoint, presets))
            .collect()
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

    /// Takes a log directory of the third broker away, or puts it where it was.
    pub(super) fn take_disk(&self, away: bool) {
        let (here, there) = (self.disks.join(DISKS[1]), self.disks.join("away"));
        let moved = match away {
            true => std::fs::rename(here, there),
            false => {
                // What the broker has made there meanwhile.
                std::fs::remove_dir_all(&here).ok();
                std::fs::rename(there, here)
            }
        };
        moved.expect("the folder is ours");
    }
}

impl Clients {
    fn start(bootstrap: &str) -> Self {
        let producer = |topic: &str, rate: f64, options: Options| {
            Producer::start_with(KafkaVersion::V4_2, bootstrap, topic, rate, &options)
                .expect("a producer")
        };
        let consumer = |topic: &str, group: &str| {
            Consumer::start(bootstrap, topic, group).expect("a consumer")
        };
        let throttled = Options::new()
            .set("client.id", "producer-throttled")
            .set("buffer.memory", "65536");
        Self {
            producer: producer(TOPIC, 20.0, Options::new()),
            oversized: producer(SMALL, 0.0, Options::new()),
            throttled: producer(TOPIC, 0.0, throttled),
            _short: producer(SHORT, 20.0, Options::new()),
            mirrored: producer(MIRRORED, 1.0, Options::new()),
            stopped: consumer(TOPIC, "stopped"),
            stalled: consumer(TOPIC, "stalled"),
            rewound: consumer(TOPIC, "rewound"),
            _slow: consumer(SHORT, "slow"),
            hung: consumer(TOPIC, "hung"),
        }
    }

    /// Commits for a group without members.
    pub(super) fn commit(&self, group: &str, topic: &str, partition: i32, offset: i64) {
        patiently("a commit", || {
            let committed = self.producer.commit(group, topic, partition, offset);
            committed.ok()
        });
    }
}

fn entry(endpoint: String, presets: &str) -> String {
    format!("  - {{endpoint: \"{endpoint}\", presets: [{presets}]}}\n")
}

fn quoted(addresses: impl Iterator<Item = String>) -> String {
    let quoted: Vec<String> = addresses.map(|one| format!("\"{one}\"")).collect();
    quoted.join(", ")
}

/// A member without its ensemble serves those who only read.
fn ensemble() -> [ZooKeeper; 3] {
    let options = Options::new().jvm("-Dreadonlymode.enabled=true");
    ZooKeeper::start_ensemble(&options).expect("ZooKeeper starts")
}

fn old() -> (ZooKeeper, Kafka) {
    let zookeeper = ZooKeeper::start().expect("ZooKeeper starts");
    let kafka = Kafka::start_zookeeper_mode(&zookeeper, 1).expect("Kafka starts");
    (zookeeper, kafka)
}

fn brokers(disks: &WorkDir) -> [Kafka; 3] {
    // The groups' own topics outlive a broker, too. Whoever hangs falls out of sync before it is fenced.
    let options = Options::new()
        .set("default.replication.factor", "3")
        .set("offsets.topic.replication.factor", "3")
        .set("broker.session.timeout.ms", "20000")
        .set("replica.lag.time.max.ms", "10000");
    let folders = DISKS.map(|name| disks.join(name).display().to_string());
    let with_disks = options.clone().set("log.dirs", &folders.join(","));
    Kafka::start_kraft_three([&options, &options, &with_disks]).expect("Kafka starts")
}

fn topics(kafka: &Kafka) {
    for topic in [TOPIC, SHORT, MIRRORED] {
        kafka.create_topic(topic, PARTITIONS, 3).expect("a topic");
    }
    let alone = ALONE_PARTITIONS.unsigned_abs();
    kafka.create_topic(ALONE, alone, 1).expect("a topic");
    for (name, setting) in [
        (SMALL, SMALLEST),
        ("strict", "min.insync.replicas=3"),
        ("careful", "min.insync.replicas=2"),
    ] {
        let made = kafka.create_topic_with(name, PARTITIONS, &[setting]);
        made.expect("a topic");
    }
    // Replicas by hand: the second broker leads, the third one follows.
    let args = [
        "--create",
        "--topic",
        UNCLEAN,
        "--replica-assignment",
        "2:3",
        "--config",
        "unclean.leader.election.enable=true",
    ];
    tool(kafka, TOPICS, &args);
}
