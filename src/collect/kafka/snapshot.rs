//! What one cycle saw of a cluster, plain: filled by `fetch`, read by `map`, kept as golden files.
//!
//! Everything that can be missing on its own is an [`Answer`]: a value, or why there is none.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::gone::Gone;
use super::times::Seen;
use super::zookeeper_offsets::store::OldStore;
use crate::document::Document;

/// A value, or why it is not known.
pub type Answer<T> = Result<T, Missing>;

/// Something per topic and partition.
pub type ByPartition<T> = BTreeMap<String, BTreeMap<i32, T>>;

/// Why a value is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The word in the documents.
    pub reason: Reason,
    /// For people: what the broker or librdkafka said.
    pub message: String,
}

impl Missing {
    /// A missing value with its reason and sentence.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// `…unknown_reason`: the names are part of the documents and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The group never committed an offset for the partition.
    NoCommit,
    /// The topic is not there (any more).
    TopicDeleted,
    /// The topic is there, but without this partition: it was made anew with fewer.
    PartitionDeleted,
    /// The group is not there (any more).
    GroupDeleted,
    /// The partition has no leader.
    NoLeader,
    /// The broker that was asked no longer leads the partition, or does not know yet that it does.
    LeaderMoved,
    /// The group's coordinator is still reading the group's offsets.
    CoordinatorLoading,
    /// The group has no coordinator: its part of `__consumer_offsets` has no leader, or moves.
    CoordinatorUnavailable,
    /// No answer within the stage's part of the cycle.
    Timeout,
    /// No connection to the broker that would know.
    Connection,
    /// The broker refuses: an ACL is missing.
    NotAuthorized,
    /// The broker does not know this request, or librdkafka does not know what is asked about.
    Unsupported,
    /// Not asked for yet: there is much to ask and it is others' turn.
    Pending,
    /// The log end was not among the answers.
    LogEndUnknown,
    /// What is stored is no offset.
    Unreadable,
    /// Any other error; the fault of the cycle has its text.
    Error,
}

/// Codes of the protocol (positive) and of librdkafka (negative) by what they mean here.
const CODES: &[(Reason, &[i32])] = &[
    (Reason::Timeout, &[-185, -192, -166, 7]),
    (
        Reason::Connection,
        &[-195, -193, -187, -181, -169, 8, 13, 58],
    ),
    (Reason::CoordinatorLoading, &[14]),
    (Reason::CoordinatorUnavailable, &[-180, 15, 16]),
    (Reason::NoLeader, &[5]),
    (Reason::LeaderMoved, &[6, 9, 74, 75, 78]),
    (Reason::TopicDeleted, &[-190, -188, 3, 100]),
    (Reason::GroupDeleted, &[69]),
    (Reason::NotAuthorized, &[29, 30, 31]),
    (Reason::Unsupported, &[-165, 35]),
];

impl Reason {
    /// What an error code means.
    pub fn of_code(code: i32) -> Self {
        CODES
            .iter()
            .find(|(_, codes)| codes.contains(&code))
            .map_or(Self::Error, |(reason, _)| *reason)
    }

    /// The word in the documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCommit => "no_commit",
            Self::TopicDeleted => "topic_deleted",
            Self::PartitionDeleted => "partition_deleted",
            Self::GroupDeleted => "group_deleted",
            Self::NoLeader => "no_leader",
            Self::LeaderMoved => "leader_moved",
            Self::CoordinatorLoading => "coordinator_loading",
            Self::CoordinatorUnavailable => "coordinator_unavailable",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::NotAuthorized => "not_authorized",
            Self::Unsupported => "unsupported",
            Self::Pending => "pending",
            Self::LogEndUnknown => "log_end_unknown",
            Self::Unreadable => "unreadable",
            Self::Error => "error",
        }
    }
}

/// One cycle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Id of the cluster, by its own word.
    pub cluster_id: Option<String>,
    /// The controller as the cluster tells its clients; with KRaft any live broker stands here.
    pub controller: Option<i32>,
    /// Whether a broker described the cluster; without that the racks are missing.
    pub description: Answer<()>,
    /// Brokers, topics, partitions.
    pub metadata: Answer<Metadata>,
    /// First and last offset of the partitions of the selected topics.
    pub logs: ByPartition<LogEnds>,
    /// Selected groups in the order of their names.
    pub groups: Vec<Group>,
    /// How old the first records are that they have not read.
    #[serde(default, skip_serializing_if = "Seen::is_empty")]
    pub times: Seen,
    /// How many groups all brokers together listed; absent when one did not answer.
    pub group_count: Option<u64>,
    /// Brokers that did not list their groups.
    pub unlisted: BTreeMap<i32, Missing>,
    /// What else there is to know of the cluster.
    #[serde(default)]
    pub inventory: Inventory,
    /// What was there lately and is no more.
    #[serde(default, skip_serializing_if = "Gone::is_empty")]
    pub gone: Gone,
    /// The store of old consumers' offsets; absent where the configuration names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_store: Option<OldStore>,
}

/// What is there and how it is set: read rarely, or of all that there is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// Effective configuration of the topics that were asked about so far.
    pub topics: BTreeMap<String, Answer<TopicConfig>>,
    /// Defaults of the brokers that were asked so far.
    pub brokers: BTreeMap<i32, Answer<BrokerConfig>>,
    /// Consumer groups by state, selected or not; absent when a broker did not list its own.
    pub states: Option<BTreeMap<String, u64>>,
    /// How many groups there are that are no consumer groups; absent before the first answer.
    pub other_groups: Option<Answer<u64>>,
}

/// What a topic is set to, whether by itself, by its broker or by default. Absent is a value that
/// the broker does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicConfig {
    /// `retention.ms`; −1 for ever.
    pub retention_ms: Option<i64>,
    /// `retention.bytes` of a partition; −1 without limit.
    pub retention_bytes: Option<i64>,
    /// `cleanup.policy`: `delete`, `compact`, or both with a comma.
    pub cleanup_policy: Option<String>,
    /// `max.message.bytes`.
    pub max_message_bytes: Option<i64>,
    /// `min.insync.replicas`.
    pub min_insync_replicas: Option<i64>,
}

/// A broker's defaults for topics, and how long it keeps offsets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerConfig {
    /// What a topic has that sets nothing.
    pub topic: TopicConfig,
    /// `default.replication.factor`.
    pub replication_factor: Option<i64>,
    /// `num.partitions`.
    pub partitions: Option<i64>,
    /// `offsets.retention.minutes` in milliseconds: how long a group without members keeps its
    /// commits.
    pub offsets_retention_ms: Option<i64>,
}

/// Brokers and topics by one broker's word.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Live brokers.
    pub brokers: Vec<Broker>,
    /// All topics that we may see.
    pub topics: Vec<Topic>,
}

/// A broker as its clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Broker {
    /// Its id.
    pub id: i32,
    /// Advertised name.
    pub host: String,
    /// Advertised port.
    pub port: i32,
    /// `broker.rack`, where it has one.
    pub rack: Option<String>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// The broker's complaint about it.
    pub error: Option<Error>,
    /// One of Kafka's own topics.
    pub internal: bool,
    /// Whether the configuration selects it: others count for the cluster only.
    pub selected: bool,
    /// Its partitions.
    pub partitions: Vec<Partition>,
}

/// An error code and its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// Number on the wire.
    pub code: i32,
    /// `LEADER_NOT_AVAILABLE`.
    pub name: String,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// Its number.
    pub id: i32,
    /// The broker's complaint about it.
    pub error: Option<Error>,
    /// Id of the leading broker, if one leads.
    pub leader: Option<i32>,
    /// Brokers that hold it.
    pub replicas: Vec<i32>,
    /// Those of them that are in sync.
    pub isr: Vec<i32>,
}

/// Both ends of a log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEnds {
    /// First offset that can still be read.
    pub earliest: Answer<i64>,
    /// Offset that the next record will get (the high watermark).
    pub latest: Answer<i64>,
}

/// Who keeps a group's offsets. The words are part of the documents and never change.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// `__consumer_offsets`, by way of the group's coordinator.
    #[default]
    Kafka,
    /// `/consumers`, where the consumers before Kafka 0.9 keep theirs.
    ZooKeeper,
}

impl Store {
    /// The word in the documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::ZooKeeper => "zookeeper",
        }
    }
}

/// What the name of a group has more than its id where that store has its offsets.
pub const IN_ZOOKEEPER: &str = " (in ZooKeeper)";

/// A consumer group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Its id. Within one store it stands for one group only; the other may have the same one.
    pub id: String,
    /// Who keeps its offsets.
    #[serde(default)]
    pub store: Store,
    /// Broker that lists the group, or listed it last: a broker lists what it coordinates.
    pub coordinator: Option<i32>,
    /// What the list of groups says; absent for one that no broker listed this time.
    pub listing: Option<Listing>,
    /// State and members.
    pub description: Answer<Description>,
    /// Committed offsets; `None` is a partition that was asked about and has no commit.
    pub committed: Answer<ByPartition<Answer<Option<i64>>>>,
    /// Partitions that the group had when it could last be read, if it cannot be now.
    pub last_partitions: BTreeMap<String, Vec<i32>>,
}

impl Group {
    /// Those with a commit, with a member, or that the group had when it could last be read; some more than once.
    pub fn partitions(&self) -> impl Iterator<Item = (&str, i32)> {
        let committed = self.committed.iter().flatten();
        let committed = committed.flat_map(|(topic, all)| all.keys().map(move |id| (topic, *id)));
        let members = self.description.iter().flat_map(|one| &one.members);
        let assigned = members.flat_map(|member| &member.assigned);
        let known = assigned.chain(&self.last_partitions);
        let known = known.flat_map(|(topic, all)| all.iter().map(move |id| (topic, *id)));
        committed
            .chain(known)
            .map(|(topic, id)| (topic.as_str(), id))
    }

    /// What tells the group from all others of its cluster.
    pub fn key(&self) -> (Store, &str) {
        (self.store, &self.id)
    }

    /// The name by which it is judged and talked of: two groups of one id in two stores are two groups.
    pub fn name(&self) -> Cow<'_, str> {
        match self.store {
            Store::Kafka => Cow::Borrowed(&self.id),
            Store::ZooKeeper => Cow::Owned(format!("{}{IN_ZOOKEEPER}", self.id)),
        }
    }

    /// A document about the group, with that as its identity.
    pub fn document(&self, dataset: &'static str, kind: &'static str) -> Document {
        Document::new(dataset, kind)
            .key("kafka.consumergroup.id", self.id.as_str())
            .key("kafka.consumergroup.store", self.store.as_str())
    }
}

/// A line of the list of groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// `Stable`, `Empty` …; `Unknown` before Kafka 2.6.
    pub state: String,
    /// `Classic`, `Consumer`; `Unknown` before Kafka 4.0.
    pub kind: String,
    /// Offsets only: nobody ever joined it.
    pub simple: bool,
    /// What its members speak: `consumer`, `connect` …; absent where nobody joined or nobody told.
    #[serde(default)]
    pub protocol: Option<String>,
}

/// A group by its coordinator's word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// As in [`Listing`].
    pub state: String,
    /// As in [`Listing`].
    pub kind: String,
    /// Offsets only.
    pub simple: bool,
    /// How partitions are assigned: `range`, `uniform` …; empty without members.
    pub assignor: String,
    /// Its members.
    pub members: Vec<Member>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Member id.
    pub id: String,
    /// `client.id`.
    pub client_id: String,
    /// Where it connects from, `/10.0.0.7`.
    pub host: String,
    /// `group.instance.id` of a static member.
    pub instance_id: Option<String>,
    /// Its partitions.
    pub assigned: BTreeMap<String, Vec<i32>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_one_meaning() {
        let mut all: Vec<i32> = CODES
            .iter()
            .flat_map(|(_, codes)| *codes)
            .copied()
            .collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(Reason::of_code(14), Reason::CoordinatorLoading);
        assert_eq!(Reason::of_code(-1), Reason::Error);
        for (reason, _) in CODES {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }
}
