//! Documents of 800 bytes, as a cluster with many partitions makes them.

use brokerbeat::clock::Millis;
use brokerbeat::collect::Batch;
use brokerbeat::document::Document;

/// A day of the past: no document of a real run has it.
const BEGIN: u64 = 1_700_000_000_000;
/// Time between two batches.
const INTERVAL: u64 = 10_000;
/// Partitions of a topic.
const PARTITIONS: usize = 40;

/// Batches of so many documents, an interval apart.
pub(crate) fn batches(count: usize, documents: usize) -> Vec<Batch> {
    let tick = |batch: usize| Millis(BEGIN + INTERVAL * batch as u64);
    let of_batch = |batch| {
        (0..documents)
            .map(move |number| document(batch, number))
            .collect()
    };
    (0..count)
        .map(|batch| Batch::own(tick(batch), of_batch(batch)))
        .collect()
}

/// Offsets that rise at their own pace: every document has digits of its own.
fn document(batch: usize, number: usize) -> Document {
    let seed = (number * 2_654_435_761) % 1_000_003;
    let end = seed * 1_000 + batch * (seed % 977);
    let brokers: Vec<usize> = (0..3).map(|broker| (seed + broker) % 3).collect();
    Document::new("kafka.partition", "partition")
        .key(
            "kafka.topic.name",
            format!("orders-{:04}", number / PARTITIONS),
        )
        .key("kafka.partition.id", number % PARTITIONS)
        .with("kafka.partition.offset.newest", end)
        .with("kafka.partition.offset.oldest", end / 3)
        .with("kafka.partition.messages", end - end / 3)
        .with("kafka.partition.partition.leader", brokers[0])
        .with("kafka.partition.partition.replicas", brokers.clone())
        .with("kafka.partition.partition.isr", brokers)
}
