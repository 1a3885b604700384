//! Every server once, with what the integration tests need of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use stack::{
    Consumer, Elasticsearch, GroupRow, Kafka, Producer, Result, ZooKeeper, jmx_attribute, jmx_dump,
    wait_until,
};

const SOON: Duration = Duration::from_secs(30);
const STREAM: &str = "metrics-brokerbeat.test-default";

#[test]
fn kafka_in_zookeeper_mode() -> Result<()> {
    let zookeeper = ZooKeeper::start()?;
    assert!(!jmx_dump(&zookeeper.jmx(), &["org.apache.ZooKeeperService:*"])?.is_empty());
    let first = Kafka::start_zookeeper_mode(&zookeeper, 1)?;
    let second = Kafka::start_zookeeper_mode(&zookeeper, 2)?;
    assert_eq!(first.cluster_id()?, second.cluster_id()?);
    produce_and_consume(&[&first, &second])?;
    second.restart()
}

#[test]
fn kafka_with_kraft() -> Result<()> {
    let first = Kafka::start_kraft()?;
    let second = Kafka::join_kraft(&first, 2)?;
    produce_and_consume(&[&first, &second])?;
    second.restart()
}

fn produce_and_consume(brokers: &[&Kafka]) -> Result<()> {
    let kafka = brokers[0];
    kafka.create_topic("orders", 3, 1)?;
    let producer = Producer::start(&kafka.bootstrap(), "orders", 0.0)?;
    producer.send(30)?;
    let consumer = Consumer::start(&kafka.bootstrap(), "orders", "billing")?;
    wait_until("lag 0", SOON, || {
        let rows = kafka.describe_groups(Some("billing")).ok()?;
        (rows.len() == 3 && lag(&rows) == 0).then_some(())
    })?;

    consumer.pause()?;
    producer.send(100)?;
    let rows = kafka.describe_groups(None)?;
    assert_eq!(lag(&rows), 100, "{rows:?}");
    assert!(rows.iter().all(|row| row.consumer_id.is_some()), "{rows:?}");

    consumer.stop()?;
    let rows = kafka.describe_groups(Some("billing"))?;
    assert_eq!(lag(&rows), 100, "{rows:?}");
    assert!(rows.iter().all(|row| row.consumer_id.is_none()), "{rows:?}");

    consumer.resume()?;
    wait_until("lag 0 again", SOON, || {
        let rows = kafka.describe_groups(Some("billing")).ok()?;
        (lag(&rows) == 0).then_some(())
    })?;
    assert!(!jmx_dump(&consumer.jmx(), &["kafka.consumer:*"])?.is_empty());
    assert!(!jmx_dump(&producer.jmx(), &["kafka.producer:*"])?.is_empty());
    assert_eq!(messages_in(brokers)?, 130);
    Ok(())
}

fn lag(rows: &[GroupRow]) -> i64 {
    rows.iter().filter_map(|row| row.lag).sum()
}

fn messages_in(brokers: &[&Kafka]) -> Result<i64> {
    let bean = "kafka.server:type=BrokerTopicMetrics,name=MessagesInPerSec,topic=orders";
    let counts = brokers
        .iter()
        .map(|broker| jmx_attribute(&broker.jmx(), bean, "Count"));
    counts.map(|count| Ok(count?.as_i64().unwrap_or(0))).sum()
}

/// With security on, since that is the one with more to go wrong.
#[test]
fn elasticsearch() -> Result<()> {
    let server = Elasticsearch::start_secured("changeme")?;
    assert_eq!(server.get("/")?["version"]["number"], json!("9.4.3"));
    let key = json!({"name": "k", "role_descriptors": {"r": {"cluster": ["monitor"]}}});
    assert!(server.post("_security/api_key", &key)?["encoded"].is_string());
    load_template(&server)?;

    assert_eq!(index(&server)?["items"][0]["create"]["status"], json!(201));
    let again = index(&server)?;
    assert_eq!(again["items"][0]["create"]["status"], json!(409), "{again}");
    assert_eq!(server.count("metrics-brokerbeat.*")?, 1);
    assert_eq!(server.count("metrics-none")?, 0);
    assert_eq!(server.data_streams("metrics-*")?, [STREAM]);

    let search = json!({"size": 0, "aggs": {"series": {"terms": {"field": "series"}, "aggs": {
        "max": {"max": {"field": "value"}},
        "partitions": {"cardinality": {"field": "partition"}},
        "last": {"top_hits": {"size": 1, "sort": [{"@timestamp": "desc"}]}}}}}});
    let answer = server.post(&format!("{STREAM}/_search"), &search)?;
    let bucket = &answer["aggregations"]["series"]["buckets"][0];
    assert_eq!(bucket["max"]["value"], json!(7.0), "{answer}");
    assert_eq!(bucket["partitions"]["value"], json!(1), "{answer}");
    Ok(())
}

fn load_template(server: &Elasticsearch) -> Result<()> {
    let rollover = json!({"rollover": {"max_age": "1d"}});
    let policy = json!({"policy": {"phases": {"hot": {"actions": rollover}}}});
    server.put("_ilm/policy/test", &policy)?;
    let component = json!({"template": {"mappings": {"dynamic": false, "properties": {
        "@timestamp": {"type": "date"},
        "data_stream.type": {"type": "constant_keyword", "value": "metrics"},
        "series": {"type": "keyword", "time_series_dimension": true},
        "partition": {"type": "integer", "time_series_dimension": true},
        "value": {"type": "long", "time_series_metric": "gauge"}}}}});
    server.put("_component_template/test", &component)?;
    let settings = json!({"index.mode": "time_series", "index.routing_path": ["series"],
        "index.look_back_time": "7d", "index.lifecycle.name": "test"});
    let template = json!({"index_patterns": ["metrics-brokerbeat.*-*"], "priority": 501,
        "data_stream": {}, "composed_of": ["test"], "template": {"settings": settings}});
    server.put("_index_template/test", &template)?;
    let simulate = format!("_index_template/_simulate_index/{STREAM}");
    let (status, answer) = server.request("POST", &simulate, None)?;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer["template"]["settings"]["index"]["mode"],
        json!("time_series")
    );
    Ok(())
}

/// The same document each time within a minute.
fn index(server: &Elasticsearch) -> Result<Value> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is after 1970").as_secs();
    let document = json!({"@timestamp": (now - now % 60) * 1000, "series": "a", "partition": 1,
        "value": 7, "data_stream": {"type": "metrics"}});
    let body = format!("{{\"create\":{{}}}}\n{document}\n");
    let (status, answer) = server.request("POST", &format!("{STREAM}/_bulk"), Some(body))?;
    assert_eq!(status, 200, "{answer}");
    Ok(answer)
}
