//! The third stage of a cycle: where the logs begin and end.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::client::{Client, GRACE};
use super::rdkafka::{Answered, End, Failure, Offset, Request};
use super::snapshot::{Answer, ByPartition, Group, LogEnds, Missing, Reason, Topic};
use super::survey::unexpected;
use crate::ha::Scope;

/// Partitions in one ListOffsets: librdkafka's merging of the answers is quadratic in them.
const PARTITIONS_PER_CALL: usize = 500;

/// What the third stage asks whom, and what it knows without asking.
#[derive(Debug, Default, PartialEq)]
pub struct Plan<'a> {
    /// Partitions by leader, so that one that hangs costs its own part only.
    leaders: BTreeMap<Option<i32>, BTreeSet<(&'a str, i32)>>,
    logs: ByPartition<LogEnds>,
}

impl<'a> Plan<'a> {
    fn ask(&mut self, leader: Option<i32>, at: (&'a str, i32)) {
        let why = Missing::new(Reason::LogEndUnknown, "the leader did not answer");
        self.know(at, &why);
        self.leaders.entry(leader).or_default().insert(at);
    }

    /// Leaves out what no group of ours needs, where another agent asks for all partitions.
    pub fn within(mut self, scope: &Scope, groups: &[Group]) -> Self {
        if scope.has_cluster() {
            return self;
        }
        let needed: BTreeSet<(&str, i32)> = groups.iter().flat_map(Group::partitions).collect();
        for partitions in self.leaders.values_mut() {
            partitions.retain(|at| needed.contains(at));
        }
        self.leaders.retain(|_, partitions| !partitions.is_empty());
        for (topic, partitions) in &mut self.logs {
            partitions.retain(|id, _| needed.contains(&(topic.as_str(), *id)));
        }
        self.logs.retain(|_, partitions| !partitions.is_empty());
        self
    }

    fn know(&mut self, (topic, partition): (&str, i32), why: &Missing) {
        let ends = LogEnds {
            earliest: Err(why.clone()),
            latest: Err(why.clone()),
        };
        self.logs
            .entry(topic.to_owned())
            .or_default()
            .insert(partition, ends);
    }
}

/// Without metadata librdkafka may still know leaders: then those with commits are asked for.
pub fn plan<'a>(
    topics: Option<&'a [Topic]>,
    groups: &'a [Group],
    unreachable: &BTreeMap<i32, Missing>,
) -> Plan<'a> {
    let mut plan = Plan::default();
    let no_leader = Missing::new(Reason::NoLeader, "the partition has no leader");
    for topic in topics
        .unwrap_or_default()
        .iter()
        .filter(|topic| topic.selected)
    {
        for partition in &topic.partitions {
            let at = (topic.name.as_str(), partition.id);
            match partition
                .leader
                .map(|leader| (leader, unreachable.get(&leader)))
            {
                None => plan.know(at, &no_leader),
                Some((_, Some(missing))) => plan.know(at, missing),
                Some((leader, None)) => plan.ask(Some(leader), at),
            }
        }
    }
    if topics.is_none() {
        let committed = groups
            .iter()
            .filter_map(|group| group.committed.as_ref().ok());
        for (topic, partitions) in committed.flatten() {
            partitions
                .keys()
                .for_each(|id| plan.ask(None, (topic, *id)));
        }
    }
    plan
}

/// Asks for both ends of the logs, all leaders at once.
///
/// # Cancel safety
/// May be dropped: answers that come later meet nobody.
pub async fn read_logs(
    client: &mut Client,
    plan: Plan<'_>,
    deadline: Instant,
) -> ByPartition<LogEnds> {
    let Plan { leaders, mut logs } = plan;
    let leaders: Vec<Vec<_>> = leaders
        .into_values()
        .map(|all| all.into_iter().collect())
        .collect();
    let mut flight = client.flight(deadline);
    for partitions in leaders
        .iter()
        .flat_map(|all| all.chunks(PARTITIONS_PER_CALL))
    {
        for end in [End::Latest, End::Earliest] {
            flight.ask(&Request::Offsets { end, partitions }, (end, partitions));
        }
    }
    while let Some(((end, partitions), answer)) = flight.next().await {
        match answer {
            Ok(Answered::Offsets(offsets)) => {
                for offset in offsets {
                    let value = log_end(&offset, deadline);
                    set_end(&mut logs, &offset.topic, offset.partition, end, value);
                }
            }
            answer => {
                let missing = unexpected(answer);
                for (topic, partition) in partitions {
                    set_end(&mut logs, topic, *partition, end, Err(missing.clone()));
                }
            }
        }
    }
    logs
}

/// librdkafka reports a leader that did not answer as no error and a negative offset.
fn log_end(offset: &Offset, deadline: Instant) -> Answer<i64> {
    match (offset.code, offset.offset) {
        (0, value) if value >= 0 => Ok(value),
        (0, _) if Instant::now() + 2 * GRACE >= deadline => Err(Missing::new(
            Reason::Timeout,
            "the leader did not answer in time",
        )),
        (0, _) => Err(Missing::new(
            Reason::LogEndUnknown,
            "the leader did not answer",
        )),
        (code, _) => Err(Failure::of_code(code).into()),
    }
}

fn set_end(
    logs: &mut ByPartition<LogEnds>,
    topic: &str,
    partition: i32,
    end: End,
    value: Answer<i64>,
) {
    let ends = logs
        .get_mut(topic)
        .and_then(|partitions| partitions.get_mut(&partition));
    if let Some(ends) = ends {
        match end {
            End::Earliest => ends.earliest = value,
            End::Latest => ends.latest = value,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::snapshot::{Partition, Store};
    use super::*;
    use crate::ha::scope::Shard;

    fn topic(name: &str, leaders: &[Option<i32>]) -> Topic {
        let partition = |(id, leader): (i32, &Option<i32>)| Partition {
            id,
            error: None,
            leader: *leader,
            replicas: vec![],
            isr: vec![],
        };
        Topic {
            name: name.into(),
            error: None,
            internal: false,
            selected: name != "excluded",
            partitions: (0..).zip(leaders).map(partition).collect(),
        }
    }

    /// Commits on some partitions of `t`, one of them unreadable, and others that are known from earlier.
    fn group(committed: &[i32], last: &[i32]) -> Group {
        let missing = Missing::new(Reason::Timeout, "");
        let offset = |id: &i32| match id {
            0 => (0, Err(missing.clone())),
            id => (*id, Ok(Some(7))),
        };
        let committed = BTreeMap::from([("t".to_owned(), committed.iter().map(offset).collect())]);
        Group {
            id: "g".into(),
            store: Store::Kafka,
            coordinator: Some(1),
            listing: None,
            description: Err(missing.clone()),
            committed: Ok(committed),
            last_partitions: BTreeMap::from([("t".to_owned(), last.to_vec())]),
        }
    }

    fn reason(plan: &Plan<'_>, partition: i32) -> Option<Reason> {
        let ends = plan.logs.get("t")?.get(&partition)?;
        assert_eq!(ends.latest, ends.earliest);
        Some(ends.latest.as_ref().unwrap_err().reason)
    }

    #[test]
    fn leaders_are_asked_and_nothing_is_known_that_nobody_told() {
        let topics = [
            topic("excluded", &[Some(1)]),
            topic("t", &[Some(1), Some(2), None, Some(1)]),
        ];
        let away = Missing::new(Reason::Connection, "refused");
        let plan = plan(Some(&topics), &[], &BTreeMap::from([(2, away)]));
        let asked = BTreeMap::from([(Some(1), BTreeSet::from([("t", 0), ("t", 3)]))]);
        assert_eq!(plan.leaders, asked);
        assert_eq!(plan.logs.keys().collect::<Vec<_>>(), ["t"]);
        let reasons = [0, 1, 2, 3, 4].map(|id| reason(&plan, id));
        let silent = Some(Reason::LogEndUnknown);
        let expected = [
            silent,
            Some(Reason::Connection),
            Some(Reason::NoLeader),
            silent,
            None,
        ];
        assert_eq!(reasons, expected);
    }

    #[test]
    fn an_agent_without_the_cluster_asks_for_what_its_groups_need() {
        let topics = [topic("t", &[Some(1), Some(1), None, None, Some(2)])];
        let groups = [group(&[0, 2], &[4])];
        let scope = |partition| {
            let partitions = BTreeSet::from([partition]);
            Scope::new(
                "agents".into(),
                Some(Shard {
                    partitions,
                    count: 5,
                }),
            )
        };
        let whole = || plan(Some(&topics), &groups, &BTreeMap::new());
        assert_eq!(whole().within(&scope(0), &groups), whole());
        let part = whole().within(&scope(1), &groups);
        let known: Vec<i32> = part.logs["t"].keys().copied().collect();
        assert_eq!(known, [0, 2, 4]);
        let asked = [(1, ("t", 0)), (2, ("t", 4))];
        let asked = asked.map(|(leader, at)| (Some(leader), BTreeSet::from([at])));
        assert_eq!(part.leaders, BTreeMap::from(asked));
    }

    #[test]
    fn without_metadata_librdkafka_may_know_the_leaders() {
        let groups = [group(&[0, 2], &[4])];
        let plan = plan(None, &groups, &BTreeMap::new());
        let asked = BTreeSet::from([("t", 0), ("t", 2)]);
        assert_eq!(plan.leaders, BTreeMap::from([(None, asked)]));
        assert_eq!(reason(&plan, 2), Some(Reason::LogEndUnknown));
    }

    #[test]
    fn a_negative_offset_is_no_log_end() {
        let far = Instant::now() + Duration::from_secs(60);
        let end = |code, offset, deadline| {
            let offset = Offset {
                topic: "t".into(),
                partition: 0,
                offset,
                code,
                timestamp: -1,
            };
            log_end(&offset, deadline).map_err(|missing| missing.reason)
        };
        assert_eq!(end(0, 0, far), Ok(0));
        assert_eq!(end(0, i64::MAX, far), Ok(i64::MAX));
        for unknown in [-1, -1001, i64::MIN] {
            assert_eq!(end(0, unknown, far), Err(Reason::LogEndUnknown));
            assert_eq!(end(0, unknown, Instant::now()), Err(Reason::Timeout));
        }
        // Whatever offset stands beside an error.
        assert_eq!(end(6, 5, far), Err(Reason::LeaderMoved));
        assert_eq!(end(29, 0, far), Err(Reason::NotAuthorized));
    }

    #[test]
    fn an_answer_is_taken_for_what_was_asked_and_nothing_else() {
        let topics = [topic("t", &[Some(1)])];
        let mut logs = plan(Some(&topics), &[], &BTreeMap::new()).logs;
        set_end(&mut logs, "t", 0, End::Latest, Ok(9));
        set_end(&mut logs, "t", 1, End::Latest, Ok(9));
        set_end(&mut logs, "s", 0, End::Latest, Ok(9));
        assert_eq!((logs.len(), logs["t"].len()), (1, 1));
        let ends = &logs["t"][&0];
        assert_eq!((&ends.latest, ends.earliest.is_err()), (&Ok(9), true));
        set_end(&mut logs, "t", 0, End::Earliest, Ok(3));
        assert_eq!(
            (&logs["t"][&0].earliest, &logs["t"][&0].latest),
            (&Ok(3), &Ok(9))
        );
    }
}
