//! What comes back.

use std::collections::BTreeMap;

use super::failure::Failure;
#[cfg(doc)]
use super::request::Request;
use crate::collect::kafka::snapshot::{Broker, Description, Listing, Member};

/// An answer to a [`Request`].
#[derive(Debug, Clone, PartialEq)]
pub enum Answered {
    /// To [`Request::Cluster`].
    Cluster(Cluster),
    /// To [`Request::Groups`]: name and line.
    Groups(Vec<(String, Listing)>),
    /// To [`Request::Group`].
    Group(Description),
    /// To [`Request::TopicConfigs`] and [`Request::BrokerConfig`].
    Configs(Vec<Configured>),
    /// To [`Request::TopicIds`]: name and id of those that have one.
    TopicIds(Vec<(String, TopicId)>),
    /// To [`Request::Committed`], [`Request::Offsets`] and [`Request::Times`].
    Offsets(Vec<Offset>),
}

/// What tells a topic from an earlier one of the same name: the halves of its UUID.
pub type TopicId = (i64, i64);

/// The cluster by its controller's word.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Its id.
    pub id: Option<String>,
    /// Broker id of the controller.
    pub controller: Option<i32>,
    /// Live brokers with their racks.
    pub brokers: Vec<Broker>,
}

/// An offset of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offset {
    /// Topic.
    pub topic: String,
    /// Number of the partition.
    pub partition: i32,
    /// The offset; negative means that there is none.
    pub offset: i64,
    /// Error code, 0 for none.
    pub code: i32,
    /// Timestamp of the record there, where a time was asked for: milliseconds since the epoch,
    /// negative for none.
    pub timestamp: i64,
}

/// A topic or broker with the values that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// Name of the topic, id of the broker.
    pub name: String,
    /// Why its values are not told.
    pub failure: Option<Failure>,
    /// Kafka's name and the effective value of each; none where nothing is set.
    pub values: BTreeMap<String, Option<String>>,
}

/// A group of whatever kind, by the untyped listing: ListGroups and DescribeGroups in version 0.
///
/// A group that is no classic one (consumer protocol, share, streams) is listed but not
/// described: its state is `Dead` and its protocol type is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct AnyGroup {
    /// Its id.
    pub id: String,
    /// The broker that coordinates it.
    pub broker: i32,
    /// Error code of the description, 0 for none.
    pub code: i32,
    /// `Stable`, `Empty` …
    pub state: String,
    /// `consumer`, `connect` …; empty where only offsets are kept.
    pub protocol_type: String,
    /// How the work is assigned.
    pub protocol: String,
    /// Id, `client.id` and host of its members.
    pub members: Vec<Member>,
}

/// What comes out of a client's queue.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The answer to the request of that number.
    Answer(usize, Result<Answered, Failure>),
    /// Something is wrong with a connection.
    Trouble(Failure),
    /// A line of librdkafka's log.
    Log {
        /// As syslog has it: 3 is an error, 7 debugging.
        level: i32,
        /// The line.
        line: String,
    },
    /// Nothing of interest.
    Other,
}

/// A record, or why there is none, from a [`super::Tap`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Topic.
    pub topic: String,
    /// Number of the partition.
    pub partition: i32,
    /// Its offset; at the log end that one.
    pub offset: i64,
    /// Milliseconds since the epoch; none in old formats, or where the producer gave none.
    pub timestamp: Option<i64>,
    /// Bytes of key and value.
    pub size: usize,
    /// Error code, 0 for none.
    pub code: i32,
}

impl Record {
    /// librdkafka's code for "the log ends here".
    pub const LOG_END: i32 = -191;
}
