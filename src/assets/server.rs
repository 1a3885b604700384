//! What is on the other side, and what it can do.

use reqwest::Method;
use serde_json::Value;
use thiserror::Error;

use crate::ship::elasticsearch::elastic::{Elastic, ElasticError};

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Elasticsearch that somebody runs.
    Elasticsearch,
    /// Elastic's serverless one, always the newest whatever version it says.
    Serverless,
    /// OpenSearch.
    OpenSearch,
}

/// A server: product, and version as major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    /// Whose it is.
    pub product: Product,
    /// Major and minor.
    pub version: (u64, u64),
}

/// What not every server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// `index.mode: time_series` with metric types and dimensions.
    TimeSeries,
    /// `index.look_back_time`.
    LookBack,
    /// Lifecycle policies.
    Policies,
    /// Downsampling in lifecycle policies.
    Downsampling,
    /// `template.lifecycle` with `data_retention` and `downsampling`.
    DataStreamLifecycle,
    /// `template.data_stream_options.failure_store`.
    FailureStore,
    /// `index.mapping.ignore_malformed`, which leaves `@timestamp` alone.
    LenientIndex,
    /// `ignore_missing_component_templates`.
    OptionalComponents,
    /// Type `constant_keyword` that takes its value from the first document.
    ConstantKeyword,
    /// `_meta` of an ingest pipeline.
    PipelineMeta,
}

/// In which version of Elasticsearch a feature came; a second one where it came to two lines at once.
const SINCE: [(Feature, &[(u64, u64)]); 10] = [
    // Release highlights of 8.7: time series data streams are generally available.
    (Feature::TimeSeries, &[(8, 7)]),
    // elastic/elasticsearch#98518.
    (Feature::LookBack, &[(8, 11)]),
    // Lower than everything that is supported: 6.6.
    (Feature::Policies, &[(7, 0)]),
    // It needs time-series mode; the action itself is of 8.5.
    (Feature::Downsampling, &[(8, 7)]),
    // Release highlights of 8.14: generally available.
    (Feature::DataStreamLifecycle, &[(8, 14)]),
    // Release highlights of 8.19 and of 9.1; 9.0 has it not.
    (Feature::FailureStore, &[(8, 19), (9, 1)]),
    // elastic/elasticsearch#99346: before, the setting makes the template of a data stream one that is refused.
    (Feature::LenientIndex, &[(8, 11)]),
    // elastic/elasticsearch#92436.
    (Feature::OptionalComponents, &[(8, 7)]),
    // 7.7; OpenSearch's type of that name wants the value in the mapping.
    (Feature::ConstantKeyword, &[(7, 7)]),
    // elastic/elasticsearch#75905.
    (Feature::PipelineMeta, &[(7, 16)]),
];

/// Why an answer does not say what a server is.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the answer to GET / has no version of Elasticsearch or OpenSearch: {0}")]
pub struct NoServer(String);

impl Server {
    /// What the files in the repository are for.
    pub fn newest() -> Self {
        Self::newest_of(Product::Elasticsearch)
    }

    /// The newest one that is known.
    pub fn newest_of(product: Product) -> Self {
        let version = match product {
            Product::Elasticsearch | Product::Serverless => (9, 4),
            Product::OpenSearch => (3, 8),
        };
        Self { product, version }
    }

    /// Asks the server what it is.
    pub async fn ask(elastic: &Elastic) -> Result<Self, ElasticError> {
        let answer = elastic.json(Method::GET, "/", None).await?;
        Self::read(&answer.unwrap_or_default()).map_err(|error| elastic.strange(error.to_string()))
    }

    /// Reads the answer to `GET /`.
    pub fn read(answer: &Value) -> Result<Self, NoServer> {
        let version = &answer["version"];
        let number = version["number"].as_str().and_then(major_and_minor);
        let product = match version["distribution"].as_str() {
            Some("opensearch") => Product::OpenSearch,
            _ if version["build_flavor"] == "serverless" => Product::Serverless,
            _ => Product::Elasticsearch,
        };
        match number {
            Some(version) => Ok(Self { product, version }),
            None => Err(NoServer(answer.to_string().chars().take(200).collect())),
        }
    }

    /// Whether it has that feature.
    pub fn has(&self, feature: Feature) -> bool {
        match self.product {
            Product::Serverless => feature != Feature::Policies,
            Product::OpenSearch => false,
            Product::Elasticsearch => self.has_since(feature),
        }
    }

    fn has_since(&self, feature: Feature) -> bool {
        let since = SINCE.iter().filter(|(other, _)| *other == feature);
        // The line of its own major version counts, and the first one for those after all.
        let wanted = since.flat_map(|(_, versions)| *versions);
        let wanted = wanted.filter(|(major, _)| *major <= self.version.0).max();
        wanted.is_some_and(|wanted| self.version >= *wanted)
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (major, minor) = self.version;
        match self.product {
            Product::Elasticsearch => write!(f, "Elasticsearch {major}.{minor}"),
            Product::Serverless => write!(f, "Elasticsearch serverless"),
            Product::OpenSearch => write!(f, "OpenSearch {major}.{minor}"),
        }
    }
}

fn major_and_minor(number: &str) -> Option<(u64, u64)> {
    let mut parts = number.split(['.', '-']);
    let major = parts.next()?.parse().ok()?;
    Some((major, parts.next()?.parse().ok()?))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) fn server(product: Product, major: u64, minor: u64) -> Server {
        Server {
            product,
            version: (major, minor),
        }
    }

    fn elasticsearch(major: u64, minor: u64) -> Server {
        server(Product::Elasticsearch, major, minor)
    }

    #[test]
    fn a_server_says_what_it_is() {
        // As the servers answer, without what is not read.
        for (version, expected) in [
            (
                json!({"number": "9.4.3", "build_flavor": "default", "build_snapshot": false}),
                elasticsearch(9, 4),
            ),
            (
                json!({"number": "7.17.29", "build_flavor": "default"}),
                elasticsearch(7, 17),
            ),
            (
                json!({"number": "8.11.0", "build_flavor": "serverless"}),
                server(Product::Serverless, 8, 11),
            ),
            (
                json!({"number": "3.8.0", "distribution": "opensearch"}),
                server(Product::OpenSearch, 3, 8),
            ),
            (
                json!({"number": "9.5.0-SNAPSHOT", "build_flavor": "default"}),
                elasticsearch(9, 5),
            ),
        ] {
            assert_eq!(Server::read(&json!({"version": version})), Ok(expected));
        }
        assert!(Server::read(&json!({"cluster_name": "x"})).is_err());
        assert!(Server::read(&json!({"version": {"number": "new"}})).is_err());
        assert!(Server::read(&Value::Null).is_err());
    }

    #[test]
    fn a_feature_is_there_from_its_version_on() {
        for (server, feature, expected) in [
            (elasticsearch(7, 17), Feature::TimeSeries, false),
            (elasticsearch(8, 6), Feature::TimeSeries, false),
            (elasticsearch(8, 7), Feature::TimeSeries, true),
            (elasticsearch(9, 0), Feature::TimeSeries, true),
            (elasticsearch(10, 0), Feature::TimeSeries, true),
            (elasticsearch(8, 18), Feature::FailureStore, false),
            (elasticsearch(8, 19), Feature::FailureStore, true),
            (elasticsearch(9, 0), Feature::FailureStore, false),
            (elasticsearch(9, 1), Feature::FailureStore, true),
            (elasticsearch(7, 17), Feature::Policies, true),
        ] {
            assert_eq!(server.has(feature), expected, "{server}: {feature:?}");
        }
        let serverless = server(Product::Serverless, 8, 11);
        let opensearch = server(Product::OpenSearch, 3, 8);
        for (feature, _) in SINCE {
            assert_eq!(serverless.has(feature), feature != Feature::Policies);
            assert!(!opensearch.has(feature), "{feature:?}");
            assert!(Server::newest().has(feature), "{feature:?}");
        }
    }
}
