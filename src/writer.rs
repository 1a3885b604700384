//! The one task between collectors and queue: enrich, refuse doubles, append.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::clock::Millis;
use crate::collect::Batch;
use crate::enrich::{Agent, Origin};
use crate::identity::DocumentId;
use crate::spool::{Entry, Spool};

/// Ticks whose documents are remembered: enough for targets of different phase and pace.
const TICKS_REMEMBERED: usize = 16;

/// Batches that may wait for the writer. It never waits for anything itself, so few suffice.
pub const CHANNEL_CAPACITY: usize = 32;

/// Takes batches until all senders are gone.
pub async fn run(mut batches: mpsc::Receiver<Batch>, agent: Arc<Agent>, spool: Arc<Spool>) {
    let mut seen = Seen::default();
    while let Some(batch) = batches.recv().await {
        let mut entries = Vec::with_capacity(batch.documents.len());
        for entry in encode(&agent, batch) {
            // Events carry the moment and not a tick: two equal ones are two.
            if !entry.stream.starts_with("metrics-") || seen.is_new(&entry) {
                entries.push(entry);
            } else {
                refuse(&spool, &entry);
            }
        }
        let dropped = spool.append(entries);
        if dropped > 0 {
            tracing::error!(documents = dropped, "queue full, oldest documents dropped");
        }
    }
}

/// Encodes all documents of a batch.
pub fn encode(agent: &Agent, batch: Batch) -> impl Iterator<Item = Entry> {
    let cluster = batch.cluster.as_ref();
    let origin = Origin {
        tick: batch.tick,
        read_at: batch.read_at,
        cluster: cluster.map(|cluster| (cluster.at(batch.tick), cluster.name().to_owned())),
        address: batch.address,
    };
    batch
        .documents
        .into_iter()
        .map(move |document| agent.encode(document, &origin))
}

fn refuse(spool: &Spool, entry: &Entry) {
    spool.refuse(entry);
    let document = String::from_utf8_lossy(&entry.body);
    tracing::error!(stream = &*entry.stream, %document, "second document of one series and tick refused");
    debug_assert!(false, "two documents of one series and tick: {document}");
}

/// Ids of the last ticks.
#[derive(Default)]
struct Seen {
    ticks: HashMap<Millis, HashSet<DocumentId>>,
    /// Ticks in the order in which they came.
    arrived: VecDeque<Millis>,
}

impl Seen {
    fn is_new(&mut self, entry: &Entry) -> bool {
        let tick = entry.timestamp;
        if !self.ticks.contains_key(&tick) {
            self.arrived.push_back(tick);
        }
        let new = self.ticks.entry(tick).or_default().insert(entry.id);
        // The tick that came first goes first, not the oldest: a slow target's tick is old when it comes.
        if self.arrived.len() > TICKS_REMEMBERED
            && let Some(first) = self.arrived.pop_front()
        {
            self.ticks.remove(&first);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(tick: u64, series: &str) -> Entry {
        Entry {
            stream: "s".into(),
            timestamp: Millis(tick),
            id: DocumentId::new(series, Millis(tick)),
            body: bytes::Bytes::new(),
        }
    }

    #[test]
    fn a_second_document_of_one_series_and_tick_is_seen_and_memory_is_bounded() {
        let mut seen = Seen::default();
        assert!(seen.is_new(&entry(1, "a")));
        assert!(seen.is_new(&entry(1, "b")));
        assert!(seen.is_new(&entry(2, "a")));
        assert!(!seen.is_new(&entry(1, "a")));
        for tick in 1_000..1_000 + TICKS_REMEMBERED as u64 {
            seen.is_new(&entry(tick, "a"));
        }
        assert!(
            seen.is_new(&entry(60, "slow")),
            "an old tick of a slow target"
        );
        assert!(!seen.is_new(&entry(60, "slow")));
        for tick in 0..100 {
            seen.is_new(&entry(tick, "a"));
        }
        assert!(seen.ticks.len() <= TICKS_REMEMBERED);
    }
}
