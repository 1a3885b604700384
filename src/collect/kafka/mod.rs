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
//! - [`times`]: its last stage, how old the first unread records are; [`ages`]: their fields
//! - [`zookeeper_offsets`]: groups of old consumers, which keep their offsets in ZooKeeper
//! - [`statuses`]: what [`crate::lag`] remembers of the groups, and its file
//! - [`map`], `problems`, [`lag`], [`group_topic`], `readers`, [`standing`], [`lines`], [`faults`]: from the snapshot to documents and to what is
//!   missing. Pure

pub mod ages;
pub mod client;
pub mod config;
pub mod configs;
pub mod faults;
pub mod fetch;
pub mod group_topic;
pub mod lag;
pub mod lines;
pub mod map;
pub mod memory;
pub mod others;
pub mod pattern;
pub mod probe;
mod problems;
pub mod rdkafka;
mod readers;
pub mod snapshot;
pub mod standing;
pub mod statuses;
pub mod survey;
pub mod times;
pub mod zookeeper_offsets;

use std::collections::BTreeMap;

use tokio::time::Instant;

use self::client::Client;
use self::config::Config;
use self::lines::Lines;
use self::memory::Memory;
use self::snapshot::{IN_ZOOKEEPER, Snapshot};
use self::statuses::Statuses;
use self::zookeeper_offsets::OldConsumers;
use super::{Collected, Collector, Cycle, Fault, FaultKind, Kind, Later, Pending};
use crate::clock::Millis;
use crate::document::Document;
use crate::lag::Evaluator;

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
    statuses: Statuses,
    /// Whether the memory has the names that were known before the start.
    recalled: bool,
    old_consumers: Option<OldConsumers>,
}

impl KafkaCollector {
    /// A collector that has not connected yet.
    fn new(config: Config, statuses: Statuses) -> Self {
        let old_consumers = config.zookeeper_offsets.clone().map(OldConsumers::new);
        Self {
            config,
            old_consumers,
            client: None,
            memory: Memory::default(),
            statuses,
            recalled: false,
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
        if !std::mem::replace(&mut self.recalled, true) {
            let known = self.statuses.evaluator().await;
            recall(&mut self.memory, &self.config, known);
        }
        let snapshot = fetch::fetch(
            client,
            &self.config,
            &cycle.scope,
            &mut self.memory,
            self.old_consumers.as_mut(),
            cycle.deadline,
        )
        .await;
        let Some(snapshot) = snapshot else {
            let waited = fetch::first_stage(budget);
            let down = faults::down(&self.config.bootstrap, waited, client.trouble());
            self.miss(cycle.tick).await;
            return Collected::down(down);
        };
        client.forget_trouble();
        let Some(tick) = cycle.tick else {
            return only_identity(snapshot);
        };
        let (mut collected, changed) = collected(snapshot, tick, self.statuses.evaluator().await);
        if cycle.keep {
            self.statuses.keep(changed).await;
        }
        if !cycle.scope.has_cluster() {
            let parts = collected.later.take();
            collected.later = parts.map(|parts| Later::new(parts.map(without_cluster)));
        }
        collected
    }

    /// A cycle without an answer is one all the same: no rate reaches across it.
    async fn miss(&mut self, tick: Option<Millis>) {
        if let Some(tick) = tick {
            self.statuses.evaluator().await.begin(tick.0, None);
        }
    }
}

/// Groups that the stored statuses know, and those that a command was asked for by their whole names: if their coordinator
/// is away nobody else can name them.
fn recall(memory: &mut Memory, config: &Config, known: &Evaluator) {
    let asked_for = config
        .groups
        .names()
        .map(|id| (id.to_owned(), BTreeMap::new()));
    let known = known.groups().filter(|(id, _)| !id.ends_with(IN_ZOOKEEPER));
    memory.recall(known.chain(asked_for));
}

fn without_cluster(mut documents: Vec<Document>) -> Vec<Document> {
    documents.retain(|one| !CLUSTER_WIDE.contains(&&*one.dataset));
    documents
}

fn only_identity(snapshot: Snapshot) -> Collected {
    Collected {
        up: true,
        cluster_id: snapshot.cluster_id,
        ..Collected::default()
    }
}

/// What a snapshot becomes, and whether a status has changed in it.
///
/// Groups are judged now: their documents are made when the writer takes them, and by
/// then the next cycle may have begun.
fn collected(snapshot: Snapshot, tick: Millis, evaluator: &mut Evaluator) -> (Collected, bool) {
    evaluator.begin(tick.0, snapshot.cluster_id.as_deref());
    let mut lines = Lines::default();
    let mut judged = Vec::with_capacity(snapshot.groups.len());
    for group in &snapshot.groups {
        let mut one = lag::judge(group, &snapshot, evaluator);
        lines.add(&group.name(), &one.group);
        one.group.changes = Vec::new();
        judged.push(one);
    }
    // Where a broker did not list its groups, one that is not here may still be there.
    evaluator.end(snapshot.group_count.is_some());
    let documents = lines.into_documents();
    let changed = !documents.is_empty();
    let collected = Collected {
        up: true,
        documents,
        faults: faults::faults(&snapshot),
        cluster_id: snapshot.cluster_id.clone(),
        later: Some(Later::new(map::parts(snapshot, judged))),
        ..Collected::default()
    };
    (collected, changed)
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
            self.statuses.close().await;
            if let Some(client) = self.client.take() {
                client.close().await;
            }
            if let Some(old_consumers) = &mut self.old_consumers {
                old_consumers.close().await;
            }
            self.memory.times.close();
        })
    }
}
