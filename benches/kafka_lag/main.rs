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
#[path = "../jmx_read/figures.rs"]
mod figures;
#[path = "../jmx_read/process.rs"]
mod process;
mod sections;
mod sink;

use std::fs;
use std::path::PathBuf;

use figures::Report;

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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let option = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1).copied()
    };
    let built = env!("CARGO_BIN_EXE_brokerbeat");
    let agent = Agent(option("--agent").unwrap_or(built).into());
    let mut report = Report::new("kafka_lag");
    if !words.contains(&"--bench") {
        sections::small(&mut report, &agent);
        print!("{}", report.text());
        return;
    }
    if words.contains(&"--cluster") {
        return sections::cluster();
    }
    let asked = |name: &str| words.contains(&name);
    let all = !SECTIONS.iter().any(|(name, _)| asked(name));
    for (name, section) in SECTIONS {
        if all || asked(name) {
            section(&mut report, &agent);
        }
    }
    print!("{}", report.text());
    if let Some(path) = option("--report") {
        fs::write(path, report.text()).unwrap();
    }
    if report.missed() {
        std::process::exit(1);
    }
}
