//! Room on the disks of real brokers, beside `df`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use stack::{Kafka, WorkDir, ZooKeeper};

use crate::agent::{Setting, documents_of, field, of_dataset, search, text};
use crate::disk::{fill, with_small_disk};
use crate::servers;
use crate::shipping::{stop_accounted, wait_for};

fn config(directories: &[&Path]) -> String {
    format!("clusters: [{{name: orders, disks: {{directories: {directories:?}}}}}]\n")
}

fn number(document: &Value, name: &str) -> f64 {
    let name = format!("kafka.broker.log.directory.disk.{name}");
    field(document, &name).and_then(Value::as_f64).unwrap()
}

/// Size, available bytes, and the percentage used.
fn df(path: &Path) -> [f64; 3] {
    let output = Command::new("df")
        .args(["--block-size=1", "--output=size,avail,pcent"])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let words = text.lines().nth(1).unwrap().split_whitespace();
    let numbers: Vec<f64> = words
        .map(|word| word.trim_end_matches('%').parse().unwrap())
        .collect();
    numbers.try_into().unwrap()
}

#[test]
fn a_brokers_disk_has_the_room_that_df_says() {
    let zookeeper = ZooKeeper::start().unwrap();
    let brokers = [
        Kafka::start_zookeeper_mode(&zookeeper, 7).unwrap(),
        Kafka::start_kraft().unwrap(),
    ];
    for kafka in brokers {
        let directory = kafka.log_directory();
        let all = documents_of(&config(&[&directory]));
        let documents: Vec<_> = of_dataset(&all, "kafka.broker").into_iter().collect();
        let [document] = documents[..] else {
            panic!("{documents:?}")
        };
        let id = field(document, "kafka.broker.id").and_then(Value::as_i64);
        assert_eq!(id, Some(i64::from(kafka.id())));
        let path = text(document, "kafka.broker.log.directory.path");
        assert_eq!(path, directory.display().to_string());
        assert_eq!(
            text(document, "kafka.cluster.id"),
            kafka.cluster_id().unwrap()
        );
        let [size, available, percent] = df(&directory);
        assert_eq!(number(document, "total"), size);
        // Others write to the same disk meanwhile.
        let moved = (number(document, "available") - available).abs();
        assert!(moved < size / 20.0, "{document} {available}");
        let used = (number(document, "used.pct") * 100.0).ceil();
        assert!((used - percent).abs() <= 5.0, "{document} {percent}");
    }
}

#[test]
fn a_disk_that_fills_is_said_within_a_tick_and_one_that_is_away_is_named() {
    let kafka = Kafka::start_kraft().unwrap();
    let disk = WorkDir::new("broker-disk").unwrap();
    let Some(wrapper) = with_small_disk(disk.path()) else {
        return;
    };
    let away = Path::new("/nowhere/kafka");
    let elasticsearch = servers::elasticsearch();
    let output = format!(
        "namespace: disks\noutput.elasticsearch: {{hosts: [\"{}\"]}}\n",
        elasticsearch.url()
    );
    let config = config(&[disk.path(), away]) + &output;
    let agent = Setting::new(&config).run_under(&wrapper);
    agent.says("/meta.properties: No such file");
    let inside = format!("/proc/{}/root{}", agent.pid(), disk.path().display());
    let properties = "meta.properties";
    fs::copy(
        kafka.log_directory().join(properties),
        Path::new(&inside).join(properties),
    )
    .unwrap();
    let used = |least: f64| {
        wait_for(&format!("a disk used to {least}"), &agent, || {
            let documents = search(elasticsearch, "metrics-brokerbeat.kafka.broker-disks");
            let last = documents.last().map(|last| number(last, "used.pct"));
            last.is_some_and(|used| used >= least)
        });
    };
    used(0.0);
    agent.says("/nowhere/kafka: No such file");
    fill(&agent, disk.path());
    used(1.0);
    stop_accounted(&agent, elasticsearch, "disks");
    let down = search(elasticsearch, "metrics-brokerbeat.target-disks");
    let told = |d: &Value| field(d, "brokerbeat.target.error.message").is_some();
    assert!(down.iter().any(told), "{down:?}");
}
