//! From document to record: base fields, cluster identity, labels, series, id. Pure.

mod encode;
mod template;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::catalogue::{Catalogue, StreamType};
use crate::clock::Millis;
use crate::config::Config;

pub use encode::{Encoded, Encoder};

/// Version of the Elastic Common Schema that the base fields follow.
const ECS_VERSION: &str = "8.17.0";

/// Prefix of every dataset in data stream names.
const PREFIX: &str = "brokerbeat.";

/// What is the same in all documents of this agent.
#[derive(Debug, Clone)]
pub struct Agent {
    /// `agent.id`, kept under `path.data`.
    pub id: String,
    /// `host.name`, and the agent's name.
    pub host_name: String,
    /// Last part of data stream names.
    pub namespace: String,
    /// `labels.*`.
    pub labels: BTreeMap<String, String>,
}

/// What is the same in all documents of one cycle.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The tick.
    pub tick: Millis,
    /// When the cycle ended.
    pub read_at: Millis,
    /// Identity and name of the cluster; nothing for the agent's own documents.
    pub cluster: Option<(String, String)>,
    /// `service.address` where a document has no own.
    pub address: Option<String>,
}

impl Agent {
    /// The agent that a configuration describes.
    pub fn of(config: &Config, id: String) -> Self {
        Self {
            id,
            host_name: config.host_name.clone(),
            namespace: config.namespace.clone(),
            labels: config.labels.clone(),
        }
    }

    /// Name of the data stream of a dataset: `metrics-brokerbeat.kafka.partition-default`.
    pub fn stream_name(&self, stream_type: StreamType, dataset: &str) -> String {
        format!(
            "{}-{PREFIX}{dataset}-{}",
            stream_type.as_str(),
            self.namespace
        )
    }

    /// Fields that are the same in all documents of a dataset, kind and origin, with their JSON.
    fn base(
        &self,
        dataset: &str,
        kind: &str,
        stream_type: StreamType,
        origin: &Origin,
    ) -> Vec<(String, String)> {
        let full = format!("{PREFIX}{dataset}");
        let (module, metricset) = dataset.split_once('.').unwrap_or((dataset, dataset));
        let event_kind = match stream_type {
            StreamType::Metrics => "metric",
            StreamType::Logs => "event",
        };
        let tick = origin.tick.to_rfc3339();
        let read_at = origin.read_at.to_rfc3339();
        let table = [
            ("@timestamp", tick.as_str()),
            ("ecs.version", ECS_VERSION),
            ("agent.id", &self.id),
            ("agent.name", &self.host_name),
            ("agent.type", "brokerbeat"),
            ("agent.version", env!("CARGO_PKG_VERSION")),
            ("host.name", &self.host_name),
            ("service.type", service(module)),
            ("event.created", &read_at),
            ("event.dataset", &full),
            ("event.module", module),
            ("event.kind", event_kind),
            ("metricset.name", metricset),
            ("data_stream.type", stream_type.as_str()),
            ("data_stream.dataset", &full),
            ("data_stream.namespace", &self.namespace),
            ("brokerbeat.kind", kind),
        ];
        let mut fields: Vec<_> = table
            .into_iter()
            .chain(origin.fields())
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let labels = self.labels.iter();
        fields.extend(labels.map(|(name, value)| (format!("labels.{name}"), value.as_str())));
        let json = |(name, value): (String, &str)| (name, Value::from(value).to_string());
        fields.into_iter().map(json).collect()
    }
}

impl Origin {
    fn cluster_id(&self) -> &str {
        self.cluster.as_ref().map_or("", |(id, _)| id)
    }

    fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let cluster = self.cluster.iter();
        let cluster = cluster.flat_map(|(id, name)| {
            [
                ("kafka.cluster.id", id.as_str()),
                ("kafka.cluster.name", name.as_str()),
            ]
        });
        let address = self.address.iter();
        cluster.chain(address.map(|address| ("service.address", address.as_str())))
    }
}

/// `service.type` of what a module is about.
fn service(module: &str) -> &str {
    match module {
        "kafka" | "zookeeper" | "jvm" => module,
        // Beans of a user's own tables: of any JVM.
        "jmx" => "jvm",
        _ => "brokerbeat",
    }
}

/// Metrics, unless the catalogue says otherwise.
fn stream_type(dataset: &str) -> StreamType {
    Catalogue::get()
        .dataset(dataset)
        .map_or(StreamType::Metrics, |dataset| dataset.stream_type)
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::document::{Document, get_nested};
    use crate::identity::DocumentId;

    /// Stream, id and fields of a document.
    fn encoded(
        agent: &Agent,
        document: &Document,
        origin: &Origin,
    ) -> (String, DocumentId, Map<String, Value>) {
        let mut encoder = Encoder::new(agent, origin);
        let encoded = encoder.encode(document);
        let body = serde_json::from_slice(encoded.body).unwrap();
        (encoded.stream.to_string(), encoded.id, body)
    }

    fn agent() -> Agent {
        Agent {
            id: "a1".into(),
            host_name: "broker06".into(),
            namespace: "default".into(),
            labels: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
        }
    }

    fn origin() -> Origin {
        Origin {
            tick: Millis(10_000),
            read_at: Millis(10_120),
            cluster: Some(("abc".into(), "orders".into())),
            address: Some("broker06:2181".into()),
        }
    }

    fn document() -> Document {
        Document::new("zookeeper.server", "srvr")
            .key("zookeeper.server.id", "1")
            .with("zookeeper.server.received", 17)
    }

    #[test]
    fn a_record_carries_the_tick_its_series_and_nothing_unknown() {
        let (stream, _, body) = encoded(&agent(), &document(), &origin());
        assert_eq!(stream, "metrics-brokerbeat.zookeeper.server-default");
        assert_eq!(
            get_nested(&body, "@timestamp").unwrap(),
            "1970-01-01T00:00:10.000Z"
        );
        assert_eq!(
            get_nested(&body, "event.created").unwrap(),
            "1970-01-01T00:00:10.120Z"
        );
        assert_eq!(
            get_nested(&body, "brokerbeat.series").unwrap(),
            "abc|zookeeper.server|srvr|zookeeper.server.id=1"
        );
        assert_eq!(
            get_nested(&body, "event.dataset"),
            get_nested(&body, "data_stream.dataset")
        );
        assert_eq!(
            get_nested(&body, "service.address").unwrap(),
            "broker06:2181"
        );
        let strangers = Catalogue::get().strangers("zookeeper.server", &body);
        assert!(strangers.is_empty(), "{strangers:?}");
    }

    #[test]
    fn a_document_about_something_elsewhere_has_its_own_address_or_none() {
        let agent = agent();
        let origin = origin();
        let mut encoder = Encoder::new(&agent, &origin);
        let own = document().elsewhere().with("service.address", "zk2:2181");
        for (document, address) in [
            (document(), Some("broker06:2181")),
            (document().elsewhere(), None),
            (own, Some("zk2:2181")),
        ] {
            let body = encoder.encode(&document).body.to_vec();
            let body: Map<String, Value> = serde_json::from_slice(&body).unwrap();
            let told = get_nested(&body, "service.address").and_then(Value::as_str);
            assert_eq!(told, address);
        }
    }

    #[test]
    fn a_document_is_about_what_its_address_is_of() {
        for (dataset, service) in [
            ("kafka.broker", "kafka"),
            ("zookeeper.server", "zookeeper"),
            ("jvm", "jvm"),
            ("jmx", "jvm"),
            ("target", "brokerbeat"),
        ] {
            let (_, _, body) = encoded(&agent(), &Document::new(dataset, "any"), &origin());
            assert_eq!(get_nested(&body, "service.type").unwrap(), service);
        }
    }

    #[test]
    fn the_same_sample_has_the_same_id_and_another_tick_another() {
        let id = |agent: &Agent, origin: &Origin| encoded(agent, &document(), origin).1;
        let mut other = agent();
        other.id = "a2".into();
        assert_eq!(id(&agent(), &origin()), id(&other, &origin()));
        let later = Origin {
            tick: Millis(20_000),
            ..origin()
        };
        assert_ne!(id(&agent(), &origin()), id(&agent(), &later));
    }
}
