//! Real servers under load, restarted in the middle: every value is what `fields.yml` says of its field, and no counter falls
//! unless the server's document says since when it grows anew.
//!
//! The test does some seconds of it. `make prove-zookeeper-types` does an hour (`TYPES_MINUTES`) and writes
//! `docs/proofs/zookeeper-types.md`.

mod judge;
mod load;
mod report;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use stack::{Options, WorkDir, ZooKeeper, ZooKeeperVersion, wait_until};

use crate::agent::{Agent, PATIENCE, Setting, text};
use crate::delivery::abuse::pass;
use crate::delivery::number;
use judge::Judge;
use load::Load;
use report::Run;

/// Documents of each server before its restart, and after it.
const LEAST_TICKS: usize = 6;

/// The same server through two doors, and one that does not tell its uptime.
pub(super) const CLUSTERS: [&str; 3] = ["words", "admin", "old"];

/// How long the load lasts, and how often is asked.
struct Plan {
    minutes: Option<u64>,
    half: Duration,
    every: Duration,
}

impl Plan {
    fn new() -> Self {
        let minutes = number("TYPES_MINUTES");
        Self {
            minutes,
            half: minutes.map_or(Duration::ZERO, |minutes| Duration::from_secs(30 * minutes)),
            every: Duration::from_secs(if minutes.is_some() { 5 } else { 1 }),
        }
    }
}

struct Servers {
    new: ZooKeeper,
    old: ZooKeeper,
}

impl Servers {
    fn start() -> Self {
        let start = |version| ZooKeeper::start_of(version, &Options::new()).expect("it starts");
        std::thread::scope(|scope| {
            let old = scope.spawn(|| start(ZooKeeperVersion::V3_5));
            Self {
                new: start(ZooKeeperVersion::V3_9),
                old: old.join().expect("3.5.9 starts"),
            }
        })
    }

    fn restart(&self) {
        for server in [&self.new, &self.old] {
            server.restart().expect("it comes back");
        }
    }

    fn setting(&self, every: Duration, directory: &Path) -> Setting {
        let [words, admin, old] = CLUSTERS;
        let (new, port) = (self.new.addr(), self.new.admin_port());
        let config = format!(
            "clusters:\n\
             - {{name: {words}, zookeeper: {{hosts: [\"{new}\"], door: words}}}}\n\
             - {{name: {admin}, zookeeper: {{hosts: [\"{new}\"], door: admin, admin: {{port: {port}}}}}}}\n\
             - {{name: {old}, zookeeper: {{hosts: [\"{}\"], door: words}}}}\n\
             output.file: {{path: \"{}\", rotate_every: 1GiB, number_of_files: 1000}}\n",
            self.old.addr(),
            directory.display(),
        );
        Setting::every(every, &config)
    }
}

#[test]
fn every_value_is_what_the_catalogue_says_and_no_counter_falls_unmarked() {
    let plan = Plan::new();
    let work = WorkDir::new("types").expect("a folder");
    let directory = work.join("out");
    let servers = Servers::start();
    let load = Load::start(&[servers.new.addr(), servers.old.addr()]);
    let agent = servers.setting(plan.every, &directory).run();
    pass(plan.half);
    let before = ticks(&agent, &directory, [0; 3]);
    servers.restart();
    pass(plan.half);
    ticks(&agent, &directory, before);
    let requests = load.stop();
    agent.stop_clean();
    let mut judge = Judge::default();
    for_each_document(&directory, |document| judge.read(document));
    for_each_document(&directory, |document| judge.judge(document));
    let run = Run {
        minutes: plan.minutes,
        requests,
        judge,
        log: agent.log(),
    };
    run.write_and_judge();
}

/// Waits until every server has some more documents than before.
fn ticks(agent: &Agent, directory: &Path, before: [usize; 3]) -> [usize; 3] {
    let enough = || {
        let mut found = [0; 3];
        for_each_document(directory, |document| {
            let cluster = text(document, "kafka.cluster.name");
            let is_server = text(document, "event.dataset") == "brokerbeat.zookeeper.server";
            if let Some(at) = CLUSTERS.iter().position(|name| *name == cluster)
                && is_server
            {
                found[at] += 1;
            }
        });
        let mut pairs = found.iter().zip(before);
        pairs
            .all(|(found, before)| *found >= before + LEAST_TICKS)
            .then_some(found)
    };
    wait_until("documents of every server", PATIENCE, enough)
        .unwrap_or_else(|error| panic!("{error}\n{}", agent.log()))
}

/// In the order in which they were written; a line that is still being written is left out.
fn for_each_document(directory: &Path, mut take: impl FnMut(&Value)) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|of| of == "ndjson"));
    files.sort();
    for file in files {
        let mut lines = BufReader::new(File::open(file).unwrap());
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap() > 0 {
            if line.ends_with('\n') {
                take(&serde_json::from_str(&line).expect("a document"));
            }
            line.clear();
        }
    }
}
