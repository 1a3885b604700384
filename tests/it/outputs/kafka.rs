//! `output.kafka`, with real brokers of the oldest and the newest version.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use stack::{Kafka, ZooKeeper, wait_until};

use super::{config, ids, sum};
use crate::agent::{Agent, PATIENCE, Setting, text};

const ONE_ANSWER: Duration = Duration::from_secs(20);

/// All documents of a topic, by key; each is under the key that is its id. None for a topic that is not there yet.
fn read(kafka: &Kafka, topic: &str) -> Vec<Value> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("group.id", "nobody")
        .set("enable.auto.commit", "false")
        .set("check.crcs", "true")
        .create()
        .unwrap();
    let mut left = BTreeMap::new();
    let mut assignment = TopicPartitionList::new();
    let metadata = consumer.fetch_metadata(Some(topic), ONE_ANSWER).unwrap();
    for partition in metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions())
    {
        let id = partition.id();
        let (first, end) = consumer.fetch_watermarks(topic, id, ONE_ANSWER).unwrap();
        assert_eq!(first, 0);
        if end > 0 {
            left.insert(id, end);
            assignment
                .add_partition_offset(topic, id, Offset::Beginning)
                .unwrap();
        }
    }
    consumer.assign(&assignment).unwrap();
    let mut found = Vec::new();
    let started = Instant::now();
    while !left.is_empty() {
        assert!(started.elapsed() < PATIENCE, "not read: {left:?}");
        let Some(message) = consumer.poll(Duration::from_millis(200)) else {
            continue;
        };
        let message = message.unwrap();
        // Others may have come since, behind the ends that were asked for.
        if left.get(&message.partition()) == Some(&(message.offset() + 1)) {
            left.remove(&message.partition());
        }
        let document: Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
        let key = std::str::from_utf8(message.key().unwrap()).unwrap();
        assert_eq!(key, text(&document, "@metadata.id"));
        found.push(document);
    }
    found
}

fn output(kafka: &Kafka, topic: &str) -> String {
    let bootstrap = kafka.bootstrap();
    format!("output.kafka: {{hosts: [\"{bootstrap}\"], topic: {topic}}}")
}

fn wait_for_more(agent: &Agent, kafka: &Kafka, topic: &str) {
    let before = read(kafka, topic).len();
    let more = || (read(kafka, topic).len() > before).then_some(());
    wait_until("more documents", PATIENCE, more)
        .unwrap_or_else(|error| panic!("{error}\n{}", agent.log()));
}

/// A broker that dies doubles nothing; an agent that dies loses nothing, and what it doubles has equal ids.
fn through_deaths(kafka: &Kafka) {
    kafka.create_topic("documents", 3, 1).unwrap();
    let agent = Setting::new(&config(&output(kafka, "documents"))).run();
    wait_for_more(&agent, kafka, "documents");
    kafka.kill();
    agent.says("nothing is shipped, will go on when it is back");
    kafka.restart().unwrap();
    agent.says("the output takes documents again");
    wait_for_more(&agent, kafka, "documents");
    agent.stop_clean();
    let documents = read(kafka, "documents");
    super::assert_balanced(&agent.setting, &documents);
    assert_eq!(
        documents.len(),
        ids(&documents).len(),
        "doubled by a broker"
    );

    let mut agent = agent.killed().run();
    for _ in 0..3 {
        wait_for_more(&agent, kafka, "documents");
        agent = agent.killed().run();
    }
    wait_for_more(&agent, kafka, "documents");
    agent.stop_clean();
    let documents = read(kafka, "documents");
    let found = ids(&documents);
    println!(
        "{:?}: {} documents, {} of them twice, by 3 deaths of the agent",
        kafka.version(),
        found.len(),
        documents.len() - found.len()
    );
    assert_eq!(found.len() as u64, sum(&agent.setting, "collected"));
    assert_eq!(sum(&agent.setting, "queued"), 0);
}

#[test]
fn kafka_2_8_has_every_document() {
    let zookeeper = ZooKeeper::start().unwrap();
    let kafka = Kafka::start_zookeeper_mode(&zookeeper, 1).unwrap();
    through_deaths(&kafka);
}

#[test]
fn kafka_4_2_has_every_document() {
    through_deaths(&Kafka::start_kraft().unwrap());
}

/// Topics that take single documents but no batch of several, or no document at all, and one that is not there.
#[test]
fn what_is_too_large_is_kept_in_the_dead_letter_and_what_has_no_topic_waits() {
    let options = stack::Options::new().set("auto.create.topics.enable", "false");
    let kafka = Kafka::start_kraft_with(&options).unwrap();
    let topic = |name: &str, bytes: &str| {
        let bytes = format!("max.message.bytes={bytes}");
        kafka.create_topic_with(name, 1, &[&bytes]).unwrap();
    };
    topic("single", "2500");
    topic("tiny", "300");
    let uncompressed = |topic: &str| {
        let bootstrap = kafka.bootstrap();
        let text = format!(
            "output.kafka: {{hosts: [\"{bootstrap}\"], topic: {topic}, properties: {{compression.type: none}}}}"
        );
        Setting::new(&config(&text))
    };

    let agent = uncompressed("single").run();
    agent.says("will make smaller ones from now on");
    wait_for_more(&agent, &kafka, "single");
    agent.stop_clean();
    super::assert_balanced(&agent.setting, &read(&kafka, "single"));
    assert_eq!(sum(&agent.setting, "dead_lettered"), 0);

    let agent = uncompressed("tiny").run();
    agent.says("kept in the dead letter");
    agent.stop();
    let kept = sum(&agent.setting, "dead_lettered");
    assert!(kept > 0);
    assert_eq!(kept, sum(&agent.setting, "collected"));
    assert_eq!(sum(&agent.setting, "dropped"), 0);
    assert_eq!(read(&kafka, "tiny").len(), 0);

    let agent = uncompressed("late").run();
    agent.says("topic late: it is not there");
    topic("late", "1000000");
    wait_until("documents", PATIENCE, || {
        (!read(&kafka, "late").is_empty()).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}\n{}", agent.log()));
    agent.stop_clean();
    let documents = read(&kafka, "late");
    assert_eq!(sum(&agent.setting, "queued"), 0, "{}", agent.log());
    super::assert_balanced(&agent.setting, &documents);
}
