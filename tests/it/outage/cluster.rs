//! Three brokers with topics on one of them and on all, and groups on both.

use std::sync::Arc;

use stack::{Kafka, KafkaVersion, Options, Signal, ZooKeeper};

use crate::model::clients::{Admin, Committer, Writer};
use crate::model::world::World;

/// With one replica: what its broker has, nobody else has.
pub(super) const ALONE: &str = "alone";
/// With three: when two brokers are gone, the third leads after a while.
pub(super) const SHARED: &str = "shared";
pub(super) const PARTITIONS: i32 = 6;
/// So many that a cycle takes a while, and that every broker coordinates some.
const GROUPS: usize = 40;
/// In each partition at first.
const RECORDS: usize = 30;

/// How the cluster is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    ZooKeeper,
    /// One controller, which is the broker that survives.
    Kraft,
}

/// The versions and modes of the proof; the last one is the test's.
pub(super) const KINDS: [(KafkaVersion, Mode); 3] = [
    (KafkaVersion::V2_8, Mode::ZooKeeper),
    (KafkaVersion::V3_9, Mode::Kraft),
    (KafkaVersion::V4_2, Mode::Kraft),
];

pub(super) struct Cluster {
    /// The first one survives.
    pub(super) brokers: [Kafka; 3],
    pub(super) world: Arc<World>,
    writers: [Writer; 2],
    committers: Vec<Committer>,
    _zookeeper: Option<ZooKeeper>,
}

fn brokers(version: KafkaVersion, mode: Mode) -> ([Kafka; 3], Option<ZooKeeper>) {
    let options = Options::new().set("auto.create.topics.enable", "false");
    match mode {
        Mode::ZooKeeper => {
            let zookeeper = ZooKeeper::start().expect("ZooKeeper starts");
            let start = |id| Kafka::start_zookeeper_mode_of(version, &zookeeper, id, &options);
            let brokers = [1, 2, 3].map(|id| start(id).expect("a broker starts"));
            (brokers, Some(zookeeper))
        }
        Mode::Kraft => {
            let first = Kafka::start_kraft_of(version, &options).expect("a broker starts");
            let join = |id| Kafka::join_kraft_with(&first, id, &options).expect("a broker starts");
            let (second, third) = (join(2), join(3));
            ([first, second, third], None)
        }
    }
}

impl Cluster {
    pub(super) fn start(version: KafkaVersion, mode: Mode) -> Self {
        let (brokers, zookeeper) = brokers(version, mode);
        let bootstrap = bootstrap(&brokers);
        let world = Arc::new(World::default());
        let admin = Admin::new(&bootstrap, &world);
        admin.make(ALONE, PARTITIONS, 1);
        admin.make(SHARED, PARTITIONS, 3);
        let writers = [ALONE, SHARED].map(|topic| Writer::new(&bootstrap, &world, topic));
        for writer in &writers {
            (0..PARTITIONS).for_each(|partition| writer.send(partition, RECORDS));
            writer.flush();
        }
        let committers = (0..GROUPS).flat_map(|group| {
            let group = format!("group-{group:02}");
            [ALONE, SHARED].map(|topic| Committer::new(&bootstrap, &world, &group, topic))
        });
        let mut cluster = Self {
            committers: committers.collect(),
            brokers,
            world,
            writers,
            _zookeeper: zookeeper,
        };
        cluster.commit(&|_| true, &(0..PARTITIONS).collect::<Vec<_>>());
        // Each is a client of its own: those that have done their part need not try to connect in an outage.
        cluster.committers.retain(|one| one.topic() == ALONE);
        cluster
    }

    /// Its addresses as elements of a YAML list.
    pub(super) fn quoted(&self) -> String {
        let quoted = |broker: &Kafka| format!("\"{}\"", broker.bootstrap());
        self.brokers.each_ref().map(quoted).join(", ")
    }

    /// The offsets of groups grow by one on these partitions.
    pub(super) fn commit(&self, meant: &dyn Fn(&str) -> bool, partitions: &[i32]) {
        for committer in self.committers.iter().filter(|one| meant(one.group())) {
            assert!(
                committer.advance(partitions),
                "nobody is in {}",
                committer.group()
            );
        }
    }

    /// Some more records for these partitions of the topic with one replica.
    pub(super) fn write(&self, partitions: &[i32]) {
        partitions
            .iter()
            .for_each(|partition| self.writers[0].send(*partition, 3));
        self.writers[0].flush();
    }

    /// The two that do not survive.
    pub(super) fn victims(&self) -> &[Kafka] {
        self.brokers.get(1..).unwrap_or_default()
    }

    pub(super) fn signal(&self, signal: Signal) {
        self.victims()
            .iter()
            .for_each(|broker| broker.signal(signal));
    }

    /// Starts killed brokers again, together.
    pub(super) fn restart(&self) {
        std::thread::scope(|threads| {
            for broker in self.victims() {
                threads.spawn(|| broker.restart().expect("the broker comes back"));
            }
        });
    }
}

/// As librdkafka wants it.
fn bootstrap(brokers: &[Kafka; 3]) -> String {
    brokers.each_ref().map(Kafka::bootstrap).join(",")
}
