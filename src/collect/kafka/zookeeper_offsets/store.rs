//! What the snapshot keeps of the store itself, plain.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::collect::kafka::snapshot::Missing;

/// What came of reading the offsets that old consumers keep in ZooKeeper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OldStore {
    /// As in a broker's `zookeeper.connect`: `zk1:2181,zk2:2181/kafka`.
    pub place: String,
    /// Why not everything was read.
    pub away: Option<Missing>,
    /// Whether a part was, all the same.
    pub incomplete: bool,
    /// Nodes that could not be made use of: how many, and a few of them.
    pub odd: BTreeMap<OddNodes, (u64, Vec<String>)>,
}

/// What is wrong with nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OddNodes {
    /// An ACL keeps us out.
    Refused,
    /// Any other error of ZooKeeper's.
    Failed,
    /// The data of a partition's node is no offset.
    NoOffset,
    /// The name is no partition, or no text.
    BadName,
    /// Groups beyond the limit.
    TooManyGroups,
    /// Topics of groups beyond the limit.
    TooManyTopics,
    /// Partitions of groups beyond the limit.
    TooManyPartitions,
}
