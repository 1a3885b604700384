//! Fields of the catalogue as Elasticsearch's mappings.

use serde_json::{Map, Value, json};

use super::server::{Feature, Server};
use crate::catalogue::{Field, FieldType};
use crate::document::set_nested;

/// Longer texts stay in the document and are not indexed.
const IGNORE_ABOVE: u64 = 1024;

/// Nested `properties` of dotted names.
pub(super) fn properties<'a>(
    server: &Server,
    fields: impl Iterator<Item = &'a Field>,
) -> Map<String, Value> {
    let mut properties = Map::new();
    for field in fields {
        let path = field.name.replace('.', ".properties.");
        set_nested(&mut properties, &path, of_field(server, field));
    }
    properties
}

/// Keeps values of another type and does not index them, field by field.
pub(super) fn make_lenient(properties: &mut Map<String, Value>) {
    for mapping in properties.values_mut() {
        if let Some(below) = mapping.get_mut("properties").and_then(Value::as_object_mut) {
            make_lenient(below);
        } else if matches!(
            mapping["type"].as_str(),
            Some("long" | "double" | "date" | "ip")
        ) {
            mapping["ignore_malformed"] = true.into();
        }
    }
}

/// One field.
pub(super) fn of_field(server: &Server, field: &Field) -> Value {
    let has_series = server.has(Feature::TimeSeries);
    let field_type = match field.field_type {
        FieldType::ConstantKeyword if !server.has(Feature::ConstantKeyword) => FieldType::Keyword,
        other => other,
    };
    let mut mapping = json!({"type": field_type.as_str()});
    if field.dimension && has_series {
        mapping["time_series_dimension"] = true.into();
    } else if field_type == FieldType::Keyword {
        // A dimension takes no such limit.
        mapping["ignore_above"] = IGNORE_ABOVE.into();
    }
    if let Some(metric) = field.metric.filter(|_| has_series) {
        mapping["time_series_metric"] = metric.as_str().into();
    }
    if let Some(unit) = field.unit {
        mapping["meta"] = json!({"unit": unit.as_str()});
    }
    mapping
}

/// The user's own names: the only dynamic fields besides user beans.
pub(super) fn labels() -> (Value, Value) {
    let template = json!({"labels": {
        "path_match": "labels.*",
        "match_mapping_type": "string",
        "mapping": {"type": "keyword", "ignore_above": IGNORE_ABOVE},
    }});
    (json!({"type": "object", "dynamic": true}), template)
}

/// How a field of a dynamic object is mapped: the object's definition is that of its fields.
pub(super) fn dynamic_template(server: &Server, object: &Field) -> Value {
    let path = format!("{}.*", object.name);
    json!({&object.name: {"path_match": path, "mapping": of_field(server, object)}})
}
