//! The rules of `POST /api/saved_objects/_import`, and of the export.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::http::{Answer, Request};
use super::server::{Contract, Store, bad, text_of};

/// Types, and the newest form of each that the oldest supported Kibana (8.9) has a migration to.
const TYPES: [(&str, &str); 6] = [
    ("dashboard", "8.9.0"),
    ("lens", "8.9.0"),
    ("index-pattern", "8.0.0"),
    ("visualization", "8.5.0"),
    ("search", "8.0.0"),
    ("tag", "8.0.0"),
];
const CORE: &str = "8.8.0";

/// Types whose references must be there.
const REFERENCED: [&str; 2] = ["index-pattern", "search"];

pub(super) fn import(kind: &Contract, store: &mut Store, space: &str, request: &Request) -> Answer {
    let objects = match parse(request) {
        Ok(objects) => objects,
        Err(answer) => return answer,
    };
    let names: BTreeSet<_> = objects.iter().map(name).collect();
    if names.len() < objects.len() {
        return bad(400, "Non-unique import objects detected");
    }
    if let Some(object) = objects.iter().find(|object| is_newer(object)) {
        let (kind, id) = name(object);
        return bad(
            422,
            &format!("Document \"{kind}:{id}\" belongs to a more recent version of Kibana"),
        );
    }
    let overwrite = request.query.contains("overwrite=true");
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for object in &objects {
        match take(kind, store, space, object, &names, overwrite) {
            Ok(result) => results.push(result),
            Err(error) => errors.push(error),
        }
    }
    let mut answer =
        json!({"success": errors.is_empty(), "successCount": results.len(), "warnings": []});
    if !errors.is_empty() {
        answer["errors"] = errors.into();
    }
    answer["successResults"] = results.into();
    (200, answer.to_string())
}

/// The lines of the form's file.
fn parse(request: &Request) -> Result<Vec<Value>, Answer> {
    let kind = request.header("content-type");
    let Some(boundary) = kind.strip_prefix("multipart/form-data; boundary=") else {
        return Err(bad(415, "Unsupported Media Type"));
    };
    let body = String::from_utf8(request.body.clone()).map_err(|_| bad(400, "no UTF-8"))?;
    let whole = body
        .strip_prefix(&format!("--{boundary}\r\n"))
        .and_then(|rest| rest.strip_suffix(&format!("\r\n--{boundary}--\r\n")));
    let Some((head, text)) = whole.and_then(|part| part.split_once("\r\n\r\n")) else {
        return Err(bad(400, "Invalid multipart payload format"));
    };
    if !head.contains("name=\"file\"") {
        return Err(bad(
            400,
            "[request body.file]: expected value of type [Stream] but got [undefined]",
        ));
    }
    if !head.contains(".ndjson\"") {
        return Err(bad(400, "Invalid file extension"));
    }
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).map_err(|error| bad(400, &error.to_string())))
        .collect()
}

pub(super) fn name(object: &Value) -> (String, String) {
    (text_of(&object["type"]), text_of(&object["id"]))
}

fn is_newer(object: &Value) -> bool {
    let known = TYPES.iter().find(|(name, _)| object["type"] == *name);
    let of_type = text_of(&object["typeMigrationVersion"]);
    known.is_some_and(|(_, newest)| numbers(&of_type) > numbers(newest))
        || numbers(&text_of(&object["coreMigrationVersion"])) > numbers(CORE)
}

fn numbers(version: &str) -> Vec<u32> {
    version
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect()
}

fn take(
    kind: &Contract,
    store: &mut Store,
    space: &str,
    object: &Value,
    names: &BTreeSet<(String, String)>,
    overwrite: bool,
) -> Result<Value, Value> {
    let (of_type, id) = name(object);
    let refuse = |error: Value| json!({"type": of_type, "id": id, "meta": {}, "error": error});
    if !TYPES.iter().any(|(name, _)| *name == of_type) {
        return Err(refuse(json!({"type": "unsupported_type"})));
    }
    if kind.breaks.is_some_and(|broken| broken == id) {
        return Err(refuse(
            json!({"type": "unknown", "message": "disk full", "statusCode": 500}),
        ));
    }
    let references = object["references"].as_array().cloned().unwrap_or_default();
    let missing: Vec<Value> = references
        .into_iter()
        .filter(|one| {
            let name = name(one);
            REFERENCED.contains(&name.0.as_str())
                && !names.contains(&name)
                && !store.has(space, &name)
        })
        .collect();
    if !missing.is_empty() {
        return Err(refuse(
            json!({"type": "missing_references", "references": missing}),
        ));
    }
    let name = (of_type.clone(), id.clone());
    let mut result = json!({"type": of_type, "id": id, "meta": {}});
    if let Some(here) = store.here(space, &name) {
        if !overwrite {
            return Err(refuse(json!({"type": "conflict"})));
        }
        result["overwrite"] = true.into();
        if here != id {
            result["destinationId"] = here.as_str().into();
        }
        store.put(space, &name, &here, object);
    } else if store.is_elsewhere(space, &name) {
        let other = store.new_id();
        result["destinationId"] = other.as_str().into();
        store.put(space, &name, &other, object);
    } else {
        store.put(space, &name, &id, object);
    }
    Ok(result)
}

/// By id only: what has another id here is not found.
pub(super) fn export(store: &Store, space: &str, request: &Request) -> Answer {
    let wanted: Value = serde_json::from_slice(&request.body).unwrap();
    let wanted = wanted["objects"].as_array().unwrap().iter().map(name);
    let (found, missing): (Vec<_>, Vec<_>) =
        wanted.partition(|name| store.get(space, name).is_some());
    if missing.is_empty() {
        let lines = found
            .iter()
            .map(|name| store.get(space, name).unwrap().to_string() + "\n");
        return (200, lines.collect());
    }
    let objects: Vec<Value> = missing
        .iter()
        .map(|(kind, id)| json!({"type": kind, "id": id, "error": {"statusCode": 404, "error": "Not Found"}}))
        .collect();
    let answer = json!({"statusCode": 400, "error": "Bad Request", "message": "Error fetching objects to export", "attributes": {"objects": objects}});
    (400, answer.to_string())
}
