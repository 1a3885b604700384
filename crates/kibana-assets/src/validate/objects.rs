//! Lines of an ndjson file: envelope, versions, ids, references.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Problems, dashboard};
use crate::catalogue::Catalogue;

/// The newest versions that Kibana 8.9 takes, by type.
const VERSIONS: [(&str, &str); 2] = [("dashboard", "8.9.0"), ("index-pattern", "8.0.0")];

/// Of all types.
const CORE_VERSION: &str = "8.8.0";

/// What stands in a line beside its attributes.
const ENVELOPE: [&str; 7] = [
    "id",
    "type",
    "coreMigrationVersion",
    "typeMigrationVersion",
    "managed",
    "references",
    "attributes",
];

/// A line that could be read.
pub(super) struct Object {
    pub(super) place: String,
    pub(super) value: Value,
}

/// Everything that is wrong with a file of saved objects.
pub fn ndjson(text: &str, catalogue: &Catalogue) -> Vec<String> {
    let mut problems = Problems::new();
    let objects = lines(&mut problems, text);
    let known: BTreeSet<(&str, &str)> = objects
        .iter()
        .map(|o| (text_of(&o.value, "type"), text_of(&o.value, "id")))
        .collect();
    problems.check(
        known.len() == objects.len(),
        "file",
        "the same type and id twice: Kibana refuses the file",
    );
    for object in &objects {
        envelope(&mut problems, object);
        references(&mut problems, object, &known);
        match text_of(&object.value, "type") {
            "dashboard" => dashboard::check(&mut problems, object, catalogue),
            "index-pattern" => data_view(&mut problems, object),
            other => problems.add(
                &object.place,
                format!("objects of type {other:?} are not imported here"),
            ),
        }
    }
    problems.found
}

fn lines(problems: &mut Problems, text: &str) -> Vec<Object> {
    let mut objects = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match serde_json::from_str::<Value>(line) {
            Ok(value) => {
                let place = format!("{} {}", text_of(&value, "type"), text_of(&value, "id"));
                objects.push(Object { place, value });
            }
            Err(error) => problems.add(&format!("line {}", number + 1), error),
        }
    }
    objects
}

/// A text of an object, empty where there is none.
pub(super) fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn envelope(problems: &mut Problems, object: &Object) {
    let Object { place, value } = object;
    for key in value.as_object().into_iter().flatten().map(|(key, _)| key) {
        problems.check(
            ENVELOPE.contains(&key.as_str()),
            place,
            format!("{key} is no part of a saved object"),
        );
    }
    problems.check(!text_of(value, "id").is_empty(), place, "the id is missing");
    problems.check(
        value["references"].is_array(),
        place,
        "references are missing",
    );
    problems.check(
        value["attributes"]["title"].is_string(),
        place,
        "the title is missing",
    );
    let newest = VERSIONS
        .iter()
        .find(|(kind, _)| *kind == text_of(value, "type"));
    let newest = newest.map_or("0.0.0", |(_, version)| version);
    for (key, limit) in [
        ("coreMigrationVersion", CORE_VERSION),
        ("typeMigrationVersion", newest),
    ] {
        let version = text_of(value, key);
        let fits = numbers(version).is_some_and(|version| Some(version) <= numbers(limit));
        problems.check(
            fits,
            place,
            format!("{key} {version:?} is newer than {limit}: Kibana 8.9 refuses it"),
        );
    }
}

fn numbers(version: &str) -> Option<Vec<u32>> {
    let parts: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    parts.filter(|parts| parts.len() == 3)
}

fn references(problems: &mut Problems, object: &Object, known: &BTreeSet<(&str, &str)>) {
    let mut names = BTreeSet::new();
    for reference in object.value["references"].as_array().into_iter().flatten() {
        let name = text_of(reference, "name");
        problems.check(
            names.insert(name),
            &object.place,
            format!("the reference {name} stands twice"),
        );
        let target = (text_of(reference, "type"), text_of(reference, "id"));
        problems.check(
            known.contains(&target),
            &object.place,
            format!(
                "the reference {name} leads to {} {}, which is missing",
                target.0, target.1
            ),
        );
    }
}

/// Names of an object's references, and what they lead to.
pub(super) fn reference_names(value: &Value) -> BTreeMap<&str, &str> {
    let all = value["references"].as_array().into_iter().flatten();
    all.map(|one| (text_of(one, "name"), text_of(one, "id")))
        .collect()
}

fn data_view(problems: &mut Problems, object: &Object) {
    let attributes = &object.value["attributes"];
    problems.check(
        attributes["timeFieldName"] == "@timestamp",
        &object.place,
        "the time field is missing",
    );
    for key in [
        "sourceFilters",
        "fieldFormatMap",
        "runtimeFieldMap",
        "fieldAttrs",
        "fields",
    ] {
        let is_json = attributes[key]
            .as_str()
            .is_some_and(|text| serde_json::from_str::<Value>(text).is_ok());
        problems.check(
            is_json,
            &object.place,
            format!("{key} must be JSON in a text"),
        );
    }
}
