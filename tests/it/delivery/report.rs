//! The page that adds up runs, and what must hold.

use std::time::Duration;

use super::abuse::Abused;
use super::judge::Sums;
use crate::proof::{Proof, sum};

/// The folder where `make prove-delivery` keeps the rows of its runs, and the page that it wants.
const ROWS: &str = "BROKERBEAT_DELIVERY_ROWS";
const PAGE: &str = "BROKERBEAT_DELIVERY_REPORT";

/// A run that is over.
pub(super) struct Run {
    pub(super) seed: u64,
    pub(super) deaths: u64,
    pub(super) length: Duration,
    pub(super) abused: Abused,
    pub(super) sums: Sums,
    /// Of all agents.
    pub(super) log: String,
}

impl Run {
    pub(super) fn write_and_judge(&self) {
        let row = self.row();
        println!("{HEAD}\n{row}");
        if let Some(proof) = Proof::wanted(ROWS, PAGE) {
            proof.write(&text(&proof.add("rows.md", &row)));
        }
        self.sums
            .checks
            .judge(&format!("DELIVERY_SEED={}\n{}", self.seed, self.log));
        assert!(self.sums.cycles > 0 && !self.abused.is_empty(), "{row}");
        assert!(!self.log.contains("panicked"), "{}", self.log);
    }

    fn row(&self) -> String {
        let abused = self.abused.iter();
        let abused: Vec<String> = abused
            .map(|(kind, count)| format!("{kind:?} {count}"))
            .collect();
        let said = |text: &str| self.log.matches(text).count();
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | **{}** | {}, seed {} |",
            self.length.as_secs(),
            self.deaths,
            abused.join(", "),
            self.sums.documents,
            self.sums.cycles,
            self.sums.parts,
            self.sums.duplicates,
            said("nothing shipped, will retry"),
            said("429"),
            self.sums.checks.done,
            self.sums.checks.violations,
            stack::conditions(),
            self.seed,
        )
    }
}

const HEAD: &str = "| seconds | deaths of the agent | Elasticsearch | documents | whole cycles | cycles in which the agent died | arrived, but the answer was lost | requests that failed | mentions of 429 in the log | checks | violations | conditions |\n\
|---|---|---|---|---|---|---|---|---|---|---|---|";

fn text(rows: &str) -> String {
    format!(
        "# Delivery\n\n\
         Written by `make prove-delivery` (`DELIVERY_DEATHS=50`; `DELIVERY_SEED` repeats the dice of a run); a row is a run, and \
         runs add up: **{} deaths, {} documents, {} checks, {} violations**.\n\n\
         An agent collects a Kafka 4.2.0 broker with 300 partitions every second and is killed (`SIGKILL`) at random moments, at most \
         eight seconds after its start, and started again. Meanwhile its Elasticsearch 9.4.3, with a write queue of one and 2 MB \
         for what is being indexed, is killed and started again, made to hang, slowed to a tenth, made read-only as by a full \
         disk, and written to by six other clients until it answers 429, in turn. At the end the last agent ships what waits. Then every \
         document of every stream is read back:\n\n\
         - no series has two documents of one tick\n\
         - there are as many documents as the accounts call collected, and as many as they call indexed or duplicate; none is dropped, \
         dead-lettered, a collision, or still waits\n\
         - of every cycle whose own document is there, which is its last, there are as many others as that says. A cycle in which the agent died has none: \
         what had been appended of it is there\n\n{HEAD}\n{rows}",
        sum(rows, 2),
        sum(rows, 4),
        sum(rows, 10),
        sum(rows, 11),
    )
}
