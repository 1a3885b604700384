//! The data views that rules look through: the ids that they have in this space.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

use super::client::{Kibana, Sent};
use super::error::KibanaError;
use super::objects::{DASHBOARDS, Object};

/// Our data views' ids in this space, by ours; without those that are missing.
pub async fn find(kibana: &Kibana) -> Result<BTreeMap<String, String>, KibanaError> {
    let answer = kibana
        .ask(Method::GET, "/api/data_views", Sent::Nothing, &[200])
        .await?;
    let answer = answer.json();
    let there = answer["data_view"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let found = ours().into_iter().filter_map(|(id, pattern)| {
        // Another space may have the id: then it is one of the same pattern.
        let same = there.iter().find(|one| one["id"] == id.as_str());
        let alike = || there.iter().find(|one| one["title"] == pattern.as_str());
        let other = same.or_else(alike)?["id"].as_str()?.to_owned();
        Some((id, other))
    });
    Ok(found.collect())
}

/// Whether an object is a data view.
pub fn is_view(object: &Object) -> bool {
    object.kind == "index-pattern"
}

/// Ids and patterns.
fn ours() -> Vec<(String, String)> {
    let objects = DASHBOARDS.lines();
    let objects = objects.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let views = objects.filter(|one| one["type"] == "index-pattern");
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let views = views.map(|one| (word(&one["id"]), word(&one["attributes"]["title"])));
    views.collect()
}
