//! What becomes of the records of a request, by the items of its answer.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Shipper;
use super::bulk::{self, Verdict};
use crate::spool::{Outcome, Record};

/// How many different reasons of one answer are written to the log; the rest is counted.
const REASONS_LOGGED: usize = 5;

impl Shipper {
    /// Settles each record by its item of the answer.
    pub(super) fn settle(
        &mut self,
        records: &[Record],
        items: &[bulk::Item],
        retry_after: Option<Duration>,
    ) {
        let mut refused: BTreeMap<String, usize> = BTreeMap::new();
        let mut later: BTreeMap<&str, (String, usize)> = BTreeMap::new();
        for (record, item) in records.iter().zip(items) {
            let stream = &*record.entry.stream;
            match bulk::judge(item, record.attempted || self.is_shared) {
                Verdict::Indexed => self.took(record, Outcome::Indexed),
                Verdict::Duplicate => self.took(record, Outcome::Duplicate),
                Verdict::Collision => {
                    self.took(record, Outcome::Collision);
                    *refused
                        .entry(format!("{stream}: {}", item.why()))
                        .or_default() += 1;
                }
                Verdict::Refused(reason) => {
                    self.spool.ack(record.seq, Outcome::Dropped);
                    self.gate.doubt(stream);
                    *refused.entry(format!("{stream}: {reason}")).or_default() += 1;
                }
                Verdict::Forbidden => {
                    self.spool.give_back(record.seq, false);
                    self.gate.forbid(stream, &item.why());
                }
                Verdict::Later { unknown } => {
                    self.spool.give_back(record.seq, unknown);
                    later.entry(stream).or_insert_with(|| (item.why(), 0)).1 += 1;
                }
            }
        }
        log_refused(&refused);
        self.pause(&later, retry_after);
    }

    fn took(&mut self, record: &Record, outcome: Outcome) {
        self.spool.ack(record.seq, outcome);
        self.pauses.succeeded(&record.entry.stream);
    }

    /// Streams whose documents are not taken now wait, each for itself; the others go on.
    fn pause(&mut self, later: &BTreeMap<&str, (String, usize)>, retry_after: Option<Duration>) {
        for (stream, (reason, documents)) in later {
            let wait = self.pauses.failed(stream, retry_after);
            tracing::warn!(
                stream,
                documents,
                reason,
                wait_ms = wait.as_millis(),
                "documents not taken now, will retry"
            );
        }
    }
}

fn log_refused(refused: &BTreeMap<String, usize>) {
    for (reason, documents) in refused.iter().take(REASONS_LOGGED) {
        tracing::error!(documents, reason, "documents refused for good");
    }
    if refused.len() > REASONS_LOGGED {
        tracing::error!(
            reasons = refused.len() - REASONS_LOGGED,
            "documents refused for more reasons"
        );
    }
}
