//! The page that adds up runs, and what must hold.

use std::time::Duration;

use crate::delivery::judge::Sums;
use crate::proof::{Proof, sum};

/// The folder where `make prove-backlog` keeps the rows of its runs, and the page that it wants.
const ROWS: &str = "BROKERBEAT_BACKLOG_ROWS";
const PAGE: &str = "BROKERBEAT_BACKLOG_REPORT";

/// What the agent may take in the proof, in kilobytes.
const MOST_MEMORY: u64 = 60_000;

/// A run that is over.
pub(super) struct Run {
    pub(super) documents: u64,
    /// What they took on disk.
    pub(super) bytes: u64,
    pub(super) away: Duration,
    /// Most kilobytes before, while documents waited, and while they were shipped.
    pub(super) memory: [u64; 3],
    /// Documents a second, from the first to the last that had waited; others came meanwhile.
    pub(super) rate: f64,
    pub(super) sums: Sums,
}

impl Run {
    pub(super) fn write_and_judge(&self, is_proof: bool) {
        let row = self.row();
        println!("{HEAD}\n{row}");
        if let Some(proof) = Proof::wanted(ROWS, PAGE) {
            proof.write(&text(&proof.add("rows.md", &row)));
        }
        self.sums.checks.judge(&row);
        assert_eq!(self.sums.parts, 0, "{row}");
        if is_proof {
            assert!(self.memory.iter().all(|most| *most < MOST_MEMORY), "{row}");
        }
    }

    fn row(&self) -> String {
        let [before, waiting, catching_up] = self.memory;
        format!(
            "| {} | {} | {:.1} | {before} | {waiting} | {catching_up} | {:.0} | {} | {} | {} | {} | **{}** | {} |",
            self.documents,
            self.away.as_secs(),
            self.bytes as f64 / self.documents as f64,
            self.rate,
            self.sums.documents,
            self.sums.cycles,
            self.sums.duplicates,
            self.sums.checks.done,
            self.sums.checks.violations,
            stack::conditions(),
        )
    }
}

const HEAD: &str = "| documents that waited | seconds | bytes on disk each | most kB before | while they waited | while they were shipped | shipped a second | documents in all | cycles | arrived, but the answer was lost | checks | violations | conditions |\n\
|---|---|---|---|---|---|---|---|---|---|---|---|---|";

fn text(rows: &str) -> String {
    format!(
        "# Backlog\n\n\
         Written by `make prove-backlog` (`BACKLOG_DOCUMENTS=2000000`); a row is a run: **{} documents waited, {} checks, {} \
         violations**.\n\n\
         An agent collects 500 groups of 40 partitions each of a Kafka 4.2.0 broker every 20 seconds. Elasticsearch 9.4.3 is killed, \
         the interval set to two seconds until so many documents wait on disk, and all of it undone; the agent goes on collecting. At the end every document of every \
         stream is read back and held against accounts and cycles, as in [delivery](delivery.md): each has the tick at which \
         it was collected, once, and no cycle misses one. Memory is the agent's resident set, of which some 12,000 kB are the program's \
         text; broker, Elasticsearch, and agent share the machine, so that what is shipped a second is what Elasticsearch \
         took beside them.\n\n{HEAD}\n{rows}",
        sum(rows, 1),
        sum(rows, 11),
        sum(rows, 12),
    )
}
