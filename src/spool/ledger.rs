//! Accounting: what became of every document, per data stream.
//!
//! `collected + replayed = indexed + duplicate + collision + dead_lettered + dropped + queued`

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

/// The account of one data stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Records that were given a sequence number.
    pub collected: u64,
    /// Records taken back from the dead letter.
    pub replayed: u64,
    /// Records that Elasticsearch took.
    pub indexed: u64,
    /// Records that were there already after an attempt of unknown outcome.
    pub duplicate: u64,
    /// Records whose series and timestamp had another record; a bug, always.
    pub collision: u64,
    /// Records refused for good and kept.
    pub dead_lettered: u64,
    /// Records given up: no room, or refused while there is no dead letter.
    pub dropped: u64,
    /// Records that wait or are lent.
    pub queued: u64,
}

/// What can become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of Account say it")]
pub enum Outcome {
    Indexed,
    Duplicate,
    Collision,
    Dropped,
}

impl Account {
    /// Whether everything that came in is accounted for.
    pub fn balances(&self) -> bool {
        let gone =
            self.indexed + self.duplicate + self.collision + self.dead_lettered + self.dropped;
        self.collected + self.replayed == gone + self.queued
    }

    fn add(&mut self, other: &Self) {
        self.collected += other.collected;
        self.replayed += other.replayed;
        self.indexed += other.indexed;
        self.duplicate += other.duplicate;
        self.collision += other.collision;
        self.dead_lettered += other.dead_lettered;
        self.dropped += other.dropped;
        self.queued += other.queued;
    }
}

/// The accounts of all streams.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    accounts: BTreeMap<Arc<str>, Account>,
}

impl Ledger {
    /// A record came in.
    pub(super) fn collected(&mut self, stream: &Arc<str>) {
        let account = self.accounts.entry(stream.clone()).or_default();
        account.collected += 1;
        account.queued += 1;
    }

    /// A record left.
    pub(super) fn settled(&mut self, stream: &Arc<str>, outcome: Outcome) {
        let account = self.accounts.entry(stream.clone()).or_default();
        account.queued = account.queued.saturating_sub(1);
        *match outcome {
            Outcome::Indexed => &mut account.indexed,
            Outcome::Duplicate => &mut account.duplicate,
            Outcome::Collision => &mut account.collision,
            Outcome::Dropped => &mut account.dropped,
        } += 1;
        debug_assert!(account.balances(), "{stream}: {account:?}");
    }

    /// All accounts by stream.
    pub fn accounts(&self) -> &BTreeMap<Arc<str>, Account> {
        &self.accounts
    }

    /// All streams together.
    pub fn total(&self) -> Account {
        let mut total = Account::default();
        self.accounts
            .values()
            .for_each(|account| total.add(account));
        total
    }
}
