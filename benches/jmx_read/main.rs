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
mod jolokia;
mod list;
mod memory;
mod servers;
#[path = "../shared/mod.rs"]
mod shared;
mod speed;

use shared::figures::{self, Report};
use shared::process;
use shared::words::Words;

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
    let words = Words::read();
    if let [client::FLAG, endpoint, list] = words.all()[..] {
        return client::run(endpoint, list);
    }
    let mut report = Report::new("jmx_read");
    if !words.are_whole() {
        speed::small(&mut report);
        return words.conclude(&report);
    }
    let all = !SECTIONS.iter().any(|(name, _)| words.has(name));
    for (name, section) in SECTIONS {
        if all || words.has(name) {
            section(&mut report);
        }
    }
    words.conclude(&report);
}
