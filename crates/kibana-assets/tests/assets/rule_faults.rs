//! Each fault that is put into a good rule is found, and named.

use kibana_assets::validate;
use serde_json::{Value, json};

use super::read;

type Fault = (&'static str, fn(&mut Value), &'static str);

const ES_QUERY: [Fault; 14] = [
    (
        "a type that costs",
        |b| b["rule_type_id"] = "xpack.ml.anomaly_detection_alert".into(),
        "is no type of the basic licence",
    ),
    (
        "a key of a newer Kibana",
        |b| b["artifacts"] = json!({}),
        "the API refuses artifacts",
    ),
    (
        "enabled at once",
        |b| b["enabled"] = true.into(),
        "rules are made disabled",
    ),
    (
        "another consumer",
        |b| b["consumer"] = "alerts".into(),
        "the consumer must be stackAlerts",
    ),
    (
        "a maximum over the window",
        |b| {
            b["params"]["aggType"] = "max".into();
            b["params"]["aggField"] = "kafka.group.lag.sum".into()
        },
        "do not aggregate their values",
    ),
    (
        "hits that are counted once",
        |b| b["params"]["excludeHitsFromPreviousRun"] = true.into(),
        "clears an alert while its condition lasts",
    ),
    (
        "a window of an hour",
        |b| b["params"]["timeWindowSize"] = 3600.into(),
        "the window must be",
    ),
    (
        "no data view",
        |b| b["params"]["searchConfiguration"]["index"] = "metrics-*".into(),
        "is no data view of ours",
    ),
    (
        "an unknown field",
        |b| b["params"]["searchConfiguration"]["query"]["query"] = "kafka.nothing > 1".into(),
        "kafka.nothing is not in fields.yml",
    ),
    (
        "a query that cannot be read",
        |b| b["params"]["searchConfiguration"]["query"]["query"] = "a >".into(),
        "a value is missing",
    ),
    (
        "a list of one field",
        |b| b["params"]["termField"] = json!(["kafka.cluster.name"]),
        "one group field is a text",
    ),
    (
        "groups without fields",
        |b| b["params"]["termField"] = Value::Null,
        "groupBy and termField do not fit",
    ),
    (
        "too many groups",
        |b| b["params"]["termSize"] = 5000.into(),
        "termSize must be 1 to 1000",
    ),
    (
        "a variable without a value",
        |b| b["params"]["timeWindowSize"] = "${window}".into(),
        "a variable has no value",
    ),
];

const THRESHOLD: [Fault; 3] = [
    (
        "a group that goes unseen",
        |b| b["params"]["alertOnGroupDisappear"] = false.into(),
        "never seen without alertOnGroupDisappear",
    ),
    (
        "no groups",
        |b| b["params"]["groupBy"] = json!([]),
        "groupBy is missing",
    ),
    (
        "a mean over the window",
        |b| b["params"]["criteria"][0]["metrics"][0]["aggType"] = "avg".into(),
        "count documents",
    ),
];

/// What is beside the body.
const ENTRY: [Fault; 3] = [
    (
        "an id that Kibana does not take",
        |r| r["id"] = "95322697-f7a0-83d6-a716-446655440000".into(),
        "no UUID of the versions 1 to 5",
    ),
    (
        "a runbook without a command",
        |r| r["guide"] = "1. `ls`\n2. `ls`\n".into(),
        "the runbook needs three commands",
    ),
    (
        "a runbook that Kibana does not take",
        |r| r["guide"] = format!("\n3. `ls`{}", " long".repeat(200)).into(),
        "longer than 1000 characters",
    ),
];

#[test]
fn each_fault_is_found_and_named() {
    let (source, catalogue) = read();
    let good = kibana_assets::rules::rules(&source, &catalogue).unwrap();
    for (faults, rule, part) in [
        (&ES_QUERY[..], "group-stopped", "/body"),
        (&THRESHOLD[..], "agent-gone", "/body"),
        (&ENTRY[..], "group-stopped", ""),
    ] {
        for (name, put_in, complaint) in faults {
            let mut rules = good.clone();
            let rule = rules.iter_mut().find(|one| one["rule"] == rule).unwrap();
            put_in(rule.pointer_mut(part).unwrap());
            let text = kibana_assets::objects::to_ndjson(&rules);
            let problems = validate::rules_ndjson(&text, &catalogue);
            let found = problems.iter().any(|problem| problem.contains(complaint));
            assert!(found, "{name}: {complaint:?} is not among {problems:#?}");
        }
    }
}

#[test]
fn variables_change_queries_and_windows() {
    let template =
        json!({"query": "a > ${limit} and b < ${limit}", "size": "${window}", "rest": [1, "x"]});
    let values = [("limit".to_owned(), 0.5), ("window".to_owned(), 30.0)].into();
    let resolved = kibana_assets::rules::resolve(&template, &values);
    assert_eq!(
        resolved,
        json!({"query": "a > 0.5 and b < 0.5", "size": 30, "rest": [1, "x"]})
    );
}
