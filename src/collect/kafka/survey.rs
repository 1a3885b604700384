//! The first stage of a cycle: brokers, topics, groups.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::client::{Client, Flight};
use super::config::Config;
use super::gone::Gone;
use super::memory::{Memory, without_coordinator};
use super::probe::{Address, unreachable};
use super::rdkafka::{Answered, Cluster, Handle, Request};
use super::snapshot::{
    Answer, Broker, ByPartition, Group, Inventory, Listing, LogEnds, Metadata, Missing, Reason,
    Snapshot,
};
use super::times::Seen;

/// Kafka's own topics, by name as Kafka itself knows them.
const INTERNAL_TOPICS: &[&str] = &[
    "__consumer_offsets",
    "__transaction_state",
    "__share_group_state",
];

/// Whether documents about a topic are wanted.
pub fn selects_topic(config: &Config, topic: &str) -> bool {
    (config.internal_topics || !INTERNAL_TOPICS.contains(&topic)) && config.topics.selects(topic)
}

/// Why there is no answer, where another one than the right kind came.
pub fn unexpected(answer: Answer<Answered>) -> Missing {
    match answer {
        Err(missing) => missing,
        Ok(_) => Missing::new(Reason::Error, "the answer belongs to another request"),
    }
}

/// How often metadata is asked for within the stage: librdkafka chooses the broker, and one that
/// hangs still looks usable to it.
const METADATA_ATTEMPTS: u32 = 3;

/// Time that a nudge has to be on its way before metadata is asked for again.
const NUDGE: Duration = Duration::from_millis(50);

/// What the first stage finds.
pub struct Survey {
    cluster: Answer<Cluster>,
    /// Brokers and topics.
    pub metadata: Answer<Metadata>,
    /// Groups by name, with the broker that lists them.
    pub listed: BTreeMap<String, (Listing, i32)>,
    /// Brokers that did not list theirs.
    pub unlisted: BTreeMap<i32, Missing>,
    /// Those of them that cannot be reached at all.
    pub unreachable: BTreeMap<i32, Missing>,
    /// Brokers that answered, in that order.
    alive: Vec<i32>,
    /// Id and controller by the last metadata, for when no broker described the cluster.
    by_metadata: (Option<String>, Option<i32>),
}

/// What a request of the first stage was about.
#[derive(Debug, PartialEq)]
enum Asked {
    Cluster,
    Groups(i32),
    /// Nothing: see [`Stage::ask_metadata_again`].
    Nudge,
}

/// Metadata, the cluster and every broker's list of groups, together.
///
/// `cycle` is the deadline of all stages.
pub async fn survey(
    client: &mut Client,
    memory: &mut Memory,
    deadline: Instant,
    cycle: Instant,
) -> Survey {
    let unreachable = unreachable(memory.silent_addresses(), cycle).await;
    let patience = deadline.saturating_duration_since(Instant::now()) / METADATA_ATTEMPTS;
    let mut stage = Stage {
        handle: Arc::clone(client.handle()),
        flight: client.flight(deadline),
        attempts: JoinSet::new(),
        waiting_for_metadata: true,
        deadline,
        found: Survey::nothing(unreachable),
    };
    stage.ask_metadata(Duration::ZERO);
    for broker in memory.brokers.keys().copied() {
        stage.ask_groups(broker);
    }
    let mut retry = tokio::time::interval_at(Instant::now() + patience, patience.max(NUDGE));
    while stage.waiting_for_metadata || !stage.flight.is_empty() {
        tokio::select! {
            Some(ended) = stage.attempts.join_next(), if stage.waiting_for_metadata => {
                stage.take_metadata(ended, memory);
            }
            Some((asked, answer)) = stage.flight.next(), if !stage.flight.is_empty() => {
                stage.take(asked, answer);
            }
            _ = retry.tick(), if stage.waiting_for_metadata => stage.ask_metadata_again(),
            () = tokio::time::sleep_until(deadline), if stage.waiting_for_metadata => {
                stage.waiting_for_metadata = false;
            }
        }
    }
    stage.found.look_again(memory, cycle).await
}

/// The stage at work.
struct Stage<'c> {
    handle: Arc<Handle>,
    flight: Flight<'c, Asked>,
    /// Metadata is asked for on threads of its own: librdkafka has no other way for all topics.
    attempts: JoinSet<Answer<Metadata>>,
    waiting_for_metadata: bool,
    deadline: Instant,
    found: Survey,
}

impl Stage<'_> {
    fn ask_groups(&mut self, broker: i32) {
        if self.found.unreachable.contains_key(&broker) {
            return;
        }
        self.flight
            .ask(&Request::Groups { broker }, Asked::Groups(broker));
    }

    fn ask_metadata(&mut self, delay: Duration) {
        let (handle, deadline) = (Arc::clone(&self.handle), self.deadline);
        self.attempts.spawn(async move {
            tokio::time::sleep(delay).await;
            let rest = deadline.saturating_duration_since(Instant::now());
            match tokio::task::spawn_blocking(move || handle.metadata(rest)).await {
                Ok(answer) => answer.map_err(Missing::from),
                Err(error) => Err(Missing::new(Reason::Error, error.to_string())),
            }
        });
    }

    /// librdkafka prefers the broker that was talked to last, to the second: so those that have
    /// answered are talked to before it chooses again.
    fn ask_metadata_again(&mut self) {
        for broker in self.found.alive.clone() {
            self.flight.ask(&Request::Groups { broker }, Asked::Nudge);
        }
        self.ask_metadata(NUDGE);
    }

    fn take_metadata(&mut self, ended: Result<Answer<Metadata>, JoinError>, memory: &mut Memory) {
        match ended {
            Ok(Ok(metadata)) => {
                self.waiting_for_metadata = false;
                self.meet(&metadata, memory);
                self.found.metadata = Ok(metadata);
            }
            Ok(Err(missing)) => self.found.metadata = Err(missing),
            Err(error) => {
                self.found.metadata = Err(Missing::new(Reason::Error, error.to_string()));
            }
        }
    }

    /// Asks brokers that are new, and forgets those that left: they have no groups either.
    fn meet(&mut self, metadata: &Metadata, memory: &mut Memory) {
        let address =
            |broker: &Broker| (broker.host.clone(), u16::try_from(broker.port).unwrap_or(0));
        let brokers = metadata.brokers.iter();
        let brokers: BTreeMap<i32, Address> = brokers.map(|one| (one.id, address(one))).collect();
        for broker in brokers.keys().copied() {
            if !memory.brokers.contains_key(&broker) {
                self.ask_groups(broker);
            }
        }
        let gone = |asked: &Asked| matches!(asked, Asked::Groups(id) if !brokers.contains_key(id));
        self.flight.forget(gone);
        self.found.unlisted.retain(|id, _| brokers.contains_key(id));
        memory.brokers = brokers;
    }

    fn take(&mut self, asked: Asked, answer: Answer<Answered>) {
        match (asked, answer) {
            (Asked::Nudge, _) => {}
            (Asked::Cluster, Ok(Answered::Cluster(cluster))) => self.found.cluster = Ok(cluster),
            (Asked::Cluster, answer) => self.found.cluster = Err(unexpected(answer)),
            (Asked::Groups(broker), Ok(Answered::Groups(groups))) => {
                self.greet(broker);
                let lines = groups.into_iter();
                let lines = lines.map(|(id, listing)| (id, (listing, broker)));
                self.found.listed.extend(lines);
            }
            (Asked::Groups(broker), answer) => {
                let missing = unexpected(answer);
                // A refusal is an answer too.
                if !matches!(missing.reason, Reason::Timeout | Reason::Connection) {
                    self.greet(broker);
                }
                self.found.unlisted.insert(broker, missing);
            }
        }
    }

    /// Any broker can describe the cluster: the first that is known to answer is asked.
    fn greet(&mut self, broker: i32) {
        if self.found.alive.is_empty() {
            self.flight
                .ask(&Request::Cluster { broker }, Asked::Cluster);
        }
        self.found.alive.push(broker);
    }
}

impl Survey {
    fn nothing(unreachable: BTreeMap<i32, Missing>) -> Self {
        let missing = || Missing::new(Reason::Timeout, "no broker answered");
        Self {
            cluster: Err(missing()),
            metadata: Err(missing()),
            listed: BTreeMap::new(),
            unlisted: unreachable.clone(),
            unreachable,
            alive: Vec::new(),
            by_metadata: (None, None),
        }
    }

    /// Finds out which of the brokers that were silent need not be asked in the next stages.
    async fn look_again(mut self, memory: &mut Memory, cycle: Instant) -> Self {
        let silent =
            |missing: &Missing| matches!(missing.reason, Reason::Timeout | Reason::Connection);
        let silent = self.unlisted.iter().filter(|(_, missing)| silent(missing));
        memory.silent = silent.map(|(broker, _)| *broker).collect();
        let mut doubtful = memory.silent_addresses();
        doubtful.retain(|broker, _| !self.unreachable.contains_key(broker));
        let found = unreachable(doubtful, cycle).await;
        self.unlisted.extend(found.clone());
        self.unreachable.extend(found);
        self
    }

    /// Brokers that answered, in that order.
    pub fn alive(&self) -> &[i32] {
        &self.alive
    }

    /// Whether every broker listed its groups.
    pub fn all_answered(&self) -> bool {
        self.unlisted.is_empty() && !self.alive.is_empty()
    }

    /// Whether all groups are listed: those whose coordinator has no leader are listed by nobody.
    pub fn is_complete(&self) -> bool {
        let metadata = self.metadata.as_ref();
        let topics = metadata.map_or(&[][..], |metadata| &metadata.topics);
        self.all_answered() && without_coordinator(topics).0.is_empty()
    }

    /// Consumer groups by state; nothing where some are missing.
    fn states(&self) -> Option<BTreeMap<String, u64>> {
        let mut states = BTreeMap::new();
        for (listing, _) in self.listed.values() {
            *states.entry(listing.state.clone()).or_default() += 1;
        }
        self.is_complete().then_some(states)
    }

    /// Whether nobody answered anything.
    pub fn is_empty(&self) -> bool {
        self.metadata.is_err() && self.alive.is_empty()
    }

    /// Puts together what several answers tell of one thing.
    pub fn finish(&mut self, client: &Client, config: &Config) {
        if let Ok(metadata) = &mut self.metadata {
            for topic in &mut metadata.topics {
                topic.internal = INTERNAL_TOPICS.contains(&topic.name.as_str());
                topic.selected = selects_topic(config, &topic.name);
            }
            if let Ok(cluster) = &self.cluster {
                for broker in &mut metadata.brokers {
                    let known = cluster.brokers.iter().find(|known| known.id == broker.id);
                    broker.rack = known.and_then(|known| known.rack.clone());
                }
            }
        }
        // Any broker's metadata has told both.
        if self.metadata.is_ok() {
            let handle = client.handle();
            self.by_metadata = (handle.cluster_id(), handle.controller_id());
        }
    }

    /// A Kafka that has groups has topics, too: where it shows none, that is for want of a right, and
    /// no number of them is known. Gives the reason, if so.
    pub fn take_hidden(&mut self) -> Option<Missing> {
        let shown = self.metadata.as_ref().ok()?.topics.len();
        if shown > 0 || self.listed.is_empty() {
            return None;
        }
        let why = "kafka shows no topic to this user, who needs the right Describe on topics";
        let missing = Missing::new(Reason::NotAuthorized, why);
        self.metadata = Err(missing.clone());
        Some(missing)
    }

    /// The whole cycle, when the later stages are done.
    pub fn into_snapshot(
        self,
        groups: Vec<Group>,
        logs: ByPartition<LogEnds>,
        memory: &Memory,
    ) -> Snapshot {
        let complete = self.is_complete();
        let mut inventory = Inventory {
            states: self.states(),
            other_groups: memory.others.count(),
            ..Inventory::default()
        };
        memory.configs.tell(&mut inventory);
        let (cluster_id, controller, description) = match self.cluster {
            Ok(cluster) => (cluster.id, cluster.controller, Ok(())),
            Err(missing) => (self.by_metadata.0, self.by_metadata.1, Err(missing)),
        };
        Snapshot {
            cluster_id,
            controller,
            description,
            metadata: self.metadata,
            logs,
            groups,
            times: Seen::default(),
            group_count: complete.then_some(self.listed.len() as u64),
            unlisted: self.unlisted,
            inventory,
            gone: Gone::default(),
            old_store: None,
        }
    }
}
