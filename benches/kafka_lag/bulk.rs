//! What a bulk request says about the cycle that it belongs to.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// Documents about the target: the last one of each cycle.
const TARGET: &[u8] = b"metrics-brokerbeat.target-";

/// One cycle as it arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cycle {
    /// Documents of this cycle, that about the target too.
    pub(crate) documents: usize,
    /// Their JSON.
    pub(crate) bytes: usize,
    /// From the start until the collector had its answers, by the target's document.
    pub(crate) collected: Duration,
    /// From the start until the last document was here.
    pub(crate) delivered: Duration,
    /// What the target's document counts as missing.
    pub(crate) faults: u64,
}

/// Counts documents up to the end of their cycle.
#[derive(Default)]
pub(crate) struct Counter {
    documents: usize,
    bytes: usize,
}

impl Counter {
    /// How many documents the body has, and the cycle that it ends.
    pub(crate) fn take(&mut self, body: &[u8]) -> (usize, Option<Cycle>) {
        let mut lines = body.split(|byte| *byte == b'\n');
        let (mut items, mut ended) = (0, None);
        while let (Some(action), Some(document)) = (lines.next(), lines.next()) {
            items += 1;
            self.documents += 1;
            self.bytes += document.len();
            if action.windows(TARGET.len()).any(|part| part == TARGET) {
                ended = Some(self.end(document));
            }
        }
        (items, ended)
    }

    fn end(&mut self, document: &[u8]) -> Cycle {
        let document: Value = serde_json::from_slice(document).unwrap();
        let target = &document["brokerbeat"]["target"];
        let collected = Duration::from_secs_f64(target["duration"].as_f64().unwrap() / 1e3);
        let read_at = document["event"]["created"].as_str().unwrap();
        let read_at: jiff::Timestamp = read_at.parse().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let read_at = Duration::from_millis(u64::try_from(read_at.as_millisecond()).unwrap());
        let Counter { documents, bytes } = std::mem::take(self);
        Cycle {
            documents,
            bytes,
            collected,
            delivered: (now + collected).saturating_sub(read_at),
            faults: target["faults"].as_u64().unwrap(),
        }
    }
}
