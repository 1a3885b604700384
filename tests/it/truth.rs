//! The numbers are those of Kafka's own tools and of a JMX client in Java, at a quiet moment.

use std::collections::BTreeMap;

use serde_json::Value;
use stack::{Consumer, GroupRow, Kafka, Producer, ZooKeeper, wait_until};

use crate::agent::{PATIENCE, Setting, documents_of, field, of_dataset, search, text};
use crate::shipping::{assert_nothing_dynamic, stop_accounted};
use crate::{beans, servers};

const TOPIC: &str = "orders";
/// `reads`, `lags`, `left`, `idle`.
const GROUPS: usize = 4;

/// A broker with a group that reads, one that lags, one without members, one whose members have committed nothing.
struct Quiet {
    kafka: Kafka,
    _producer: Producer,
    _consumers: Vec<Consumer>,
}

fn quiet(kafka: Kafka) -> Quiet {
    kafka.create_topic(TOPIC, 3, 1).expect("a topic");
    kafka.create_topic("empty", 2, 1).expect("a topic");
    let bootstrap = kafka.bootstrap();
    let producer = Producer::start(&bootstrap, TOPIC, 0.0).expect("a producer");
    let consumer = |topic, group| Consumer::start(&bootstrap, topic, group).expect("a consumer");
    let [reads, lags, left] = ["reads", "lags", "left"].map(|group| consumer(TOPIC, group));
    let idle = consumer("empty", "idle");
    producer.send(300).expect("sent");
    let lag = |group: &str| -> Option<i64> {
        let rows = kafka.describe_groups(Some(group)).ok()?;
        (rows.len() == 3).then(|| rows.iter().map(|row| row.lag).sum::<Option<i64>>())?
    };
    for group in ["reads", "lags", "left"] {
        wait_until(&format!("{group} has read everything"), PATIENCE, || {
            (lag(group) == Some(0)).then_some(())
        })
        .unwrap();
    }
    lags.pause().expect("paused");
    left.stop().expect("left");
    producer.send(100).expect("sent");
    wait_until("reads has read the rest", PATIENCE, || {
        (lag("reads") == Some(0)).then_some(())
    })
    .unwrap();
    Quiet {
        kafka,
        _producer: producer,
        _consumers: vec![reads, lags, left, idle],
    }
}

fn config(quiet: &Quiet) -> String {
    format!(
        "clusters:\n- name: orders\n  kafka: {{bootstrap: [\"{}\"]}}\n  jmx: [{{endpoint: \"{}\", presets: [kafka-broker, kafka-controller, jvm]}}]\n",
        quiet.kafka.bootstrap(),
        quiet.kafka.jmx(),
    )
}

/// The JVM alone: connections of ours to the broker itself would be among the figures.
fn beans(quiet: &Quiet) -> Vec<Value> {
    let jmx = quiet.kafka.jmx();
    let presets = "kafka-broker, kafka-controller, jvm";
    documents_of(&format!(
        "clusters:\n- name: orders\n  jmx: [{{endpoint: \"{jmx}\", presets: [{presets}]}}]\n"
    ))
}

fn once(quiet: &Quiet) -> Vec<Value> {
    documents_of(&config(quiet))
}

/// What Elasticsearch has of the second tick that a running agent shipped, once it has all of that tick.
fn indexed(quiet: &Quiet, namespace: &str) -> Vec<Value> {
    let elasticsearch = servers::elasticsearch();
    let output = format!(
        "namespace: {namespace}\noutput.elasticsearch: {{hosts: [\"{}\"]}}\n",
        elasticsearch.url()
    );
    let agent = Setting::new(&(config(quiet) + &output)).run();
    let rows = lags_of_tool(&quiet.kafka).len();
    let shipped = wait_until("two ticks of groups", PATIENCE, || {
        let of = |dataset: &str| {
            let stream = format!("metrics-brokerbeat.{dataset}-{namespace}");
            search(elasticsearch, &stream)
        };
        let (groups, lags) = (of("kafka.group"), of("kafka.consumergroup"));
        let last = text(groups.last()?, "@timestamp").to_owned();
        let two = text(&groups[0], "@timestamp") != last;
        let of_last = |all: Vec<Value>| -> Vec<Value> {
            let same = |d: &Value| text(d, "@timestamp") == last;
            all.into_iter().filter(same).collect()
        };
        let (groups, lags) = (of_last(groups), of_last(lags));
        (two && groups.len() == GROUPS && lags.len() == rows).then(|| [lags, groups].concat())
    });
    let documents = shipped.unwrap_or_else(|error| panic!("{error}\n{}", agent.log()));
    stop_accounted(&agent, elasticsearch, namespace);
    assert_nothing_dynamic(elasticsearch, namespace);
    documents
}

fn number(document: &Value, name: &str) -> Option<i64> {
    field(document, name)?.as_i64()
}

/// group, topic, partition → committed offset, log end offset, lag.
pub(crate) type Lags = BTreeMap<(String, String, i64), (Option<i64>, Option<i64>, Option<i64>)>;

pub(crate) fn lags_of_documents(documents: &[Value]) -> Lags {
    let rows = of_dataset(documents, "kafka.consumergroup")
        .into_iter()
        .map(|d| {
            let key = (
                text(d, "kafka.consumergroup.id").to_owned(),
                text(d, "kafka.topic.name").to_owned(),
                number(d, "kafka.partition.id").unwrap(),
            );
            let values = (
                number(d, "kafka.consumergroup.offset"),
                number(d, "kafka.consumergroup.log_end_offset"),
                number(d, "kafka.consumergroup.consumer_lag"),
            );
            (key, values)
        });
    rows.collect()
}

pub(crate) fn lags_of_tool(kafka: &Kafka) -> Lags {
    lags_of_rows(kafka.describe_groups(None).expect("the tool answers"))
}

fn lags_of_rows(rows: Vec<GroupRow>) -> Lags {
    let rows = rows.into_iter().map(|row| {
        let key = (row.group, row.topic, i64::from(row.partition));
        (key, (row.current_offset, row.log_end_offset, row.lag))
    });
    rows.collect()
}

/// What `brokerbeat lag` prints and says.
fn lag(quiet: &Quiet, arguments: &[&str]) -> (String, String) {
    let bootstrap = quiet.kafka.bootstrap();
    let mut all = vec!["lag", "--bootstrap", &bootstrap];
    all.extend(arguments);
    let output = Setting::new(&config(quiet)).command(&all);
    let [printed, said] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert_eq!(output.status.code(), Some(0), "{said}");
    (printed, said)
}

/// The command prints the tool's columns, with the tool's numbers.
fn assert_table(quiet: &Quiet) {
    let tool = lags_of_tool(&quiet.kafka);
    let (printed, said) = lag(quiet, &[]);
    assert_eq!(
        lags_of_rows(GroupRow::of_table(&printed)),
        tool,
        "{printed}"
    );
    assert!(
        said.contains("Consumer group 'left' has no active members"),
        "{said}"
    );
    let (printed, _) = lag(quiet, &["--group", "la*"]);
    let one: Lags = tool
        .into_iter()
        .filter(|((group, ..), _)| group == "lags")
        .collect();
    assert_eq!(lags_of_rows(GroupRow::of_table(&printed)), one, "{printed}");
    let (lines, _) = lag(quiet, &["--json", "--group", "lags"]);
    let documents: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let lags = documents
        .iter()
        .filter_map(|one| number(one, "kafka.consumergroup.consumer_lag"));
    assert_eq!(lags.sum::<i64>(), 100, "{lines}");
    let seconds = documents
        .iter()
        .filter_map(|one| field(one, "kafka.consumergroup.lag.seconds"));
    assert!(seconds.count() > 0, "{lines}");
}

fn assert_lags(quiet: &Quiet, documents: &[Value]) {
    let ours = lags_of_documents(documents);
    let tool = lags_of_tool(&quiet.kafka);
    assert_eq!(ours, tool);
    for group in ["reads", "lags", "left"] {
        let of_group = ours.iter().filter(|((name, ..), _)| name == group);
        let sum: Option<i64> = of_group.map(|(_, (.., lag))| *lag).sum();
        assert_eq!(sum, Some(if group == "reads" { 0 } else { 100 }), "{group}");
    }
    let uncommitted = of_dataset(documents, "kafka.consumergroup")
        .into_iter()
        .filter(|d| text(d, "kafka.consumergroup.lag.unknown_reason") == "no_commit");
    assert!(
        uncommitted
            .clone()
            .all(|d| number(d, "kafka.consumergroup.consumer_lag").is_none())
    );
    let left = of_dataset(documents, "kafka.group")
        .into_iter()
        .find(|d| text(d, "kafka.consumergroup.id") == "left")
        .unwrap();
    assert_eq!(number(left, "kafka.group.members"), Some(0), "{left}");
    assert_eq!(text(left, "kafka.group.state"), "empty");
}

#[test]
fn lag_and_beans_equal_kafkas_own_on_zookeeper_mode() {
    let zookeeper = ZooKeeper::start().expect("ZooKeeper starts");
    let quiet = quiet(Kafka::start_zookeeper_mode(&zookeeper, 7).expect("Kafka starts"));
    assert_lags(&quiet, &once(&quiet));
    assert_lags(&quiet, &indexed(&quiet, "old"));
    assert_table(&quiet);
    beans::assert_equal(&quiet.kafka.jmx(), || beans(&quiet));
}

#[test]
fn lag_and_beans_equal_kafkas_own_on_kraft() {
    let quiet = quiet(Kafka::start_kraft().expect("Kafka starts"));
    assert_lags(&quiet, &once(&quiet));
    assert_lags(&quiet, &indexed(&quiet, "new"));
    assert_table(&quiet);
    beans::assert_equal(&quiet.kafka.jmx(), || beans(&quiet));
}
