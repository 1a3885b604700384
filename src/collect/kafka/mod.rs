//! Kafka: cluster, brokers, topics, partitions and consumer lag, through any of the brokers.
//!
//! - [`config`]: the section `kafka:` of a cluster
//! - [`pattern`]: which groups and topics
//! - [`rdkafka`]: librdkafka behind safe types, the only `unsafe` of the agent
//! - [`client`]: many requests in flight, their answers, log lines and troubles
//! - [`memory`]: brokers and groups of earlier cycles, which are asked even when nobody lists them
//! - [`configs`]: effective configuration of topics and brokers, asked for rarely
//! - [`others`]: groups that are no consumer groups
//! - [`probe`]: whether a silent broker can be reached at all
//! - [`survey`], [`fetch`]: the stages of a cycle, the only part that awaits → [`snapshot`]
//! - [`map`], `problems`, [`lag`], [`group_topic`], [`faults`]: from the snapshot to documents and to what is missing. Pure

pub mod client;
pub mod config;
pub mod configs;
pub mod faults;
pub mod fetch;
pub mod group_topic;
pub mod lag;
pub mod map;
pub mod memory;
pub mod others;
pub mod pattern;
pub mod probe;
mod problems;
pub mod rdkafka;
pub mod snapshot;
pub mod survey;

use tokio::time::Instant;

use self::client::Client;
use self::config::Config;
use self::memory::Memory;
use self::snapshot::Snapshot;
use super::{Collected, Collector, Cycle, Fault, FaultKind, Kind, Later, Pending};
use crate::document::Document;

/// The line in [`super::COLLECTORS`].
pub const KIND: Kind = Kind {
    key: "kafka",
    read: config::read,
};

/// What belongs to a cluster as a whole: of agents that share their work, one says it.
const CLUSTER_WIDE: &[&str] = &[
    "kafka.cluster",
    "kafka.broker",
    "kafka.topic",
    "kafka.partition",
];

/// The collector of one cluster.
pub struct KafkaCollector {
    config: Config,
    /// Made by the first cycle, kept from then on.
    client: Option<Client>,
    memory: Memory,
}

impl KafkaCollector {
    /// A collector that has not connected yet.
    fn new(config: Config) -> Self {
        Self {
            config,
            client: None,
            memory: Memory::default(),
        }
    }

    async fn cycle(&mut self, cycle: &Cycle) -> Collected {
        let budget = cycle.deadline.saturating_duration_since(Instant::now());
        let client = match &mut self.client {
            Some(client) => client,
            empty => match connect(&self.config) {
                Ok(client) => empty.insert(client),
                Err(fault) => return Collected::down(fault),
            },
        };
        client.begin();
        let snapshot = fetch::fetch(
            client,
            &self.config,
            &cycle.scope,
            &mut self.memory,
            cycle.deadline,
        )
        .await;
        let Some(snapshot) = snapshot else {
            let waited = fetch::first_stage(budget);
            let bootstrap = &self.config.bootstrap;
            return Collected::down(faults::down(bootstrap, waited, client.trouble()));
        };
        client.forget_trouble();
        let mut collected = collected(snapshot);
        if !cycle.scope.has_cluster() {
            let parts = collected.later.take();
            collected.later = parts.map(|parts| Later::new(parts.map(without_cluster)));
        }
        collected
    }
}

fn without_cluster(mut documents: Vec<Document>) -> Vec<Document> {
    documents.retain(|one| !CLUSTER_WIDE.contains(&&*one.dataset));
    documents
}

fn collected(snapshot: Snapshot) -> Collected {
    Collected {
        up: true,
        faults: faults::faults(&snapshot),
        cluster_id: snapshot.cluster_id.clone(),
        later: Some(Later::new(map::parts(snapshot))),
        ..Collected::default()
    }
}

fn connect(config: &Config) -> Result<Client, Fault> {
    config
        .properties()
        .and_then(Client::new)
        // What is left to be wrong here are key stores, certificates and mechanisms.
        .map_err(|why| {
            Fault::new(
                FaultKind::Auth,
                format!("librdkafka refuses the properties: {why}"),
            )
        })
}

impl Collector for KafkaCollector {
    fn collect<'a>(&'a mut self, cycle: &'a Cycle) -> Pending<'a, Collected> {
        Box::pin(self.cycle(cycle))
    }

    fn close<'a>(&'a mut self) -> Pending<'a, ()> {
        Box::pin(async {
            if let Some(client) = self.client.take() {
                client.close().await;
            }
        })
    }
}
