//! Kafka: cluster, brokers, topics, partitions and consumer lag, through any of the brokers.
//!
//! - [`config`]: the section `kafka:` of a cluster
//! - [`pattern`]: which groups and topics
//! - [`rdkafka`]: librdkafka behind safe types, the only `unsafe` of the agent
//! - [`client`]: many requests in flight, their answers, log lines and troubles
//! - [`memory`]: brokers and groups of earlier cycles, which are asked even when nobody lists them
//! - [`gone`]: those of them that are no more
//! - [`configs`]: effective configuration of topics and brokers, asked for rarely
//! - [`others`]: groups that are no consumer groups
//! - [`probe`]: whether a silent broker can be reached at all
//! - [`survey`], [`fetch`], [`logs`]: the stages of a cycle, the only part that awaits → [`snapshot`]
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
pub mod gone;
pub mod group_topic;
pub mod lag;
pub mod lines;
pub mod logs;
pub mod map;
pub mod memory;
pub mod others;
pub mod pattern;
pub mod probe;
mod problems;
pub mod rdkafka;
mod readers;
mod rows;
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
        lines.add(group, &one.group);
        one.group.changes = Vec::new();
        judged.push(one);
    }
    evaluator.end(has_all_groups(&snapshot));
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

/// Whether a group that is not here is gone. It may still be there where a broker did not list its groups, where
/// a part of them has no coordinator that could, and where old consumers' groups were not read.
fn has_all_groups(snapshot: &Snapshot) -> bool {
    let Ok(metadata) = &snapshot.metadata else {
        return false;
    };
    let old_store = snapshot.old_store.as_ref();
    snapshot.unlisted.is_empty()
        && old_store.is_none_or(|store| store.away.is_none())
        && memory::without_coordinator(&metadata.topics).0.is_empty()
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::collect::kafka::snapshot::{Missing, Reason};
    use crate::collect::kafka::zookeeper_offsets::store::OldStore;
    use crate::lag::{Rules, Settings};

    fn real() -> Snapshot {
        let file = crate::golden::directory("kafka").join("4.2.0-kraft.json");
        let text = std::fs::read_to_string(file).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// How many partitions are remembered once none of their groups is there, and something else may be wrong.
    fn remembered(wrong: impl FnOnce(&mut Snapshot)) -> usize {
        let rules = Rules::new(&Settings::default(), Duration::from_secs(10));
        let mut evaluator = Evaluator::new(rules);
        let _ = collected(real(), Millis(10_000), &mut evaluator);
        let mut later = real();
        later.groups.clear();
        wrong(&mut later);
        let _ = collected(later, Millis(20_000), &mut evaluator);
        evaluator.len()
    }

    #[test]
    fn a_group_that_may_still_be_there_is_not_forgotten() {
        let missing = || Missing::new(Reason::Timeout, "");
        assert_eq!(remembered(|_| {}), 0);
        assert_ne!(remembered(|one| drop(one.unlisted.insert(1, missing()))), 0);
        assert_ne!(remembered(|one| one.metadata = Err(missing())), 0);
        let is_offsets = |topic: &&mut snapshot::Topic| topic.name == "__consumer_offsets";
        let no_leader = |one: &mut Snapshot| {
            let topics = &mut one.metadata.as_mut().unwrap().topics;
            let offsets = topics.iter_mut().find(is_offsets).unwrap();
            offsets.partitions[3].leader = None;
        };
        assert_ne!(remembered(no_leader), 0);
        let store = |away| OldStore {
            place: "zk:2181".to_owned(),
            away,
            incomplete: false,
            odd: Default::default(),
        };
        assert_eq!(remembered(|one| one.old_store = Some(store(None))), 0);
        let away = store(Some(missing()));
        assert_ne!(remembered(|one| one.old_store = Some(away)), 0);
    }
}
