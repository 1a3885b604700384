//! The agent at work: started, warmed up, and watched for some ticks.

use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use brokerbeat::assets;
use stack::Sink;

use super::process::{self, Memory};
use super::shared;
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
    let clusters = format!("- name: many\n  zookeeper: {{hosts: [{hosts}], door: words}}");
    let (_work, process) = shared::agent::start(agent, rounds.interval, &sink.url(), &clusters);
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
