//! The bounded memory ring behind the queue's interface.

use std::collections::{BTreeMap, VecDeque};
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
    /// What waits, a line a stream: a stream that is held costs the others neither memory nor time.
    waiting: BTreeMap<Arc<str>, VecDeque<Record>>,
    /// What is on its way, by sequence number.
    lent: BTreeMap<u64, Record>,
    next_seq: u64,
    bytes: usize,
    ledger: Ledger,
}

/// Room for records that a stream without any keeps.
const ROOM_KEPT: usize = 256;

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
        let mut inner = self.lock();
        let Inner { waiting, lent, .. } = &mut *inner;
        let mut open: Vec<_> = waiting
            .iter_mut()
            .filter(|(stream, line)| !line.is_empty() && ready(stream))
            .map(|(_, line)| line)
            .collect();
        let mut records: Vec<Record> = Vec::new();
        let mut bytes = 0;
        while let Some(oldest) = open.iter_mut().min_by_key(|line| first(line)) {
            let Some(size) = oldest.front().map(|record| record.entry.lines.len()) else {
                break;
            };
            if !records.is_empty() && (bytes + size > max_bytes || records.len() >= max_records) {
                break;
            }
            bytes += size;
            if let Some(record) = take_first(oldest) {
                lent.insert(record.seq, record.clone());
                records.push(record);
            }
        }
        records
    }

    /// Settles a lent record.
    pub fn ack(&self, seq: u64, outcome: Outcome) {
        let mut inner = self.lock();
        if let Some(record) = inner.lent.remove(&seq) {
            inner.settle(&record, outcome);
        }
    }

    /// Ends the loan of a record that is to be tried again.
    pub fn give_back(&self, seq: u64, attempted: bool) {
        let mut inner = self.lock();
        if let Some(record) = inner.lent.remove(&seq) {
            inner.wait_again(record, attempted);
        }
    }

    /// Ends all loans after a request whose outcome is unknown.
    pub fn give_back_all(&self) {
        let mut inner = self.lock();
        for record in std::mem::take(&mut inner.lent).into_values() {
            inner.wait_again(record, true);
        }
    }

    /// Returns when a record has come in since the last call.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Streams that have waiting records.
    pub fn waiting_streams(&self) -> Vec<Arc<str>> {
        let inner = self.lock();
        let waiting = inner.waiting.iter().filter(|(_, line)| !line.is_empty());
        waiting.map(|(stream, _)| stream.clone()).collect()
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
        self.next_seq += 1;
        self.line(&record.entry.stream).push_back(record);
    }

    /// Puts a record back to its place.
    fn wait_again(&mut self, mut record: Record, attempted: bool) {
        record.attempted |= attempted;
        let line = self.line(&record.entry.stream);
        let place = line.partition_point(|other| other.seq < record.seq);
        line.insert(place, record);
    }

    fn line(&mut self, stream: &Arc<str>) -> &mut VecDeque<Record> {
        self.waiting.entry(stream.clone()).or_default()
    }

    /// Gives up the oldest waiting records until the rest fits. Lent ones are on their way and stay.
    fn make_room(&mut self, max_bytes: usize) -> usize {
        let mut dropped = 0;
        while self.bytes > max_bytes {
            let oldest = self.waiting.values_mut().min_by_key(|line| first(line));
            let Some(record) = oldest.and_then(take_first) else {
                break;
            };
            self.settle(&record, Outcome::Dropped);
            dropped += 1;
        }
        dropped
    }

    /// Counts what became of a record that has just been taken out.
    fn settle(&mut self, record: &Record, outcome: Outcome) {
        self.bytes = self.bytes.saturating_sub(record.entry.weight());
        self.ledger.settled(&record.entry.stream, outcome);
    }
}

/// Sequence number of a stream's first record; of one without records, behind all others.
fn first(line: &VecDeque<Record>) -> u64 {
    line.front().map_or(u64::MAX, |record| record.seq)
}

/// A stream that was long keeps no room for that.
fn take_first(line: &mut VecDeque<Record>) -> Option<Record> {
    let record = line.pop_front();
    if line.is_empty() {
        line.shrink_to(ROOM_KEPT);
    }
    record
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
        let waiting = spool
            .lock()
            .waiting
            .values()
            .map(VecDeque::len)
            .sum::<usize>();
        assert_eq!((waiting, spool.lock().lent.len()), (1, 0));
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
