//! One cycle in four stages: who is there → what the groups have committed → where the logs end →
//! how old the first unread records are.
//!
//! Offsets of old consumers are read from ZooKeeper in the second stage, beside the others.
//! Committed offsets are read before the log ends, so that lag cannot come out negative just
//! because time has passed in between. Within a stage everything is in flight together, and each
//! request has the rest of the stage's time: what hangs costs its own part only.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::client::Client;
use super::config::Config;
use super::gone::Gone;
use super::logs::{plan, read_logs};
use super::memory::{Memory, no_coordinator};
use super::others::Typed;
use super::rdkafka::{Answered, Failure, Offset, Request};
use super::snapshot::{
    Answer, ByPartition, Description, Group, Listing, Missing, Reason, Snapshot, Store, Topic,
};
use super::survey::{Survey, selects_topic, survey, unexpected};
use super::times;
use super::zookeeper_offsets::{Found, OldConsumers, walk::Wanted};
use crate::clock::Millis;
use crate::ha::Scope;

/// Configurations are refreshed rarely; what hangs then must leave the rest of the cycle alone.
const CONFIGS_PERCENT: u32 = 25;
/// Groups that are no consumer groups: the same.
const OTHERS_PERCENT: u32 = 25;

/// Parts of the time that is left at the beginning of each stage, in percent. What a stage does
/// not need goes to the next ones.
const SURVEY_PERCENT: u32 = 40;
const GROUPS_PERCENT: u32 = 50;
/// Where logs do not answer there is little left for the times of their records, nor anything to ask.
const LOGS_PERCENT: u32 = 90;
/// Not all of it: the documents have still to be made before the deadline.
const TIMES_PERCENT: u32 = 80;

/// The first stage's part of a cycle.
pub fn first_stage(budget: Duration) -> Duration {
    budget * SURVEY_PERCENT / 100
}

/// What a coordinator says of a group that it does not know.
const DEAD: &str = "Dead";

fn stage(deadline: Instant, percent: u32) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now) * percent / 100
}

/// Reads everything once; `None` when nobody answered anything.
///
/// # Cancel safety
/// May be dropped at any await: answers that come later meet nobody and are freed.
pub async fn fetch(
    client: &mut Client,
    config: &Config,
    scope: &Scope,
    memory: &mut Memory,
    old_consumers: Option<&mut OldConsumers>,
    deadline: Instant,
) -> Option<Snapshot> {
    memory.silent.extend(client.take_lost());
    let mut survey = survey(client, memory, stage(deadline, SURVEY_PERCENT), deadline).await;
    if survey.is_empty() {
        return None;
    }
    survey.finish(client, config);
    let hidden = survey.take_hidden();
    let topics = survey
        .metadata
        .as_ref()
        .ok()
        .map(|metadata| metadata.topics.as_slice());
    let mut groups = wanted_groups(config, memory, &survey, topics.unwrap_or_default());
    groups.extend(other_groups(client, config, memory, (&survey, topics), deadline).await);
    let mut groups = each_once(groups);
    groups.retain(|group| scope.has_group(&group.id));
    if let Ok(metadata) = &survey.metadata {
        let (alive, deadline) = (survey.alive(), stage(deadline, CONFIGS_PERCENT));
        memory
            .configs
            .refresh(client, metadata, alive, deadline)
            .await;
    }
    let second = stage(deadline, GROUPS_PERCENT);
    let ((), mut old) = tokio::join!(
        read_groups(client, config, &mut groups, second),
        read_old_consumers(config, scope, old_consumers, second),
    );
    groups.retain(|group| !is_gone(group));
    hide_commits(&mut groups, hidden.as_ref());
    for group in groups.iter_mut().filter(|group| group.committed.is_err()) {
        group.last_partitions = memory.partitions(&group.id);
    }
    groups.extend(old.without_offsets_in_kafka(&groups));
    let plan = plan(topics, &groups, &survey.unreachable).within(scope, &groups);
    let began = Millis::now();
    let logs = read_logs(client, plan, stage(deadline, LOGS_PERCENT)).await;
    let gone = gone(memory, &survey, &groups, |id| {
        config.groups.selects(id) && scope.has_group(id)
    });
    let deadline = stage(deadline, TIMES_PERCENT);
    let times = &mut memory.times;
    let asked = (began, survey.alive().first().copied());
    let seen = times::look(times, client, config, (&groups, &logs), asked, deadline).await;
    Some(Snapshot {
        times: seen,
        gone,
        old_store: old.store,
        ..survey.into_snapshot(groups, logs, memory)
    })
}

/// Remembers this cycle's groups, and tells what was there lately and is no more. Of groups that is told where all lists
/// are complete, and of brokers where there is a list at all.
fn gone(
    memory: &mut Memory,
    survey: &Survey,
    groups: &[Group],
    ours: impl Fn(&str) -> bool,
) -> Gone {
    let now = Instant::now();
    let lost = memory.learn(groups).filter(|id| ours(id));
    memory.lately.miss(lost, groups, now);
    let Ok(metadata) = &survey.metadata else {
        return Gone::default();
    };
    Gone {
        brokers: memory.lately.brokers(&metadata.brokers, now),
        groups: match survey.is_complete() {
            true => memory.lately.groups(ours, now),
            false => BTreeSet::new(),
        },
    }
}

/// Selected groups, listed now or earlier; for those that nobody can answer for it says so already.
fn wanted_groups(
    config: &Config,
    memory: &Memory,
    survey: &Survey,
    topics: &[Topic],
) -> Vec<Group> {
    let listed = survey.listed.iter();
    let mut groups: Vec<Group> = listed
        .filter(|(id, _)| config.groups.selects(id))
        .map(|(id, (listing, broker))| unread_group(id, Some(*broker), Some(listing.clone())))
        .collect();
    let unlisted = memory.unlisted(&survey.listed, &survey.unlisted, topics);
    for (id, broker) in unlisted.filter(|(id, _)| config.groups.selects(id)) {
        let mut group = unread_group(id, broker, None);
        if let Some(partition) = no_coordinator(id, topics) {
            let why = format!("partition {partition} of __consumer_offsets has no leader");
            let missing = Missing::new(Reason::CoordinatorUnavailable, why);
            group.description = Err(missing.clone());
            group.committed = Err(missing);
        }
        groups.push(group);
    }
    for group in &mut groups {
        if let Some(missing) = group.coordinator.and_then(|id| survey.unreachable.get(&id)) {
            group.description = Err(missing.clone());
            group.committed = Err(missing.clone());
        }
    }
    groups
}

/// Selected groups that are no consumer groups.
async fn other_groups(
    client: &Client,
    config: &Config,
    memory: &mut Memory,
    (survey, topics): (&Survey, Option<&[Topic]>),
    deadline: Instant,
) -> Vec<Group> {
    let typed = Typed {
        listed: &survey.listed,
        complete: survey.all_answered(),
        topics: topics.unwrap_or_default(),
    };
    let deadline = stage(deadline, OTHERS_PERCENT);
    let mut groups = memory.others.read(client.handle(), typed, deadline).await;
    groups.retain(|group| config.groups.selects(&group.id));
    groups
}

/// In the order of their names. A group may have become another kind of group since it was last seen, and its coordinator
/// another broker: then what is listed now stands behind what is remembered, and counts.
fn each_once(mut groups: Vec<Group>) -> Vec<Group> {
    groups.reverse();
    groups.sort_by(|a, b| a.id.cmp(&b.id));
    groups.dedup_by(|a, b| a.id == b.id);
    groups
}

/// What the list of groups tells of one that nobody is in, as a description would: to ask again, group by group, would
/// double the requests of a cycle. Old brokers' lists have neither states nor types; a group of a newer protocol has an
/// assignor even without members.
fn described_by_list(listing: &Listing) -> Option<Description> {
    let is_known = listing.state == "Empty" && listing.kind == "Classic";
    is_known.then(|| Description {
        state: listing.state.clone(),
        kind: listing.kind.clone(),
        simple: listing.simple,
        assignor: String::new(),
        members: Vec::new(),
    })
}

fn unread_group(id: &str, coordinator: Option<i32>, listing: Option<Listing>) -> Group {
    let missing = Missing::new(Reason::Timeout, "the coordinator did not answer");
    let description = listing.as_ref().and_then(described_by_list);
    Group {
        id: id.to_owned(),
        store: Store::Kafka,
        coordinator,
        listing,
        description: description.ok_or_else(|| missing.clone()),
        committed: Err(missing),
        last_partitions: BTreeMap::new(),
    }
}

async fn read_old_consumers(
    config: &Config,
    scope: &Scope,
    old_consumers: Option<&mut OldConsumers>,
    deadline: Instant,
) -> Found {
    let wanted = Wanted {
        group: &|id| config.groups.selects(id) && scope.has_group(id),
        topic: &|topic| selects_topic(config, topic),
    };
    match old_consumers {
        Some(old_consumers) => old_consumers.read(&wanted, deadline).await,
        None => Found::default(),
    }
}

/// What a request of the second stage is about: which group's …
enum Asked {
    Description(usize),
    Committed(usize),
}

async fn read_groups(
    client: &mut Client,
    config: &Config,
    groups: &mut [Group],
    deadline: Instant,
) {
    let mut flight = client.flight(deadline);
    for (index, group) in groups.iter().enumerate() {
        let missing = group.committed.as_ref().err().map(|missing| missing.reason);
        let Some(broker) = group.coordinator else {
            continue;
        };
        // Nobody to ask: it says so already.
        if matches!(
            missing,
            Some(
                Reason::CoordinatorUnavailable
                    | Reason::Connection
                    | Reason::Unsupported
                    | Reason::NotAuthorized
            )
        ) {
            continue;
        }
        let id = group.id.as_str();
        flight.ask(&Request::Committed { broker, id }, Asked::Committed(index));
        if group.description.is_err() {
            flight.ask(&Request::Group { broker, id }, Asked::Description(index));
        }
    }
    while let Some((asked, answer)) = flight.next().await {
        match (asked, answer) {
            (Asked::Description(index), Ok(Answered::Group(description))) => {
                groups[index].description = Ok(selected_assignments(config, description));
            }
            (Asked::Description(index), answer) => {
                groups[index].description = Err(unexpected(answer));
            }
            (Asked::Committed(index), Ok(Answered::Offsets(offsets))) => {
                groups[index].committed = Ok(committed(config, offsets));
            }
            (Asked::Committed(index), answer) => {
                groups[index].committed = Err(unexpected(answer));
            }
        }
    }
}

/// Whether a group that was asked for by its name alone is not there.
fn is_gone(group: &Group) -> bool {
    let is_dead = match &group.description {
        Ok(description) => description.state == DEAD,
        Err(missing) => missing.reason == Reason::GroupDeleted,
    };
    let is_empty = group.committed.as_ref().is_ok_and(BTreeMap::is_empty);
    group.store == Store::Kafka && group.listing.is_none() && is_dead && is_empty
}

/// Offsets of topics that one may not see are left out of an answer as if there were none.
fn hide_commits(groups: &mut [Group], hidden: Option<&Missing>) {
    let Some(missing) = hidden else {
        return;
    };
    for group in groups {
        if group.committed.as_ref().is_ok_and(BTreeMap::is_empty) {
            group.committed = Err(missing.clone());
        }
    }
}

fn selected_assignments(config: &Config, mut description: Description) -> Description {
    for member in &mut description.members {
        member
            .assigned
            .retain(|topic, _| selects_topic(config, topic));
    }
    description
}

fn committed(config: &Config, offsets: Vec<Offset>) -> ByPartition<Answer<Option<i64>>> {
    let mut committed: ByPartition<_> = BTreeMap::new();
    for offset in offsets {
        if !selects_topic(config, &offset.topic) {
            continue;
        }
        let value = match (offset.code, offset.offset) {
            (0, value) => Ok((value >= 0).then_some(value)),
            (code, _) => Err(Missing::from(Failure::of_code(code))),
        };
        committed
            .entry(offset.topic)
            .or_default()
            .insert(offset.partition, value);
    }
    committed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(keys: &str) -> std::sync::Arc<Config> {
        let source = crate::config::Source {
            path: "brokerbeat.yml".into(),
            overrides: Vec::new(),
            only_groups: Vec::new(),
        };
        let text = format!("clusters: [{{kafka: {{bootstrap: [\"b1:9092\"], {keys}}}}}]\n");
        let config = source.parse(&text, &|_| None).ok().unwrap();
        std::sync::Arc::clone(config.clusters[0].kafka().unwrap())
    }

    #[test]
    fn no_commit_is_no_offset_and_an_error_is_neither() {
        let offset = |(topic, partition, offset, code): (&str, i32, i64, i32)| Offset {
            topic: topic.to_owned(),
            partition,
            offset,
            code,
            timestamp: -1,
        };
        let answer = [
            ("t", 0, 0, 0),
            ("t", 1, -1, 0),
            ("t", 2, -1001, 0),
            ("t", 3, 5, 14),
            ("u", 0, i64::MAX, 0),
            ("excluded", 0, 7, 0),
            ("__consumer_offsets", 0, 7, 0),
        ];
        let config = config("topics: {exclude: [\"excl*\"]}");
        let found = committed(&config, answer.map(offset).into());
        assert_eq!(found.keys().collect::<Vec<_>>(), ["t", "u"]);
        assert_eq!(found["u"], BTreeMap::from([(0, Ok(Some(i64::MAX)))]));
        let found = found["t"].values().cloned();
        let found: Vec<_> = found
            .map(|offset| offset.map_err(|missing| missing.reason))
            .collect();
        let loading = Err(Reason::CoordinatorLoading);
        assert_eq!(found, [Ok(Some(0)), Ok(None), Ok(None), loading]);
    }

    #[test]
    fn no_commits_of_a_user_who_sees_no_topic_are_unknown() {
        let hidden = Missing::new(Reason::NotAuthorized, "");
        let read = |topics: &[&str]| {
            let topic = |name: &&str| ((*name).to_owned(), BTreeMap::from([(0, Ok(Some(1)))]));
            let committed = Ok(topics.iter().map(topic).collect());
            Group {
                committed,
                ..unread_group("g", Some(1), None)
            }
        };
        let before = [read(&[]), read(&["t"]), unread_group("g", Some(1), None)];
        let mut groups = before.clone();
        hide_commits(&mut groups, None);
        assert_eq!(groups, before);
        hide_commits(&mut groups, Some(&hidden));
        assert_eq!(groups[0].committed, Err(hidden));
        assert_eq!(groups[1..], before[1..]);
    }

    #[test]
    fn a_group_is_read_once_and_as_what_it_is_now() {
        let listing = || Listing {
            state: "Stable".into(),
            kind: String::new(),
            simple: false,
            protocol: Some("connect".into()),
        };
        let remembered = unread_group("b", Some(1), None);
        let listed = unread_group("b", Some(2), Some(listing()));
        let first = unread_group("a", Some(1), None);
        let all = each_once(vec![remembered, first.clone(), listed.clone()]);
        assert_eq!(all, [first, listed]);
    }

    /// Both words of real coordinators about the same groups.
    #[test]
    fn what_the_list_tells_of_a_group_is_what_its_description_tells() {
        let mut told = 0;
        for entry in std::fs::read_dir(crate::golden::directory("kafka")).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let Ok(snapshot) = serde_json::from_str::<Snapshot>(&text) else {
                continue;
            };
            for group in snapshot.groups {
                let Some(described) = group.listing.as_ref().and_then(described_by_list) else {
                    continue;
                };
                assert_eq!(group.description, Ok(described), "{}", group.id);
                told += 1;
            }
        }
        assert!(told > 0, "no empty group in any snapshot");
    }
}
