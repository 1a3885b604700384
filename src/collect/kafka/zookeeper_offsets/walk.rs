//! From node to node: four rounds, each with all its requests in flight together.
//!
//! Groups → what each has → partitions of its topics → offsets and owners. Names come from the
//! server and are checked before they become paths again.

use super::store::OddNodes;
use super::tree::{OldGroup, OldTopic, Tree};
use crate::collect::kafka::snapshot::{Answer, Missing};
use crate::collect::zookeeper::client::message::{Code, Op, Payload, Request};
use crate::collect::zookeeper::client::session::{Bounds, Session, SessionError};

/// Groups of a cycle. Console consumers left one behind at each start: who has more excludes some.
const MAX_GROUPS: usize = 10_000;

/// Topics of all groups together, those with offsets and those with owners.
const MAX_TOPICS: usize = 50_000;

/// Offsets and owners of all groups together.
const MAX_PARTITIONS: usize = 400_000;

/// Requests that are held in memory at a time.
const AT_ONCE: usize = 4_096;

/// Which groups and topics.
pub struct Wanted<'a> {
    /// Whether to read a group.
    pub group: &'a (dyn Fn(&str) -> bool + Sync),
    /// Whether to read a topic of it.
    pub topic: &'a (dyn Fn(&str) -> bool + Sync),
}

/// The two folders of a group that have topics with partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Offsets,
    Owners,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Offsets => "offsets",
            Self::Owners => "owners",
        }
    }
}

/// A topic of a group, by the group's index.
struct TopicAt {
    group: usize,
    part: Part,
    topic: String,
}

/// A partition, by the index of its topic.
struct PartitionAt {
    topic: usize,
    partition: i32,
}

/// Reads everything below `root`, which is `/consumers` with the chroot before it. What is in the
/// tree after an error was read before it.
pub async fn walk(
    session: &mut Session,
    root: &str,
    wanted: &Wanted<'_>,
    tree: &mut Tree,
    bounds: &mut Bounds,
) -> Result<(), SessionError> {
    let mut walk = Walk {
        session,
        root,
        wanted,
        tree,
        bounds,
    };
    walk.groups().await?;
    let topics = walk.topics().await?;
    let partitions = walk.partitions(&topics).await?;
    walk.values(&topics, &partitions).await
}

struct Walk<'w> {
    session: &'w mut Session,
    root: &'w str,
    wanted: &'w Wanted<'w>,
    tree: &'w mut Tree,
    bounds: &'w mut Bounds,
}

impl Walk<'_> {
    /// Asks for many nodes and hands each answer over with its index and path.
    async fn ask<T: Sync>(
        &mut self,
        op: Op,
        places: &[T],
        path: impl Fn(&T) -> String,
        mut take: impl FnMut(&mut Tree, usize, &str, Result<Payload<'_>, Code>),
    ) -> Result<(), SessionError> {
        for (chunk, places) in places.chunks(AT_ONCE).enumerate() {
            let request = |place| Request {
                op,
                path: path(place),
            };
            let requests: Vec<Request> = places.iter().map(request).collect();
            let tree = &mut *self.tree;
            let take = |index: usize, answer: Result<Payload<'_>, Code>| {
                let path = requests[index].path.as_str();
                take(tree, chunk * AT_ONCE + index, path, answer);
            };
            self.session.ask(&requests, self.bounds, take).await?;
        }
        Ok(())
    }

    async fn groups(&mut self) -> Result<(), SessionError> {
        let (root, wanted) = (self.root.to_owned(), self.wanted);
        let take = |tree: &mut Tree, _: usize, path: &str, answer: Result<Payload<'_>, Code>| {
            match answer {
                Err(Code::NO_NODE) => tree.present = Some(false),
                Err(code) => {
                    tree.present = Some(true);
                    let why = tree.refusal(code, path);
                    // It is told as the whole store's refusal.
                    tree.odd.clear();
                    tree.refused =
                        Some(Missing::new(why.reason, format!("{path}: {}", why.message)));
                }
                Ok(payload) => {
                    tree.present = Some(true);
                    let mut names = names(tree, path, payload);
                    names.retain(|name| (wanted.group)(name));
                    names.sort_unstable();
                    limit(tree, &mut names, MAX_GROUPS, OddNodes::TooManyGroups);
                    let group = |id| OldGroup {
                        id,
                        ..OldGroup::default()
                    };
                    tree.groups = names.into_iter().map(group).collect();
                }
            }
        };
        self.ask(Op::Children, &[()], |()| root.clone(), take).await
    }

    async fn topics(&mut self) -> Result<Vec<TopicAt>, SessionError> {
        /// In this order: a topic with an owner only is met when those with offsets are known.
        const FOLDERS: [&str; 3] = ["offsets", "owners", "ids"];
        let groups = self.tree.groups.iter();
        let folders =
            groups.flat_map(|group| FOLDERS.map(|folder| format!("{}/{folder}", group.id)));
        let folders: Vec<String> = folders.collect();
        let (root, wanted) = (self.root, self.wanted);
        let mut found = Vec::new();
        let take =
            |tree: &mut Tree, index: usize, path: &str, answer: Result<Payload<'_>, Code>| {
                let group = index / FOLDERS.len();
                let names = children(tree, path, answer);
                match index % FOLDERS.len() {
                    0 => take_topics(tree, &mut found, wanted, group, Part::Offsets, names),
                    1 => take_topics(tree, &mut found, wanted, group, Part::Owners, names),
                    _ => tree.groups[group].members = Some(names),
                }
            };
        let path = |folder: &String| format!("{root}/{folder}");
        self.ask(Op::Children, &folders, path, take).await?;
        limit(self.tree, &mut found, MAX_TOPICS, OddNodes::TooManyTopics);
        Ok(found)
    }

    /// Of the groups, in their order: the tree itself changes while its nodes are asked for.
    fn ids(&self) -> Vec<String> {
        let groups = self.tree.groups.iter();
        groups.map(|group| group.id.clone()).collect()
    }

    async fn partitions(&mut self, topics: &[TopicAt]) -> Result<Vec<PartitionAt>, SessionError> {
        let root = self.root;
        let ids = self.ids();
        let path =
            |at: &TopicAt| format!("{root}/{}/{}/{}", ids[at.group], at.part.name(), at.topic);
        let mut found = Vec::new();
        let take =
            |tree: &mut Tree, index: usize, path: &str, answer: Result<Payload<'_>, Code>| {
                let names = children(tree, path, answer);
                let at = &topics[index];
                let numbers = names.map(|names| numbers(tree, path, names.unwrap_or_default()));
                let Some(topic) = tree.groups[at.group].topics.get_mut(&at.topic) else {
                    return;
                };
                for &partition in numbers.as_ref().into_iter().flatten() {
                    found.push(PartitionAt {
                        topic: index,
                        partition,
                    });
                    match at.part {
                        Part::Offsets => drop(topic.offsets.insert(partition, None)),
                        Part::Owners => drop(topic.owners.insert(partition, None)),
                    }
                }
                if at.part == Part::Offsets {
                    topic.listed = Some(numbers.map(|_| ()));
                }
            };
        self.ask(Op::Children, topics, path, take).await?;
        limit(
            self.tree,
            &mut found,
            MAX_PARTITIONS,
            OddNodes::TooManyPartitions,
        );
        Ok(found)
    }

    async fn values(
        &mut self,
        topics: &[TopicAt],
        partitions: &[PartitionAt],
    ) -> Result<(), SessionError> {
        let root = self.root;
        let ids = self.ids();
        let path = |at: &PartitionAt| {
            let topic = &topics[at.topic];
            let (group, part) = (&ids[topic.group], topic.part.name());
            format!("{root}/{group}/{part}/{}/{}", topic.topic, at.partition)
        };
        let take =
            |tree: &mut Tree, index: usize, path: &str, answer: Result<Payload<'_>, Code>| {
                let at = &partitions[index];
                take_value(tree, &topics[at.topic], at.partition, path, answer);
            };
        self.ask(Op::Data, partitions, path, take).await
    }
}

/// Names that can be part of a path.
fn names(tree: &mut Tree, path: &str, payload: Payload<'_>) -> Vec<String> {
    let Payload::Children { names, unreadable } = payload else {
        return Vec::new();
    };
    if unreadable > 0 {
        let count = u64::try_from(unreadable).unwrap_or(u64::MAX);
        tree.note_many(OddNodes::BadName, count, || format!("{path}/…"));
    }
    let usable = |name: &&str| !matches!(*name, "" | "." | "..") && !name.contains('/');
    names
        .into_iter()
        .filter(usable)
        .map(str::to_owned)
        .collect()
}

/// The names below a node; `None` where there is no such node.
fn children(
    tree: &mut Tree,
    path: &str,
    answer: Result<Payload<'_>, Code>,
) -> Answer<Option<Vec<String>>> {
    match answer {
        Ok(payload) => Ok(Some(names(tree, path, payload))),
        Err(Code::NO_NODE) => Ok(None),
        Err(code) => Err(tree.refusal(code, path)),
    }
}

fn numbers(tree: &mut Tree, path: &str, names: Vec<String>) -> Vec<i32> {
    let mut numbers = Vec::new();
    for name in names {
        // "007" would be another node than "7".
        match name.parse::<i32>() {
            Ok(number) if number >= 0 && number.to_string() == name => numbers.push(number),
            _ => tree.note(OddNodes::BadName, || format!("{path}/{name}")),
        }
    }
    numbers
}

fn limit<T>(tree: &mut Tree, all: &mut Vec<T>, most: usize, kind: OddNodes) {
    if let Some(over) = all.len().checked_sub(most).filter(|over| *over > 0) {
        let over = u64::try_from(over).unwrap_or(u64::MAX);
        tree.note_many(kind, over, || most.to_string());
        all.truncate(most);
    }
}

fn take_topics(
    tree: &mut Tree,
    found: &mut Vec<TopicAt>,
    wanted: &Wanted<'_>,
    group: usize,
    part: Part,
    names: Answer<Option<Vec<String>>>,
) {
    let known = &mut tree.groups[group];
    if part == Part::Offsets {
        known.listed = Some(names.as_ref().map(|_| ()).map_err(Clone::clone));
    }
    for topic in names.unwrap_or_default().unwrap_or_default() {
        if !(wanted.topic)(&topic) {
            continue;
        }
        let listed = (part == Part::Owners).then_some(Ok(()));
        let new = || OldTopic {
            listed,
            ..OldTopic::default()
        };
        known.topics.entry(topic.clone()).or_insert_with(new);
        found.push(TopicAt { group, part, topic });
    }
}

fn take_value(
    tree: &mut Tree,
    at: &TopicAt,
    partition: i32,
    path: &str,
    answer: Result<Payload<'_>, Code>,
) {
    let (offset, owner) = match (at.part, answer) {
        (Part::Offsets, Ok(Payload::Data(data))) => (Some(tree.offset(data, path)), None),
        (Part::Owners, Ok(Payload::Data(data))) => (None, Some(String::from_utf8_lossy(data))),
        // Gone since it was listed.
        (_, Err(Code::NO_NODE)) => (None, None),
        (Part::Offsets, Err(code)) => (Some(Err(tree.refusal(code, path))), None),
        (Part::Owners, Err(code)) => {
            tree.refusal(code, path);
            (None, None)
        }
        (_, Ok(Payload::Children { .. })) => return,
    };
    let topics = &mut tree.groups[at.group].topics;
    let Some(topic) = topics.get_mut(&at.topic) else {
        return;
    };
    match (at.part, offset) {
        (Part::Offsets, None) => drop(topic.offsets.remove(&partition)),
        (Part::Offsets, offset) => drop(topic.offsets.insert(partition, offset)),
        (Part::Owners, _) => match owner {
            Some(owner) => drop(topic.owners.insert(partition, Some(owner.into_owned()))),
            None => drop(topic.owners.remove(&partition)),
        },
    }
}
