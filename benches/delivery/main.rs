//! How fast documents go through the agent: enriched, encoded, packed, queued on disk, shipped and settled, beside a loop
//! that only sends bodies that were made before.
//!
//! `cargo bench --bench delivery` measures; `--report FILE` writes the figures down. It ends with 1 where a target is missed.
//! Without `--bench`, as `cargo test` starts it, it does the same in small, without targets: a benchmark that no longer
//! works is noticed before it is needed.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark's figures are printed, and what goes wrong ends it"
)]

mod documents;
mod pipeline;
mod plain;
#[path = "../shared/mod.rs"]
mod shared;
mod sink;

use pipeline::{Figures, Pipeline};
use shared::figures::{Report, Spread};
use shared::process;
use shared::words::Words;
use sink::Sink;

/// How much is measured.
struct Size {
    rounds: usize,
    batches: usize,
    documents: usize,
}

/// Some seconds a round, in batches as a cluster of some size makes them.
const WHOLE: Size = Size {
    rounds: 7,
    batches: 60,
    documents: 5_000,
};
const SMALL: Size = Size {
    rounds: 1,
    batches: 2,
    documents: 3_000,
};

/// Requests that the loop has under way at once: as many as the agent at most.
const AT_ONCE: [usize; 2] = [1, 4];

/// Targets: of the loop's documents a second, and documents a second.
const LEAST_PART: f64 = 0.6;
const LEAST_RATE: f64 = 100_000.0;

/// What the figures are made of.
const WHY: &str = "Packing is half of what a document costs, encoding most of the rest; both are done before the loop \
    begins, and for what waits on disk, so that this goes as fast as the loop. Packing in a thread of its own was tried \
    and brought nothing.";

fn main() {
    let words = Words::read();
    if words.has(sink::ARGUMENT) {
        return sink::serve();
    }
    let mut report = Report::new("delivery");
    let whole = words.are_whole();
    measure(&mut report, if whole { &WHOLE } else { &SMALL }, whole);
    words.conclude(&report);
}

fn measure(report: &mut Report, size: &Size, whole: bool) {
    let mut sink = Sink::start();
    let pipeline = Pipeline::new(&sink.url);
    let bodies = pipeline.bodies(documents::batches(size.batches, size.documents));
    let mut plain = AT_ONCE.map(|_| Vec::new());
    let mut shipped = Vec::new();
    let mut caught_up = Vec::new();
    for _ in 0..size.rounds {
        for (rates, at_once) in plain.iter_mut().zip(AT_ONCE) {
            rates.push(plain::rate(&sink.url, &bodies, at_once));
        }
        let batches = || documents::batches(size.batches, size.documents);
        shipped.push(pipeline.run(batches(), &mut sink));
        caught_up.push(pipeline.catch_up(batches(), &mut sink));
    }
    write(report, size, &bodies, plain, &shipped, &caught_up, whole);
}

fn write(
    report: &mut Report,
    size: &Size,
    bodies: &plain::Bodies,
    plain: [Vec<f64>; 2],
    shipped: &[Figures],
    caught_up: &[Figures],
    targets: bool,
) {
    let count = size.batches * size.documents;
    report.title("From the collectors' channel to the acknowledged document");
    report.line(&format!(
        "{count} documents a round, {:.0} bytes of JSON each, {} rounds; the sink unpacks, parses and answers each \
         document, and has the same cores.",
        bodies.json as f64 / count as f64,
        size.rounds,
    ));
    report.line("");
    report.head("| what | documents a second | quartiles | µs of processor time a document |");
    let row = |report: &mut Report, name: &str, rates: Vec<f64>, cpu: &str| {
        let spread = Spread::of(rates);
        report.line(&format!("| {name} | {} | {cpu} |", spread.cells()));
        spread.median
    };
    let limits = plain.into_iter().zip(AT_ONCE).map(|(rates, at_once)| {
        let name = format!("a loop that sends what was made before, {at_once} at once");
        row(report, &name, rates, "")
    });
    let limits: Vec<f64> = limits.collect();
    let limit = limits.iter().copied().fold(0.0, f64::max);
    let rates = |all: &[Figures]| all.iter().map(|one| one.rate).collect();
    let cpu = |all: &[Figures]| {
        let times = all
            .iter()
            .map(|one| one.cpu.as_secs_f64() * 1e6 / count as f64);
        format!("{:.2}", Spread::of(times.collect()).median)
    };
    let ours = row(report, "ours, all of it", rates(shipped), &cpu(shipped));
    row(
        report,
        "ours, what waits on disk",
        rates(caught_up),
        &cpu(caught_up),
    );
    let parts: Vec<String> = limits
        .iter()
        .map(|limit| format!("{:.2}", ours / limit))
        .collect();
    let each = |bytes: u64| bytes as f64 / count as f64;
    report.line(&format!(
        "\nBytes of a document: {:.1} on the wire, {:.1} on disk. The rate is {} of the loops'.",
        each(shipped[0].wire),
        each(caught_up[0].disk),
        parts.join(" and "),
    ));
    report.line("");
    report.line(WHY);
    if targets {
        report.target("0.6 of the loop", ours >= LEAST_PART * limit);
        report.target("100,000 documents a second", ours >= LEAST_RATE);
    }
}
