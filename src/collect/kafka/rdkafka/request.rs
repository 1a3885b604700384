//! What is asked.

/// What is asked of a cluster.
///
/// Each request but the last two names its broker. Those about groups could leave it to librdkafka to
/// find the coordinator; but a request that runs out of time during that look-up is freed twice
/// (confluentinc/librdkafka#4605) and ends the process. Whoever lists a group is its coordinator.
#[derive(Debug, Clone, Copy)]
pub enum Request<'a> {
    /// DescribeCluster.
    Cluster {
        /// Any broker's id.
        broker: i32,
    },
    /// ListConsumerGroups: the groups that this broker coordinates.
    Groups {
        /// Its id.
        broker: i32,
    },
    /// DescribeConsumerGroups of one.
    Group {
        /// The coordinator.
        broker: i32,
        /// The group.
        id: &'a str,
    },
    /// ListConsumerGroupOffsets: all committed offsets of one group.
    Committed {
        /// The coordinator.
        broker: i32,
        /// The group.
        id: &'a str,
    },
    /// DescribeConfigs of topics: any broker knows them all.
    TopicConfigs {
        /// Its id.
        broker: i32,
        /// The topics.
        topics: &'a [&'a str],
        /// The values wanted of each, by Kafka's names.
        names: &'a [&'a str],
    },
    /// DescribeConfigs of a broker, which only itself knows.
    BrokerConfig {
        /// Its id.
        broker: i32,
        /// The values wanted, by Kafka's names.
        names: &'a [&'a str],
    },
    /// DescribeTopics, for their ids.
    TopicIds {
        /// Any broker's id.
        broker: i32,
        /// The topics.
        topics: &'a [&'a str],
    },
    /// ListOffsets, of the leaders that librdkafka knows by the last metadata.
    Offsets {
        /// Which end.
        end: End,
        /// Topic and number.
        partitions: &'a [(&'a str, i32)],
    },
    /// ListOffsets by time: the first record that is not older. Each partition once.
    Times {
        /// Topic, number and milliseconds since the epoch.
        times: &'a [(&'a str, i32, i64)],
    },
}

impl Request<'_> {
    /// The broker that it goes to.
    pub(super) fn broker(&self) -> Option<i32> {
        match self {
            Self::Cluster { broker }
            | Self::Groups { broker }
            | Self::Group { broker, .. }
            | Self::Committed { broker, .. }
            | Self::TopicConfigs { broker, .. }
            | Self::TopicIds { broker, .. }
            | Self::BrokerConfig { broker, .. } => Some(*broker),
            Self::Offsets { .. } | Self::Times { .. } => None,
        }
    }
}

/// An end of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The first offset that can still be read.
    Earliest,
    /// The high watermark.
    Latest,
}
