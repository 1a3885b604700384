//! How long documents are kept, and how exactly.

use serde_json::{Value, json};

use super::asset::{Asset, AssetKind};
use super::server::{Feature, Server};
use super::templates::meta;
use crate::catalogue::{Dataset, StreamType};

/// A new index begins after this time, or with this much in a primary shard, which is Elastic's advice for the size.
/// A week of a few brokers is far below that; an index a day and dataset would be many small ones.
const ROLLOVER: (&str, &str) = ("7d", "50gb");

/// Time series get coarser: this long after its index was rolled over, to one document a series and this time. Not before
/// the documents of [a week without Elasticsearch](super::templates) have arrived: a coarse index takes no more.
/// 5m is the shortest that Elasticsearch takes in the streams' own lifecycle, and each step is a multiple of the one before.
const COARSER: [(Phase, &str, &str); 2] = [(Phase::Warm, "7d", "5m"), (Phase::Cold, "30d", "1h")];

/// Everything goes then.
const RETENTION: &str = "90d";

/// Where nothing gets coarser the index is at least made small then.
const MERGE_AFTER: &str = "1d";

#[derive(Debug, Clone, Copy)]
enum Phase {
    Warm,
    Cold,
}

impl Phase {
    fn as_str(self) -> &'static str {
        match self {
            Self::Warm => "warm",
            Self::Cold => "cold",
        }
    }
}

/// What takes care of the age of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// A lifecycle policy that the templates name.
    Policies,
    /// The streams' own lifecycle.
    DataStream,
    /// Nothing of ours: it is left to others.
    None,
}

impl Lifecycle {
    /// The one that suits a server.
    pub fn of(server: &Server) -> Self {
        if server.has(Feature::Policies) {
            Self::Policies
        } else if server.has(Feature::DataStreamLifecycle) {
            Self::DataStream
        } else {
            Self::None
        }
    }

    /// What it needs of the server.
    pub fn feature(self) -> Option<Feature> {
        match self {
            Self::Policies => Some(Feature::Policies),
            Self::DataStream => Some(Feature::DataStreamLifecycle),
            Self::None => None,
        }
    }

    /// Whether it is there.
    fn is_in(self, server: &Server) -> bool {
        self.feature().is_some_and(|feature| server.has(feature))
    }

    /// The policy that a dataset's template names.
    pub(super) fn policy_of(self, server: &Server, dataset: &Dataset) -> Option<&'static str> {
        (self == Self::Policies && self.is_in(server)).then(|| policy_name(dataset.stream_type))
    }

    /// `template.lifecycle` of a dataset.
    pub(super) fn of_stream(self, server: &Server, dataset: &Dataset) -> Option<Value> {
        if self != Self::DataStream || !self.is_in(server) {
            return None;
        }
        let mut lifecycle = json!({"data_retention": RETENTION});
        if dataset.is_time_series() {
            let steps = COARSER
                .map(|(_, after, interval)| json!({"after": after, "fixed_interval": interval}));
            lifecycle["downsampling"] = json!(steps);
        }
        Some(lifecycle)
    }

    /// The policies.
    pub(super) fn policies(self, server: &Server) -> Vec<Asset> {
        if self != Self::Policies || !self.is_in(server) {
            return Vec::new();
        }
        let streams = [StreamType::Metrics, StreamType::Logs];
        streams.map(|stream| policy(server, stream)).to_vec()
    }
}

fn policy_name(stream: StreamType) -> &'static str {
    match stream {
        StreamType::Metrics => "brokerbeat-metrics",
        StreamType::Logs => "brokerbeat-logs",
    }
}

fn policy(server: &Server, stream: StreamType) -> Asset {
    let (age, size) = ROLLOVER;
    let rollover = json!({"max_age": age, "max_primary_shard_size": size});
    let mut phases = json!({
        "hot": {"actions": {"rollover": rollover}},
        "delete": {"min_age": RETENTION, "actions": {"delete": {}}},
    });
    if stream == StreamType::Metrics && server.has(Feature::Downsampling) {
        // Elasticsearch leaves out this action for an index that is no time series.
        for (phase, after, interval) in COARSER {
            let actions = json!({"downsample": {"fixed_interval": interval}});
            phases[phase.as_str()] = json!({"min_age": after, "actions": actions});
        }
    } else {
        let actions = json!({"forcemerge": {"max_num_segments": 1}});
        phases["warm"] = json!({"min_age": MERGE_AFTER, "actions": actions});
    }
    Asset {
        kind: AssetKind::Policy,
        name: policy_name(stream).to_owned(),
        body: json!({"policy": {"_meta": meta(), "phases": phases}}),
    }
}
