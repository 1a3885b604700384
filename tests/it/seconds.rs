//! Seconds behind, against records whose timestamps are known.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use brokerbeat::clock::Millis;
use brokerbeat::collect::{Collected, Collector, Cycle};
use brokerbeat::config::Source;
use brokerbeat::document::Document;
use serde_json::Value;
use stack::{Kafka, KafkaVersion, Options, Producer, ZooKeeper};

use crate::agent::{Setting, field, of_dataset, text};

const TOPIC: &str = "orders";
const DAY: i64 = 86_400_000;

/// What an estimate from look-ups may be off by: half of a second or of a hundredth of the age, and
/// the milliseconds between.
fn fineness(age: f64) -> f64 {
    (age / 100.0).max(1.0) / 2.0 + 0.002
}

fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(since.as_millis()).expect("a date")
}

/// From three days ago on: a burst, then evenly, then seldom, then just now. They never fall.
fn stamps() -> Vec<i64> {
    let now = now();
    let burst = (0..200).map(|at| now - 3 * DAY + at / 50);
    let even = (0..200).map(|at| now - 2 * DAY + at * 60_000);
    let seldom = (0..20).map(|at| now - DAY + at * 3_600_000);
    let fresh = (0..50).map(|at| now - 10_000 + at * 100);
    burst.chain(even).chain(seldom).chain(fresh).collect()
}

/// Groups at known offsets of a partition with known timestamps, and at odd places.
struct Behind {
    kafka: Kafka,
    stamps: Vec<i64>,
    /// Group → offset in partition 0.
    groups: BTreeMap<&'static str, i64>,
}

fn behind(kafka: Kafka) -> Behind {
    kafka.create_topic(TOPIC, 2, 1).expect("a topic");
    kafka.create_topic("ledger", 1, 1).expect("a topic");
    let bootstrap = kafka.bootstrap();
    let stamps = stamps();
    let producer = Producer::start(&bootstrap, TOPIC, 0.0).expect("a producer");
    producer.send_stamped(0, &stamps).expect("sent");
    let options = Options::new().set("transactional.id", "books");
    let books = Producer::start_with(KafkaVersion::V4_2, &bootstrap, "ledger", 0.0, &options);
    books
        .expect("a producer")
        .send_transaction(3)
        .expect("sent");
    let end = i64::try_from(stamps.len()).expect("a count");
    let groups = BTreeMap::from([("first", 0), ("even", 301), ("seldom", 410), ("done", end)]);
    let commit = |group, topic, partition, offset| {
        let commit = producer.commit(group, topic, partition, offset);
        commit.expect("committed");
    };
    for (group, offset) in &groups {
        commit(group, TOPIC, 0, *offset);
    }
    // A partition without records, and one whose last offset is the marker of a transaction.
    commit("empty", TOPIC, 1, 0);
    commit("marker", "ledger", 0, 3);
    Behind {
        kafka,
        stamps,
        groups,
    }
}

impl Behind {
    /// One cycle of a fresh agent, with the time before and after.
    fn once(&self, lag: &str) -> (Vec<Value>, i64, i64) {
        let bootstrap = self.kafka.bootstrap();
        let config =
            format!("clusters:\n- name: orders\n  kafka: {{bootstrap: [\"{bootstrap}\"]{lag}}}\n");
        let before = now();
        let (code, documents, said) = Setting::new(&config).once();
        assert_eq!(code, 0, "{said}");
        (documents, before, now())
    }
}

fn of_group<'a>(documents: &'a [Value], dataset: &str, group: &str) -> &'a Value {
    let found = of_dataset(documents, dataset);
    let found = found
        .into_iter()
        .find(|d| text(d, "kafka.consumergroup.id") == group);
    found.unwrap_or_else(|| panic!("no document of {group}"))
}

fn number(document: &Value, name: &str) -> f64 {
    let value = field(document, name).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("no {name} in {document}"))
}

const SECONDS: &str = "kafka.consumergroup.lag.seconds";
const METHOD: &str = "kafka.consumergroup.lag.seconds_method";
const ERROR: &str = "kafka.consumergroup.lag.seconds_error";
const BASIS: &str = "kafka.consumergroup.lag.seconds_basis";

/// The age of the record at the group's offset, as of some moment of the cycle, within what is stated.
fn assert_age(behind: &Behind, (documents, before, after): &(Vec<Value>, i64, i64), group: &str) {
    let document = of_group(documents, "kafka.consumergroup", group);
    let stamp = behind.stamps[usize::try_from(behind.groups[group]).expect("an offset")];
    let error = field(document, ERROR)
        .and_then(Value::as_f64)
        .unwrap_or(0.0);
    let seconds = number(document, SECONDS);
    let least = (before - stamp) as f64 / 1_000.0 - error - 0.001;
    let most = (after - stamp) as f64 / 1_000.0 + error + 0.001;
    assert!(
        (least..=most).contains(&seconds),
        "{least} – {most}: {document}"
    );
    assert!(error <= fineness(seconds), "{document}");
    if text(document, METHOD) == "estimated" {
        assert_eq!(text(document, BASIS), "timestamp");
    }
    let roll_up = of_group(documents, "kafka.group", group);
    assert_eq!(number(roll_up, "kafka.group.lag.seconds"), seconds);
}

fn assert_nothing_behind(documents: &[Value], groups: &[&str]) {
    for group in groups {
        let document = of_group(documents, "kafka.consumergroup", group);
        assert_eq!(number(document, SECONDS), 0.0, "{document}");
        assert_eq!(text(document, METHOD), "exact", "{document}");
        let roll_up = of_group(documents, "kafka.group", group);
        assert_eq!(number(roll_up, "kafka.group.lag.seconds"), 0.0);
    }
}

/// By look-ups alone: what an agent knows that was started just now. Started again it says the same.
fn assert_estimated(behind: &Behind) {
    let first = behind.once("");
    let again = behind.once("");
    for cycle in [&first, &again] {
        for group in ["first", "even", "seldom"] {
            assert_age(behind, cycle, group);
        }
        assert_nothing_behind(&cycle.0, &["done", "empty"]);
        // A marker looks like a record to who does not read it.
        let marker = of_group(&cycle.0, "kafka.consumergroup", "marker");
        assert_eq!(text(marker, METHOD), "estimated", "{marker}");
    }
}

fn assert_exact(behind: &Behind) {
    let cycle = behind.once(", lag: {read_records: true}");
    for group in ["first", "even", "seldom"] {
        assert_age(behind, &cycle, group);
        let document = of_group(&cycle.0, "kafka.consumergroup", group);
        assert_eq!(text(document, METHOD), "exact", "{document}");
        assert_eq!(field(document, ERROR), None);
    }
    assert_nothing_behind(&cycle.0, &["done", "empty", "marker"]);
    // Reading leaves no trace: no group, and the commits are where they were.
    let groups = of_dataset(&cycle.0, "kafka.group").len();
    assert_eq!(groups, behind.groups.len() + 2);
    for row in behind
        .kafka
        .describe_groups(None)
        .expect("the tool answers")
    {
        if let Some(offset) = behind.groups.get(row.group.as_str()) {
            assert_eq!(row.current_offset, Some(*offset), "{}", row.group);
        }
    }
}

#[test]
fn seconds_behind_are_those_of_the_records_on_zookeeper_mode() {
    let zookeeper = ZooKeeper::start().expect("ZooKeeper starts");
    let behind = behind(Kafka::start_zookeeper_mode(&zookeeper, 7).expect("Kafka starts"));
    assert_estimated(&behind);
    assert_exact(&behind);
}

#[test]
fn seconds_behind_are_those_of_the_records_on_kraft() {
    let behind = behind(Kafka::start_kraft().expect("Kafka starts"));
    assert_estimated(&behind);
    assert_exact(&behind);
}

/// A collector without the agent around it: its cycles come when the test wants them.
struct Cycles {
    collector: Box<dyn Collector>,
    runtime: tokio::runtime::Runtime,
}

impl Cycles {
    fn new(kafka: &Kafka) -> Self {
        let source = Source {
            path: "brokerbeat.yml".into(),
            overrides: Vec::new(),
            only_groups: Vec::new(),
        };
        let bootstrap = kafka.bootstrap();
        let text = format!(
            "path.data: /nowhere\nclusters: [{{kafka: {{bootstrap: [\"{bootstrap}\"]}}}}]\n"
        );
        let config = source.parse(&text, &|_| None).expect("usable");
        Self {
            collector: (config.clusters[0].targets[0].build)(),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .expect("a runtime"),
        }
    }

    /// The documents of the one partition of a group.
    fn next(&mut self, group: &str) -> Document {
        let cycle = Cycle {
            tick: Some(Millis::now()),
            ..Cycle::until(tokio::time::Instant::now() + Duration::from_secs(30))
        };
        let collected: Collected = self.runtime.block_on(self.collector.collect(&cycle));
        assert!(
            collected.up && collected.faults.is_empty(),
            "{:?}",
            collected.faults
        );
        let is_it = |document: &Document| {
            document.dataset == "kafka.consumergroup"
                && document.get("kafka.consumergroup.id") == Some(&group.into())
        };
        let later = collected.later.into_iter().flatten().flatten();
        let found = collected.documents.into_iter().chain(later).find(is_it);
        found.unwrap_or_else(|| panic!("no document of {group}"))
    }
}

/// The age of a record that was made between two moments.
fn assert_made(document: &Document, (sent, acknowledged): (i64, i64), (before, after): (i64, i64)) {
    let number = |name| document.get(name).and_then(Value::as_f64);
    let seconds = number(SECONDS).unwrap_or_else(|| panic!("no seconds in {document:?}"));
    let error = number(ERROR).unwrap_or(0.0);
    let least = (before - acknowledged) as f64 / 1_000.0 - error - 0.001;
    let most = (after - sent) as f64 / 1_000.0 + error + 0.001;
    assert!(
        (least..=most).contains(&seconds),
        "{least} – {most}: {document:?}"
    );
}

/// A quiet group stays at 0; one that stands grows older with the clock and nothing else; whether its
/// records have timestamps or not.
fn assert_grows_with_the_clock(kafka: &Kafka, topic: &str, bases: &[&str]) {
    let group = format!("reader-of-{topic}");
    // The oldest formats know no idempotence either.
    let options = Options::new().set("enable.idempotence", "false");
    let bootstrap = kafka.bootstrap();
    let producer = Producer::start_with(KafkaVersion::V4_2, &bootstrap, topic, 0.0, &options);
    let producer = producer.expect("a producer");
    producer.send(5).expect("sent");
    producer.commit(&group, topic, 0, 5).expect("committed");
    let mut cycles = Cycles::new(kafka);
    for _ in 0..3 {
        let quiet = cycles.next(&group);
        assert_eq!(quiet.get(SECONDS), Some(&0.0.into()), "{quiet:?}");
    }
    let sent = now();
    producer.send(5).expect("sent");
    let made = (sent, now());
    let mut last: Option<(f64, i64, i64)> = None;
    for _ in 0..5 {
        let before = now();
        let document = cycles.next(&group);
        let after = now();
        assert_made(&document, made, (before, after));
        let basis = document.get(BASIS).and_then(Value::as_str).unwrap_or("");
        assert!(bases.contains(&basis), "{document:?}");
        let seconds = document
            .get(SECONDS)
            .and_then(Value::as_f64)
            .expect("seconds");
        if let Some((earlier, from, to)) = last {
            let grown = seconds - earlier;
            let (least, most) = ((before - to) as f64 / 1e3, (after - from) as f64 / 1e3);
            assert!(
                (least - 0.002..=most + 0.002).contains(&grown),
                "{least} – {most}: {grown}"
            );
        }
        last = Some((seconds, before, after));
    }
}

#[test]
fn a_group_that_stands_ages_with_the_clock() {
    let kafka = Kafka::start_kraft().expect("Kafka starts");
    kafka.create_topic("stamped", 1, 1).expect("a topic");
    assert_grows_with_the_clock(&kafka, "stamped", &["timestamp", "append"]);
}

/// Formats before Kafka 0.10 have none: the history of log ends is all there is, and a fresh agent knows nothing.
#[test]
fn records_without_timestamps_age_by_when_they_were_appended() {
    let zookeeper = ZooKeeper::start().expect("ZooKeeper starts");
    let kafka = Kafka::start_zookeeper_mode(&zookeeper, 7).expect("Kafka starts");
    let bare = kafka.create_topic_with("bare", 1, &["message.format.version=0.9.0"]);
    bare.expect("a topic");
    assert_grows_with_the_clock(&kafka, "bare", &["append"]);
    let fresh = Cycles::new(&kafka).next("reader-of-bare");
    let why = fresh.get("kafka.consumergroup.lag.seconds_unknown_reason");
    assert_eq!(why, Some(&"no_timestamp".into()), "{fresh:?}");
    assert_eq!(fresh.get(SECONDS), None);
}
