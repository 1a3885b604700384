//! The queue between collect and ship.
//!
//! Every document goes through it, always. Its interface is three calls:
//! [`Spool::append`] gives records their sequence number, [`Spool::next`] lends
//! the oldest ones to the shipper, [`Spool::ack`] (with what became of each) or
//! [`Spool::give_back`] end the loan. Collectors never wait for the output: a full
//! queue drops its oldest records and counts them.
//!
//! Records live in memory here, packed together in blocks ([`Block`]), so what is unsent at the end of the process is gone
//! and counted in the log. A disk queue takes this place behind the same calls.
//!
//! # Invariants
//! * Sequence numbers rise by one per record and are never used twice.
//! * A record is either waiting, lent or settled; only waiting ones are lent, only
//!   waiting ones are dropped for room, each is settled once.
//! * For every stream the equation of [`Ledger`] holds after every call.

mod block;
mod ledger;
mod ring;

pub use block::{Block, Gzip, Lines, Packer};
pub use ledger::{Account, Ledger, Outcome};
pub use ring::{Limits, Spool};

use std::sync::Arc;

use crate::clock::Millis;
use crate::identity::DocumentId;

/// A document on its way: encoded once, never looked into again.
#[derive(Debug, Clone)]
pub struct Record {
    /// Sequence number, given by [`Spool::append`].
    pub seq: u64,
    /// What was appended.
    pub entry: Entry,
    /// Whether an earlier attempt to ship it ended without an answer: then a 409 is a duplicate.
    pub attempted: bool,
}

/// What a collector's side appends.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Data stream: `metrics-brokerbeat.kafka.partition-default`.
    pub stream: Arc<str>,
    /// `@timestamp`.
    pub timestamp: Millis,
    /// Hash of series and timestamp.
    pub id: DocumentId,
    /// Its lines in a bulk request: the action, and the final JSON.
    pub lines: Lines,
}

/// Memory that a record takes besides its lines, roughly: the bound is about memory, not text.
const RECORD_OVERHEAD: usize = 128;

impl Entry {
    /// What the entry counts towards the queue's bound.
    pub fn weight(&self) -> usize {
        self.lines.packed_len() + RECORD_OVERHEAD
    }
}
