//! A consumer that has two beans for one topic.

use std::time::Duration;

use stack::{Consumer, Kafka, Producer};
use tokio::time::Instant;

use crate::collect::Collected;

/// Generous: other tests use the machine, too.
const PATIENT: Duration = Duration::from_secs(60);

const RECORDS: i64 = 20;

async fn collect(consumer: &Consumer) -> Collected {
    let section = format!(
        "jmx: [{{endpoint: \"{}\", presets: [kafka-consumer]}}]",
        consumer.jmx()
    );
    super::collect(&section, PATIENT).await
}

/// Kafka's consumers from 4.1 on have beans of `orders.eu` and of `orders_eu`.
#[tokio::test]
async fn a_topic_with_dots_counts_once() {
    let kafka = Kafka::start_kraft().unwrap();
    kafka.create_topic("orders.eu", 1, 1).unwrap();
    let refused = kafka.create_topic("orders_eu", 1, 1).unwrap_err();
    assert!(refused.to_string().contains("collides"), "{refused}");
    let producer = Producer::start(&kafka.bootstrap(), "orders.eu", 0.0).unwrap();
    producer.send(RECORDS as u32).unwrap();
    let consumer = Consumer::start(&kafka.bootstrap(), "orders.eu", "g").unwrap();
    let field = "kafka.consumer.topic.records_consumed_total";
    let started = Instant::now();
    loop {
        let collected = collect(&consumer).await;
        let of = |kind: &'static str| {
            let documents = collected.documents.iter();
            documents.filter(move |document| document.kind == kind)
        };
        let records = of("topic").filter_map(|document| document.get(field)?.as_i64());
        if records.sum::<i64>() >= RECORDS {
            for kind in ["topic", "partition"] {
                let topic = of(kind).map(|document| document.get("kafka.topic.name").unwrap());
                assert_eq!(topic.collect::<Vec<_>>(), ["orders.eu"], "{kind}");
            }
            return;
        }
        assert!(started.elapsed() < PATIENT, "{:?}", collected.faults);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
