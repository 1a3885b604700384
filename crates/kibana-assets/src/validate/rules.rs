//! Bodies of rules: what the API refuses, and what makes an alert late, sticky or silent.

use std::collections::BTreeSet;

use serde_json::Value;

use super::objects::text_of;
use super::{Problems, fields};
use crate::catalogue::Catalogue;
use crate::ids;

/// Rule types that the basic licence has.
const TYPES: [&str; 2] = [".es-query", "observability.rules.custom_threshold"];

/// Keys of a body of `POST /api/alerting/rule/<id>` that all supported versions take.
const KEYS: [&str; 8] = [
    "name",
    "tags",
    "enabled",
    "schedule",
    "rule_type_id",
    "consumer",
    "params",
    "actions",
];

/// Fields that a rule may group by.
const GROUP_FIELDS: usize = 4;

/// Groups that a rule may tell apart.
const GROUPS: u64 = 1000;

/// `artifacts.investigation_guide.blob` takes no more.
const GUIDE: usize = 1000;

/// A window of more than this many seconds keeps an alert after its cause is gone.
const LONGEST_WINDOW: u64 = 300;

/// Everything that is wrong with a file of rules.
pub fn rules_ndjson(text: &str, catalogue: &Catalogue) -> Vec<String> {
    let mut problems = Problems::new();
    let mut seen = BTreeSet::new();
    for (number, line) in text.lines().enumerate() {
        let rule: Value = match serde_json::from_str(line) {
            Ok(rule) => rule,
            Err(error) => {
                problems.add(&format!("line {}", number + 1), error);
                continue;
            }
        };
        let place = format!("rule {}", text_of(&rule, "rule"));
        problems.check(
            seen.insert(text_of(&rule, "id").to_owned()),
            &place,
            "the id stands twice",
        );
        problems.check(
            is_uuid(text_of(&rule, "id")),
            &place,
            "the id is no UUID of the versions 1 to 5",
        );
        one(&mut problems, &place, &rule["body"], catalogue);
        let guide = text_of(&rule, "guide");
        problems.check(
            guide.matches("\n3. `").count() == 1,
            &place,
            "the runbook needs three commands",
        );
        let what = format!("the runbook is longer than {GUIDE} characters");
        problems.check(guide.chars().count() <= GUIDE, &place, what);
    }
    problems.found
}

/// As `isRandomId` of Kibana's saved objects has it, without which it takes no id of a rule.
fn is_uuid(id: &str) -> bool {
    let parts: Vec<&str> = id.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    lengths == [8, 4, 4, 4, 12]
        && parts.iter().all(|part| part.chars().all(is_hex))
        && parts[2].starts_with(['1', '2', '3', '4', '5'])
        && parts[3].starts_with(['8', '9', 'a', 'b'])
}

fn one(problems: &mut Problems, place: &str, body: &Value, catalogue: &Catalogue) {
    for key in body.as_object().into_iter().flatten().map(|(key, _)| key) {
        problems.check(
            KEYS.contains(&key.as_str()),
            place,
            format!("the API refuses {key}"),
        );
    }
    problems.check(
        !body.to_string().contains("${"),
        place,
        "a variable has no value",
    );
    problems.check(body["enabled"] == false, place, "rules are made disabled");
    problems.check(
        body["consumer"] == "stackAlerts",
        place,
        "the consumer must be stackAlerts",
    );
    let kind = text_of(body, "rule_type_id");
    problems.check(
        TYPES.contains(&kind),
        place,
        format!("{kind:?} is no type of the basic licence"),
    );
    let params = &body["params"];
    let configuration = &params["searchConfiguration"];
    let index = text_of(configuration, "index");
    let is_view = ids::DATA_VIEWS.iter().any(|(id, ..)| *id == index);
    problems.check(is_view, place, format!("{index:?} is no data view of ours"));
    fields::query(
        problems,
        catalogue,
        place,
        text_of(&configuration["query"], "query"),
    );
    if kind == ".es-query" {
        es_query(problems, place, params, catalogue);
    } else {
        threshold(problems, place, params, catalogue);
    }
}

fn es_query(problems: &mut Problems, place: &str, params: &Value, catalogue: &Catalogue) {
    problems.check(
        params["searchType"] == "searchSource",
        place,
        "KQL needs searchType searchSource",
    );
    problems.check(
        params["excludeHitsFromPreviousRun"] == false,
        place,
        "excludeHitsFromPreviousRun clears an alert while its condition lasts",
    );
    problems.check(
        params["timeField"] == "@timestamp",
        place,
        "timeField is missing",
    );
    // A maximum over the window is not the present value.
    problems.check(
        params["aggType"] == "count",
        place,
        "count documents that are a problem; do not aggregate their values",
    );
    window(problems, place, &params["timeWindowSize"]);
    let groups = &params["termField"];
    let fields = match groups {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is_list = groups.as_array().is_some();
    let what = "one group field is a text, not a list";
    problems.check(!is_list || fields.len() > 1, place, what);
    let has_groups = params["groupBy"] == "top";
    let what = "groupBy and termField do not fit";
    problems.check(has_groups != fields.is_empty(), place, what);
    if has_groups {
        let size = params["termSize"].as_u64().unwrap_or_default();
        let what = format!("termSize must be 1 to {GROUPS}");
        problems.check((1..=GROUPS).contains(&size), place, what);
    }
    group_fields(problems, place, &fields, catalogue);
}

fn threshold(problems: &mut Problems, place: &str, params: &Value, catalogue: &Catalogue) {
    let criterion = &params["criteria"][0];
    let metric = &criterion["metrics"][0];
    window(problems, place, &criterion["timeSize"]);
    // Its `rate` does not see the first rise from 0.
    problems.check(
        metric["aggType"] == "count",
        place,
        "count documents; what a counter rose by is a field of its own",
    );
    problems.check(
        params["alertOnGroupDisappear"] == true,
        place,
        "a count that falls below 1 is never seen without alertOnGroupDisappear",
    );
    let groups = params["groupBy"].as_array().into_iter().flatten();
    let groups: Vec<&str> = groups.filter_map(Value::as_str).collect();
    problems.check(!groups.is_empty(), place, "groupBy is missing");
    group_fields(problems, place, &groups, catalogue);
}

fn window(problems: &mut Problems, place: &str, seconds: &Value) {
    let seconds = seconds.as_u64().unwrap_or_default();
    let fits = (1..=LONGEST_WINDOW).contains(&seconds);
    problems.check(
        fits,
        place,
        format!("the window must be 1 to {LONGEST_WINDOW} s"),
    );
}

fn group_fields(problems: &mut Problems, place: &str, groups: &[&str], catalogue: &Catalogue) {
    problems.check(
        groups.len() <= GROUP_FIELDS,
        place,
        format!("more than {GROUP_FIELDS} group fields"),
    );
    for field in groups {
        if let Err(error) = fields::operation(catalogue, "terms", field) {
            problems.add(place, error);
        }
    }
}
