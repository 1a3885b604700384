//! What earlier cycles saw and a broker that is away cannot tell now.
//!
//! A broker lists only the groups that it coordinates. When one does not answer, its groups must
//! not vanish from the documents: they are asked for by name, and reported as unknown if that
//! fails too. What a complete list no longer has is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use super::configs::Configs;
use super::gone::Lately;
use super::others::Others;
use super::probe::Address;
use super::snapshot::{Answer, ByPartition, Group, Listing, Missing, Partition, Store, Topic};
use super::times::Times;

/// The topic whose partitions coordinate the groups.
const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// Kept between cycles.
#[derive(Debug, Default)]
pub struct Memory {
    /// Brokers of the last metadata: asked for their groups before this cycle's metadata is there.
    pub brokers: BTreeMap<i32, Address>,
    /// Those of them that did not answer the last time: asked again when they can be reached.
    pub silent: BTreeSet<i32>,
    /// How topics and brokers are set.
    pub configs: Configs,
    /// Groups that are no consumer groups.
    pub others: Others,
    /// Where logs ended, and what records' times are known.
    pub times: Times,
    /// What was there lately.
    pub lately: Lately,
    groups: BTreeMap<String, Seen>,
}

/// A group as last seen.
#[derive(Debug, Default)]
struct Seen {
    /// Nothing for one that is known by its name alone.
    coordinator: Option<i32>,
    partitions: BTreeMap<String, Vec<i32>>,
    /// Whether a broker ever listed it while this agent looked.
    listed: bool,
}

impl Memory {
    /// Takes in groups that are known by name from before the start, with their partitions.
    pub fn recall(&mut self, groups: impl Iterator<Item = (String, BTreeMap<String, Vec<i32>>)>) {
        for (id, partitions) in groups {
            let seen = Seen {
                partitions,
                ..Seen::default()
            };
            self.groups.entry(id).or_insert(seen);
        }
    }

    /// Groups that nobody listed, but whose coordinator could not be asked.
    pub fn unlisted<'a>(
        &'a self,
        listed: &'a BTreeMap<String, (Listing, i32)>,
        silent: &'a BTreeMap<i32, Missing>,
        topics: &'a [Topic],
    ) -> impl Iterator<Item = (&'a str, Option<i32>)> {
        self.groups
            .iter()
            .filter(|(id, _)| !listed.contains_key(id.as_str()))
            .filter_map(move |(id, seen)| {
                // A coordinator that has just taken over lists nothing until it has loaded: it is
                // asked by name, or its groups would vanish for that time. So is that of a group
                // that is known by name alone.
                let now = coordinator(id, topics).or(seen.coordinator);
                let moved = now != seen.coordinator;
                let asked = seen.coordinator.or(now);
                let is_silent = match asked {
                    Some(broker) => silent.contains_key(&broker),
                    None => !silent.is_empty(),
                };
                let unasked = is_silent || no_coordinator(id, topics).is_some();
                (moved || unasked).then_some((id.as_str(), now))
            })
    }

    /// Addresses of the brokers that did not answer the last time.
    pub fn silent_addresses(&self) -> BTreeMap<i32, Address> {
        let silent = self
            .brokers
            .iter()
            .filter(|(id, _)| self.silent.contains(id));
        silent.map(|(id, address)| (*id, address.clone())).collect()
    }

    /// The partitions that a group had when it could last be read.
    pub fn partitions(&self, group: &str) -> BTreeMap<String, Vec<i32>> {
        self.groups
            .get(group)
            .map(|seen| seen.partitions.clone())
            .unwrap_or_default()
    }

    /// Remembers this cycle's groups and forgets those that are no longer there; gives those of them that were listed once.
    pub fn learn(&mut self, groups: &[Group]) -> impl Iterator<Item = String> + use<> {
        let mut old = std::mem::take(&mut self.groups);
        for group in groups
            .iter()
            .filter(|group| group.store == Store::Kafka && !self.others.contains(&group.id))
        {
            let before = old.remove(&group.id).unwrap_or_default();
            let mut seen = Seen {
                coordinator: group.coordinator,
                partitions: before.partitions,
                listed: before.listed || group.listing.is_some(),
            };
            if let Ok(committed) = &group.committed {
                seen.partitions = partitions(committed, group);
            }
            self.groups.insert(group.id.clone(), seen);
        }
        let forgotten = old.into_iter().filter(|(_, seen)| seen.listed);
        forgotten.map(|(id, _)| id)
    }
}

/// Those with a commit and those with a member.
fn partitions(
    committed: &ByPartition<Answer<Option<i64>>>,
    group: &Group,
) -> BTreeMap<String, Vec<i32>> {
    let mut all: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for (topic, partitions) in committed {
        all.entry(topic).or_default().extend(partitions.keys());
    }
    let members = group.description.iter().flat_map(|one| &one.members);
    for (topic, partitions) in members.flat_map(|member| &member.assigned) {
        all.entry(topic).or_default().extend(partitions);
    }
    let owned = |(topic, all): (&str, BTreeSet<i32>)| (topic.to_owned(), all.into_iter().collect());
    all.into_iter().map(owned).collect()
}

/// The partition of `__consumer_offsets` that coordinates a group, if it is known to have no
/// leader: nobody can answer for the group then, and asking would only use up the cycle.
pub fn no_coordinator(group: &str, topics: &[Topic]) -> Option<i32> {
    let partition = offsets_partition(group, topics)?;
    partition.leader.is_none().then_some(partition.id)
}

/// Partitions of `__consumer_offsets` without a leader, and how many there are: groups of theirs are listed by nobody.
pub fn without_coordinator(topics: &[Topic]) -> (Vec<i32>, usize) {
    let topic = topics.iter().find(|topic| topic.name == OFFSETS_TOPIC);
    let partitions = topic.map_or(&[][..], |topic| &topic.partitions);
    let leaderless = partitions.iter().filter(|one| one.leader.is_none());
    (leaderless.map(|one| one.id).collect(), partitions.len())
}

/// The broker that coordinates a group by the present metadata.
fn coordinator(group: &str, topics: &[Topic]) -> Option<i32> {
    offsets_partition(group, topics)?.leader
}

fn offsets_partition<'a>(group: &str, topics: &'a [Topic]) -> Option<&'a Partition> {
    let topic = topics.iter().find(|topic| topic.name == OFFSETS_TOPIC)?;
    let wanted = hash_partition(group, i32::try_from(topic.partitions.len()).ok()?)?;
    topic
        .partitions
        .iter()
        .find(|partition| partition.id == wanted)
}

/// The partition out of so many that a group belongs to by its id; nothing where there are none.
///
/// As Kafka's `GroupCoordinatorService.partitionFor`, whose `Utils.abs` makes the one number without
/// an opposite 0.
pub fn hash_partition(name: &str, count: i32) -> Option<i32> {
    (count > 0).then(|| java_hash(name).checked_abs().unwrap_or(0) % count)
}

/// `String.hashCode`, by which Kafka spreads groups over partitions.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::kafka::snapshot::Reason;

    fn group(id: &str, coordinator: i32) -> Group {
        let committed: Answer<_> = Ok(BTreeMap::from([(
            "t".to_owned(),
            BTreeMap::from([(0, Ok(Some(1)))]),
        )]));
        Group {
            id: id.into(),
            store: Store::Kafka,
            coordinator: Some(coordinator),
            listing: None,
            description: Err(Missing::new(Reason::Timeout, "")),
            committed,
            last_partitions: BTreeMap::new(),
        }
    }

    #[test]
    fn groups_of_a_silent_broker_are_still_asked_and_others_forgotten() {
        let mut memory = Memory::default();
        assert_eq!(memory.learn(&[group("a", 1), group("b", 2)]).count(), 0);
        let silent = BTreeMap::from([(2, Missing::new(Reason::Timeout, ""))]);
        let listed = BTreeMap::new();
        let asked: Vec<_> = memory.unlisted(&listed, &silent, &[]).collect();
        assert_eq!(asked, [("b", Some(2))]);
        let mut lost = group("b", 2);
        lost.committed = Err(Missing::new(Reason::Timeout, ""));
        // Nobody has listed `a` while this agent looked.
        assert_eq!(memory.learn(&[lost]).count(), 0);
        assert_eq!(
            memory.partitions("b"),
            BTreeMap::from([("t".to_owned(), vec![0])])
        );
        assert!(memory.partitions("a").is_empty());
        assert_eq!(memory.unlisted(&listed, &silent, &[]).count(), 1);
    }

    /// What is known by name alone was never there for this agent, however often it is asked for.
    #[test]
    fn groups_that_were_listed_once_are_given_when_they_are_forgotten() {
        let listed = |id: &str| Group {
            listing: Some(Listing {
                state: "Stable".to_owned(),
                kind: "Classic".to_owned(),
                simple: false,
                protocol: None,
            }),
            ..group(id, 1)
        };
        let mut memory = Memory::default();
        memory.recall([("named".to_owned(), BTreeMap::new())].into_iter());
        let lost = memory.learn(&[listed("a"), listed("b"), group("named", 1)]);
        assert_eq!(lost.count(), 0);
        // Its coordinator is silent: it was listed once all the same.
        assert_eq!(memory.learn(&[group("a", 1)]).collect::<Vec<_>>(), ["b"]);
        assert_eq!(memory.learn(&[]).collect::<Vec<_>>(), ["a"]);
        assert_eq!(memory.learn(&[]).count(), 0);
    }

    #[test]
    fn a_group_without_coordinator_is_known_by_its_hash() {
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
        assert_eq!(hash_partition("polygenelubricants", 50), Some(0));
        // A sign bit that is masked off instead of an absolute value would give 39.
        assert_eq!(java_hash("billing"), -109_829_509);
        assert_eq!(hash_partition("billing", 50), Some(9));
        assert_eq!(hash_partition("billing", 0), None);
        let partition = |id, leader| Partition {
            id,
            error: None,
            leader,
            replicas: vec![1],
            isr: vec![],
        };
        let topic = Topic {
            name: OFFSETS_TOPIC.into(),
            error: None,
            internal: true,
            selected: false,
            partitions: vec![
                partition(0, Some(1)),
                partition(1, None),
                partition(2, Some(1)),
            ],
        };
        // 99162322 % 3 = 1, 104 % 3 = 2
        assert_eq!(
            no_coordinator("hello", std::slice::from_ref(&topic)),
            Some(1)
        );
        assert_eq!(no_coordinator("h", std::slice::from_ref(&topic)), None);
        assert_eq!(no_coordinator("hello", &[]), None);
        assert_eq!(
            without_coordinator(std::slice::from_ref(&topic)),
            (vec![1], 3)
        );
        assert_eq!(without_coordinator(&[]), (vec![], 0));

        // From before the start: asked by name, wherever they would be.
        let mut memory = Memory::default();
        let partitions = BTreeMap::from([("t".to_owned(), vec![0])]);
        let names = ["hello", "h"].map(|id| (id.to_owned(), partitions.clone()));
        memory.recall(names.into_iter());
        let topics = [topic];
        let listed = BTreeMap::new();
        let asked = |silent, topics| -> Vec<_> {
            let unlisted = memory.unlisted(&listed, silent, topics);
            unlisted.map(|(id, at)| (id.to_owned(), at)).collect()
        };
        let [h, hello] = ["h", "hello"].map(str::to_owned);
        let (nobody, here) = (BTreeMap::new(), topics.as_slice());
        assert_eq!(
            asked(&nobody, here),
            [(h.clone(), Some(1)), (hello.clone(), None)]
        );
        // Without `__consumer_offsets` there is no group, if all brokers say so.
        assert_eq!(asked(&nobody, &[]), []);
        let silent = BTreeMap::from([(1, Missing::new(Reason::Timeout, ""))]);
        assert_eq!(asked(&silent, &[]), [(h, None), (hello, None)]);
        assert_eq!(memory.partitions("hello"), partitions);
    }
}
