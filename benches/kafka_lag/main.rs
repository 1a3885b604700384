//! What the lag of very many groups costs: the whole agent as it runs in production, on a real broker, beside Java's
//! admin client with every request of a kind in one batch.
//!
//! `cargo bench --bench kafka_lag` measures everything; `… -- groups members delayed wide` some of it; `--report FILE`
//! writes the figures down; `--agent FILE` measures another binary; `--cluster` makes the groups only, says where, and
//! stays until stdin ends, for a profiler. It ends with 1 where a target is missed. Without `--bench`, as `cargo test` starts it, it does the same in small, without targets: a benchmark that no longer works is
//! noticed before it is needed.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark's figures are printed, and what goes wrong ends it"
)]

mod agent;
mod bulk;
mod cluster;
mod sections;
#[path = "../shared/mod.rs"]
mod shared;
mod sink;

use std::path::PathBuf;

use shared::figures::{self, Report};
use shared::process;
use shared::words::Words;

/// Measures one thing and writes it down.
type Section = fn(&mut Report, &Agent);

/// The binary that is measured.
struct Agent(PathBuf);

const SECTIONS: &[(&str, Section)] = &[
    ("groups", sections::groups),
    ("members", sections::members),
    ("delayed", sections::delayed),
    ("wide", sections::wide),
];

fn main() {
    let words = Words::read();
    let built = env!("CARGO_BIN_EXE_brokerbeat");
    let agent = Agent(words.after("--agent").unwrap_or(built).into());
    let mut report = Report::new("kafka_lag");
    if !words.are_whole() {
        sections::small(&mut report, &agent);
        return words.conclude(&report);
    }
    if words.has("--cluster") {
        return sections::cluster();
    }
    let all = !SECTIONS.iter().any(|(name, _)| words.has(name));
    for (name, section) in SECTIONS {
        if all || words.has(name) {
            section(&mut report, &agent);
        }
    }
    words.conclude(&report);
}
