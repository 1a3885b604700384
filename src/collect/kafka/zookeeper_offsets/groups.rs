//! From what was found to groups like all others. Pure.

use std::collections::BTreeMap;

use super::Seen;
use super::tree::{OldGroup, OldTopic, Tree};
use crate::collect::kafka::snapshot::{
    Answer, ByPartition, Description, Group, Member, Missing, Reason, Store,
};

/// Digits of the time in `<host>-<ms since 1970>-<8 digits>`, the end of a consumer's id.
const TIME_DIGITS: usize = 13;
const RANDOM_DIGITS: usize = 8;

/// The groups that were found, and where the list itself is missing those of earlier that are still wanted:
/// another agent may have them now.
pub fn groups(
    tree: &Tree,
    away: Option<&Missing>,
    seen: &Seen,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<Group> {
    let unread = away
        .cloned()
        .unwrap_or_else(|| Missing::new(Reason::Error, "nobody has answered"));
    if tree.groups.is_empty()
        && let Some(why) = away.or(tree.refused.as_ref())
    {
        let lost = |id: &String| group(id, Err(why.clone()), Err(why.clone()), seen);
        return seen.keys().filter(|id| is_wanted(id)).map(lost).collect();
    }
    let found = tree.groups.iter().map(|old| {
        let committed = committed(old, &unread, seen.get(&old.id));
        group(&old.id, committed, description(old, &unread), seen)
    });
    found.collect()
}

fn group(
    id: &str,
    committed: Answer<ByPartition<Answer<Option<i64>>>>,
    description: Answer<Description>,
    seen: &Seen,
) -> Group {
    let last_partitions = match committed {
        Ok(_) => BTreeMap::new(),
        Err(_) => seen.get(id).cloned().unwrap_or_default(),
    };
    Group {
        id: id.to_owned(),
        store: Store::ZooKeeper,
        coordinator: None,
        listing: None,
        description,
        committed,
        last_partitions,
    }
}

/// What was asked for, or why nobody has answered.
fn answered<T: Clone>(asked: Option<&Answer<T>>, unread: &Missing) -> Answer<T> {
    asked.cloned().unwrap_or_else(|| Err(unread.clone()))
}

fn committed(
    old: &OldGroup,
    unread: &Missing,
    seen: Option<&BTreeMap<String, Vec<i32>>>,
) -> Answer<ByPartition<Answer<Option<i64>>>> {
    answered(old.listed.as_ref(), unread)?;
    let mut committed = ByPartition::new();
    for (name, topic) in &old.topics {
        let mut partitions: BTreeMap<i32, _> = topic
            .offsets
            .iter()
            .map(|(id, offset)| (*id, answered(offset.as_ref(), unread)))
            .collect();
        // Partitions that nobody lists now are those of earlier, without their numbers.
        if let Err(why) = answered(topic.listed.as_ref(), unread) {
            let earlier = seen.and_then(|seen| seen.get(name)).into_iter().flatten();
            partitions.extend(earlier.map(|id| (*id, Err(why.clone()))));
        }
        if !partitions.is_empty() {
            committed.insert(name.clone(), partitions);
        }
    }
    Ok(committed)
}

/// ZooKeeper does not tell that a group is rebalancing: it has members, or it has none.
fn description(old: &OldGroup, unread: &Missing) -> Answer<Description> {
    let ids = answered(old.members.as_ref(), unread)?;
    let simple = ids.is_none();
    let mut members: Vec<Member> = ids
        .unwrap_or_default()
        .into_iter()
        .map(|id| member(id, &old.id))
        .collect();
    members.sort_by(|a, b| a.id.cmp(&b.id));
    for (name, topic) in &old.topics {
        assign(&mut members, name, topic);
    }
    let state = if members.is_empty() {
        "Empty"
    } else {
        "Stable"
    };
    Ok(Description {
        state: state.to_owned(),
        kind: String::new(),
        simple,
        assignor: String::new(),
        members,
    })
}

fn member(id: String, group: &str) -> Member {
    Member {
        client_id: String::new(),
        host: host(&id, group).unwrap_or_default().to_owned(),
        instance_id: None,
        assigned: BTreeMap::new(),
        id,
    }
}

/// The host in `<group>_<host>-<ms>-<random>`, which is a consumer's id where `consumer.id` is not set.
fn host<'a>(id: &'a str, group: &str) -> Option<&'a str> {
    let rest = id.strip_prefix(group)?.strip_prefix('_')?;
    let (rest, random) = rest.rsplit_once('-')?;
    let (host, time) = rest.rsplit_once('-')?;
    let is_random = random.len() == RANDOM_DIGITS && random.chars().all(|c| c.is_ascii_hexdigit());
    let is_time = time.len() == TIME_DIGITS && time.chars().all(|c| c.is_ascii_digit());
    (is_random && is_time && !host.is_empty()).then_some(host)
}

/// An owner is `<consumer>-<thread>`. One whose consumer has just gone is nobody's.
fn assign(members: &mut [Member], name: &str, topic: &OldTopic) {
    for (partition, owner) in &topic.owners {
        let consumer = owner.as_deref().and_then(|owner| owner.rsplit_once('-'));
        let Some((consumer, _)) = consumer else {
            continue;
        };
        if let Ok(at) = members.binary_search_by(|member| member.id.as_str().cmp(consumer)) {
            let assigned = members[at].assigned.entry(name.to_owned()).or_default();
            assigned.push(*partition);
        }
    }
}

/// Takes from the members what has no offset here, but one in Kafka.
pub fn leave_out_what_kafka_has(group: &mut Group, kafka: &Group) {
    let has = |group: &Group, topic: &str, partition: i32| {
        let committed = group.committed.as_ref().ok();
        let found = committed.and_then(|all| all.get(topic)?.get(&partition));
        found.is_some_and(|offset| !matches!(offset, Ok(None)))
    };
    let Ok(mut description) = group.description.clone() else {
        return;
    };
    for member in &mut description.members {
        for (topic, partitions) in &mut member.assigned {
            partitions.retain(|&id| has(group, topic, id) || !has(kafka, topic, id));
        }
    }
    group.description = Ok(description);
}

/// Remembers which partitions each group has; what could not be read stays as it was.
pub fn learn(seen: &mut Seen, tree: &Tree, away: bool) {
    if tree.refused.is_some() || (away && tree.groups.is_empty()) {
        return;
    }
    let mut old = std::mem::take(seen);
    for group in &tree.groups {
        let mut before = old.remove(&group.id).unwrap_or_default();
        let mut now = BTreeMap::new();
        if !matches!(group.listed, Some(Ok(()))) {
            now = std::mem::take(&mut before);
        }
        for (name, topic) in &group.topics {
            let known: Vec<i32> = match topic.listed {
                Some(Ok(())) => topic.offsets.keys().copied().collect(),
                _ => before.remove(name).unwrap_or_default(),
            };
            if !known.is_empty() {
                now.insert(name.clone(), known);
            }
        }
        seen.insert(group.id.clone(), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::kafka::zookeeper_offsets::Found;

    fn old(id: &str) -> OldGroup {
        let mut topic = OldTopic {
            listed: Some(Ok(())),
            ..OldTopic::default()
        };
        topic.offsets = BTreeMap::from([(0, Some(Ok(Some(7)))), (1, Some(Ok(None)))]);
        topic.owners = BTreeMap::from([(0, Some(format!("{id}_h-1-1711111111111-0123abcd-0")))]);
        OldGroup {
            id: id.to_owned(),
            members: Some(Ok(Some(vec![format!("{id}_h-1-1711111111111-0123abcd")]))),
            listed: Some(Ok(())),
            topics: BTreeMap::from([("t".to_owned(), topic)]),
        }
    }

    fn timeout() -> Missing {
        Missing::new(Reason::Timeout, "zk1:2181 did not answer in time")
    }

    #[test]
    fn a_group_has_its_offsets_members_and_owners() {
        let tree = Tree {
            present: Some(true),
            groups: vec![old("g")],
            ..Tree::default()
        };
        let groups = groups(&tree, None, &Seen::new(), |_| true);
        let description = groups[0].description.as_ref().unwrap();
        assert_eq!(
            (description.state.as_str(), description.simple),
            ("Stable", false)
        );
        assert_eq!(description.members[0].host, "h-1");
        assert_eq!(description.members[0].assigned["t"], [0]);
        let committed = groups[0].committed.as_ref().unwrap();
        let expected = BTreeMap::from([(0, Ok(Some(7))), (1, Ok(None))]);
        assert_eq!(committed["t"], expected);
        assert_eq!(groups[0].key(), (Store::ZooKeeper, "g"));
    }

    #[test]
    fn what_is_committed_to_kafka_has_no_row_here() {
        let mut only_members = old("g");
        only_members.topics.get_mut("t").unwrap().offsets.clear();
        let tree = Tree {
            present: Some(true),
            groups: vec![only_members, old("other")],
            ..Tree::default()
        };
        let mut found = Found {
            groups: groups(&tree, None, &Seen::new(), |_| true),
            store: None,
        };
        let mut kafka = found.groups.clone();
        kafka
            .iter_mut()
            .for_each(|group| group.store = Store::Kafka);
        let offsets = BTreeMap::from([("t".to_owned(), BTreeMap::from([(0, Ok(Some(3)))]))]);
        kafka[0].committed = Ok(offsets);
        let left = found.without_offsets_in_kafka(&kafka);
        let assigned = |group: &Group| {
            group.description.as_ref().unwrap().members[0]
                .assigned
                .clone()
        };
        assert!(assigned(&left[0])["t"].is_empty());
        assert_eq!(assigned(&left[1])["t"], [0]);
    }

    #[test]
    fn hosts_are_known_only_by_ids_that_name_them() {
        for (id, known) in [
            ("g_h-1711111111111-0123abcd", Some("h")),
            ("g_a.b-c-1711111111111-0123abcd", Some("a.b-c")),
            ("g_mine", None),
            ("g_h-17-0123abcd", None),
            ("g_h-1711111111111-0123abcg", None),
            ("g_-1711111111111-0123abcd", None),
            ("x_h-1711111111111-0123abcd", None),
        ] {
            assert_eq!(host(id, "g"), known, "{id}");
        }
    }

    #[test]
    fn what_is_away_is_remembered_without_numbers() {
        let mut tree = Tree {
            present: Some(true),
            groups: vec![old("a"), old("b")],
            ..Tree::default()
        };
        let mut seen = Seen::new();
        learn(&mut seen, &tree, false);
        // Nobody answers at all.
        let nothing = Tree::default();
        let lost = groups(&nothing, Some(&timeout()), &seen, |_| true);
        learn(&mut seen, &nothing, true);
        assert_eq!(lost.len(), 2);
        assert_eq!(lost[1].committed, Err(timeout()));
        assert_eq!(lost[1].description, Err(timeout()));
        assert_eq!(lost[1].last_partitions["t"], [0, 1]);
        let ours = groups(&nothing, Some(&timeout()), &seen, |id| id == "b");
        assert_eq!(ours[..], lost[1..], "another agent has a now");
        // The time ends between two groups: the second one's partitions are not even listed.
        let cut = tree.groups[1].topics.get_mut("t").unwrap();
        (cut.listed, cut.offsets) = (None, BTreeMap::new());
        let partly = groups(&tree, Some(&timeout()), &seen, |_| true);
        learn(&mut seen, &tree, true);
        assert_eq!(partly[0].committed.as_ref().unwrap()["t"][&0], Ok(Some(7)));
        assert_eq!(
            partly[1].committed.as_ref().unwrap()["t"][&0],
            Err(timeout())
        );
        assert_eq!(seen["b"]["t"], [0, 1]);
        // A complete list that has it no longer: forgotten.
        tree.groups.pop();
        learn(&mut seen, &tree, false);
        assert_eq!(seen.keys().collect::<Vec<_>>(), ["a"]);
    }
}
