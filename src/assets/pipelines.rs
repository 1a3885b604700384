//! Ingest pipelines: `pipelines/*.yml` are their sources, one file a pipeline.
//!
//! What all of them have is added here: version, owner, and what happens to a document that cannot be read (it is kept
//! and marked). The table of beans comes from the catalogue.

use serde_json::{Map, Value, json};

use super::asset::{Asset, AssetKind};
use super::server::{Feature, Server};
use super::templates::{VERSION, meta};
use crate::catalogue::{Catalogue, Dataset, Field, FieldType};

/// The last step of every stream that is not a time series.
///
/// Time series have none: the agent's documents need nothing done to them, `event.created` says when they were read, and a
/// moment of arrival, different in every document, would take more room than the numbers beside it.
pub(super) const FINAL: &str = "brokerbeat-final";

/// What the others call first.
const SHAPE: &str = "brokerbeat-shape";

/// Stands in a source where the table of beans belongs.
const JMX_SOURCES: &str = "$jmx_sources";

/// The dataset whose fields that table is of.
const IMPORT: &str = "import";

macro_rules! sources {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../pipelines/", $name, ".yml")))),*]
    };
}

const SOURCES: [(&str, &str); 9] = sources![
    "brokerbeat-final",
    "brokerbeat-import",
    "brokerbeat-import-jmx",
    "brokerbeat-import-metricbeat",
    "brokerbeat-logs",
    "brokerbeat-logs-gc",
    "brokerbeat-logs-kafka",
    "brokerbeat-logs-zookeeper",
    "brokerbeat-shape",
];

/// All pipelines. Their order does not matter: one that another one calls is looked for when a document comes.
pub fn pipelines(catalogue: &Catalogue, server: &Server) -> Vec<Asset> {
    SOURCES
        .iter()
        .map(|(name, source)| pipeline(catalogue, server, name, source))
        .collect()
}

/// The pipelines that a dataset's template names, with those that they call: these have the longer names.
pub(super) fn of_dataset(catalogue: &Catalogue, server: &Server, dataset: &Dataset) -> Vec<Asset> {
    if dataset.is_time_series() {
        return Vec::new();
    }
    let own = dataset.pipeline.as_deref();
    let mut wanted = pipelines(catalogue, server);
    wanted.retain(|asset| {
        [FINAL, SHAPE].contains(&asset.name.as_str())
            || own.is_some_and(|own| asset.name.starts_with(own))
    });
    wanted
}

fn pipeline(catalogue: &Catalogue, server: &Server, name: &str, source: &str) -> Asset {
    let tree = crate::yaml::parse(source).expect("pipelines are embedded and under test");
    let mut body = tree.to_json();
    fill_in(&mut body, catalogue);
    body["version"] = VERSION.into();
    if server.has(Feature::PipelineMeta) {
        body["_meta"] = meta();
    }
    body["on_failure"] = on_failure();
    Asset {
        kind: AssetKind::Pipeline,
        name: name.to_owned(),
        body,
    }
}

/// A document that a step does not understand is kept as it is by then, and says which step and why.
fn on_failure() -> Value {
    const WHY: &str = "{{{_ingest.on_failure_pipeline}}}: {{{_ingest.on_failure_processor_type}}}: {{{_ingest.on_failure_message}}}";
    json!([
        {"set": {"field": "event.kind", "value": "pipeline_error"}},
        {"append": {"field": "error.message", "value": WHY}},
        {"append": {"field": "tags", "value": "brokerbeat_pipeline_error", "allow_duplicates": false}},
        {"remove": {"field": "_tmp", "ignore_missing": true}},
    ])
}

/// Puts the table of beans where it belongs.
fn fill_in(value: &mut Value, catalogue: &Catalogue) {
    match value {
        Value::String(text) if text == JMX_SOURCES => *value = jmx_sources(catalogue).into(),
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, catalogue)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|item| fill_in(item, catalogue)),
        _ => {}
    }
}

/// `java.lang:type=Memory.HeapMemoryUsage.used`, as Logstash's input jmx writes it → `jvm.memory.heap.used`.
fn jmx_sources(catalogue: &Catalogue) -> Map<String, Value> {
    let import = catalogue
        .dataset(IMPORT)
        .expect("fields.yml is embedded and under test");
    let fields = catalogue.fields_of(import);
    // JMX says nothing of the kind about what is a date or a version here.
    let fields = fields.filter(|field| field.field_type == FieldType::Long);
    let rows = fields.filter_map(|field| Some((jmx_source(field)?, field.name.as_str().into())));
    rows.collect()
}

/// A bean without a pattern and its attribute.
fn jmx_source(field: &Field) -> Option<String> {
    let source = field.source.as_deref()?;
    let (bean, attribute) = source.split_once(' ')?;
    let is_one = bean.contains(":type=") && !bean.contains('*') && !attribute.contains([' ', ';']);
    is_one.then(|| format!("{bean}.{attribute}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_is_a_pipeline_and_says_what_it_is_for() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/pipelines");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let all = pipelines(Catalogue::get(), &Server::newest());
        let names = all.iter().map(|asset| format!("{}.yml", asset.name));
        assert_eq!(files, names.collect());
        for asset in all {
            assert!(asset.body["description"].is_string(), "{}", asset.name);
            assert!(
                !asset.body.to_string().contains("\"$"),
                "{}: a table is missing",
                asset.name
            );
        }
    }

    #[test]
    fn a_called_pipeline_is_ours_or_the_users_and_templates_name_ours() {
        let all = pipelines(Catalogue::get(), &Server::newest());
        let ours: BTreeSet<&str> = all.iter().map(|asset| asset.name.as_str()).collect();
        for asset in &all {
            for step in asset.body["processors"].as_array().unwrap() {
                let Some(called) = step["pipeline"]["name"].as_str() else {
                    continue;
                };
                let is_users =
                    called.ends_with("@custom") && step["pipeline"]["ignore_failure"] == true;
                assert!(
                    is_users || ours.contains(called),
                    "{} calls {called}",
                    asset.name
                );
            }
        }
        for dataset in &Catalogue::get().datasets {
            let wanted = of_dataset(Catalogue::get(), &Server::newest(), dataset);
            assert_eq!(
                wanted.is_empty(),
                dataset.is_time_series(),
                "{}",
                dataset.name
            );
            if let Some(name) = &dataset.pipeline {
                assert!(wanted.iter().any(|asset| asset.name == *name), "{name}");
            }
        }
    }

    #[test]
    fn the_table_of_logstash_has_whole_numbers_of_single_beans() {
        let longs = jmx_sources(Catalogue::get());
        assert_eq!(
            longs["java.lang:type=Memory.HeapMemoryUsage.used"],
            "jvm.memory.heap.used"
        );
        assert_eq!(
            longs["kafka.server:type=BrokerTopicMetrics,name=BytesInPerSec.Count"],
            "kafka.broker.net.in.bytes"
        );
        assert!(longs.keys().all(|source| !source.contains('*')));
    }
}
