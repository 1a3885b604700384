//! Dashboards and data views: what is there, and the import.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Kibana, Sent, Version};
use super::error::KibanaError;

/// The dashboards and their data views, a saved object a line.
pub const DASHBOARDS: &str = include_str!("../../kibana/dashboards.ndjson");

/// The oldest Kibana that takes all of ours: 8.9 takes the form of the dashboards, 8.11 rules of several group fields, 8.12 the bar of
/// links, 8.13 controls of numbers and the rule type custom threshold.
pub const OLDEST: Version = (8, 13);

/// A saved object of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// `dashboard` or `index-pattern`.
    pub kind: String,
    /// Its id, unless another space has it already.
    pub id: String,
    line: &'static str,
}

/// An object and whether the space has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub object: Object,
    /// Whether an import replaces it.
    pub is_there: bool,
}

/// What an import has done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many objects.
    pub count: u64,
    /// Those that have another id here, as another space has ours: by our id.
    pub elsewhere: BTreeMap<String, String>,
}

/// All of ours.
pub fn objects() -> Vec<Object> {
    let lines = DASHBOARDS.lines();
    let objects = lines.map(|line| {
        let value: Value = serde_json::from_str(line).expect("the generator writes JSON");
        let word = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        Object {
            kind: word("type"),
            id: word("id"),
            line,
        }
    });
    objects.collect()
}

/// Whether each of ours is there.
pub async fn find(kibana: &Kibana) -> Result<Vec<Found>, KibanaError> {
    let objects = objects();
    let wanted: Vec<Value> = objects
        .iter()
        .map(|object| json!({"type": object.kind, "id": object.id}))
        .collect();
    let body =
        json!({"objects": wanted, "includeReferencesDeep": false, "excludeExportDetails": true});
    let path = "/api/saved_objects/_export";
    let answer = kibana
        .ask(Method::POST, path, Sent::Json(&body), &[200, 400])
        .await?;
    let missing = match answer.status {
        200 => BTreeSet::new(),
        _ => missing(&answer.json()).map_err(|()| {
            KibanaError::refused(
                kibana.base(),
                &format!("POST {path}"),
                answer.status,
                &answer.body,
            )
        })?,
    };
    let found = objects.into_iter().map(|object| Found {
        is_there: !missing.contains(&(object.kind.clone(), object.id.clone())),
        object,
    });
    Ok(found.collect())
}

/// Type and id of what an export does not find; an error if there is another reason than that.
fn missing(answer: &Value) -> Result<BTreeSet<(String, String)>, ()> {
    let objects = answer["attributes"]["objects"].as_array().ok_or(())?;
    let named = objects.iter().map(|one| {
        let is_missing = one["error"]["statusCode"] == 404;
        let name = (
            one["type"].as_str()?.to_owned(),
            one["id"].as_str()?.to_owned(),
        );
        is_missing.then_some(name)
    });
    named.collect::<Option<_>>().ok_or(())
}

/// Imports these, over what is there under their ids.
pub async fn import(kibana: &Kibana, objects: &[Object]) -> Result<Imported, KibanaError> {
    let lines: Vec<&str> = objects.iter().map(|object| object.line).collect();
    let text = lines.join("\n") + "\n";
    let path = "/api/saved_objects/_import?overwrite=true";
    let answer = kibana
        .ask(Method::POST, path, Sent::File(&text), &[200])
        .await?;
    let answer = answer.json();
    // 200 says that it was understood, not that it was done.
    let taken = answer["successCount"].as_u64().unwrap_or(0);
    if answer["success"] != true {
        let errors = answer["errors"].as_array().into_iter().flatten();
        let refused: Vec<String> = errors.map(sentence).collect();
        return Err(match refused.is_empty() {
            true => KibanaError::NotKibana {
                base: kibana.base().to_owned(),
                what: "the answer to an import says neither success nor what is wrong".to_owned(),
            },
            false => KibanaError::NotAll { taken, refused },
        });
    }
    let results = answer["successResults"].as_array().into_iter().flatten();
    let elsewhere = results.filter_map(|one| {
        let (id, other) = (one["id"].as_str()?, one["destinationId"].as_str()?);
        (id != other).then(|| (id.to_owned(), other.to_owned()))
    });
    Ok(Imported {
        count: taken,
        elsewhere: elsewhere.collect(),
    })
}

/// What is wrong with one object, and what to do.
fn sentence(error: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = format!("{} {}", word(&error["type"]), word(&error["id"]));
    let why = &error["error"];
    match why["type"].as_str().unwrap_or_default() {
        "conflict" => format!("{name} is there and was not replaced"),
        "ambiguous_conflict" => {
            let others = why["destinations"].as_array().into_iter().flatten();
            let others: Vec<String> = others.map(|one| word(&one["id"])).collect();
            format!(
                "{name} was copied here more than once ({}): delete all but one of the copies",
                others.join(", ")
            )
        }
        "missing_references" => {
            let missing = why["references"].as_array().into_iter().flatten();
            let missing: Vec<String> = missing
                .map(|one| format!("{} {}", word(&one["type"]), word(&one["id"])))
                .collect();
            format!("{name} needs {}, which is not there", missing.join(", "))
        }
        "unsupported_type" => format!("{name} is of a type that this Kibana does not know"),
        other => {
            let message = match why["message"].as_str() {
                Some(message) => message.chars().take(200).collect(),
                None => other.to_owned(),
            };
            format!("{name}: {message}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_an_object_and_both_data_views_are_among_them() {
        let objects = objects();
        assert!(objects.len() > 12);
        let views = objects.iter().filter(|one| one.kind == "index-pattern");
        let views: Vec<&str> = views.map(|one| one.id.as_str()).collect();
        assert_eq!(views, ["brokerbeat-metrics", "brokerbeat-logs"]);
    }

    #[test]
    fn each_kind_of_refusal_is_a_sentence() {
        for (error, said) in [
            (
                json!({"type": "conflict"}),
                "dashboard d is there and was not replaced",
            ),
            (
                json!({"type": "missing_references", "references": [{"type": "index-pattern", "id": "x"}]}),
                "dashboard d needs index-pattern x, which is not there",
            ),
            (
                json!({"type": "ambiguous_conflict", "destinations": [{"id": "a"}, {"id": "b"}]}),
                "dashboard d was copied here more than once (a, b): delete all but one of the copies",
            ),
            (
                json!({"type": "unsupported_type"}),
                "dashboard d is of a type that this Kibana does not know",
            ),
            (
                json!({"type": "unknown", "message": "boom"}),
                "dashboard d: boom",
            ),
            (json!({"type": "unknown"}), "dashboard d: unknown"),
        ] {
            assert_eq!(
                sentence(&json!({"type": "dashboard", "id": "d", "error": error})),
                said
            );
        }
    }

    #[test]
    fn only_what_is_not_found_is_missing() {
        let object =
            |status: u64| json!({"type": "dashboard", "id": "d", "error": {"statusCode": status}});
        let answer = |objects: Vec<Value>| json!({"attributes": {"objects": objects}});
        let found = missing(&answer(vec![object(404)])).unwrap();
        assert!(found.contains(&("dashboard".to_owned(), "d".to_owned())));
        assert_eq!(missing(&answer(vec![object(404), object(403)])), Err(()));
        assert_eq!(missing(&json!({"message": "no"})), Err(()));
    }
}
