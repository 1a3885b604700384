//! How much room documents take: the ticks of a real broker with 200 partitions and 40 groups, captured from the agent as it
//! runs in production, moved through hours and indexed through the agent's templates into a real Elasticsearch; once as
//! time series, once as where there is no such mode.
//!
//! `cargo bench --bench index_size` measures; `--report FILE` writes the figures down; `--minutes N` is another length than
//! six hours. Without `--bench`, as `cargo test` starts it, it does the same in small: a benchmark that no longer works is
//! noticed before it is needed.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark's figures are printed, and what goes wrong ends it"
)]

mod capture;
mod evolve;
#[path = "../shared/mod.rs"]
mod shared;
mod store;
mod week;

use std::collections::BTreeMap;
use std::path::Path;

use shared::figures::{self, Report};
use shared::words::Words;
use stack::{Elasticsearch, GroupPlan, Options};
use store::{Mode, Room};

/// The interval of the ticks, in seconds.
pub(crate) const INTERVAL: u64 = 10;

struct Size {
    plan: GroupPlan,
    minutes: u64,
}

const WHOLE: Size = Size {
    plan: GroupPlan {
        groups: 40,
        topics: 10,
        partitions: 20,
    },
    minutes: 360,
};
const SMALL: Size = Size {
    plan: GroupPlan {
        groups: 4,
        topics: 2,
        partitions: 5,
    },
    minutes: 3,
};

fn main() {
    let words = Words::read();
    let minutes = words.after("--minutes");
    let minutes = minutes.map(|minutes| minutes.parse().unwrap());
    let is_whole = words.are_whole() || minutes.is_some();
    let size = if is_whole { &WHOLE } else { &SMALL };
    let minutes = minutes.unwrap_or(size.minutes);

    let agent = Path::new(env!("CARGO_BIN_EXE_brokerbeat"));
    let tick = capture::tick(agent, size.plan);
    let elasticsearch = Elasticsearch::start_with(&Options::new().jvm("-Xmx1g")).unwrap();
    // In this order: templates without dimensions cannot take the place of those that route by one.
    for mode in [Mode::Plain, Mode::Series] {
        mode.install(&elasticsearch);
        store::open(&elasticsearch, mode, &tick);
    }
    let ticks = minutes * 60 / INTERVAL;
    store::fill(&elasticsearch, &tick, ticks);
    let rooms = Mode::ALL.map(|mode| store::measure(&elasticsearch, mode));

    let mut report = Report::new("index_size");
    let groups = size.plan.groups;
    let partitions = size.plan.topics * size.plan.partitions;
    report.title(&format!(
        "{minutes} minutes of one broker, {partitions} partitions, {groups} groups, a tick every {INTERVAL} s"
    ));
    report.line(&format!(
        "{} documents a tick, {ticks} ticks. Bytes a document in one shard without replicas, after a force-merge to one segment.\n",
        tick.len()
    ));
    table(&mut report, &rooms);
    week::compute(&mut report, &rooms[0], ticks, size.plan);
    words.conclude(&report);
}

fn table(report: &mut Report, [series, plain]: &[BTreeMap<String, Room>; 2]) {
    report.head("| dataset | documents | time series | without | times as much |");
    let mut row = |name: &str, series: Room, plain: Room| {
        assert_eq!(series.documents, plain.documents, "{name}");
        report.line(&format!(
            "| {name} | {} | {:.1} | {:.1} | {:.1} |",
            series.documents,
            series.each(),
            plain.each(),
            plain.each() / series.each()
        ));
    };
    for (dataset, room) in series {
        row(dataset, *room, plain[dataset]);
    }
    row(
        "all",
        series.values().copied().sum(),
        plain.values().copied().sum(),
    );
}
