//! The agent at work: started, warmed up, and watched for some ticks.

use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use brokerbeat::assets;
use stack::{Process, Sink, WorkDir};

use super::process::{self, Memory};
use super::ticks::{Counter, Tick};

/// No tick takes that long, on any machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long the agent is watched.
#[derive(Clone, Copy)]
pub(crate) struct Rounds {
    pub(crate) interval: Duration,
    /// Ticks before anything counts.
    pub(crate) warm: usize,
    pub(crate) counted: usize,
}

/// A run of the agent.
pub(crate) struct Run {
    pub(crate) ticks: Vec<Tick>,
    /// Processor time of the process per tick: everything that it does.
    pub(crate) cpu: Duration,
    pub(crate) memory: Memory,
}

/// Runs `brokerbeat run` against so many hosts and a sink that takes everything.
pub(crate) fn run(agent: &Path, hosts: &str, servers: usize, rounds: Rounds) -> Run {
    let (sender, ticks) = channel();
    let counter = Mutex::new(Counter::new(servers));
    let sink = Sink::start(Some(assets::VERSION), move |body| {
        let (items, ended) = counter.lock().unwrap().take(body);
        // The benchmark may have seen enough.
        ended.into_iter().for_each(|tick| drop(sender.send(tick)));
        items
    });
    let sink = sink.unwrap();
    let (_work, process) = start(agent, hosts, &sink, rounds.interval);
    let mut counted = None;
    let mut kept = Vec::new();
    for round in 1..=rounds.warm + rounds.counted {
        let Ok(tick) = ticks.recv_timeout(PATIENCE) else {
            panic!("no tick of the agent:\n{}", process.log_tail(20));
        };
        if round > rounds.warm {
            kept.push(tick);
        } else if round == rounds.warm {
            counted = Some(process::cpu(process.pid()));
        }
    }
    let spent = process::cpu(process.pid()) - counted.unwrap();
    Run {
        ticks: kept,
        cpu: spent / u32::try_from(rounds.counted).unwrap(),
        memory: process::memory(process.pid()),
    }
}

fn start(agent: &Path, hosts: &str, sink: &Sink, interval: Duration) -> (WorkDir, Process) {
    let work = WorkDir::new("zookeeper-agent").unwrap();
    let config = format!(
        "path.data: {}\ninterval: {}s\nclusters:\n  - name: many\n    zookeeper: {{hosts: [{hosts}], door: words}}\n\
         output.elasticsearch: {{hosts: [\"{}\"]}}\nsetup.template.enabled: false\n",
        work.join("data").display(),
        interval.as_secs(),
        sink.url(),
    );
    let config = work.write("brokerbeat.yml", &config).unwrap();
    let config = config.display().to_string();
    let args = ["-c", config.as_str(), "run"];
    let process = Process::program("brokerbeat", agent, &args, &work).unwrap();
    (work, process)
}
