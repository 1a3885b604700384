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
        (self == Self::Policies && self.is_in(server)).then(|| Kind::of(dataset).policy())
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
        let kinds = [Kind::Metrics, Kind::Import, Kind::Logs];
        kinds.map(|kind| policy(server, kind)).to_vec()
    }
}

/// Streams that get old in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The agent's own time series.
    Metrics,
    /// What others measure. Elasticsearch 8.7.0 gets stuck where such an index is to be made coarser.
    Import,
    Logs,
}

impl Kind {
    fn of(dataset: &Dataset) -> Self {
        match dataset.stream_type {
            StreamType::Metrics if dataset.is_time_series() => Self::Metrics,
            StreamType::Metrics => Self::Import,
            StreamType::Logs => Self::Logs,
        }
    }

    fn policy(self) -> &'static str {
        match self {
            Self::Metrics => "brokerbeat-metrics",
            Self::Import => "brokerbeat-import",
            Self::Logs => "brokerbeat-logs",
        }
    }
}

fn policy(server: &Server, kind: Kind) -> Asset {
    let (age, size) = ROLLOVER;
    let rollover = json!({"max_age": age, "max_primary_shard_size": size});
    let mut phases = json!({
        "hot": {"actions": {"rollover": rollover}},
        "delete": {"min_age": RETENTION, "actions": {"delete": {}}},
    });
    if kind == Kind::Metrics && server.has(Feature::Downsampling) {
        for (phase, after, interval) in COARSER {
            let actions = json!({"downsample": {"fixed_interval": interval}});
            phases[phase.as_str()] = json!({"min_age": after, "actions": actions});
        }
    } else {
        let actions = json!({"forcemerge": {"max_num_segments": 1}});
        phases["warm"] = json!({"min_age": MERGE_AFTER, "actions": actions});
    }
    let mut meta = meta();
    // What was installed: a policy that says otherwise now was changed by its user.
    meta["phases"] = phases.clone();
    Asset {
        kind: AssetKind::Policy,
        name: kind.policy().to_owned(),
        body: json!({"policy": {"_meta": meta, "phases": phases}}),
    }
}

#[cfg(test)]
mod tests {
    use super::super::server::Product;
    use super::super::server::tests::server;
    use super::super::templates::LOOK_BACK;
    use super::*;

    /// `7d` in minutes.
    fn minutes(text: &str) -> u64 {
        let (number, unit) = text.split_at(text.len() - 1);
        let number: u64 = number.parse().unwrap();
        match unit {
            "d" => number * 24 * 60,
            "h" => number * 60,
            "m" => number,
            _ => panic!("{text}"),
        }
    }

    #[test]
    fn nothing_gets_coarser_while_documents_may_come_and_each_step_divides_the_next() {
        assert!(minutes(COARSER[0].1) >= minutes(LOOK_BACK));
        for pair in COARSER.windows(2) {
            assert!(minutes(pair[0].1) < minutes(pair[1].1));
            assert_eq!(minutes(pair[1].2) % minutes(pair[0].2), 0);
        }
        assert!(minutes(COARSER[0].2) >= 5, "Elasticsearch takes no less");
        assert!(minutes(COARSER[1].1) < minutes(RETENTION));
    }

    #[test]
    fn policies_are_where_they_can_be_and_only_metrics_get_coarser() {
        let of = |product, major, minor| {
            let policies = Lifecycle::Policies.policies(&server(product, major, minor));
            let coarser = |asset: &Asset| asset.body.to_string().contains("downsample");
            let names = policies
                .iter()
                .map(|asset| (asset.name.clone(), coarser(asset)));
            names.collect::<Vec<_>>()
        };
        let all = |coarser| {
            let names = ["brokerbeat-metrics", "brokerbeat-import", "brokerbeat-logs"];
            let rows = names.map(|name| (name.to_owned(), coarser && name == names[0]));
            rows.to_vec()
        };
        assert_eq!(of(Product::Elasticsearch, 9, 4), all(true));
        assert_eq!(of(Product::Elasticsearch, 7, 17), all(false));
        assert_eq!(of(Product::Serverless, 8, 11), []);
        assert_eq!(of(Product::OpenSearch, 3, 8), []);
    }

    #[test]
    fn the_streams_own_lifecycle_is_for_servers_without_policies_or_on_demand() {
        let serverless = server(Product::Serverless, 8, 11);
        assert_eq!(Lifecycle::of(&serverless), Lifecycle::DataStream);
        let catalogue = crate::catalogue::Catalogue::get();
        let of = |name: &str, server: &Server| {
            Lifecycle::DataStream.of_stream(server, catalogue.dataset(name).unwrap())
        };
        let jvm = of("jvm", &Server::newest()).unwrap();
        assert_eq!(
            jvm["downsampling"][0],
            json!({"after": "7d", "fixed_interval": "5m"})
        );
        assert_eq!(
            of("event", &serverless).unwrap(),
            json!({"data_retention": "90d"})
        );
        assert_eq!(of("jvm", &server(Product::OpenSearch, 3, 8)), None);
        assert_eq!(of("jvm", &server(Product::Elasticsearch, 8, 13)), None);
    }
}
