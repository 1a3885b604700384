//! Users' own tables and the budget, from a real JVM to a real Elasticsearch.

use serde_json::{Value, json};
use stack::{Elasticsearch, Kafka, wait_until};

use crate::agent::{PATIENCE, Setting, field, search, text};
use crate::servers;

fn config(elasticsearch: &Elasticsearch) -> String {
    format!(
        r#"
clusters:
  - name: orders
    jmx:
      - endpoint: "{}"
        tables:
          - name: gc
            beans: "java.lang:type=GarbageCollector,name=*"
            lines:
              - {{attribute: CollectionCount, kind: counter}}
              - {{attribute: Valid, kind: bool}}
          - name: machine
            beans: "java.lang:type=OperatingSystem"
            lines:
              - {{attribute: SystemLoadAverage, name: load, kind: gauge}}
              - {{attribute: AvailableProcessors, kind: gauge}}
              - {{attribute: Name, kind: text}}
namespace: own
output.elasticsearch: {{hosts: ["{}"]}}
"#,
        servers::zookeeper().jmx(),
        elasticsearch.url(),
    )
}

/// What Elasticsearch makes of fields that no template knows by name.
#[test]
fn own_tables_have_the_types_that_their_kinds_say() {
    let elasticsearch = servers::elasticsearch();
    let agent = Setting::new(&config(elasticsearch)).run();
    let stream = "metrics-brokerbeat.jmx-own";
    let arrived = wait_until("documents of own tables", PATIENCE, || {
        let documents = search(elasticsearch, stream);
        let has = |kind: &str| documents.iter().any(|d| text(d, "brokerbeat.kind") == kind);
        (has("gc") && has("machine")).then_some(documents)
    });
    let documents = arrived.unwrap_or_else(|_| panic!("never; the agent says:\n{}", agent.log()));
    let gc = documents
        .iter()
        .find(|d| text(d, "brokerbeat.kind") == "gc");
    let bean = text(gc.unwrap(), "jmx.bean");
    assert!(bean.starts_with("java.lang:name="), "{bean}");

    let caps = elasticsearch
        .get(&format!("/{stream}/_field_caps?fields=jmx.*"))
        .unwrap();
    let cap = |name: &str| caps["fields"][name].clone();
    for (name, kind, metric) in [
        ("jmx.counter.CollectionCount", "long", json!("counter")),
        ("jmx.gauge.load", "double", json!("gauge")),
        // A whole number at first sight; the next one may not be.
        ("jmx.gauge.AvailableProcessors", "double", json!("gauge")),
        ("jmx.text.Name", "keyword", Value::Null),
        ("jmx.flag.Valid", "boolean", Value::Null),
        ("jmx.key.type", "keyword", Value::Null),
    ] {
        assert_eq!(
            cap(name)[kind]["time_series_metric"],
            metric,
            "{name}: {caps}"
        );
        assert!(cap(name)[kind].is_object(), "{name} is no {kind}: {caps}");
    }
    assert_eq!(
        cap("jmx.bean")["keyword"]["time_series_dimension"],
        json!(true)
    );
    crate::shipping::stop_accounted(&agent, elasticsearch, "own");
}

/// A broker with more topics than the budget: what is left out is said, and what all of them make stays true.
#[test]
fn the_budget_leaves_out_topics_and_says_so() {
    let kafka = Kafka::start_kraft().expect("Kafka starts");
    for topic in ["one", "two", "three", "four"] {
        kafka.create_topic(topic, 1, 1).expect("a topic");
    }
    for (topic, records) in [("one", 10), ("two", 40), ("three", 30), ("four", 20)] {
        let producer = stack::Producer::start(&kafka.bootstrap(), topic, 0.0).expect("a producer");
        producer.send(records).expect("sent");
    }
    let config = format!(
        "clusters: [{{name: orders, jmx: [{{endpoint: \"{}\", presets: [kafka-broker], budget: 2}}]}}]\n",
        kafka.jmx()
    );
    let (code, documents, said) = Setting::new(&config).once();
    assert_eq!(code, 0, "{said}");
    let of_kind = |kind: &str| -> Vec<&Value> {
        let all = documents.iter();
        all.filter(|d| text(d, "brokerbeat.kind") == kind).collect()
    };
    let mut shown: Vec<&str> = of_kind("topic")
        .iter()
        .map(|d| text(d, "kafka.topic.name"))
        .collect();
    shown.sort_unstable();
    assert_eq!(shown, ["three", "two"]);
    let rest = of_kind("topic_rest");
    let figure = |name: &str| field(rest[0], name).and_then(Value::as_f64).unwrap();
    assert_eq!(figure("brokerbeat.rest.members"), 4.0);
    assert_eq!(figure("brokerbeat.rest.left_out"), 2.0);
    let bytes = |kind: &str, name: &str| -> f64 {
        let values = of_kind(kind);
        values.iter().filter_map(|d| field(d, name)?.as_f64()).sum()
    };
    assert!(
        bytes("topic", "kafka.broker.topic.net.in.bytes")
            < bytes("traffic", "kafka.broker.net.in.bytes")
    );
    // How much the counters grow in a second takes two rankings.
    assert_eq!(field(rest[0], "brokerbeat.rest.sum"), None);
    let target = of_kind("target");
    let target = |name: &str| field(target[0], name).and_then(Value::as_u64).unwrap();
    assert_eq!(target("brokerbeat.target.up"), 1);
    assert_eq!(target("brokerbeat.target.faults"), 0);
    assert!(target("brokerbeat.target.beans.left_out") > 0);
    assert_eq!(target("brokerbeat.target.beans.missing"), 0);
}
