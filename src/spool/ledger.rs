//! Accounting: what became of every document, per data stream.
//!
//! `collected + replayed = indexed + duplicate + collision + dead_lettered + dropped + queued`

use std::collections::BTreeMap;
use std::iter::Sum;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The account of one data stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Records that were given a sequence number.
    pub collected: u64,
    /// Records taken back from the dead letter.
    pub replayed: u64,
    /// Records that the output took.
    pub indexed: u64,
    /// Records that were there already after an attempt of unknown outcome.
    pub duplicate: u64,
    /// Records whose series and timestamp had another record; a bug, always.
    pub collision: u64,
    /// Records refused for good and kept.
    pub dead_lettered: u64,
    /// Records given up: no room in the queue, or a pipeline of Elasticsearch dropped them.
    pub dropped: u64,
    /// Records that wait or are lent.
    pub queued: u64,
    /// Of the dead-lettered ones: those that went because the dead letter was full. Beside the equation; what the dead letter
    /// holds is `dead_lettered - replayed - given_up`.
    pub given_up: u64,
}

/// What can become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of Account say it")]
pub enum Outcome {
    Indexed,
    Duplicate,
    Collision,
    DeadLettered,
    Dropped,
}

impl Account {
    /// Whether everything that came in is accounted for.
    pub fn balances(&self) -> bool {
        self.collected + self.replayed == self.gone() + self.queued
    }

    fn entry(&mut self, replayed: bool) -> &mut u64 {
        match replayed {
            true => &mut self.replayed,
            false => &mut self.collected,
        }
    }

    fn gone(&self) -> u64 {
        self.indexed + self.duplicate + self.collision + self.dead_lettered + self.dropped
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
        self.given_up += other.given_up;
    }
}

/// Several streams together.
impl<'a> Sum<&'a Account> for Account {
    fn sum<I: Iterator<Item = &'a Account>>(accounts: I) -> Self {
        let mut total = Self::default();
        accounts.for_each(|account| total.add(account));
        total
    }
}

/// The accounts of all streams.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    accounts: BTreeMap<Arc<str>, Account>,
}

impl Ledger {
    /// Records came in, from the dead letter or from a collector.
    pub(super) fn came(&mut self, stream: &Arc<str>, replayed: bool, records: u64) {
        let account = self.account(stream);
        *account.entry(replayed) += records;
        account.queued += records;
    }

    /// Dead letters of a stream went for others.
    pub(super) fn given_up(&mut self, stream: &Arc<str>, letters: u64) {
        self.account(stream).given_up += letters;
    }

    /// Records left.
    pub(super) fn settled(&mut self, stream: &Arc<str>, outcome: Outcome, records: u64) {
        let account = self.account(stream);
        account.queued = account.queued.saturating_sub(records);
        *match outcome {
            Outcome::Indexed => &mut account.indexed,
            Outcome::Duplicate => &mut account.duplicate,
            Outcome::Collision => &mut account.collision,
            Outcome::DeadLettered => &mut account.dead_lettered,
            Outcome::Dropped => &mut account.dropped,
        } += records;
        debug_assert!(account.balances(), "{stream}: {account:?}");
    }

    /// The account of an earlier process. What is queued is what is found, not what was written.
    pub(super) fn restore(&mut self, stream: Arc<str>, account: Account) {
        let account = Account {
            queued: 0,
            ..account
        };
        self.accounts.insert(stream, account);
    }

    /// A record of an earlier process waits that the cursor counts.
    pub(super) fn found(&mut self, stream: &Arc<str>) {
        self.account(stream).queued += 1;
    }

    /// Balances the accounts of an earlier process with what was found of it; says how many records are lost.
    pub(super) fn reconcile(&mut self) -> u64 {
        let mut lost = 0;
        for account in self.accounts.values_mut() {
            let came = account.collected + account.replayed;
            let known = account.gone() + account.queued;
            account.dropped += came.saturating_sub(known);
            lost += came.saturating_sub(known);
            // Records that nobody counted: the cursor is gone, or older than what it stands for.
            account.collected += known.saturating_sub(came);
        }
        lost
    }

    /// The name of a stream, kept once.
    pub(super) fn name(&self, stream: &str) -> Arc<str> {
        let known = self.accounts.get_key_value(stream);
        known.map_or_else(|| stream.into(), |(name, _)| name.clone())
    }

    fn account(&mut self, stream: &Arc<str>) -> &mut Account {
        self.accounts.entry(stream.clone()).or_default()
    }

    /// All accounts by stream.
    pub fn accounts(&self) -> &BTreeMap<Arc<str>, Account> {
        &self.accounts
    }

    /// All streams together.
    pub fn total(&self) -> Account {
        self.accounts.values().sum()
    }
}
