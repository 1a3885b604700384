//! The bounded memory ring behind the queue's interface.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    slots: VecDeque<Slot>,
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
    Settled,
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
    pub fn refuse(&self, entry: &Entry) {
        let mut inner = self.lock();
        inner.ledger.collected(&entry.stream);
        inner.ledger.settled(&entry.stream, Outcome::Collision);
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
        for slot in &mut self.lock().slots {
            if slot.state != SlotState::Waiting || !ready(&slot.record.entry.stream) {
                continue;
            }
            let size = slot.record.entry.body.len();
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
        let Some(slot) = inner.slot(seq) else { return };
        if slot.state == SlotState::Settled {
            return;
        }
        slot.state = SlotState::Settled;
        let entry = std::mem::replace(&mut slot.record.entry.body, bytes::Bytes::new());
        let stream = slot.record.entry.stream.clone();
        inner.bytes = inner
            .bytes
            .saturating_sub(entry.len() + super::RECORD_OVERHEAD);
        inner.ledger.settled(&stream, outcome);
        inner.trim();
    }

    /// Ends the loan of a record that is to be tried again.
    pub fn give_back(&self, seq: u64, attempted: bool) {
        let mut inner = self.lock();
        if let Some(slot) = inner.slot(seq)
            && slot.state == SlotState::Lent
        {
            slot.state = SlotState::Waiting;
            slot.record.attempted |= attempted;
        }
    }

    /// Ends all loans after a request whose outcome is unknown.
    pub fn give_back_all(&self) {
        for slot in &mut self.lock().slots {
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
    pub fn waiting_streams(&self) -> Vec<std::sync::Arc<str>> {
        let mut streams: Vec<std::sync::Arc<str>> = Vec::new();
        for slot in &self.lock().slots {
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
        self.slots.push_back(Slot {
            record: Record {
                seq: self.next_seq,
                entry,
                attempted: false,
            },
            state: SlotState::Waiting,
        });
        self.next_seq += 1;
    }

    /// Gives up the oldest waiting records until the rest fits. Lent ones are on their way and stay.
    fn make_room(&mut self, max_bytes: usize) -> usize {
        let mut dropped = 0;
        for slot in &mut self.slots {
            if self.bytes <= max_bytes {
                break;
            }
            if slot.state != SlotState::Waiting {
                continue;
            }
            slot.state = SlotState::Settled;
            self.bytes -= slot.record.entry.weight();
            slot.record.entry.body = bytes::Bytes::new();
            self.ledger
                .settled(&slot.record.entry.stream, Outcome::Dropped);
            dropped += 1;
        }
        self.trim();
        dropped
    }

    /// Forgets settled records at the old end.
    fn trim(&mut self) {
        while self
            .slots
            .front()
            .is_some_and(|slot| slot.state == SlotState::Settled)
        {
            self.slots.pop_front();
        }
    }

    /// Sequence numbers are dense, so a record's place is its distance from the oldest.
    fn slot(&mut self, seq: u64) -> Option<&mut Slot> {
        let first = self.slots.front()?.record.seq;
        let index = usize::try_from(seq.checked_sub(first)?).ok()?;
        self.slots.get_mut(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Millis;
    use crate::identity::DocumentId;

    const SIZE: usize = 100;

    fn entry(stream: &str, n: u64) -> Entry {
        Entry {
            stream: stream.into(),
            timestamp: Millis(n),
            id: DocumentId::new(stream, Millis(n)),
            body: vec![b'x'; SIZE].into(),
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
