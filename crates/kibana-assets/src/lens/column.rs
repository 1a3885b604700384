//! Columns of a layer, one function a kind.

use serde_json::{Value, json};

use crate::catalogue::{Catalogue, Field};
use crate::source::{Measure, Operation, Threshold};

/// How far back the numbers without a time axis look: what was true a minute ago is not what is true now.
pub(crate) const NOW: &str = "1m";

/// By what the values of a bucket are chosen and ordered.
pub(super) enum Order {
    Alphabetical,
    /// The highest of this column first.
    Column(String),
    /// The lowest first: where little is what is wrong.
    Lowest(String),
    /// By the maximum of this field: Lens does not order by a rate.
    Maximum(String),
}

/// The horizontal axis.
pub(super) fn time(drops_partial: bool) -> Value {
    json!({
        "label": "@timestamp", "dataType": "date", "operationType": "date_histogram", "sourceField": "@timestamp",
        "isBucketed": true, "scale": "interval",
        "params": {"interval": "auto", "includeEmptyRows": true, "dropPartials": drops_partial},
    })
}

/// Values of one field, or of several together.
pub(super) fn terms(catalogue: &Catalogue, fields: &[String], size: u64, order: &Order) -> Value {
    let first = fields.first().map_or("", String::as_str);
    let others = fields.get(1..).unwrap_or_default();
    let data_type = match catalogue.field(first) {
        Some(field) if others.is_empty() => field.kibana_type(),
        _ => "string",
    };
    let (order_by, direction) = match order {
        Order::Alphabetical => (json!({"type": "alphabetical", "fallback": false}), "asc"),
        Order::Column(id) => (json!({"type": "column", "columnId": id}), "desc"),
        Order::Lowest(id) => (json!({"type": "column", "columnId": id}), "asc"),
        Order::Maximum(_) => (json!({"type": "custom"}), "desc"),
    };
    let parent = if others.is_empty() {
        "terms"
    } else {
        "multi_terms"
    };
    let mut params = json!({
        "size": size, "orderBy": order_by, "orderDirection": direction, "otherBucket": false, "missingBucket": false,
        "parentFormat": {"id": parent}, "include": [], "exclude": [], "includeIsRegex": false, "excludeIsRegex": false,
    });
    if let Order::Maximum(field) = order {
        params["orderAgg"] = maximum(field);
    }
    if !others.is_empty() {
        params["secondaryFields"] = others.into();
    }
    json!({
        "label": title(fields), "customLabel": true, "dataType": data_type, "operationType": "terms",
        "sourceField": first, "isBucketed": true, "scale": "ordinal", "params": params,
    })
}

/// `kafka.topic.name` is a topic for people.
fn title(fields: &[String]) -> String {
    let one = |field: &String| {
        let parts: Vec<_> = field.split('.').collect();
        match parts.as_slice() {
            [.., thing, "name" | "id"] => (*thing).replace("consumergroup", "group"),
            [.., "service", "address"] => "address".to_owned(),
            [.., last] => last.replace('_', " "),
            [] => String::new(),
        }
    };
    let all: Vec<_> = fields.iter().map(one).collect();
    let text = all.join(" › ");
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The counter that a rate is made of.
pub(super) fn maximum(field: &str) -> Value {
    json!({
        "label": format!("Maximum of {field}"), "dataType": "number", "operationType": "max", "sourceField": field,
        "isBucketed": false, "scale": "ratio", "params": {"emptyAsNull": true},
    })
}

/// Growth of a counter in a second.
pub(super) fn rate(measure: &Measure, field: Option<&Field>, base: &str) -> Value {
    let mut column = json!({
        "label": measure.label, "customLabel": true, "dataType": "number", "operationType": "counter_rate",
        "isBucketed": false, "scale": "ratio", "references": [base], "timeScale": "s",
        "params": {"format": format(field)},
    });
    filtered(&mut column, measure.filter.as_deref());
    column
}

/// Everything but rates.
pub(super) fn plain(measure: &Measure, field: Option<&Field>, now: bool) -> Value {
    let (operation, name) = &measure.value;
    let mut column = match operation {
        Operation::Last => last(measure, field),
        Operation::Count => json!({
            "label": measure.label, "customLabel": true, "dataType": "number", "operationType": "count",
            "sourceField": "___records___", "isBucketed": false, "scale": "ratio", "params": {"emptyAsNull": false},
        }),
        Operation::Unique => json!({
            "label": measure.label, "customLabel": true, "dataType": "number", "operationType": "unique_count",
            "sourceField": name, "isBucketed": false, "scale": "ratio", "params": {"emptyAsNull": false},
        }),
        Operation::Max | Operation::Min | Operation::Average | Operation::Rate => json!({
            "label": measure.label, "customLabel": true, "dataType": "number", "operationType": operation.as_str(),
            "sourceField": name, "isBucketed": false, "scale": "ratio",
            "params": {"emptyAsNull": true, "format": format(field)},
        }),
    };
    if *operation != Operation::Last {
        filtered(&mut column, measure.filter.as_deref());
    }
    if now {
        column["reducedTimeRange"] = NOW.into();
    }
    column
}

/// The value of the latest document that has one.
fn last(measure: &Measure, field: Option<&Field>) -> Value {
    let name = &measure.value.1;
    let exists = format!("\"{name}\": *");
    let filter = match &measure.filter {
        Some(own) => format!("{exists} and ({own})"),
        None => exists,
    };
    let data_type = field.map_or("number", Field::kibana_type);
    let scale = if matches!(data_type, "string" | "ip") {
        "ordinal"
    } else {
        "ratio"
    };
    let mut params = json!({"sortField": "@timestamp", "showArrayValues": false});
    if data_type == "number" {
        params["format"] = format(field);
    }
    json!({
        "label": measure.label, "customLabel": true, "dataType": data_type, "operationType": "last_value",
        "sourceField": name, "isBucketed": false, "scale": scale, "params": params,
        "filter": {"query": filter, "language": "kuery"},
    })
}

/// When the latest document of a row came.
pub(super) fn seen() -> Value {
    json!({
        "label": "Seen", "customLabel": true, "dataType": "date", "operationType": "max", "sourceField": "@timestamp",
        "isBucketed": false, "scale": "ratio", "params": {"emptyAsNull": true},
    })
}

fn filtered(column: &mut Value, filter: Option<&str>) {
    if let Some(filter) = filter {
        column["filter"] = json!({"query": filter, "language": "kuery"});
    }
}

/// One way to write each unit.
fn format(field: Option<&Field>) -> Value {
    let is_whole = field.is_some_and(|f| f.field_type == "long" && !f.is_counter());
    let suffixed = |suffix: &str, decimals: u64| json!({"id": "number", "params": {"decimals": decimals, "suffix": suffix}});
    let decimals = if is_whole { 0 } else { 1 };
    match field.and_then(|field| field.unit.as_deref()) {
        Some("percent") => json!({"id": "percent", "params": {"decimals": 1}}),
        Some("byte") => json!({"id": "bytes", "params": {"decimals": 1}}),
        Some(unit @ ("ms" | "s" | "m" | "h" | "d")) => suffixed(&format!(" {unit}"), decimals),
        Some("micros") => suffixed(" µs", decimals),
        Some("nanos") => suffixed(" ns", decimals),
        _ => json!({"id": "number", "params": {"decimals": decimals}}),
    }
}

/// A layer of one horizontal line.
pub(super) fn reference_layer(threshold: &Threshold) -> Value {
    json!({
        "columns": {"line": {
            "label": threshold.label, "customLabel": true, "dataType": "number", "operationType": "static_value",
            "isStaticValue": true, "isBucketed": false, "scale": "ratio",
            "params": {"value": threshold.value.to_string()}, "references": [],
        }},
        "columnOrder": ["line"], "incompleteColumns": {}, "sampling": 1,
    })
}
