//! From the snapshot to documents about the cluster, its brokers, topics and partitions. Pure.

use serde_json::Value;

use super::lag::Judged;
use super::snapshot::{
    Answer, Broker, BrokerConfig, Error, Inventory, LogEnds, Metadata, Missing, Partition, Reason,
    Snapshot, Topic, TopicConfig,
};
use super::{gone, lag, problems};
use crate::document::Document;

/// All documents of a cycle in parts: cluster and brokers, then every topic, then every group, and those that are gone.
/// `judged` is what is said of the groups, in their order.
///
/// A group is let go as soon as its documents are made: they take the room that it had.
pub fn parts(mut snapshot: Snapshot, judged: Vec<Judged>) -> impl Iterator<Item = Vec<Document>> {
    let groups = std::mem::take(&mut snapshot.groups);
    let mut groups = groups.into_iter().zip(judged);
    let mut gone = std::iter::once(gone::groups(&snapshot.gone));
    (0..).map_while(move |index| {
        part(&snapshot, index).or_else(|| match groups.next() {
            Some((group, judged)) => Some(lag::documents(&group, &snapshot, &judged)),
            None => gone.next(),
        })
    })
}

/// Nothing behind the last topic.
fn part(snapshot: &Snapshot, index: usize) -> Option<Vec<Document>> {
    let Some(index) = index.checked_sub(1) else {
        return Some(cluster_and_brokers(snapshot));
    };
    let topic = snapshot.metadata.as_ref().ok()?.topics.get(index)?;
    Some(match topic.selected {
        true => topic_and_partitions(topic, snapshot),
        false => Vec::new(),
    })
}

fn cluster_and_brokers(snapshot: &Snapshot) -> Vec<Document> {
    let mut documents = vec![cluster(snapshot)];
    if let Ok(metadata) = &snapshot.metadata {
        let one = |one| broker(one, metadata, snapshot);
        documents.extend(metadata.brokers.iter().map(one));
        documents.extend(gone::brokers(metadata, &snapshot.gone));
    }
    documents
}

fn topic_and_partitions(of: &Topic, snapshot: &Snapshot) -> Vec<Document> {
    let partitions = of.partitions.iter();
    let mut documents = vec![topic(of, snapshot)];
    documents.extend(partitions.map(|one| partition(of, one, snapshot)));
    documents
}

fn count<'a, T: 'a>(all: impl Iterator<Item = &'a T>, what: impl Fn(&T) -> bool) -> usize {
    all.filter(|one| what(one)).count()
}

fn cluster(snapshot: &Snapshot) -> Document {
    let document = Document::new("kafka.cluster", "cluster")
        .with_some("kafka.cluster.controller.id", snapshot.controller)
        .with_some("kafka.cluster.controller.known", knows_controller(snapshot))
        .with_some("kafka.cluster.groups", snapshot.group_count);
    let document = group_counts(document, &snapshot.inventory);
    let Ok(metadata) = &snapshot.metadata else {
        return document;
    };
    let topics = || metadata.topics.iter();
    let partitions = || topics().flat_map(|topic| &topic.partitions);
    let known = |topic: &Topic| problems::min_isr(&snapshot.inventory, &topic.name).is_some();
    let document = document
        .with("kafka.cluster.brokers", metadata.brokers.len())
        .with("kafka.cluster.topics", metadata.topics.len())
        .with("kafka.cluster.partitions", partitions().count())
        .with(
            "kafka.cluster.unknown_configs",
            count(topics(), |topic| !known(topic)),
        );
    problems::counts(document, "kafka.cluster", topics(), &snapshot.inventory)
}

/// Whoever described the cluster or told its metadata has named the controller, or there was none.
fn knows_controller(snapshot: &Snapshot) -> Option<bool> {
    let was_told = snapshot.description.is_ok() || snapshot.metadata.is_ok();
    was_told.then_some(snapshot.controller.is_some())
}

/// States that a group may have, as they are written in the fields.
const STATES: &[&str] = &[
    "stable",
    "empty",
    "dead",
    "preparing_rebalance",
    "completing_rebalance",
    "rebalancing",
    lag::UNKNOWN,
];

fn group_counts(mut document: Document, inventory: &Inventory) -> Document {
    if let Some(states) = &inventory.states {
        for state in STATES {
            let is_meant = |name: &str| {
                let name = lag::snake_case(name);
                name == *state || (*state == lag::UNKNOWN && !STATES.contains(&name.as_str()))
            };
            let found = states.iter().filter(|(name, _)| is_meant(name));
            let groups: u64 = found.map(|(_, groups)| groups).sum();
            document = document.with(format!("kafka.cluster.group_states.{state}"), groups);
        }
    }
    match &inventory.other_groups {
        None => document,
        Some(Ok(groups)) => document.with("kafka.cluster.other_groups.count", *groups),
        Some(Err(missing)) => document.with(
            "kafka.cluster.other_groups.unknown_reason",
            missing.reason.as_str(),
        ),
    }
}

fn broker(broker: &Broker, metadata: &Metadata, snapshot: &Snapshot) -> Document {
    let partitions = || metadata.topics.iter().flat_map(|topic| &topic.partitions);
    let leads = |partition: &Partition| partition.leader == Some(broker.id);
    let holds = |partition: &Partition| partition.replicas.contains(&broker.id);
    let address = crate::config::units::show_host_port(
        &broker.host,
        u16::try_from(broker.port).unwrap_or_default(),
    );
    let config = snapshot.inventory.brokers.get(&broker.id);
    let document = Document::new("kafka.broker", "metadata")
        .key("kafka.broker.id", broker.id)
        .with("kafka.broker.metadata.state", "live")
        .with("kafka.broker.address", address)
        .with_some("kafka.broker.rack", broker.rack.as_deref())
        .with_some(
            "kafka.broker.is_controller",
            snapshot.controller.map(|id| id == broker.id),
        )
        .with("kafka.broker.metadata.leaders", count(partitions(), leads))
        .with("kafka.broker.metadata.replicas", count(partitions(), holds));
    match told(config) {
        Ok(config) => with_broker_config(document, config),
        Err(reason) => document.with("kafka.broker.config.unknown_reason", reason.as_str()),
    }
}

/// What is not there was not asked for yet.
fn told<T>(config: Option<&Answer<T>>) -> Result<&T, Reason> {
    let reason = |missing: &Missing| missing.reason;
    config.map_or(Err(Reason::Pending), |known| known.as_ref().map_err(reason))
}

fn with_broker_config(document: Document, config: &BrokerConfig) -> Document {
    with_topic_config(document, "kafka.broker.config", &config.topic)
        .with_some("kafka.broker.config.num.partitions", config.partitions)
        .with_some(
            "kafka.broker.config.default.replication.factor",
            config.replication_factor,
        )
        .with_some(
            "kafka.broker.config.offsets.retention.ms",
            config.offsets_retention_ms,
        )
}

fn with_topic_config(mut document: Document, prefix: &str, config: &TopicConfig) -> Document {
    let numbers = [
        ("retention.ms", config.retention_ms),
        ("retention.bytes", config.retention_bytes),
        ("max.message.bytes", config.max_message_bytes),
        ("min.insync.replicas", config.min_insync_replicas),
    ];
    for (name, value) in numbers {
        document = document.with_some(format!("{prefix}.{name}"), value);
    }
    let words = |policy: &String| {
        policy
            .split(',')
            .map(|word| word.trim().to_owned())
            .collect()
    };
    let policy: Option<Vec<String>> = config.cleanup_policy.as_ref().map(words);
    document.with_some(format!("{prefix}.cleanup.policy"), policy)
}

fn is_known(topic: &Topic) -> bool {
    topic.error.is_none() || !topic.partitions.is_empty()
}

fn topic(topic: &Topic, snapshot: &Snapshot) -> Document {
    let partitions = || topic.partitions.iter();
    // A topic that answers with an error alone has partitions, but nobody knows how many.
    let known = |count: usize| is_known(topic).then_some(count);
    let replication = partitions().map(|partition| partition.replicas.len()).max();
    let messages = partitions()
        .map(|partition| messages(ends(snapshot, &topic.name, partition.id)?))
        .sum::<Option<i64>>();
    let document =
        Document::new("kafka.topic", "topic").key("kafka.topic.name", topic.name.as_str());
    let document = with_error(document, "kafka.topic.error", topic.error.as_ref())
        .with("kafka.topic.internal", topic.internal)
        .with_some("kafka.topic.partitions", known(topic.partitions.len()))
        .with_some("kafka.topic.replication_factor", replication)
        .with_some(
            "kafka.topic.messages",
            messages.filter(|_| !topic.partitions.is_empty()),
        );
    if !is_known(topic) {
        return document;
    }
    let inventory = &snapshot.inventory;
    let document = problems::counts(document, "kafka.topic", std::iter::once(topic), inventory);
    match told(inventory.topics.get(&topic.name)) {
        Ok(config) => with_topic_config(document, "kafka.topic.config", config),
        Err(reason) => document.with("kafka.topic.config.unknown_reason", reason.as_str()),
    }
}

fn partition(topic: &Topic, partition: &Partition, snapshot: &Snapshot) -> Document {
    let ends = ends(snapshot, &topic.name, partition.id);
    let document = Document::new("kafka.partition", "partition")
        .key("kafka.topic.name", topic.name.as_str())
        .key("kafka.partition.id", partition.id)
        .with_some("kafka.partition.partition.leader", partition.leader)
        .with(
            "kafka.partition.partition.replicas",
            partition.replicas.clone(),
        )
        .with("kafka.partition.partition.isr", partition.isr.clone())
        .with(
            "kafka.partition.partition.replica_count",
            partition.replicas.len(),
        )
        .with("kafka.partition.partition.isr_count", partition.isr.len());
    let min_isr = problems::min_isr(&snapshot.inventory, &topic.name);
    let document = problems::flags(document, partition, min_isr);
    let document = with_error(
        document,
        "kafka.partition.partition.error",
        partition.error.as_ref(),
    );
    let Some(ends) = ends else {
        return document;
    };
    let unknown = [&ends.latest, &ends.earliest]
        .into_iter()
        .find_map(|end| end.as_ref().err());
    document
        .with_some("kafka.partition.offset.newest", known(&ends.latest))
        .with_some("kafka.partition.offset.oldest", known(&ends.earliest))
        .with_some(
            "kafka.partition.offset.unknown_reason",
            unknown.map(|why| why.reason.as_str()),
        )
        .with_some("kafka.partition.messages", messages(ends))
}

fn with_error(document: Document, prefix: &str, error: Option<&Error>) -> Document {
    match error {
        None => document,
        Some(error) => document
            .with(format!("{prefix}.code"), error.code)
            .with(format!("{prefix}.name"), error.name.as_str()),
    }
}

fn ends<'a>(snapshot: &'a Snapshot, topic: &str, partition: i32) -> Option<&'a LogEnds> {
    snapshot.logs.get(topic)?.get(&partition)
}

fn known(end: &Answer<i64>) -> Option<Value> {
    end.as_ref().ok().map(|offset| Value::from(*offset))
}

/// Retention may move the first offset between the two answers: never below none.
fn messages(ends: &LogEnds) -> Option<i64> {
    let newest = ends.latest.as_ref().ok()?;
    let oldest = ends.earliest.as_ref().ok()?;
    Some(newest.saturating_sub(*oldest).max(0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::catalogue::Catalogue;
    use crate::clock::Millis;
    use crate::collect::Collected;
    use crate::collect::kafka::collected;
    use crate::lag::{Evaluator, Rules, Settings};

    /// Snapshots of real servers; `faults` and `lag` are under test with them.
    #[test]
    fn snapshots_of_real_servers_become_the_expected_documents() {
        crate::golden::cases("kafka", ".json", |case| {
            let snapshot = case.file(&format!("{}.json", case.name));
            first_sight(serde_json::from_str(&snapshot).unwrap())
        });
    }

    /// Of an agent that has just started.
    fn first_sight(snapshot: Snapshot) -> Collected {
        let rules = Rules::new(&Settings::default(), Duration::from_secs(10));
        let mut evaluator = Evaluator::new(rules);
        collected(snapshot, Millis(10_000), &mut evaluator).0
    }

    fn real() -> Snapshot {
        let file = crate::golden::directory("kafka").join("4.2.0-kraft.json");
        let text = std::fs::read_to_string(file).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// What becomes of a real server's snapshot when the configuration of a topic is not told.
    fn without_config(reason: Reason) -> Collected {
        let mut snapshot = real();
        let missing = Missing::new(reason, "they say no");
        let topics = &mut snapshot.inventory.topics;
        topics.insert("orders".to_owned(), Err(missing));
        let mut collected = first_sight(snapshot);
        collected.gather();
        collected
    }

    /// ZooKeeper mode between two controllers: −1 in the metadata is nobody. Where nobody was asked it is unknown.
    #[test]
    fn a_controller_is_known_unknown_or_not_there() {
        let known = |controller: Option<i32>, description: bool, metadata: bool| {
            let mut snapshot = real();
            snapshot.controller = controller;
            let missing = || Missing::new(Reason::Timeout, "");
            snapshot.description = match description {
                true => Ok(()),
                false => Err(missing()),
            };
            if !metadata {
                snapshot.metadata = Err(missing());
            }
            let cluster = cluster(&snapshot);
            let id = cluster.get("kafka.cluster.controller.id").cloned();
            assert_eq!(id, controller.map(Value::from));
            let known = cluster.get("kafka.cluster.controller.known");
            known.and_then(Value::as_bool)
        };
        assert_eq!(known(Some(1), true, true), Some(true));
        assert_eq!(known(None, true, true), Some(false));
        assert_eq!(known(None, true, false), Some(false));
        assert_eq!(known(None, false, true), Some(false));
        assert_eq!(known(None, false, false), None);
    }

    /// After the others, and without what nobody knows.
    #[test]
    fn what_is_gone_has_its_documents() {
        let mut snapshot = real();
        snapshot.gone.brokers.insert(77);
        snapshot.gone.groups.insert("billing".to_owned());
        let mut collected = first_sight(snapshot);
        collected.gather();
        let last = collected.documents.last().unwrap();
        assert!(gone::is_gone(last));
        assert_eq!(last.flat().len(), 3);
        let brokers = collected.documents.iter();
        let brokers = brokers.filter(|one| one.dataset == "kafka.broker");
        let states = brokers.map(|one| {
            let state = one.get("kafka.broker.metadata.state").unwrap().as_str();
            (one.keys()[0].1.clone(), state.unwrap())
        });
        let states: Vec<_> = states.collect();
        assert!(states.contains(&("77".to_owned(), "gone")), "{states:?}");
        assert!(states.contains(&("7".to_owned(), "live")), "{states:?}");
        for document in &collected.documents {
            let strangers = Catalogue::get().strangers(&document.dataset, &document.fields());
            assert_eq!(strangers, [""; 0]);
        }
    }

    #[test]
    fn a_configuration_that_may_not_be_seen_is_named_and_no_fault() {
        for (reason, faults) in [(Reason::NotAuthorized, 0), (Reason::Timeout, 1)] {
            let collected = without_config(reason);
            assert_eq!(collected.faults.len(), faults, "{:?}", collected.faults);
            let is_topic =
                |one: &&Document| one.dataset == "kafka.topic" && one.keys()[0].1 == "orders";
            let topic = collected.documents.iter().find(is_topic).unwrap();
            let why = topic.get("kafka.topic.config.unknown_reason").unwrap();
            assert_eq!(why, reason.as_str());
            assert!(topic.get("kafka.topic.config.retention.ms").is_none());
            assert!(topic.get("kafka.topic.offline_partitions").is_some());
            assert!(topic.get("kafka.topic.at_min_isr_partitions").is_none());
        }
    }
}
