//! The rules of `/api/alerting/rule/<id>`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::http::Answer;
use super::server::{Contract, Store, bad, text_of};

/// What a new rule may have, and what an update may.
const CREATE: [&str; 8] = [
    "name",
    "rule_type_id",
    "consumer",
    "schedule",
    "params",
    "tags",
    "enabled",
    "actions",
];
const UPDATE: [&str; 5] = ["name", "schedule", "params", "tags", "actions"];

/// What an action may have.
const ACTION: [&str; 7] = [
    "group",
    "id",
    "params",
    "frequency",
    "uuid",
    "alerts_filter",
    "use_alert_data_for_template",
];

/// Groups that one rule may tell apart.
const MOST_GROUPS: u64 = 1_000;

/// Characters of an investigation guide.
const MOST_OF_A_GUIDE: usize = 1_000;

pub(super) fn answer(
    kind: &Contract,
    store: &mut Store,
    space: &str,
    method: &str,
    rest: &str,
    body: &[u8],
) -> Answer {
    let (id, action) = rest.split_once('/').unwrap_or((rest, ""));
    let place = (space.to_owned(), id.to_owned());
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    match (method, action, store.rules.contains_key(&place)) {
        ("GET", "", true) => (200, store.rules[&place].to_string()),
        ("POST", "", _) => {
            if !is_uuid(id) {
                return bad(
                    400,
                    "Predefined IDs are not allowed for saved objects with encrypted attributes unless the ID is a UUID.",
                );
            }
            // Ids are taken in all spaces at once.
            if store.rules.keys().any(|(_, other)| other == id) {
                return bad(409, &format!("Saved object [alert/{id}] conflict"));
            }
            if let Err(why) = check(kind, store, space, &body, &CREATE) {
                return bad(400, &why);
            }
            let type_id = text_of(&body["rule_type_id"]);
            if let Err(why) = check_params(kind, &type_id, &body["params"]) {
                return bad(400, &why);
            }
            store.rules.insert(place, with_defaults(body));
            (200, "{}".to_owned())
        }
        ("PUT", "", true) => {
            if let Err(why) = check(kind, store, space, &body, &UPDATE) {
                return bad(400, &why);
            }
            let type_id = text_of(&store.rules[&place]["rule_type_id"]);
            if let Err(why) = check_params(kind, &type_id, &body["params"]) {
                return bad(400, &why);
            }
            let rule = store.rules.get_mut(&place).unwrap();
            for (key, value) in with_defaults(body).as_object().unwrap() {
                rule[key] = value.clone();
            }
            (200, rule.to_string())
        }
        ("POST", "_enable", true) => {
            store.rules.get_mut(&place).unwrap()["enabled"] = true.into();
            (204, String::new())
        }
        _ => bad(404, &format!("Saved object [alert/{id}] not found")),
    }
}

/// A Kibana fills in what was left out, and names the connector of an action.
fn with_defaults(mut rule: Value) -> Value {
    if rule["params"]["searchType"] == "searchSource" {
        rule["params"]["sourceFields"] = json!([]);
    }
    for action in rule["actions"].as_array_mut().into_iter().flatten() {
        action["connector_type_id"] = ".email".into();
    }
    rule
}

/// `isRandomId` of Kibana's saved objects: versions 1 to 5.
fn is_uuid(id: &str) -> bool {
    let Ok(id) = uuid::Uuid::parse_str(id) else {
        return false;
    };
    (1..=5).contains(&id.get_version_num()) && id.get_variant() == uuid::Variant::RFC4122
}

fn keys(value: &Value) -> BTreeSet<&str> {
    let object = value.as_object().into_iter().flatten();
    object.map(|(key, _)| key.as_str()).collect()
}

fn only(value: &Value, allowed: &[&str], place: &str) -> Result<(), String> {
    match keys(value).into_iter().find(|key| !allowed.contains(key)) {
        Some(key) => Err(format!(
            "[request body.{place}{key}]: definition for this key is missing"
        )),
        None => Ok(()),
    }
}

fn check(
    kind: &Contract,
    store: &Store,
    space: &str,
    body: &Value,
    allowed: &[&str],
) -> Result<(), String> {
    let mut allowed = allowed.to_vec();
    if kind.version() >= (9, 1) {
        allowed.push("artifacts");
    }
    only(body, &allowed, "")?;
    let guide = text_of(&body["artifacts"]["investigation_guide"]["blob"]);
    if guide.chars().count() > MOST_OF_A_GUIDE {
        return Err(format!(
            "[request body.artifacts.investigation_guide.blob]: value has length [{}] but it must have a maximum length of [{MOST_OF_A_GUIDE}].",
            guide.chars().count()
        ));
    }
    for action in body["actions"].as_array().into_iter().flatten() {
        only(action, &ACTION, "actions.0.")?;
    }
    let interval = text_of(&body["schedule"]["interval"]);
    if !interval.ends_with(['s', 'm', 'h', 'd']) {
        return Err("[request body.schedule.interval]: string is not a valid duration".to_owned());
    }
    // A real one takes it, and the rule fails each time it runs.
    let view = text_of(&body["params"]["searchConfiguration"]["index"]);
    match store.views(space).contains_key(&view) {
        true => Ok(()),
        false => Err(format!(
            "the rule looks through the data view {view:?}, which this space has not"
        )),
    }
}

fn check_params(kind: &Contract, type_id: &str, params: &Value) -> Result<(), String> {
    match type_id {
        ".es-query" => es_query(params),
        "observability.rules.custom_threshold" if kind.version() >= (8, 13) => custom(params),
        other => Err(format!("Rule type \"{other}\" is not registered.")),
    }
}

fn es_query(params: &Value) -> Result<(), String> {
    let is_grouped = params["groupBy"] == "top";
    let fields = match &params["termField"] {
        Value::Array(fields) => fields.len(),
        Value::String(_) => 1,
        _ => 0,
    };
    let size = params["termSize"].as_u64().unwrap_or(0);
    let good = params["threshold"]
        .as_array()
        .is_some_and(|all| all.len() == 1)
        && matches!(params["thresholdComparator"].as_str(), Some(">" | "<"))
        && params["timeWindowSize"]
            .as_u64()
            .is_some_and(|size| size > 0)
        && is_grouped == (1..=4).contains(&fields)
        && (!is_grouped || (1..=MOST_GROUPS).contains(&size))
        && params["timeField"] == "@timestamp"
        && params["size"].is_u64();
    match good {
        true => Ok(()),
        false => Err(format!("params invalid: {params}")),
    }
}

fn custom(params: &Value) -> Result<(), String> {
    let one = &params["criteria"][0];
    let good = one["timeSize"].as_u64().is_some_and(|size| size > 0)
        && one["threshold"].is_array()
        && one["metrics"][0]["name"] == "A"
        && (one["metrics"][0]["aggType"] == "count") == one["metrics"][0]["field"].is_null()
        && params["searchConfiguration"]["query"]["query"].is_string();
    match good {
        true => Ok(()),
        false => Err(format!("params invalid: {params}")),
    }
}
