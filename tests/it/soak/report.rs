//! What a run showed, the page that adds up runs, and what must hold.

use std::time::Duration;

use super::sight::Sample;
use crate::proof::{Proof, sum};

/// The folder where `make prove-soak` keeps the rows of its runs, and the page that it wants.
const ROWS: &str = "BROKERBEAT_SOAK_ROWS";
const PAGE: &str = "BROKERBEAT_SOAK_REPORT";

/// Connections that an agent may have to one JVM at once: a session's, one for its lease, one that is being opened.
const MOST_CONNECTIONS: usize = 4;
/// What the broker may have: the agent's and the library's.
const MOST_ACCEPTED: usize = 2 * MOST_CONNECTIONS;
/// Descriptors that come and go: connections to Elasticsearch, files being read.
const DESCRIPTORS: usize = 16;
/// How much more the agent may take at the end than after it has warmed up, in kilobytes.
const GROWTH: f64 = 4_000.0;
/// The part of a run in which the agent finds its size: first bulk requests, first restart.
const WARM: f64 = 0.25;

/// What happens to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// SIGKILL, and started again.
    Killed,
    /// SIGTERM, and started again.
    Stopped,
    /// SIGSTOP for longer than every time-out, then SIGCONT: sessions are given up that the JVM still has.
    Hung,
}

/// One run.
pub(super) struct Run {
    length: Duration,
    pub(super) samples: Vec<Sample>,
    /// When it had settled, what had happened, how many sessions the JVM had then.
    pub(super) events: Vec<(Duration, Event, u64)>,
    pub(super) reads: u64,
    pub(super) failures: u64,
    /// Sessions in the JVM after everybody had said good-bye.
    pub(super) left: u64,
}

impl Run {
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length,
            samples: Vec::new(),
            events: Vec::new(),
            reads: 0,
            failures: 0,
            left: 0,
        }
    }

    /// Writes the report, if one is wanted, and fails if something leaked.
    pub(super) fn write_and_judge(&self) {
        let row = self.row();
        println!("{HEAD}\n{row}");
        if let Some(proof) = Proof::wanted(ROWS, PAGE) {
            proof.add("samples.csv", &self.samples());
            proof.write(&text(&proof.add("rows.md", &row)));
        }
        let most = |what: fn(&Sample) -> usize| self.samples.iter().map(what).max().unwrap_or(0);
        assert!(
            most(|sample| sample.connections) <= MOST_CONNECTIONS,
            "{row}"
        );
        assert!(most(|sample| sample.accepted) <= MOST_ACCEPTED, "{row}");
        let first = self.samples.first().map_or(0, |sample| sample.descriptors);
        let last = self.samples.last().map_or(0, |sample| sample.descriptors);
        assert!(last <= first + DESCRIPTORS, "{row}");
        assert!(self.growth() < GROWTH, "{row}");
        assert!(self.reads > self.failures, "{row}");
        assert_eq!(self.left, 0, "{row}");
    }

    fn restarts(&self) -> usize {
        self.events
            .iter()
            .filter(|(_, event, _)| *event != Event::Hung)
            .count()
    }

    /// Samples after the agent has found its size.
    fn warm(&self) -> &[Sample] {
        let from = (self.samples.len() as f64 * WARM) as usize;
        self.samples.get(from..).unwrap_or_default()
    }

    /// Median memory of the last third less that of the first, after the warm-up: what a peak cannot hide or fake.
    fn growth(&self) -> f64 {
        let warm: Vec<f64> = self
            .warm()
            .iter()
            .map(|sample| sample.resident as f64)
            .collect();
        let third = (warm.len() / 3).max(1);
        match (
            warm.get(..third),
            warm.get(warm.len().saturating_sub(third)..),
        ) {
            (Some(first), Some(last)) => median(last) - median(first),
            _ => 0.0,
        }
    }

    /// Kilobytes per hour, by least squares.
    fn slope(&self) -> f64 {
        let points: Vec<(f64, f64)> = self
            .warm()
            .iter()
            .map(|sample| (sample.at.as_secs_f64() / 3600.0, sample.resident as f64))
            .collect();
        let count = points.len() as f64;
        let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / count;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let (mut xy, mut xx) = (0.0, 0.0);
        for point in &points {
            xy += (point.0 - x) * (point.1 - y);
            xx += (point.0 - x) * (point.0 - x);
        }
        xy / xx
    }

    fn row(&self) -> String {
        let span = |what: fn(&Sample) -> usize| {
            let all = self.samples.iter().map(what);
            format!(
                "{} – {}",
                all.clone().min().unwrap_or(0),
                all.max().unwrap_or(0)
            )
        };
        let resident: Vec<f64> = self
            .warm()
            .iter()
            .map(|sample| sample.resident as f64)
            .collect();
        let sessions: Vec<u64> = self.events.iter().map(|(.., sessions)| *sessions).collect();
        format!(
            "| {} | {} | {} | {} | {} | {sessions:?}, {} | {} | {} | {} | {:.0} | {:+.0} | {:+.0} | {} |",
            self.length.as_secs() / 60,
            self.restarts(),
            self.events.len() - self.restarts(),
            self.reads,
            self.failures,
            self.left,
            span(|sample| sample.connections),
            span(|sample| sample.accepted),
            span(|sample| sample.descriptors),
            median(&resident),
            self.growth(),
            self.slope(),
            stack::conditions(),
        )
    }

    fn samples(&self) -> String {
        let line = |sample: &Sample| {
            let Sample {
                at,
                resident,
                descriptors,
                connections,
                accepted,
            } = sample;
            let seconds = at.as_secs();
            format!("{seconds},{resident},{descriptors},{connections},{accepted}")
        };
        let lines: Vec<String> = self.samples.iter().map(line).collect();
        lines.join("\n")
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

const HEAD: &str = "| minutes | restarts | hangs | reads | failed | sessions after each, at the end | agent's connections | broker's | agent's descriptors | agent's memory, kB | growth | slope, kB/h | conditions |\n\
|---|---|---|---|---|---|---|---|---|---|---|---|---|";

fn text(rows: &str) -> String {
    format!(
        "# Soak\n\n\
         Written by `make prove-soak`; a row is a run, and runs add up: **{} minutes, {} restarts of the broker**.\n\n\
         An agent and a client of the library read a Kafka 4.2.0 broker every second, while it is killed, stopped and started in \
         turn, and once made to hang for longer than every time-out. The broker's lease for sessions is 20 s instead of ten \
         minutes. After each event both must read again, and the JVM, after a full collection, must have two sessions at most \
         (objects of `RMIConnectionImpl`); after the end, none.\n\n\
         - *reads, failed*: of the library, once a second; those fail that fall into an event\n\
         - *connections*: least and most sockets between agent and JMX port, and all sockets that the broker had there\n\
         - *growth*: median memory of the agent in the last third less that in the first, after a quarter of the run to warm up; \
         *slope*: the same samples by least squares\n\n{HEAD}\n{rows}",
        sum(rows, 1),
        sum(rows, 2),
    )
}
