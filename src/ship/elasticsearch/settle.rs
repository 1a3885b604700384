//! What becomes of the records of a request, by the items of its answer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Shipper;
use super::bulk;
use super::verdict::{self, Verdict};
use crate::clock::Millis;
use crate::dead_letter::Refusal;
use crate::spool::{Outcome, Record};

/// How many different reasons of one answer are written to the log; the rest is counted.
const REASONS_LOGGED: usize = 5;

/// What is to be done once all items of an answer are judged.
#[derive(Debug, Default)]
struct Rest<'r> {
    /// Documents that are not indexed and never will be, by stream and reason.
    reasons: BTreeMap<String, usize>,
    /// For the dead letter.
    refused: Vec<(&'r Record, Refusal)>,
    /// By stream: why, and how many.
    later: BTreeMap<&'r str, (String, usize)>,
    /// By stream.
    ahead: BTreeMap<&'r str, Vec<&'r Record>>,
}

impl Rest<'_> {
    fn reason(&mut self, stream: &str, reason: &str) {
        *self
            .reasons
            .entry(format!("{stream}: {reason}"))
            .or_default() += 1;
    }
}

impl Shipper {
    /// Settles each record by its item of the answer.
    pub(super) fn settle(
        &mut self,
        records: &[Record],
        items: &[bulk::Item],
        retry_after: Option<Duration>,
    ) {
        let mut rest = Rest::default();
        let now = Millis::now();
        for (record, item) in records.iter().zip(items) {
            self.settle_one(record, item, now, &mut rest);
        }
        if self.dead_letter(&rest.refused) {
            for (record, refusal) in std::mem::take(&mut rest.refused) {
                rest.reason(&record.entry.stream, &refusal.reason);
            }
        }
        log_reasons(&rest.reasons);
        self.set_aside(&rest.ahead);
        self.pause(&rest.later, retry_after);
    }

    fn settle_one<'r>(
        &mut self,
        record: &'r Record,
        item: &bulk::Item,
        now: Millis,
        rest: &mut Rest<'r>,
    ) {
        let stream = &*record.entry.stream;
        let attempted = record.attempted || self.is_shared;
        match verdict::judge(item, attempted, record.entry.timestamp, now) {
            Verdict::Indexed => self.took(record, Outcome::Indexed),
            Verdict::Duplicate => self.took(record, Outcome::Duplicate),
            Verdict::Collision => {
                self.took(record, Outcome::Collision);
                rest.reason(stream, &item.why());
            }
            Verdict::Dropped => {
                self.took(record, Outcome::Dropped);
                rest.reason(stream, "dropped by an ingest pipeline");
            }
            Verdict::Refused(refusal) => {
                self.gate.doubt(stream);
                rest.refused.push((record, refusal));
            }
            Verdict::Forbidden => {
                self.spool.give_back(record.seq, false);
                self.gate.forbid(stream, &item.why());
            }
            Verdict::Later { unknown } => {
                self.spool.give_back(record.seq, unknown);
                if verdict::is_id_not_wanted(item) {
                    self.gate.doubt(stream);
                }
                let why = || (item.why(), 0);
                rest.later.entry(stream).or_insert_with(why).1 += 1;
            }
            Verdict::Ahead => rest.ahead.entry(stream).or_default().push(record),
        }
    }

    fn took(&mut self, record: &Record, outcome: Outcome) {
        let stream = &record.entry.stream;
        self.spool.ack(record.seq, outcome);
        self.pauses.succeeded(stream);
        self.gate.took(stream);
        if let Some(until) = self.ahead.took(stream, record.entry.timestamp) {
            self.spool.bring_back(until);
        }
    }

    /// What is refused for good goes to the dead letter; says whether it is there. Where that cannot be written, which it says itself,
    /// the documents stay and their streams wait.
    pub(super) fn dead_letter(&mut self, refused: &[(&Record, Refusal)]) -> bool {
        if self.spool.dead_letter(refused).is_ok() {
            return true;
        }
        let mut paused = BTreeMap::new();
        for (record, _) in refused {
            // It was answered, and is not there.
            self.spool.give_back(record.seq, record.attempted);
            paused.insert(&*record.entry.stream, ());
        }
        for stream in paused.keys() {
            self.pauses.failed(stream, None);
        }
        false
    }

    /// Documents that come too early wait, each for itself: what is older in their streams goes on. One of them asks for all.
    fn set_aside(&mut self, ahead: &BTreeMap<&str, Vec<&Record>>) {
        for (stream, records) in ahead {
            let Some(first) = records.iter().min_by_key(|record| record.entry.timestamp) else {
                continue;
            };
            let oldest = first.entry.timestamp;
            let (wait, is_first) = self.ahead.refused(stream, oldest, Instant::now());
            for record in records {
                let is_asking = record.seq == first.seq;
                let until = if is_asking { wait.oldest } else { wait.others };
                self.spool.set_aside(record.seq, until);
            }
            if is_first {
                tracing::warn!(
                    stream,
                    documents = records.len(),
                    from = oldest.to_rfc3339(),
                    "documents are newer than what the stream takes now: they wait; if this lasts compare the clocks of this machine and of Elasticsearch"
                );
            }
        }
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

fn log_reasons(reasons: &BTreeMap<String, usize>) {
    for (reason, documents) in reasons.iter().take(REASONS_LOGGED) {
        tracing::error!(documents, reason, "documents refused for good");
    }
    if reasons.len() > REASONS_LOGGED {
        tracing::error!(
            reasons = reasons.len() - REASONS_LOGGED,
            "documents refused for more reasons"
        );
    }
}
