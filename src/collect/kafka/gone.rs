//! Brokers and groups that were there and are no more: documents that say so.
//!
//! A rule cannot tell what has gone from what was never there or is late by the documents that no longer come. So what is
//! gone is said for a while, and nothing else of it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::snapshot::{Broker, Group, Metadata, Store};
use crate::document::Document;

/// How long it is said: long enough for rules and people to see it, not so long that what was taken away on purpose is a
/// trouble for days.
const SAID_FOR: Duration = Duration::from_secs(60 * 60);

/// The most groups that are said to be gone at once: tools that make a group for each run leave many behind in an hour.
const MOST_GROUPS: usize = 1_000;

/// The word in the documents.
const GONE: &str = "gone";

/// What was there lately and is no more, as of one cycle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Brokers that the metadata listed.
    pub brokers: BTreeSet<i32>,
    /// Groups of Kafka's that brokers listed; none where a list is not complete.
    pub groups: BTreeSet<String>,
}

impl Gone {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.brokers.is_empty() && self.groups.is_empty()
    }
}

/// Remembers what there was.
#[derive(Debug, Default)]
pub struct Lately {
    /// When each broker was listed last.
    brokers: BTreeMap<i32, Instant>,
    /// When each group was missed first.
    groups: BTreeMap<String, Instant>,
}

impl Lately {
    /// Takes in the live brokers, and gives those that have gone since.
    pub fn brokers(&mut self, live: &[Broker], now: Instant) -> BTreeSet<i32> {
        self.brokers.extend(live.iter().map(|one| (one.id, now)));
        self.brokers.retain(|_, seen| is_recent(*seen, now));
        let missing = self.brokers.iter().filter(|(_, seen)| **seen < now);
        missing.map(|(id, _)| *id).collect()
    }

    /// Takes in this cycle's groups, and which of those listed earlier are not among them.
    pub fn miss(&mut self, lost: impl Iterator<Item = String>, groups: &[Group], now: Instant) {
        for id in lost {
            self.groups.entry(id).or_insert(now);
        }
        if self.groups.is_empty() {
            return;
        }
        let present = groups.iter().filter(|group| group.store == Store::Kafka);
        let present: HashSet<&str> = present.map(|group| group.id.as_str()).collect();
        self.groups
            .retain(|id, since| is_recent(*since, now) && !present.contains(id.as_str()));
        self.keep_the_latest();
    }

    /// Groups that a cycle before this one missed already: a coordinator that has just come back lists nothing for a
    /// moment. Those that are no longer `ours` are others' to tell.
    pub fn groups(&mut self, ours: impl Fn(&str) -> bool, now: Instant) -> BTreeSet<String> {
        self.groups.retain(|id, _| ours(id));
        let missed = self.groups.iter().filter(|(_, since)| **since < now);
        missed.map(|(id, _)| id.clone()).collect()
    }

    fn keep_the_latest(&mut self) {
        if self.groups.len() > MOST_GROUPS {
            let mut all: Vec<_> = std::mem::take(&mut self.groups).into_iter().collect();
            all.sort_by_key(|(_, since)| std::cmp::Reverse(*since));
            all.truncate(MOST_GROUPS);
            self.groups = all.into_iter().collect();
        }
    }
}

fn is_recent(moment: Instant, now: Instant) -> bool {
    now.saturating_duration_since(moment) < SAID_FOR
}

/// Brokers that the metadata does not list, though partitions have replicas there or it listed them lately.
pub fn brokers(metadata: &Metadata, gone: &Gone) -> Vec<Document> {
    let live: HashSet<i32> = metadata.brokers.iter().map(|one| one.id).collect();
    let mut replicas: BTreeMap<i32, usize> = gone.brokers.iter().map(|id| (*id, 0)).collect();
    let partitions = metadata.topics.iter().flat_map(|topic| &topic.partitions);
    for id in partitions.flat_map(|partition| &partition.replicas) {
        if !live.contains(id) {
            *replicas.entry(*id).or_default() += 1;
        }
    }
    let missing = replicas
        .into_iter()
        .filter(|(id, _)| *id >= 0 && !live.contains(id));
    let document = |(id, replicas): (i32, usize)| {
        Document::new("kafka.broker", "metadata")
            .key("kafka.broker.id", id)
            .with("kafka.broker.metadata.state", GONE)
            .with_some(
                "kafka.broker.metadata.replicas",
                (replicas > 0).then_some(replicas),
            )
    };
    missing.map(document).collect()
}

/// Groups that are gone.
pub fn groups(gone: &Gone) -> Vec<Document> {
    let document = |id: &String| {
        Document::new("kafka.group", "group")
            .key("kafka.consumergroup.id", id.as_str())
            .key("kafka.consumergroup.store", Store::Kafka.as_str())
            .with("kafka.group.state", GONE)
    };
    gone.groups.iter().map(document).collect()
}

/// Whether a document is about a group that is gone.
pub fn is_gone(document: &Document) -> bool {
    document.get("kafka.group.state").is_some_and(|s| s == GONE)
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::{Partition, Topic};
    use super::super::standing::tests::group;
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn broker(id: i32) -> Broker {
        Broker {
            id,
            host: "here".to_owned(),
            port: 9092,
            rack: None,
        }
    }

    fn names(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_broker_is_gone_for_an_hour_and_back_at_once() {
        let mut lately = Lately::default();
        let start = Instant::now();
        let both = [broker(1), broker(2)];
        assert!(lately.brokers(&both, start).is_empty());
        let mut gone = |live: &[Broker], minutes| lately.brokers(live, start + minutes * MINUTE);
        assert_eq!(gone(&both[..1], 1), BTreeSet::from([2]));
        assert_eq!(gone(&both[..1], 59), BTreeSet::from([2]));
        assert!(gone(&both[..1], 60).is_empty());
        assert!(gone(&both, 61).is_empty());
        assert_eq!(gone(&both[1..], 62), BTreeSet::from([1]));
    }

    #[test]
    fn a_gone_broker_has_its_replicas_and_nothing_else() {
        let partition = |id| Partition {
            id,
            error: None,
            leader: Some(1),
            replicas: vec![1, 3, -1],
            isr: vec![1],
        };
        let metadata = Metadata {
            brokers: vec![broker(1)],
            topics: vec![Topic {
                name: "t".to_owned(),
                error: None,
                internal: false,
                selected: false,
                partitions: vec![partition(0), partition(1)],
            }],
        };
        let gone = Gone {
            brokers: BTreeSet::from([2]),
            groups: BTreeSet::new(),
        };
        let fields = brokers(&metadata, &gone)
            .iter()
            .map(|one| serde_json::Value::from(one.fields()))
            .collect::<Vec<_>>();
        let wanted = serde_json::json!([
            {"kafka": {"broker": {"id": 2, "metadata": {"state": "gone"}}}},
            {"kafka": {"broker": {"id": 3, "metadata": {"state": "gone", "replicas": 2}}}},
        ]);
        assert_eq!(serde_json::Value::from(fields), wanted);
    }

    #[test]
    fn a_group_is_gone_when_two_cycles_miss_it_and_for_an_hour() {
        let mut lately = Lately::default();
        let start = Instant::now();
        let at = |minutes: u32| start + minutes * MINUTE;
        let lost = |ids: &[&str]| names(ids).into_iter();
        let mut cycle = |ids: &[&str], there: &[Group], minutes| {
            lately.miss(lost(ids), there, at(minutes));
            lately.groups(|id| id != "theirs", at(minutes))
        };
        assert_eq!(cycle(&["a", "b", "theirs"], &[], 0), names(&[]));
        // One of that id in ZooKeeper is another group.
        assert_eq!(
            cycle(&[], &[group("a", Store::ZooKeeper)], 1),
            names(&["a", "b"])
        );
        assert_eq!(cycle(&["c"], &[group("b", Store::Kafka)], 2), names(&["a"]));
        assert_eq!(cycle(&[], &[], 59), names(&["a", "c"]));
        assert_eq!(cycle(&[], &[], 60), names(&["c"]));
        assert_eq!(cycle(&[], &[], 62), names(&[]));
    }

    #[test]
    fn of_too_many_groups_the_latest_are_named() {
        let mut lately = Lately::default();
        let start = Instant::now();
        let many = || (0..MOST_GROUPS + 7).map(|number| format!("console-{number}"));
        lately.miss(many(), &[], start);
        lately.miss(["billing".to_owned()].into_iter(), &[], start + MINUTE);
        let said = lately.groups(|_| true, start + 2 * MINUTE);
        assert_eq!(said.len(), MOST_GROUPS);
        assert!(said.contains("billing"));
    }
}
