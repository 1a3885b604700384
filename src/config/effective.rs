//! The settings in force, defaults included: what `export config` prints.

use std::cell::RefCell;

use serde_json::{Map, Value};

/// Every setting that a section was asked for, by its whole key. Secrets are hidden already.
#[derive(Debug, Default)]
pub struct Effective(RefCell<Map<String, Value>>);

impl Effective {
    /// Notes a setting; an empty list or mapping that nobody wrote is left out.
    pub fn record(&self, key: &str, value: Value) {
        let empty = value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(Map::is_empty);
        if !empty {
            self.0.borrow_mut().insert(key.to_owned(), value);
        }
    }

    /// All settings as nested mappings and lists.
    pub fn into_value(self) -> Value {
        let mut root = Value::Object(Map::new());
        for (key, value) in self.0.into_inner() {
            place(&mut root, &key, value);
        }
        root
    }
}

/// Puts a value at `clusters[0].kafka.bootstrap`.
fn place(node: &mut Value, key: &str, value: Value) {
    let (step, rest) = match key.find(['.', '[']) {
        Some(0) => return place_in_list(node, key, value),
        Some(end) => key.split_at(end),
        None => (key, ""),
    };
    if !node.is_object() {
        *node = Value::Object(Map::new());
    }
    if let Value::Object(map) = node {
        let child = map.entry(step).or_insert(Value::Null);
        place_rest(child, rest, value);
    }
}

fn place_in_list(node: &mut Value, key: &str, value: Value) {
    let inside = key.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let Some((index, rest)) = inside else {
        return;
    };
    let Ok(index) = index.parse::<usize>() else {
        return;
    };
    if !node.is_array() {
        *node = Value::Array(Vec::new());
    }
    if let Value::Array(items) = node {
        if items.len() <= index {
            items.resize(index + 1, Value::Null);
        }
        place_rest(&mut items[index], rest, value);
    }
}

fn place_rest(child: &mut Value, rest: &str, value: Value) {
    match rest.strip_prefix('.') {
        Some(rest) => place(child, rest, value),
        None if rest.is_empty() => *child = value,
        None => place_in_list(child, rest, value),
    }
}

/// YAML of nested settings; texts are quoted as JSON, which is YAML too.
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

fn write(value: &Value, indent: usize, out: &mut String) {
    let Value::Object(map) = value else {
        return;
    };
    for (key, child) in map {
        out.push_str(&format!("{:indent$}{key}:", ""));
        write_child(child, indent, out);
    }
}

fn write_child(child: &Value, indent: usize, out: &mut String) {
    match child {
        Value::Object(_) => {
            out.push('\n');
            write(child, indent + 2, out);
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            out.push('\n');
            for item in items {
                let mut inner = String::new();
                write(item, indent + 4, &mut inner);
                let body = inner.trim_start();
                out.push_str(&format!("{:width$}- {body}", "", width = indent + 2));
            }
        }
        other => out.push_str(&format!(" {other}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_settings_come_back_as_yaml() {
        let effective = Effective::default();
        effective.record("interval", "10s".into());
        effective.record("clusters[0].kafka.bootstrap", json!(["a:1", "b:2"]));
        effective.record("clusters[0].name", "orders".into());
        effective.record("clusters[0].jmx", json!([]));
        let text = to_yaml(&effective.into_value());
        let read = crate::yaml::parse(&text).unwrap().to_json();
        assert_eq!(
            read,
            json!({"interval": "10s", "clusters": [{"kafka": {"bootstrap": ["a:1", "b:2"]}, "name": "orders"}]}),
            "{text}"
        );
    }
}
