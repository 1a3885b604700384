//! What a group's lag means: published without consuming it becomes STOP or STALL within the window, a restart
//! of the agent in the middle forgets nothing, and consuming clears it.

use std::time::Duration;

use serde_json::Value;
use stack::{Consumer, Elasticsearch, Kafka, Producer, wait_until};

use crate::agent::{Agent, PATIENCE, Setting, field, search, text};
use crate::servers;

const NAMESPACE: &str = "lagstatus";
const TOPIC: &str = "orders";
const INTERVAL: Duration = Duration::from_secs(2);
const WINDOW: Duration = Duration::from_secs(10);

fn config(kafka: &Kafka, elasticsearch: &Elasticsearch) -> String {
    format!(
        "namespace: {NAMESPACE}\nclusters:\n- name: orders\n  \
         kafka: {{bootstrap: [\"{}\"], lag: {{window: {}s}}}}\n\
         output.elasticsearch: {{hosts: [\"{}\"]}}\n",
        kafka.bootstrap(),
        WINDOW.as_secs(),
        elasticsearch.url(),
    )
}

fn millis(date: &str) -> i64 {
    let moment = date.parse::<jiff::Timestamp>().expect("a date");
    moment.as_millisecond()
}

fn tick(document: &Value) -> i64 {
    millis(text(document, "@timestamp"))
}

fn lag(document: &Value) -> Option<i64> {
    field(document, "kafka.consumergroup.consumer_lag")?.as_i64()
}

/// Documents of a group in the order of their ticks.
fn of_group(dataset: &str, group: &str) -> Vec<Value> {
    let stream = format!("metrics-brokerbeat.{dataset}-{NAMESPACE}");
    let mut documents = search(servers::elasticsearch(), &stream);
    documents.retain(|document| text(document, "kafka.consumergroup.id") == group);
    documents
}

/// Waits until the group's newest document has the status, and gives it.
fn until(agent: &Agent, group: &str, status: &str, after: i64) -> Value {
    let step = format!("{group} is {status}");
    let found = wait_until(&step, PATIENCE, || {
        let last = of_group("kafka.group", group).pop()?;
        (tick(&last) > after && text(&last, "kafka.group.lag.status") == status).then_some(last)
    });
    found.unwrap_or_else(|error| panic!("{error}\n{}", agent.log()))
}

/// A partition is fine until the lag has stood for a window, tick by tick, and has the status from then on.
fn assert_status_follows_the_window(group: &str, status: &str, reason: &str, last: i64) {
    let mut documents = of_group("kafka.consumergroup", group);
    documents.retain(|document| tick(document) <= last);
    for partition in 0..2 {
        let own = documents
            .iter()
            .filter(|d| field(d, "kafka.partition.id").and_then(Value::as_i64) == Some(partition));
        let lagging: Vec<&Value> = own.filter(|d| lag(d) > Some(0)).collect();
        let first = tick(lagging.first().expect("a partition with lag"));
        let window = i64::try_from(WINDOW.as_millis()).expect("small");
        for document in lagging {
            let (expected, why) = match tick(document) - first {
                stands if stands >= window => (status, reason),
                _ => ("OK", "caught_up_lately"),
            };
            let found = text(document, "kafka.consumergroup.lag.status");
            assert_eq!(found, expected, "{document}");
            assert_eq!(text(document, "kafka.consumergroup.lag.reason"), why);
            let stuck = field(document, "kafka.consumergroup.lag.stuck").and_then(Value::as_i64);
            assert_eq!(stuck, Some((tick(document) - first) / 1_000));
        }
    }
}

/// What the event stream says of a group up to a tick: before, after, reason.
fn changes(group: &str, last: i64) -> Vec<[String; 3]> {
    let stream = format!("logs-brokerbeat.event-{NAMESPACE}");
    let events = search(servers::elasticsearch(), &stream);
    let of_group = events.iter().filter(|event| {
        text(event, "event.action") == "consumer-group-status-changed"
            && text(event, "kafka.consumergroup.id") == group
            && tick(event) <= last
    });
    let names = ["status_before", "status", "reason"];
    of_group
        .map(|event| names.map(|n| text(event, &format!("kafka.consumergroup.lag.{n}")).to_owned()))
        .collect()
}

/// Two groups that have read everything: one that has left, one whose member is paused.
fn settled(kafka: &Kafka, producer: &Producer) -> [Consumer; 2] {
    producer.send(100).expect("sent");
    let bootstrap = kafka.bootstrap();
    let consumers =
        ["left", "paused"].map(|group| Consumer::start(&bootstrap, TOPIC, group).expect("reads"));
    for group in ["left", "paused"] {
        let read = wait_until(&format!("{group} has read everything"), PATIENCE, || {
            let rows = kafka.describe_groups(Some(group)).ok()?;
            let all = rows.len() == 2 && rows.iter().all(|row| row.lag == Some(0));
            all.then_some(())
        });
        read.unwrap();
    }
    consumers[0].stop().expect("left");
    consumers[1].pause().expect("paused");
    consumers
}

/// A group that was deleted is said to be gone, and nothing else of it; one that is there never is.
fn assert_gone(agent: &Agent, group: &str) {
    let is_gone = |one: &Value| text(one, "kafka.group.state") == "gone";
    let found = wait_until(&format!("{group} is gone"), PATIENCE, || {
        of_group("kafka.group", group).into_iter().find(is_gone)
    });
    let gone = found.unwrap_or_else(|error| panic!("{error}\n{}", agent.log()));
    let fields = field(&gone, "kafka.group").and_then(Value::as_object);
    let fields: Vec<&str> = fields
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(fields, ["state"], "{gone}");
    let rows = of_group("kafka.consumergroup", group);
    assert!(rows.iter().all(|row| tick(row) < tick(&gone)), "{gone}");
    assert!(!of_group("kafka.group", "paused").iter().any(is_gone));
}

#[test]
fn lag_without_consuming_raises_the_status_a_restart_keeps_it_and_consuming_clears_it() {
    let elasticsearch = servers::elasticsearch();
    let kafka = Kafka::start_kraft().expect("Kafka starts");
    kafka.create_topic(TOPIC, 2, 1).expect("a topic");
    let producer = Producer::start(&kafka.bootstrap(), TOPIC, 0.0).expect("a producer");
    let [left, paused] = settled(&kafka, &producer);

    let agent = Setting::every(INTERVAL, &config(&kafka, elasticsearch)).run();
    until(&agent, "left", "OK", 0);
    until(&agent, "paused", "OK", 0);
    producer.send(100).expect("sent");
    let stopped = until(&agent, "left", "STOP", 0);
    let stalled = until(&agent, "paused", "STALL", 0);
    assert_eq!(text(&stopped, "kafka.group.lag.reason"), "no_members");
    assert_eq!(text(&stalled, "kafka.group.lag.reason"), "not_advancing");
    assert_eq!(text(&stopped, "kafka.group.lag.worst.topic"), TOPIC);

    agent.stop_clean();
    let end = tick(&until(&agent, "left", "STOP", 0));
    let agent = agent.setting.run();
    let later = until(&agent, "left", "STOP", end);
    assert_eq!(
        text(&later, "kafka.group.lag.status_since"),
        text(&stopped, "kafka.group.lag.status_since"),
        "the restart made it younger"
    );

    let before = tick(&later);
    left.resume().expect("reads again");
    paused.resume().expect("reads again");
    for group in ["left", "paused"] {
        let clear = until(&agent, group, "OK", before);
        assert_eq!(text(&clear, "kafka.group.lag.reason"), "caught_up");
    }
    left.stop().expect("left");
    // A tick may meet a group of which only the commits are deleted yet.
    let deleted = jiff::Timestamp::now().as_millisecond();
    kafka.delete_group("left").expect("deleted");
    assert_gone(&agent, "left");
    agent.stop_clean();

    for (group, status, reason) in [
        ("left", "STOP", "no_members"),
        ("paused", "STALL", "not_advancing"),
    ] {
        assert_status_follows_the_window(group, status, reason, before);
        let raised = ["OK", status, reason].map(str::to_owned);
        let changes = changes(group, deleted);
        assert_eq!(changes[0], raised, "{group}: {changes:?}");
        // A tick may meet a member that has joined and not committed yet: that is no other status.
        assert_eq!(changes.len(), 2, "{group}: {changes:?}");
        assert_eq!(changes[1][0], changes[0][1], "{group}: {changes:?}");
        assert_eq!(changes[1][1..], ["OK", "caught_up"], "{group}: {changes:?}");
    }
    crate::shipping::assert_nothing_dynamic(elasticsearch, NAMESPACE);
}
