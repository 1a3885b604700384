//! What JVMs said, as text that a person can read and change: a type and a value each, `long 5`, `double NaN`.

use std::sync::Arc;

use jmx_rmi::{Attributes, Composite, ObjectName, Value};
use serde_json::{Map, Value as Json, json};

/// Beans by name.
pub(super) fn write(beans: &[(ObjectName, Attributes)]) -> Json {
    let attributes = |attributes: &Attributes| {
        attributes
            .iter()
            .map(|(name, value)| (name.clone(), show(value)))
            .collect::<Map<_, _>>()
    };
    beans
        .iter()
        .map(|(name, values)| (name.to_string(), attributes(values).into()))
        .collect::<Map<_, _>>()
        .into()
}

pub(super) fn read(beans: &Json) -> Vec<(ObjectName, Attributes)> {
    let attributes = |values: &Json| {
        values
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), parse(value)))
            .collect()
    };
    let beans = beans.as_object().unwrap().iter();
    beans
        .map(|(name, values)| (ObjectName::parse(name).unwrap(), attributes(values)))
        .collect()
}

fn show(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => format!("boolean {value}").into(),
        Value::Byte(value) => format!("byte {value}").into(),
        Value::Short(value) => format!("short {value}").into(),
        Value::Int(value) => format!("int {value}").into(),
        Value::Long(value) => format!("long {value}").into(),
        Value::Float(value) => format!("float {value}").into(),
        Value::Double(value) => format!("double {value}").into(),
        Value::String(value) => format!("string {value}").into(),
        Value::Composite(composite) => composite
            .items
            .iter()
            .map(|(name, value)| (name.to_string(), show(value)))
            .collect(),
        other => json!({"other": format!("{other:?}")}),
    }
}

fn parse(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Object(items) => Value::Composite(Composite {
            items: items
                .iter()
                .map(|(name, value)| (Arc::from(name.as_str()), parse(value)))
                .collect(),
        }),
        Json::String(text) => scalar(text),
        other => panic!("{other} is not a value of a capture"),
    }
}

fn scalar(text: &str) -> Value {
    let (kind, value) = text.split_once(' ').unwrap_or((text, ""));
    match kind {
        "boolean" => Value::Bool(value.parse().unwrap()),
        "byte" => Value::Byte(value.parse().unwrap()),
        "short" => Value::Short(value.parse().unwrap()),
        "int" => Value::Int(value.parse().unwrap()),
        "long" => Value::Long(value.parse().unwrap()),
        "float" => Value::Float(value.parse().unwrap()),
        "double" => Value::Double(value.parse().unwrap()),
        "string" => Value::String(value.into()),
        _ => panic!("{text} is not a value of a capture"),
    }
}

/// One line a bean: a difference shows which one changed.
pub(super) fn lines(capture: &Map<String, Json>) -> String {
    let mut text = String::from("{\n");
    for (key, value) in capture.iter().filter(|(key, _)| *key != "beans") {
        text.push_str(&format!("  {}: {value},\n", json!(key)));
    }
    let beans = capture["beans"].as_object().unwrap();
    let beans: Vec<_> = beans
        .iter()
        .map(|(name, values)| format!("    {}: {values}", json!(name)))
        .collect();
    text.push_str(&format!(
        "  \"beans\": {{\n{}\n  }}\n}}\n",
        beans.join(",\n")
    ));
    text
}
