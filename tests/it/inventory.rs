//! What is wrong with which partition, as `kafka-topics.sh` tells it: one of two brokers dead, and back.

use std::collections::BTreeSet;

use serde_json::Value;
use stack::{Kafka, ZooKeeper, wait_until};

use crate::agent::{PATIENCE, Setting, field, of_dataset, text};

/// Our flag, the tool's option, and the roll-ups.
const PROBLEMS: &[(&str, &str)] = &[
    ("offline", "--unavailable-partitions"),
    ("under_replicated", "--under-replicated-partitions"),
    ("under_min_isr", "--under-min-isr-partitions"),
    ("at_min_isr", "--at-min-isr-partitions"),
];

/// Topic and number.
type Partitions = BTreeSet<(String, i64)>;

struct Pair {
    brokers: [Kafka; 2],
    _zookeeper: ZooKeeper,
}

impl Pair {
    fn start() -> Self {
        let zookeeper = ZooKeeper::start().expect("ZooKeeper starts");
        let broker = |id| Kafka::start_zookeeper_mode(&zookeeper, id).expect("a broker starts");
        let brokers = [broker(1), broker(2)];
        brokers[0].create_topic("alone", 4, 1).expect("a topic");
        brokers[0].create_topic("pair", 4, 2).expect("a topic");
        let strict = ["--create", "--topic", "strict", "--partitions", "2"];
        let settings = [
            "--replication-factor",
            "2",
            "--config",
            "min.insync.replicas=2",
        ];
        let pair = Self {
            brokers,
            _zookeeper: zookeeper,
        };
        pair.tool(&[&strict[..], &settings[..]].concat());
        pair
    }

    /// `kafka-topics.sh`.
    fn tool(&self, args: &[&str]) -> String {
        let bootstrap = self.brokers[0].bootstrap();
        let args = [&["--bootstrap-server", &bootstrap], args].concat();
        let printed = self.brokers[0].run_tool("kafka.admin.TopicCommand", &args);
        printed.expect("the tool answers")
    }

    fn of_tool(&self, option: &str) -> Partitions {
        partitions(&self.tool(&["--describe", option]))
            .map(|(at, _)| at)
            .collect()
    }

    /// Those whose leader is not the first of their replicas.
    fn badly_led(&self) -> Partitions {
        let described = self.tool(&["--describe"]);
        let is_bad = |line: &str| {
            let leader = value(line, "Leader:")?;
            let first = value(line, "Replicas:")?.split(',').next()?;
            leader.parse::<i32>().ok()?;
            Some(leader != first)
        };
        partitions(&described)
            .filter(|(_, line)| is_bad(line) == Some(true))
            .map(|(at, _)| at)
            .collect()
    }

    fn once(&self) -> Vec<Value> {
        let bootstrap = self.brokers[0].bootstrap();
        let config = format!(
            "clusters:\n- kafka: {{bootstrap: [\"{bootstrap}\"], internal_topics: true}}\n"
        );
        let (code, documents, said) = Setting::new(&config).once_in("20s");
        assert!([0, 3].contains(&code), "{said}");
        documents
    }

    /// The documents once so many partitions have the problem.
    fn until(&self, problem: &str, count: i64) -> Vec<Value> {
        let field = format!("kafka.cluster.{problem}_partitions");
        let found = wait_until(&format!("{count} {problem}"), PATIENCE, || {
            let documents = self.once();
            let cluster = *of_dataset(&documents, "kafka.cluster").first()?;
            (number(cluster, &field) == Some(count)).then_some(documents)
        });
        found.expect("it comes to that")
    }
}

/// Lines about partitions: `Topic: t  Partition: 0  Leader: 1  Replicas: 1,2  Isr: 1`.
fn partitions(printed: &str) -> impl Iterator<Item = ((String, i64), &str)> {
    printed.lines().filter_map(|line| {
        let number = value(line, "Partition:")?.parse().ok()?;
        Some(((value(line, "Topic:")?.to_owned(), number), line))
    })
}

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.split_whitespace()
        .skip_while(|word| *word != key)
        .nth(1)
}

fn number(document: &Value, name: &str) -> Option<i64> {
    field(document, name)?.as_i64()
}

fn of_documents(documents: &[Value], problem: &str) -> Partitions {
    let flag = format!("kafka.partition.partition.{problem}");
    let partitions = of_dataset(documents, "kafka.partition").into_iter();
    let with = partitions.filter(|one| {
        let flag = field(one, &flag).and_then(Value::as_bool);
        flag.unwrap_or_else(|| panic!("{one}"))
    });
    with.map(|one| {
        let topic = text(one, "kafka.topic.name").to_owned();
        (topic, number(one, "kafka.partition.id").unwrap())
    })
    .collect()
}

/// Flags are the tool's, and the roll-ups count them.
fn assert_problems(pair: &Pair, documents: &[Value]) {
    let offline = of_documents(documents, "offline");
    for (problem, option) in PROBLEMS {
        let ours = of_documents(documents, problem);
        let mut tool = pair.of_tool(option);
        if *problem == "at_min_isr" {
            // The tool counts one without a leader as both below and at its least ISR.
            tool.retain(|one| !offline.contains(one));
        }
        assert_eq!(ours, tool, "{problem}");
    }
    let ours = of_documents(documents, "non_preferred_leader");
    assert_eq!(ours, pair.badly_led());
    let names = PROBLEMS.iter().map(|(problem, _)| *problem);
    for problem in names.chain(["non_preferred_leader"]) {
        let ours = of_documents(documents, problem);
        let field = format!("kafka.cluster.{problem}_partitions");
        let cluster = of_dataset(documents, "kafka.cluster")[0];
        let count = i64::try_from(ours.len()).unwrap();
        assert_eq!(number(cluster, &field), Some(count), "{cluster}");
        for topic in of_dataset(documents, "kafka.topic") {
            let name = text(topic, "kafka.topic.name");
            let count = ours.iter().filter(|(of, _)| of == name).count();
            let field = format!("kafka.topic.{problem}_partitions");
            assert_eq!(number(topic, &field), i64::try_from(count).ok(), "{topic}");
        }
    }
}

#[test]
fn problems_of_partitions_are_those_of_kafkas_tool() {
    let pair = Pair::start();
    assert_problems(&pair, &pair.until("under_replicated", 0));

    pair.brokers[1].kill();
    let broken = pair.until("under_replicated", 6);
    assert_problems(&pair, &broken);
    assert_eq!(of_documents(&broken, "offline").len(), 2);
    // Both of `strict`, and half of `alone`, which has no leader.
    assert_eq!(of_documents(&broken, "under_min_isr").len(), 4);

    pair.brokers[1].restart().expect("the broker starts again");
    let back = pair.until("under_replicated", 0);
    assert_problems(&pair, &back);
    assert_eq!(of_documents(&back, "non_preferred_leader").len(), 3);
}
