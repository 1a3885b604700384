//! One form for what is put and for what Elasticsearch gives back.
//!
//! It gives settings back as texts below `index`, adds defaults, and notes when something was made.

use serde_json::{Map, Value, json};

use crate::assets::AssetKind;

/// What Elasticsearch adds to the body of an asset: the moments of 9.2 and later.
const ADDED: [&str; 4] = [
    "created_date",
    "created_date_millis",
    "modified_date",
    "modified_date_millis",
];

/// Where an asset says by which agent it was put: one of the same version is the same.
const AGENT: [&[&str]; 3] = [
    &["_meta", "agent_version"],
    &["policy", "_meta", "agent_version"],
    &["template", "mappings", "_meta", "agent_version"],
];

/// What Elasticsearch says where nothing was said: path and value.
type Default = (&'static [&'static str], fn() -> Value);

const TEMPLATE_DEFAULTS: [Default; 6] = [
    (&["data_stream", "hidden"], || json!(false)),
    (&["data_stream", "allow_custom_routing"], || json!(false)),
    (&["template", "lifecycle", "enabled"], || json!(true)),
    (&["composed_of"], || json!([])),
    (&["ignore_missing_component_templates"], || json!([])),
    (&["deprecated"], || json!(false)),
];

const PHASE_DEFAULTS: [Default; 3] = [
    (&["min_age"], || json!("0ms")),
    (&["actions", "downsample", "wait_timeout"], || json!("1d")),
    (&["actions", "delete", "delete_searchable_snapshot"], || {
        json!(true)
    }),
];

/// The asset in that form.
pub(super) fn normal(kind: AssetKind, body: &Value) -> Value {
    let mut body = body.clone();
    for name in ADDED {
        remove(&mut body, &[name]);
    }
    for path in AGENT {
        remove(&mut body, path);
    }
    match kind {
        AssetKind::Pipeline => {}
        AssetKind::Policy => policy(&mut body),
        AssetKind::Custom | AssetKind::Component | AssetKind::Index => template(&mut body),
    }
    body
}

fn template(body: &mut Value) {
    for (path, value) in TEMPLATE_DEFAULTS {
        remove_default(body, path, &value());
    }
    let Some(template) = body.get_mut("template") else {
        return;
    };
    if let Some(settings) = template.get_mut("settings") {
        let mut flat = Map::new();
        flatten("", settings, &mut flat);
        *settings = Value::Object(flat);
    }
    // Elasticsearch 7 wraps mappings where it keeps them.
    if let Some(inner) = template.pointer_mut("/mappings/_doc") {
        template["mappings"] = inner.take();
    }
}

/// `{"index": {"mode": "x"}}` and `{"index.mode": "x"}` are the same, and so are 1 and "1".
fn flatten(path: &str, value: &Value, flat: &mut Map<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (name, below) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(&format!("{path}{dot}{name}"), below, flat);
            }
        }
        value => {
            let path = match path.starts_with("index.") {
                true => path.to_owned(),
                false => format!("index.{path}"),
            };
            flat.insert(path, text(value));
        }
    }
}

fn text(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.to_string().into(),
        Value::Bool(flag) => flag.to_string().into(),
        Value::Array(items) => items.iter().map(text).collect(),
        other => other.clone(),
    }
}

fn policy(body: &mut Value) {
    // The answer has more beside the policy.
    *body = json!({"policy": body["policy"].take()});
    let phases = body.pointer_mut("/policy/phases");
    for phase in phases
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(Map::values_mut)
    {
        for (path, value) in PHASE_DEFAULTS {
            remove_default(phase, path, &value());
        }
    }
}

fn remove_default(body: &mut Value, path: &[&str], default: &Value) {
    let is_default = path.iter().try_fold(&*body, |at, name| at.get(name)) == Some(default);
    if is_default {
        remove(body, path);
    }
}

fn remove(body: &mut Value, path: &[&str]) {
    let Some((last, before)) = path.split_last() else {
        return;
    };
    let parent = before.iter().try_fold(body, |at, name| at.get_mut(name));
    if let Some(Value::Object(parent)) = parent {
        parent.remove(*last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_texts_below_index_however_they_are_written() {
        let put = json!({"template": {"settings": {"index": {"mode": "time_series", "routing_path": ["a"], "x": {"y": 3}}, "number_of_shards": 1}}});
        let given = json!({"template": {"settings": {"index": {"mode": "time_series", "routing_path": ["a"], "x": {"y": "3"}, "number_of_shards": "1"}}}});
        assert_eq!(
            normal(AssetKind::Component, &put),
            normal(AssetKind::Component, &given)
        );
    }

    #[test]
    fn what_elasticsearch_adds_is_no_difference_and_what_a_user_wrote_is_one() {
        let put = json!({"data_stream": {}, "priority": 501, "template": {"lifecycle": {"data_retention": "30d"}, "mappings": {"dynamic": false}}});
        let mut given = json!({
            "data_stream": {"hidden": false, "allow_custom_routing": false}, "priority": 501, "composed_of": [],
            "created_date_millis": 1, "modified_date_millis": 2,
            "template": {"lifecycle": {"enabled": true, "data_retention": "30d"}, "mappings": {"_doc": {"dynamic": false}}},
        });
        assert_eq!(
            normal(AssetKind::Index, &put),
            normal(AssetKind::Index, &given)
        );
        given["data_stream"]["hidden"] = true.into();
        assert_ne!(
            normal(AssetKind::Index, &put),
            normal(AssetKind::Index, &given)
        );
    }

    #[test]
    fn a_policy_is_what_it_says_and_not_who_uses_it() {
        let put = json!({"policy": {"phases": {"hot": {"actions": {"rollover": {"max_age": "1d"}}}, "cold": {"min_age": "7d", "actions": {"downsample": {"fixed_interval": "1h"}}}, "delete": {"min_age": "30d", "actions": {"delete": {}}}}}});
        let given = json!({"version": 3, "modified_date": "2026-01-01", "in_use_by": {"indices": []}, "policy": {"phases": {
            "hot": {"min_age": "0ms", "actions": {"rollover": {"max_age": "1d"}}},
            "cold": {"min_age": "7d", "actions": {"downsample": {"fixed_interval": "1h", "wait_timeout": "1d"}}},
            "delete": {"min_age": "30d", "actions": {"delete": {"delete_searchable_snapshot": true}}}}}});
        assert_eq!(
            normal(AssetKind::Policy, &put),
            normal(AssetKind::Policy, &given)
        );
    }
}
