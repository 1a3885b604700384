//! The agent at work: started, warmed up, and watched for some cycles.

use std::time::Duration;

use stack::{Process, WorkDir};

use super::Agent;
use super::bulk::Cycle;
use super::process::{self, Memory};
use super::shared;
use super::sink::Sink;

/// A run of the agent.
pub(crate) struct Run {
    pub(crate) cycles: Vec<Cycle>,
    /// Processor time of the process per cycle: everything that it does.
    pub(crate) cpu: Duration,
    pub(crate) memory: Memory,
}

/// How long the agent is watched.
#[derive(Clone, Copy)]
pub(crate) struct Rounds {
    pub(crate) interval: Duration,
    /// Cycles before anything counts.
    pub(crate) warm: usize,
    pub(crate) counted: usize,
    /// `spool.max_size`: room for two cycles at least.
    pub(crate) queue: &'static str,
}

/// Runs `brokerbeat run` against the cluster and a sink that takes everything.
pub(crate) fn shipping(agent: &Agent, bootstrap: &str, rounds: Rounds) -> Run {
    let sink = Sink::start(true);
    let (_work, process) = start(agent, bootstrap, &sink, rounds);
    let mut counted = None;
    let mut cycles = Vec::new();
    for round in 0..rounds.warm + rounds.counted {
        let Some(cycle) = sink.next() else {
            panic!("no cycle of the agent:\n{}", process.log_tail(20));
        };
        match round + 1 {
            ended if ended == rounds.warm => counted = Some(process::cpu(process.pid())),
            ended if ended > rounds.warm => cycles.push(cycle),
            _ => {}
        }
    }
    let spent = process::cpu(process.pid()) - counted.unwrap();
    Run {
        cpu: spent / u32::try_from(rounds.counted).unwrap(),
        cycles,
        memory: process::memory(process.pid()),
    }
}

/// Processor time per cycle where nothing is shipped, because the sink lacks the templates: documents are made, encoded,
/// queued and, when the queue is full, dropped.
pub(crate) fn holding(agent: &Agent, bootstrap: &str, rounds: Rounds) -> Duration {
    let sink = Sink::start(false);
    let (_work, process) = start(agent, bootstrap, &sink, rounds);
    let pause = |cycles: usize| {
        #[allow(
            clippy::disallowed_methods,
            reason = "nothing else runs on this thread"
        )]
        std::thread::sleep(rounds.interval * u32::try_from(cycles).unwrap());
    };
    // The first tick comes within an interval, and the first cycle is before it.
    pause(rounds.warm + 1);
    let before = process::cpu(process.pid());
    pause(rounds.counted);
    (process::cpu(process.pid()) - before) / u32::try_from(rounds.counted).unwrap()
}

fn start(agent: &Agent, bootstrap: &str, sink: &Sink, rounds: Rounds) -> (WorkDir, Process) {
    let clusters = format!(
        "- name: many\n  kafka: {{bootstrap: [\"{bootstrap}\"]}}\nspool.max_size: {}",
        rounds.queue
    );
    shared::agent::start(&agent.0, rounds.interval, &sink.url(), &clusters)
}
