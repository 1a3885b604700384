//! What a tick over an ensemble costs whose servers have thousands of clients: the whole agent as it runs in production, on
//! three real servers.
//!
//! `cargo bench --bench zookeeper` measures; `--report FILE` writes the figures down; `--agent FILE` measures another binary;
//! `--ensemble` makes the servers and sessions only, says where, and stays until stdin ends, for a profiler. It ends with 1
//! where a target is missed. Without `--bench`, as `cargo test` starts it, it does the same in small, without targets: a
//! benchmark that no longer works is noticed before it is needed.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark's figures are printed, and what goes wrong ends it"
)]

mod agent;
mod ensemble;
#[path = "../shared/mod.rs"]
mod shared;
mod ticks;

use std::path::{Path, PathBuf};
use std::time::Duration;

use agent::{Rounds, Run, run};
use ensemble::{Ensemble, Sessions};
use shared::figures::{Report, Spread};
use shared::process;
use shared::words::Words;
use ticks::Tick;

/// Sessions with each server, and how long the agent is watched.
struct Size {
    sessions: usize,
    rounds: Rounds,
}

const WHOLE: Size = Size {
    sessions: 2_000,
    rounds: Rounds {
        interval: Duration::from_secs(4),
        warm: 3,
        counted: 25,
    },
};
const SMALL: Size = Size {
    sessions: 20,
    rounds: Rounds {
        interval: Duration::from_secs(1),
        warm: 1,
        counted: 2,
    },
};

/// Targets: milliseconds of a tick, one server after the other; kilobytes of memory.
const LONGEST: f64 = 150.0;
const LARGEST: u64 = 10_000;

/// Where nobody listens: an agent with nothing to do.
const NOBODY: &str = "\"127.0.0.1:1\"";

fn main() {
    let words = Words::read();
    let built = env!("CARGO_BIN_EXE_brokerbeat");
    let agent: PathBuf = words.after("--agent").unwrap_or(built).into();
    let size = if words.are_whole() { &WHOLE } else { &SMALL };
    let ensemble = Ensemble::start();
    if words.has("--ensemble") {
        return ensemble.stay(size.sessions);
    }
    let mut report = Report::new("zookeeper");
    measure(&mut report, &agent, &ensemble, size, words.are_whole());
    words.conclude(&report);
}

fn measure(report: &mut Report, agent: &Path, ensemble: &Ensemble, size: &Size, whole: bool) {
    report.title(&format!(
        "An ensemble of three, {} sessions with each",
        size.sessions
    ));
    let hosts = ensemble.hosts();
    let idle = run(agent, NOBODY, 1, size.rounds);
    let empty = run(agent, &hosts, 3, size.rounds);
    let sessions = Sessions::open(ensemble, size.sessions);
    let full = run(agent, &hosts, 3, size.rounds);
    check(&full, &sessions);
    let tick = &full.ticks[0];
    report.line(&format!(
        "{} documents a tick; {} ticks every {:?}. All servers are asked at one moment; \"added\" is the time of each of them, one after the other, and the ensemble's \
         is how long it took until all had answered.\n",
        tick.documents, size.rounds.counted, size.rounds.interval
    ));
    report.head(
        "| what | median | quartiles | s of processor time a tick | resident, kB | at most, kB |",
    );
    row(
        report,
        "an agent whose server is away",
        &idle,
        Tick::longest,
    );
    row(
        report,
        "three servers without clients, added",
        &empty,
        Tick::added,
    );
    row(report, "three servers, the slowest", &full, Tick::longest);
    row(report, "three servers, added", &full, Tick::added);
    row(report, "the ensemble", &full, Tick::whole);
    let sums = spread(&full, Tick::whole);
    let added = full.memory.peak.saturating_sub(idle.memory.peak);
    report.line(&format!(
        "\nAt most {added} kB more than the idle agent, {} kB more than without clients. More than half of an idle agent are pages of \
         the program's own file.",
        full.memory.peak.saturating_sub(empty.memory.peak)
    ));
    if whole {
        report.target("a tick in at most 150 ms", sums.median <= LONGEST);
        report.target("ticks that add at most 10 MB", added <= LARGEST);
        report.target(
            "at most 10 MB of the whole process",
            full.memory.peak <= LARGEST,
        );
    }
}

fn row(report: &mut Report, what: &str, run: &Run, of: fn(&Tick) -> Duration) {
    report.line(&format!(
        "| {what} | {} | {:.3} | {} | {} |",
        spread(run, of).cells(),
        run.cpu.as_secs_f64(),
        run.memory.resident,
        run.memory.peak
    ));
}

fn spread(run: &Run, of: fn(&Tick) -> Duration) -> Spread {
    let times: Vec<Duration> = run.ticks.iter().map(of).collect();
    Spread::of_times(&times)
}

/// Fast and wrong does not count.
fn check(run: &Run, sessions: &Sessions) {
    for tick in &run.ticks {
        assert_eq!(tick.faults, 0, "{tick:?}");
        assert_eq!(tick.sessions, sessions.count(), "{tick:?}");
    }
}
