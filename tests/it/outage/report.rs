//! The page that adds up runs, and what must hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use stack::KafkaVersion;

use super::INTERVAL;
use super::cluster::Mode;
use super::round::Stop;
use crate::proof::{Checks, Proof, sum};

/// The folder where `make prove-outage` keeps the rows of its runs, and the page that it wants.
const ROWS: &str = "BROKERBEAT_OUTAGE_ROWS";
const PAGE: &str = "BROKERBEAT_OUTAGE_REPORT";

/// On a machine that runs other tests at the same time, the agent may get the processor late.
const LATE: Duration = Duration::from_millis(150);

/// All rounds of a kind on a version.
pub(super) struct Row {
    version: KafkaVersion,
    mode: Mode,
    stop: Stop,
    pub(super) rounds: usize,
    /// Rounds in which the stop fell into a cycle.
    pub(super) hit: usize,
    /// How long after that cycle's beginning.
    pub(super) moments: Vec<Duration>,
    pub(super) cycles: usize,
    pub(super) documents: usize,
    /// The longest cycle, and the longest of those into which a stop fell.
    pub(super) longest: Duration,
    pub(super) hit_longest: Duration,
    /// Partitions of groups whose lag was known, and not.
    pub(super) known: usize,
    pub(super) unknown: usize,
    pub(super) reasons: BTreeMap<String, usize>,
    /// Seconds from the brokers' return to the end of the first cycle that was whole.
    pub(super) back: Vec<f64>,
    pub(super) checks: Checks,
}

impl Row {
    pub(super) fn new(version: KafkaVersion, mode: Mode, stop: Stop) -> Self {
        Self {
            version,
            mode,
            stop,
            rounds: 0,
            hit: 0,
            moments: Vec::new(),
            cycles: 0,
            documents: 0,
            longest: Duration::ZERO,
            hit_longest: Duration::ZERO,
            known: 0,
            unknown: 0,
            reasons: BTreeMap::new(),
            back: Vec::new(),
            checks: Checks::default(),
        }
    }

    fn line(&self) -> String {
        let millis = |time: &Duration| time.as_millis();
        let moments = self.moments.iter().map(millis);
        let (first, last) = (moments.clone().min(), moments.max());
        let back = self.back.iter().copied().fold(0.0, f64::max);
        let reasons = self.reasons.iter().filter(|(reason, _)| !reason.is_empty());
        let reasons: Vec<String> = reasons
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        format!(
            "| {:?}, {:?} | {:?} | {} | {} | {} – {} | {} | {} | {} | {} | {} | {} | {} | **{}** | {back:.1} | {} |",
            self.version,
            self.mode,
            self.stop,
            self.rounds,
            self.hit,
            first.unwrap_or(0),
            last.unwrap_or(0),
            self.cycles,
            self.documents,
            millis(&self.hit_longest),
            millis(&self.longest),
            self.known,
            self.unknown,
            self.checks.done,
            self.checks.violations,
            reasons.join(", "),
        )
    }
}

/// All of them.
pub(super) struct Run {
    seed: u64,
    /// Whether this is the proof, on a machine of its own.
    proof: bool,
    pub(super) rows: Vec<Row>,
    /// Of the agent that runs now.
    pub(super) ticks: BTreeSet<String>,
    /// Of those before.
    past: usize,
    pub(super) missed: u64,
}

impl Run {
    pub(super) fn new(seed: u64, proof: bool) -> Self {
        Self {
            seed,
            proof,
            rows: Vec::new(),
            ticks: BTreeSet::new(),
            past: 0,
            missed: 0,
        }
    }

    /// None of its ticks may be missing.
    pub(super) fn end_of_agent(&mut self) {
        let ticks: Vec<String> = std::mem::take(&mut self.ticks).into_iter().collect();
        crate::agent::assert_no_gap(&ticks, INTERVAL);
        self.past += ticks.len();
    }

    pub(super) fn write_and_judge(&self) {
        let lines: Vec<String> = self.rows.iter().map(Row::line).collect();
        let conditions = format!(
            "| {} | {} | {} | {} |",
            self.past,
            self.missed,
            stack::conditions(),
            self.seed
        );
        println!("{HEAD}\n{}\n\n{RUNS}\n{conditions}", lines.join("\n"));
        if let Some(proof) = Proof::wanted(ROWS, PAGE) {
            let rows = proof.add("rows.md", &lines.join("\n"));
            proof.write(&text(&rows, &proof.add("runs.md", &conditions)));
        }
        let budget = INTERVAL * 4 / 5 + if self.proof { Duration::ZERO } else { LATE };
        assert_eq!(self.missed, 0);
        for row in &self.rows {
            let line = row.line();
            row.checks.judge(&line);
            assert!(row.longest <= budget, "{line}");
            assert!(row.hit > 0 && row.known > 0 && row.unknown > 0, "{line}");
        }
    }
}

const HEAD: &str = "| Kafka | the two | rounds | in mid-cycle | ms after its beginning | cycles | documents | longest of those cycles, ms | longest of all, ms | lags known | unknown | checks | violations | back after, s | reasons |\n\
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";
const RUNS: &str = "| ticks | missed | conditions | seed |\n|---|---|---|---|";

fn text(rows: &str, runs: &str) -> String {
    format!(
        "# Outages\n\n\
         Written by `make prove-outage` (`OUTAGE_ROUNDS=3` of each kind on each version; `OUTAGE_SEED`); rows add up: **{} \
         rounds, in {} of them the stop fell into a cycle, {} checks, {} violations**.\n\n\
         Three brokers; a topic `alone` with one replica and a topic `shared` with three, six partitions each; 40 groups with a \
         commit on each partition, coordinated by all three; an interval of {} s, of which a cycle may take four fifths ({} ms). \
         Two brokers are stopped at a random moment of a cycle: `Kill` is SIGKILL and a new start, `Hang` SIGSTOP and \
         SIGCONT. Afterwards records are written to what the survivor leads and offsets committed for groups that it \
         coordinates. In every cycle before, in, during and after the outage:\n\n\
         - no tick is missed, the target is up, the cycle ends within its budget\n\
         - the survivor's log ends and commits are there, and true at some moment of the cycle\n\
         - of what the two have nothing is told in cycles that begin after the stop; of `shared` the survivor tells what it has \
         become leader of\n\
         - every group, every partition of it and every partition has its document, with lag and offsets or with a reason; sums \
         are those of their parts; nothing is negative\n\n\
         A stop is *in mid-cycle* if it came between the beginning and the end of a cycle by that cycle's own document \
         (`event.created` less `brokerbeat.target.duration`). *Back* is the longest time from the return of the brokers to \
         the end of a cycle in which nothing was missing.\n\n{HEAD}\n{rows}\n{RUNS}\n{runs}",
        sum(rows, 3),
        sum(rows, 4),
        sum(rows, 12),
        sum(rows, 13),
        INTERVAL.as_secs(),
        (INTERVAL * 4 / 5).as_millis(),
    )
}
