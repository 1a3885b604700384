//! What the demo watches: a cluster of each mode with clients, one of which does not keep up.

use std::time::Instant;

use stack::{Consumer, Elasticsearch, Kafka, Producer, Result, ZooKeeper};

const TOPIC_OLD: &str = "orders";
const TOPIC_NEW: &str = "payments";
const PARTITIONS: u32 = 3;
const RECORDS_PER_SECOND: f64 = 20.0;

pub(crate) struct Servers {
    // Dropped in this order: clients before brokers, brokers before ZooKeeper.
    pub(crate) old: Clients,
    pub(crate) new: Clients,
    pub(crate) old_kafka: Kafka,
    pub(crate) new_kafka: Kafka,
    pub(crate) zookeeper: ZooKeeper,
    pub(crate) elasticsearch: Elasticsearch,
}

/// The Java clients of one cluster.
pub(crate) struct Clients {
    pub(crate) producer: Producer,
    /// Reads as fast as the producer writes.
    pub(crate) quick: Consumer,
    /// Stays in its group and reads nothing: its lag grows.
    pub(crate) paused: Consumer,
}

impl Servers {
    pub(crate) fn start() -> Result<Self> {
        let elasticsearch = step("Elasticsearch 9.4.3", Elasticsearch::start)?;
        let zookeeper = step("ZooKeeper 3.9.4", ZooKeeper::start)?;
        let old_kafka = step("Kafka 2.8.2 with ZooKeeper", || {
            Kafka::start_zookeeper_mode(&zookeeper, 1)
        })?;
        let new_kafka = step("Kafka 4.2.0 with KRaft", Kafka::start_kraft)?;
        let old = step("producer and consumers of `orders`", || {
            Clients::start(&old_kafka, TOPIC_OLD)
        })?;
        let new = step("producer and consumers of `payments`", || {
            Clients::start(&new_kafka, TOPIC_NEW)
        })?;
        Ok(Self {
            old,
            new,
            old_kafka,
            new_kafka,
            zookeeper,
            elasticsearch,
        })
    }
}

impl Clients {
    fn start(kafka: &Kafka, topic: &str) -> Result<Self> {
        kafka.create_topic(topic, PARTITIONS, 1)?;
        let bootstrap = kafka.bootstrap();
        let producer = Producer::start(&bootstrap, topic, RECORDS_PER_SECOND)?;
        let quick = Consumer::start(&bootstrap, topic, &format!("{topic}-quick"))?;
        let paused = Consumer::start(&bootstrap, topic, &format!("{topic}-paused"))?;
        paused.commit()?;
        paused.pause()?;
        Ok(Self {
            producer,
            quick,
            paused,
        })
    }
}

/// Says what starts and how long it took.
fn step<T>(what: &str, start: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("starting {what} …");
    let begin = Instant::now();
    let value = start()?;
    println!(
        "  {what}: ready after {:.1} s",
        begin.elapsed().as_secs_f64()
    );
    Ok(value)
}
