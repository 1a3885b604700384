//! From document to record: base fields, cluster identity, labels, series, id. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::catalogue::{Catalogue, StreamType};
use crate::clock::Millis;
use crate::config::Config;
use crate::document::{Document, get_nested, set_nested};
use crate::identity::{DocumentId, series};
use crate::spool::Entry;

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

    /// Encodes a document, once and for all.
    pub fn encode(&self, document: Document, origin: &Origin) -> Entry {
        let stream_type = stream_type(&document.dataset);
        let stream: Arc<str> = self.stream_name(stream_type, &document.dataset).into();
        let cluster = origin.cluster.as_ref().map_or("", |(id, _)| id);
        let document = match stream_type {
            StreamType::Metrics => document,
            // Two agents that see the same change say so twice.
            StreamType::Logs => document.key("agent.id", self.id.as_str()),
        };
        let series = series(cluster, &document.dataset, &document.kind, document.keys());
        let mut fields = self.base(&document, stream_type, &series, origin);
        merge(&mut fields, document.into_fields());
        if let Some(address) = &origin.address
            && get_nested(&fields, "service.address").is_none()
        {
            set_nested(&mut fields, "service.address", address.as_str().into());
        }
        Entry {
            stream,
            timestamp: origin.tick,
            id: DocumentId::new(&series, origin.tick),
            body: Value::Object(fields).to_string().into(),
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

    fn base(
        &self,
        document: &Document,
        stream_type: StreamType,
        series: &str,
        origin: &Origin,
    ) -> Map<String, Value> {
        let dataset = format!("{PREFIX}{}", document.dataset);
        let (module, metricset) = match document.dataset.split_once('.') {
            Some((module, rest)) => (module, rest),
            None => (&*document.dataset, &*document.dataset),
        };
        let service = match module {
            "kafka" | "zookeeper" | "jvm" => module,
            // Beans of a user's own tables: of any JVM.
            "jmx" => "jvm",
            _ => "brokerbeat",
        };
        let kind = match stream_type {
            StreamType::Metrics => "metric",
            StreamType::Logs => "event",
        };
        let tick = origin.tick.to_rfc3339();
        let read_at = origin.read_at.to_rfc3339();
        let version = env!("CARGO_PKG_VERSION");
        let table = [
            ("@timestamp", tick.as_str()),
            ("ecs.version", ECS_VERSION),
            ("agent.id", &self.id),
            ("agent.name", &self.host_name),
            ("agent.type", "brokerbeat"),
            ("agent.version", version),
            ("host.name", &self.host_name),
            ("service.type", service),
            ("event.created", &read_at),
            ("event.dataset", &dataset),
            ("event.module", module),
            ("event.kind", kind),
            ("metricset.name", metricset),
            ("data_stream.type", stream_type.as_str()),
            ("data_stream.dataset", &dataset),
            ("data_stream.namespace", &self.namespace),
            ("brokerbeat.series", series),
            ("brokerbeat.kind", &document.kind),
        ];
        let mut fields = Map::new();
        for (name, value) in table {
            set_nested(&mut fields, name, value.into());
        }
        if let Some((id, name)) = &origin.cluster {
            set_nested(&mut fields, "kafka.cluster.id", id.as_str().into());
            set_nested(&mut fields, "kafka.cluster.name", name.as_str().into());
        }
        for (name, value) in &self.labels {
            set_nested(
                &mut fields,
                &format!("labels.{name}"),
                value.as_str().into(),
            );
        }
        fields
    }
}

/// Metrics, unless the catalogue says otherwise.
fn stream_type(dataset: &str) -> StreamType {
    Catalogue::get()
        .dataset(dataset)
        .map_or(StreamType::Metrics, |dataset| dataset.stream_type)
}

/// Lays nested fields over nested fields.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(inner)), Value::Object(value)) => merge(inner, value),
            (_, value) => {
                into.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let entry = agent().encode(document(), &origin());
        assert_eq!(
            &*entry.stream,
            "metrics-brokerbeat.zookeeper.server-default"
        );
        let body: Map<String, Value> = serde_json::from_slice(&entry.body).unwrap();
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
    fn a_document_is_about_what_its_address_is_of() {
        for (dataset, service) in [
            ("kafka.broker", "kafka"),
            ("zookeeper.server", "zookeeper"),
            ("jvm", "jvm"),
            ("jmx", "jvm"),
            ("target", "brokerbeat"),
        ] {
            let entry = agent().encode(Document::new(dataset, "any"), &origin());
            let body: Map<String, Value> = serde_json::from_slice(&entry.body).unwrap();
            assert_eq!(get_nested(&body, "service.type").unwrap(), service);
        }
    }

    #[test]
    fn the_same_sample_has_the_same_id_and_another_tick_another() {
        let one = agent().encode(document(), &origin());
        let mut other = agent();
        other.id = "a2".into();
        assert_eq!(one.id, other.encode(document(), &origin()).id);
        let later = Origin {
            tick: Millis(20_000),
            ..origin()
        };
        assert_ne!(one.id, agent().encode(document(), &later).id);
    }
}
