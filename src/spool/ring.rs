//! The bounded memory ring behind the queue's interface.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Entry, Ledger, Outcome, Record};

/// Bounds of the queue.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// All records together, by [`Entry::weight`].
    pub max_bytes: usize,
}

/// The queue. Shared by the writer and the shipper.
#[derive(Debug)]
pub struct Spool {
    limits: Limits,
    inner: Mutex<Inner>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// By sequence number: the oldest first. A settled record is gone at once, wherever it stands,
    /// so that a stream that is held does not keep the others' memory.
    slots: BTreeMap<u64, Slot>,
    next_seq: u64,
    bytes: usize,
    ledger: Ledger,
}

#[derive(Debug)]
struct Slot {
    record: Record,
    state: SlotState,
}

#[derive(Debug, PartialEq, Eq)]
enum SlotState {
    Waiting,
    Lent,
}

impl Spool {
    /// An empty queue.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            inner: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Takes records in, in order. Where there is no room the oldest waiting ones go; returns how many went.
    pub fn append(&self, entries: Vec<Entry>) -> usize {
        let mut inner = self.lock();
        for entry in entries {
            inner.push(entry);
        }
        let dropped = inner.make_room(self.limits.max_bytes);
        drop(inner);
        self.arrived.notify_one();
        dropped
    }

    /// Counts a record that is refused before it is queued because its series and tick have one already.
    pub fn refuse(&self, stream: &Arc<str>) {
        let mut inner = self.lock();
        inner.ledger.collected(stream);
        inner.ledger.settled(stream, Outcome::Collision);
    }

    /// Lends the oldest waiting records of the streams that `ready` allows: at most so many
    /// bytes and records, but always one if there is one.
    pub fn next(
        &self,
        max_bytes: usize,
        max_records: usize,
        mut ready: impl FnMut(&str) -> bool,
    ) -> Vec<Record> {
        let mut lent = Vec::new();
        let mut bytes = 0;
        for slot in self.lock().slots.values_mut() {
            if slot.state != SlotState::Waiting || !ready(&slot.record.entry.stream) {
                continue;
            }
            let size = slot.record.entry.lines.len();
            if !lent.is_empty() && (bytes + size > max_bytes || lent.len() >= max_records) {
                break;
            }
            bytes += size;
            slot.state = SlotState::Lent;
            lent.push(slot.record.clone());
        }
        lent
    }

    /// Settles a lent record.
    pub fn ack(&self, seq: u64, outcome: Outcome) {
        let mut inner = self.lock();
        if let Some(slot) = inner.slots.remove(&seq) {
            inner.settle(&slot.record, outcome);
        }
    }

    /// Ends the loan of a record that is to be tried again.
    pub fn give_back(&self, seq: u64, attempted: bool) {
        let mut inner = self.lock();
        if let Some(slot) = inner.slots.get_mut(&seq)
            && slot.state == SlotState::Lent
        {
            slot.state = SlotState::Waiting;
            slot.record.attempted |= attempted;
        }
    }

    /// Ends all loans after a request whose outcome is unknown.
    pub fn give_back_all(&self) {
        for slot in self.lock().slots.values_mut() {
            if slot.state == SlotState::Lent {
                slot.state = SlotState::Waiting;
                slot.record.attempted = true;
            }
        }
    }

    /// Returns when a record has come in since the last call.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Streams that have waiting records, each once, oldest first.
    pub fn waiting_streams(&self) -> Vec<Arc<str>> {
        let mut streams: Vec<Arc<str>> = Vec::new();
        for slot in self.lock().slots.values() {
            let stream = &slot.record.entry.stream;
            if slot.state == SlotState::Waiting && !streams.contains(stream) {
                streams.push(stream.clone());
            }
        }
        streams
    }

    /// Records that are not settled.
    pub fn queued(&self) -> u64 {
        self.lock().ledger.total().queued
    }

    /// The accounts as they are now.
    pub fn ledger(&self) -> Ledger {
        self.lock().ledger.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic inside (an unbalanced account in a debug build) ends the agent anyway.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, entry: Entry) {
        self.ledger.collected(&entry.stream);
        self.bytes += entry.weight();
        let record = Record {
            seq: self.next_seq,
            entry,
            attempted: false,
        };
        let state = SlotState::Waiting;
        self.slots.insert(self.next_seq, Slot { record, state });
        self.next_seq += 1;
    }

    /// Gives up the oldest waiting records until the rest fits. Lent ones are on their way and stay.
    fn make_room(&mut self, max_bytes: usize) -> usize {
        let mut excess = self.bytes.saturating_sub(max_bytes);
        let mut going = Vec::new();
        for (seq, slot) in &self.slots {
            if excess == 0 {
                break;
            }
            if slot.state == SlotState::Waiting {
                excess = excess.saturating_sub(slot.record.entry.weight());
                going.push(*seq);
            }
        }
        for seq in &going {
            if let Some(slot) = self.slots.remove(seq) {
                self.settle(&slot.record, Outcome::Dropped);
            }
        }
        going.len()
    }

    /// Counts what became of a record that has just been taken out.
    fn settle(&mut self, record: &Record, outcome: Outcome) {
        self.bytes = self.bytes.saturating_sub(record.entry.weight());
        self.ledger.settled(&record.entry.stream, outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Millis;
    use crate::identity::DocumentId;
    use crate::spool::{Lines, Packer};

    const SIZE: usize = 100;

    fn entry(stream: &str, n: u64) -> Entry {
        Entry {
            stream: stream.into(),
            timestamp: Millis(n),
            id: DocumentId::new(stream, Millis(n)),
            lines: Lines::new(
                Arc::new(Packer::default().pack(&[b'x'; SIZE])),
                0..SIZE as u32,
            ),
        }
    }

    fn spool(records: usize) -> Spool {
        Spool::new(Limits {
            max_bytes: records * entry("a", 0).weight(),
        })
    }

    fn sequences(records: &[Record]) -> Vec<u64> {
        records.iter().map(|record| record.seq).collect()
    }

    #[test]
    fn lends_in_order_within_bounds_and_always_at_least_one() {
        let spool = spool(10);
        spool.append((0..5).map(|n| entry("a", n)).collect());
        assert_eq!(sequences(&spool.next(2 * SIZE, 100, |_| true)), [0, 1]);
        assert_eq!(sequences(&spool.next(1, 100, |_| true)), [2]);
        assert_eq!(sequences(&spool.next(1000, 1, |_| true)), [3]);
        assert_eq!(sequences(&spool.next(1000, 100, |_| true)), [4]);
        assert!(
            spool.next(1000, 100, |_| true).is_empty(),
            "lent records are not lent again"
        );
    }

    #[test]
    fn a_full_queue_drops_its_oldest_and_counts_them() {
        let spool = spool(3);
        let dropped = spool.append((0..5).map(|n| entry("a", n)).collect());
        assert_eq!(dropped, 2);
        assert_eq!(sequences(&spool.next(1000, 100, |_| true)), [2, 3, 4]);
        let account = spool.ledger().total();
        assert_eq!(
            (account.collected, account.dropped, account.queued),
            (5, 2, 3)
        );
        assert!(account.balances());
    }

    #[test]
    fn lent_records_are_not_dropped_for_room() {
        let spool = spool(2);
        spool.append(vec![entry("a", 0), entry("a", 1)]);
        let lent = spool.next(1000, 100, |_| true);
        assert_eq!(
            spool.append(vec![entry("a", 2)]),
            1,
            "the new one is the only waiting one"
        );
        for record in lent {
            spool.ack(record.seq, Outcome::Indexed);
        }
        let account = spool.ledger().total();
        assert_eq!(
            (account.indexed, account.dropped, account.queued),
            (2, 1, 0)
        );
    }

    #[test]
    fn what_is_given_back_is_lent_again_and_remembers_the_attempt() {
        let spool = spool(10);
        spool.append(vec![entry("a", 0), entry("b", 1)]);
        let first = spool.next(1000, 100, |stream| stream == "a");
        assert_eq!(
            sequences(&first),
            [0],
            "a held stream does not hold the others"
        );
        spool.give_back(0, true);
        let again = spool.next(1000, 100, |_| true);
        assert_eq!(sequences(&again), [0, 1]);
        assert!(again[0].attempted && !again[1].attempted);
        assert_eq!(spool.queued(), 2);
    }

    #[test]
    fn a_held_stream_does_not_keep_the_memory_of_the_others() {
        let spool = spool(1_000);
        spool.append(vec![entry("held", 0)]);
        for n in 1..100 {
            spool.append(vec![entry("a", n)]);
            for record in spool.next(1_000_000, 1_000, |stream| stream == "a") {
                spool.ack(record.seq, Outcome::Indexed);
            }
        }
        assert_eq!(spool.lock().slots.len(), 1);
        assert_eq!(spool.lock().bytes, entry("held", 0).weight());
    }

    #[test]
    fn settling_twice_counts_once_and_out_of_order_is_fine() {
        let spool = spool(10);
        spool.append((0..3).map(|n| entry("a", n)).collect());
        spool.next(1000, 100, |_| true);
        for seq in [2, 0, 0, 1, 1, 99] {
            spool.ack(seq, Outcome::Indexed);
        }
        let account = spool.ledger().total();
        assert_eq!((account.indexed, account.queued), (3, 0));
    }
}
