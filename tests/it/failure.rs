//! One of two brokers dead, and one that hangs: the others keep their ticks, and the failure is data.

use std::time::Duration;

use serde_json::Value;
use stack::{Elasticsearch, Kafka, Signal, ZooKeeper, wait_until};

use crate::agent::{Agent, PATIENCE, Setting, assert_no_gap, field, search, text};
use crate::servers;

const NAMESPACE: &str = "failure";

/// No tick may be lost, also on a machine that has just too much to do for a second.
const INTERVAL: Duration = Duration::from_secs(5);

struct Pair {
    zookeeper: ZooKeeper,
    brokers: [Kafka; 2],
}

fn pair() -> Pair {
    let zookeeper = ZooKeeper::start().expect("ZooKeeper starts");
    let broker = |id| Kafka::start_zookeeper_mode(&zookeeper, id).expect("a broker starts");
    let brokers = [broker(1), broker(2)];
    brokers[0].create_topic("orders", 4, 2).expect("a topic");
    brokers[0].create_topic("alone", 4, 1).expect("a topic");
    Pair { zookeeper, brokers }
}

fn config(pair: &Pair, elasticsearch: &Elasticsearch) -> String {
    let [one, two] = &pair.brokers;
    format!(
        "namespace: {NAMESPACE}\n\
         clusters:\n- name: orders\n  \
         kafka: {{bootstrap: [\"{}\", \"{}\"]}}\n  \
         zookeeper: {{hosts: [\"{}\"]}}\n  \
         jmx:\n  - {{endpoint: \"{}\", presets: [kafka-broker, jvm], name: one}}\n  - {{endpoint: \"{}\", presets: [kafka-broker, jvm], name: two}}\n\
         output.elasticsearch: {{hosts: [\"{}\"]}}\n",
        one.bootstrap(),
        two.bootstrap(),
        pair.zookeeper.addr(),
        one.jmx(),
        two.jmx(),
        elasticsearch.url(),
    )
}

fn stream(dataset: &str) -> String {
    format!("metrics-brokerbeat.{dataset}-{NAMESPACE}")
}

/// `target` documents of a target.
fn targets(elasticsearch: &Elasticsearch, name: &str) -> Vec<Value> {
    let all = search(elasticsearch, &stream("target"));
    all.into_iter()
        .filter(|d| text(d, "brokerbeat.target.name") == name)
        .collect()
}

fn up(document: &Value) -> Option<u64> {
    field(document, "brokerbeat.target.up")?.as_u64()
}

fn millis(document: &Value) -> i64 {
    text(document, "@timestamp")
        .parse::<jiff::Timestamp>()
        .unwrap()
        .as_millisecond()
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Waits until the target is up (1) or not (0) in a tick after that moment, and gives that document.
fn until(agent: &Agent, name: &str, state: u64, after: i64) -> Value {
    let found = wait_until(&format!("{name} is {state}"), PATIENCE, || {
        let documents = targets(servers::elasticsearch(), name);
        documents
            .into_iter()
            .find(|d| millis(d) > after && up(d) == Some(state))
    });
    found.unwrap_or_else(|error| panic!("{error}\n{}", agent.log()))
}

/// The first tick after the failure says `up: 0` with its kind, which is within one interval.
fn assert_down_within_an_interval(agent: &Agent, name: &str, failed_at: i64, kinds: &[&str]) {
    let down = until(agent, name, 0, failed_at);
    let interval = i64::try_from(INTERVAL.as_millis()).unwrap();
    let late = millis(&down) - failed_at;
    // The tick that was being collected in that instant may still have succeeded.
    assert!(
        late <= 2 * interval,
        "{name} is down {late} ms after it failed: {down}"
    );
    let first = targets(servers::elasticsearch(), name)
        .into_iter()
        .find(|d| millis(d) >= failed_at)
        .unwrap();
    assert_eq!(
        up(&first),
        Some(0),
        "the first tick after the failure: {first}"
    );
    let kind = text(&down, "brokerbeat.target.error.kind");
    assert!(kinds.contains(&kind), "{down}");
}

#[test]
fn a_dead_and_a_hanging_broker_cost_only_their_own_part() {
    let elasticsearch = servers::elasticsearch();
    let pair = pair();
    let agent = Setting::every(INTERVAL, &config(&pair, elasticsearch)).run();
    for name in ["one", "two"] {
        until(&agent, name, 1, 0);
    }
    let started = now();

    let failed = now();
    pair.brokers[1].kill();
    assert_down_within_an_interval(&agent, "two", failed, &["connect", "protocol"]);
    let offline = wait_until("partitions without a leader", PATIENCE, || {
        let documents = search(elasticsearch, &stream("kafka.cluster"));
        documents.into_iter().find(|d| {
            millis(d) > failed
                && field(d, "kafka.cluster.offline_partitions").and_then(Value::as_u64) >= Some(2)
        })
    });
    offline.unwrap_or_else(|error| panic!("{error}\n{}", agent.log()));
    assert_gone(&agent, failed);
    let back = now();
    pair.brokers[1].restart().expect("the broker starts again");
    until(&agent, "two", 1, now());
    until_broker(&agent, 2, back, |one| state(one) == "live");
    let expands = "kafka.broker.replication.isr_expands_increase";
    until_broker(&agent, 1, back, |one| number(one, expands) > Some(0));

    let failed = now();
    pair.brokers[1].signal(Signal::Stop);
    assert_down_within_an_interval(&agent, "two", failed, &["timeout"]);
    // Several ticks of hanging, during which nobody else may lose one.
    until(
        &agent,
        "two",
        0,
        failed + 3 * i64::try_from(INTERVAL.as_millis()).unwrap(),
    );
    pair.brokers[1].signal(Signal::Cont);
    until(&agent, "two", 1, now());
    crate::shipping::stop_accounted(&agent, elasticsearch, NAMESPACE);

    for name in [
        "one",
        "two",
        &format!("zookeeper {}", pair.zookeeper.addr()),
        &format!("kafka {}", pair.brokers[0].bootstrap()),
    ] {
        let ticks: Vec<String> = targets(elasticsearch, name)
            .iter()
            .map(|d| text(d, "@timestamp").to_owned())
            .collect();
        assert_no_gap(&ticks, INTERVAL);
    }
    assert_survivor_kept_its_ticks(elasticsearch, started);
    assert_increases_are_those_of_the_counter(elasticsearch);
}

fn number(document: &Value, name: &str) -> Option<i64> {
    field(document, name)?.as_i64()
}

fn state(document: &Value) -> &str {
    text(document, "kafka.broker.metadata.state")
}

/// Waits for a document of the broker, of a tick after that moment.
fn until_broker(agent: &Agent, id: i64, after: i64, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = wait_until(&format!("broker {id}"), PATIENCE, || {
        let documents = search(servers::elasticsearch(), &stream("kafka.broker"));
        documents.into_iter().find(|one| {
            number(one, "kafka.broker.id") == Some(id) && millis(one) > after && wanted(one)
        })
    });
    found.unwrap_or_else(|error| panic!("{error}\n{}", agent.log()))
}

/// The dead broker has a document with the replicas that are there for it, and no more; the other one lives.
fn assert_gone(agent: &Agent, failed: i64) {
    let gone = until_broker(agent, 2, failed, |one| state(one) == "gone");
    let replicas = number(&gone, "kafka.broker.metadata.replicas");
    assert!(replicas >= Some(4 + 2), "{gone}");
    for absent in ["address", "is_controller", "metadata.leaders", "config"] {
        let name = format!("kafka.broker.{absent}");
        assert_eq!(field(&gone, &name), None, "{gone}");
    }
    let tick = millis(&gone);
    until_broker(agent, 1, tick - 1, |one| {
        state(one) == "live" && millis(one) == tick
    });
}

/// A first document has none; from then on they add up to what the counter rose by, from 0 on.
fn assert_increases_are_those_of_the_counter(elasticsearch: &Elasticsearch) {
    const COUNTER: &str = "kafka.broker.replication.isr_expands";
    let increase = format!("{COUNTER}_increase");
    let mut documents = search(elasticsearch, &stream("kafka.broker"));
    documents
        .retain(|one| number(one, "kafka.broker.id") == Some(1) && field(one, COUNTER).is_some());
    let [first, later @ ..] = documents.as_slice() else {
        panic!("no document with {COUNTER}");
    };
    assert_eq!(number(first, &increase), None, "{first}");
    let rises = later.iter().map(|one| number(one, &increase));
    let sum: i64 = rises.map(|rise| rise.expect("an increase")).sum();
    let of = |one: &Value| number(one, COUNTER).expect("a number");
    assert_eq!(sum, of(later.last().expect("some")) - of(first));
    assert!(sum > 0);

    let jvm = search(elasticsearch, &stream("jvm"));
    let shares = [
        "jvm.memory.heap.used",
        "jvm.os.process.file_descriptors.open",
    ];
    for share in shares.map(|name| format!("{name}_share")) {
        let mut values = jvm.iter().filter_map(|one| field(one, &share)?.as_f64());
        let first = values.next().expect("a share");
        assert!(values.chain([first]).all(|one| one > 0.0 && one < 1.0));
    }
    let agent = search(elasticsearch, &stream("agent"));
    let dropped = |one: &Value| number(one, "brokerbeat.stream.dropped_increase");
    assert!(agent.iter().any(|one| dropped(one) == Some(0)));
}

/// Broker 1's own documents: every tick, with every kind of bean group it had at the start.
fn assert_survivor_kept_its_ticks(elasticsearch: &Elasticsearch, started: i64) {
    let documents = search(elasticsearch, &stream("kafka.broker"));
    let of_broker = |d: &&Value| field(d, "kafka.broker.id").and_then(Value::as_i64) == Some(1);
    let traffic = documents
        .iter()
        .filter(of_broker)
        .filter(|d| text(d, "brokerbeat.kind") == "traffic");
    let ticks: Vec<String> = traffic
        .filter(|d| millis(d) > started)
        .map(|d| text(d, "@timestamp").to_owned())
        .collect();
    assert!(ticks.len() > 5, "{ticks:?}");
    assert_no_gap(&ticks, INTERVAL);
}
