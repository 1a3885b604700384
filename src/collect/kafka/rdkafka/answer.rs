//! What comes back.

use super::failure::Failure;
#[cfg(doc)]
use super::request::Request;
use crate::collect::kafka::snapshot::{Broker, Description, Listing};

/// An answer to a [`Request`].
#[derive(Debug, Clone, PartialEq)]
pub enum Answered {
    /// To [`Request::Cluster`].
    Cluster(Cluster),
    /// To [`Request::Groups`]: name and line.
    Groups(Vec<(String, Listing)>),
    /// To [`Request::Group`].
    Group(Description),
    /// To [`Request::Committed`], [`Request::Offsets`] and [`Request::Times`].
    Offsets(Vec<Offset>),
}

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
