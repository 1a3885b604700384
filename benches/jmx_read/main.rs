//! What reading a broker costs, here and there: beside Java's own client and beside Jolokia, on real brokers.
//!
//! `cargo bench --bench jmx_read` measures everything; `… -- loopback delayed wide idle cost` some of it; `--report FILE`
//! writes the figures down. It ends with 1 where a target is missed. Without `--bench`, as `cargo test` starts it, it does
//! the same in small against a plain JVM, without targets: a benchmark that no longer works is noticed before it is needed.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark's figures are printed, and what goes wrong ends it"
)]

mod child;
mod client;
mod cost;
mod figures;
mod jolokia;
mod list;
mod memory;
mod process;
mod servers;
mod speed;

use std::fs;

use figures::Report;

/// Measures one thing and writes it down.
type Section = fn(&mut Report);

const SECTIONS: &[(&str, Section)] = &[
    ("loopback", speed::loopback),
    ("delayed", speed::delayed),
    ("wide", memory::wide),
    ("idle", memory::idle),
    ("cost", cost::cost),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [client::FLAG, endpoint, list] = words[..] {
        return client::run(endpoint, list);
    }
    let mut report = Report::new("jmx_read");
    if !words.contains(&"--bench") {
        speed::small(&mut report);
        print!("{}", report.text());
        return;
    }
    let asked = |name: &str| words.contains(&name);
    let all = !SECTIONS.iter().any(|(name, _)| asked(name));
    for (name, section) in SECTIONS {
        if all || asked(name) {
            section(&mut report);
        }
    }
    print!("{}", report.text());
    let file = words.iter().position(|word| *word == "--report");
    if let Some(path) = file.and_then(|at| words.get(at + 1)) {
        fs::write(path, report.text()).unwrap();
    }
    if report.missed() {
        std::process::exit(1);
    }
}
