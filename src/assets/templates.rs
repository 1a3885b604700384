//! Component and index templates, one index template a dataset.

use serde_json::{Map, Value, json};

use crate::catalogue::{Catalogue, Dataset, Field, FieldType, StreamType};
use crate::document::set_nested;

/// Version of the templates. Raise it with every change of `fields.yml` or of this file that
/// changes what is generated: installed templates of a lower version are replaced.
pub const VERSION: u64 = 6;

/// `_meta.managed_by` of everything that is ours.
const META_OWNER: &str = "brokerbeat";

/// Above Elastic's own `metrics-*-*` (100) and integrations (200), and above the 500 of their advice for one's own.
const PRIORITY: u64 = 501;

/// How far back a time-series stream takes documents: a week of Elasticsearch being away.
const LOOK_BACK: &str = "7d";

/// Name of the component with the base fields.
const COMPONENT_BASE: &str = "brokerbeat-base";

/// Name of the component with `data_stream.*`, apart because of its type `constant_keyword`,
/// which a distribution without that mapper replaces by `keyword`.
const COMPONENT_DATA_STREAM: &str = "brokerbeat-data-stream";

/// One thing to install.
#[derive(Debug, Clone, PartialEq)]
pub struct Asset {
    /// `_component_template` or `_index_template`.
    pub endpoint: &'static str,
    /// Its name.
    pub name: String,
    /// Its body.
    pub body: Value,
}

impl Asset {
    /// Path of the request that installs it.
    pub fn path(&self) -> String {
        format!("/{}/{}", self.endpoint, self.name)
    }

    /// Name of its file below `elasticsearch-templates/`.
    pub fn file_name(&self) -> String {
        let folder = self.endpoint.trim_start_matches('_').replace('_', "-");
        format!("{folder}/{}.json", self.name)
    }
}

/// All templates in the order in which they must be installed: components first.
pub fn templates(catalogue: &Catalogue) -> Vec<Asset> {
    let mut all = common(catalogue);
    let (components, indices): (Vec<_>, Vec<_>) = catalogue
        .datasets
        .iter()
        .map(|dataset| own(catalogue, dataset))
        .unzip();
    all.extend(components);
    all.extend(indices);
    all
}

/// The templates that one dataset needs.
pub fn for_dataset(catalogue: &Catalogue, dataset: &Dataset) -> Vec<Asset> {
    let (component, index) = own(catalogue, dataset);
    let mut all = common(catalogue);
    all.extend([component, index]);
    all
}

fn common(catalogue: &Catalogue) -> Vec<Asset> {
    let redefined = redefined(catalogue);
    let base = |data_stream: bool| {
        catalogue
            .base
            .iter()
            .filter(move |field| field.name.starts_with("data_stream.") == data_stream)
            .filter(|field| !redefined.contains(&field.name.as_str()))
    };
    let mut base_mapping = mapping(base(false));
    // The user's own names; the only dynamic fields besides user beans.
    set_nested(
        &mut base_mapping,
        "labels",
        json!({"type": "object", "dynamic": true}),
    );
    let labels = json!([{"labels": {"path_match": "labels.*", "match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}}]);
    vec![
        component(
            COMPONENT_BASE,
            json!({"mappings": {"dynamic": false, "dynamic_templates": labels, "properties": base_mapping}}),
        ),
        component(
            COMPONENT_DATA_STREAM,
            json!({"mappings": {"properties": mapping(base(true))}}),
        ),
    ]
}

/// How a field of a dynamic object is mapped: the object's definition is that of its fields.
fn dynamic_template(object: &Field) -> Value {
    let path = format!("{}.*", object.name);
    json!({&object.name: {"path_match": path, "mapping": field_mapping(object)}})
}

/// Base fields that a dataset makes a dimension stand in the datasets' components, not in the base.
fn redefined(catalogue: &Catalogue) -> Vec<&str> {
    let shared = catalogue.shared.iter().map(|field| field.name.as_str());
    shared
        .filter(|name| catalogue.base.iter().any(|field| field.name == *name))
        .collect()
}

fn own(catalogue: &Catalogue, dataset: &Dataset) -> (Asset, Asset) {
    let name = format!("brokerbeat-{}", dataset.name);
    let redefined = redefined(catalogue);
    let base = catalogue.base.iter().filter(|field| {
        redefined.contains(&field.name.as_str()) && !dataset.shared.contains(&field.name)
    });
    let mut properties = mapping(base.chain(catalogue.fields_of(dataset)));
    for object in &dataset.dynamic {
        let path = object.name.replace('.', ".properties.");
        let dynamic = json!({"type": "object", "dynamic": true});
        set_nested(&mut properties, &path, dynamic);
    }
    let mut mappings = json!({"_meta": meta(), "properties": properties});
    if !dataset.dynamic.is_empty() {
        let templates = dataset.dynamic.iter().map(dynamic_template);
        mappings["dynamic_templates"] = templates.collect();
    }
    let component = component(&name, json!({"mappings": mappings}));
    let index = Asset {
        endpoint: "_index_template",
        name: name.clone(),
        body: json!({
            "index_patterns": [format!("{}-brokerbeat.{}-*", dataset.stream_type.as_str(), dataset.name)],
            "priority": PRIORITY,
            "version": VERSION,
            "_meta": meta(),
            "data_stream": {},
            "composed_of": [COMPONENT_BASE, COMPONENT_DATA_STREAM, name],
            "template": {"settings": settings(dataset.stream_type)},
        }),
    };
    (component, index)
}

fn settings(stream_type: StreamType) -> Value {
    match stream_type {
        StreamType::Metrics => json!({"index": {
            "mode": "time_series",
            "routing_path": ["brokerbeat.series"],
            "look_back_time": LOOK_BACK,
        }}),
        StreamType::Logs => json!({"index": {"codec": "best_compression"}}),
    }
}

fn component(name: &str, template: Value) -> Asset {
    Asset {
        endpoint: "_component_template",
        name: name.to_owned(),
        body: json!({"version": VERSION, "_meta": meta(), "template": template}),
    }
}

fn meta() -> Value {
    json!({"managed_by": META_OWNER, "version": VERSION})
}

/// Nested `properties` of dotted names.
fn mapping<'a>(fields: impl Iterator<Item = &'a Field>) -> Map<String, Value> {
    let mut properties = Map::new();
    for field in fields {
        let path = field.name.replace('.', ".properties.");
        set_nested(&mut properties, &path, field_mapping(field));
    }
    properties
}

fn field_mapping(field: &Field) -> Value {
    let mut mapping = json!({"type": field.field_type.as_str()});
    if field.dimension {
        mapping["time_series_dimension"] = true.into();
    } else if field.field_type == FieldType::Keyword {
        // Longer texts stay in the document; a dimension takes no such limit.
        mapping["ignore_above"] = 1024.into();
    }
    if let Some(metric) = field.metric {
        mapping["time_series_metric"] = metric.as_str().into();
    }
    if let Some(unit) = field.unit {
        mapping["meta"] = json!({"unit": unit.as_str()});
    }
    mapping
}

/// Who made a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// This program, templates of that version.
    Ours(u64),
    /// Nobody that we know.
    Foreign,
}

/// Reads `_meta` of an index's or a simulated index's mappings.
pub fn owner_of(mappings: Option<&Value>) -> Owner {
    let meta = mappings.and_then(|mappings| mappings.get("_meta"));
    let owner = meta.and_then(|meta| meta.get("managed_by")?.as_str());
    let version = meta.and_then(|meta| meta.get("version")?.as_u64());
    match (owner, version) {
        (Some(META_OWNER), Some(version)) => Owner::Ours(version),
        _ => Owner::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dataset_has_its_templates_and_components_come_first() {
        let all = templates(Catalogue::get());
        let first_index = all
            .iter()
            .position(|a| a.endpoint == "_index_template")
            .unwrap();
        assert!(
            all[first_index..]
                .iter()
                .all(|a| a.endpoint == "_index_template")
        );
        assert_eq!(all.len() - first_index, Catalogue::get().datasets.len());
    }

    #[test]
    fn time_series_streams_route_by_series_and_nothing_is_dynamic_but_labels_and_own_beans() {
        for asset in templates(Catalogue::get()) {
            let text = asset.body.to_string();
            if asset.name == COMPONENT_BASE {
                assert_eq!(asset.body["template"]["mappings"]["dynamic"], false);
                assert_eq!(text.matches("\"dynamic\":true").count(), 1, "labels alone");
            } else {
                let dynamic = text.matches("\"dynamic\":true").count();
                let is_own_beans =
                    asset.endpoint == "_component_template" && asset.name == "brokerbeat-jmx";
                assert_eq!(dynamic > 0, is_own_beans, "{}", asset.name);
            }
            if text.contains("metrics-brokerbeat") {
                let index = &asset.body["template"]["settings"]["index"];
                assert_eq!(index["mode"], "time_series");
                assert_eq!(index["routing_path"], json!(["brokerbeat.series"]));
            }
        }
    }

    #[test]
    fn the_owner_is_read_from_meta() {
        assert_eq!(
            owner_of(Some(&json!({"_meta": meta()}))),
            Owner::Ours(VERSION)
        );
        assert_eq!(owner_of(Some(&json!({"properties": {}}))), Owner::Foreign);
        assert_eq!(owner_of(None), Owner::Foreign);
    }
}
