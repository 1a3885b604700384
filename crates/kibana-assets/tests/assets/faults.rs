//! Each fault that is put into a good file is found, and named.

mod columns;

use kibana_assets::validate;
use serde_json::{Value, json};

use super::read;

/// A fault: what it is, how it comes in, and what must be said of it.
type Fault = (&'static str, fn(&mut Vec<Value>), &'static str);

/// Line of the dashboard that the faults are put into: of consumer lag, with tables, drill-downs and thresholds.
const DASHBOARD: usize = 3;

/// Its panel with a table.
const TABLE: usize = 12;

/// Its panel with lines and a threshold.
const LINES: usize = 9;

/// Its panel with a number.
const NUMBER: usize = 1;

fn panels(objects: &mut [Value], change: impl FnOnce(&mut Value)) {
    let text = objects[DASHBOARD]["attributes"]["panelsJSON"]
        .as_str()
        .unwrap();
    let mut panels: Value = serde_json::from_str(text).unwrap();
    change(&mut panels);
    objects[DASHBOARD]["attributes"]["panelsJSON"] = panels.to_string().into();
}

/// Changes the data layer of a panel.
fn layer(objects: &mut [Value], panel: usize, change: impl FnOnce(&mut Value)) {
    panels(objects, |panels| {
        let attributes = &mut panels[panel]["embeddableConfig"]["attributes"];
        change(&mut attributes["state"]["datasourceStates"]["formBased"]["layers"]["data"]);
    });
}

fn state(objects: &mut [Value], panel: usize, change: impl FnOnce(&mut Value)) {
    panels(objects, |panels| {
        change(&mut panels[panel]["embeddableConfig"]["attributes"]["state"])
    });
}

const ENVELOPE: [Fault; 9] = [
    (
        "an object twice",
        |o| o.push(o[DASHBOARD].clone()),
        "same type and id twice",
    ),
    (
        "a dashboard that is too new",
        |o| o[DASHBOARD]["typeMigrationVersion"] = "10.2.0".into(),
        "is newer than 8.9.0",
    ),
    (
        "a core version that is too new",
        |o| o[0]["coreMigrationVersion"] = "8.9.0".into(),
        "is newer than 8.8.0",
    ),
    (
        "no version",
        |o| o[0]["typeMigrationVersion"] = Value::Null,
        "is newer than",
    ),
    (
        "an unknown type",
        |o| o[DASHBOARD]["type"] = "dashbord".into(),
        "are not imported here",
    ),
    (
        "a key of an export",
        |o| o[DASHBOARD]["updated_at"] = "2025".into(),
        "updated_at is no part of a saved object",
    ),
    (
        "no title",
        |o| o[DASHBOARD]["attributes"]["title"] = Value::Null,
        "the title is missing",
    ),
    (
        "sections, which came later",
        |o| o[DASHBOARD]["attributes"]["sections"] = json!([]),
        "sections is no attribute",
    ),
    (
        "a data view without time",
        |o| o[0]["attributes"]["timeFieldName"] = Value::Null,
        "the time field is missing",
    ),
];

const REFERENCES: [Fault; 9] = [
    ("no data view", |o| drop(o.remove(0)), "which is missing"),
    (
        "no reference in the dashboard",
        |o| drop(references(o).pop()),
        "is missing",
    ),
    (
        "a reference that nothing uses",
        |o| {
            references(o)
                .push(json!({"type": "index-pattern", "id": "brokerbeat-metrics", "name": "p99:x"}))
        },
        "nothing uses the reference p99:x",
    ),
    (
        "a reference twice",
        |o| {
            let first = references(o)[0].clone();
            references(o).push(first)
        },
        "stands twice",
    ),
    (
        "a link to nowhere",
        |o| references(o)[0]["id"] = "brokerbeat-nowhere".into(),
        "leads to dashboard brokerbeat-nowhere, which is missing",
    ),
    (
        "no reference in the panel",
        |o| {
            panels(o, |p| {
                p[NUMBER]["embeddableConfig"]["attributes"]["references"] = json!([])
            })
        },
        "the panel's own reference indexpattern-datasource-layer-data is missing",
    ),
    (
        "another data view in the panel",
        |o| {
            panels(o, |p| {
                p[NUMBER]["embeddableConfig"]["attributes"]["references"][0]["id"] =
                    "brokerbeat-logs".into()
            })
        },
        "leads elsewhere",
    ),
    (
        "a link of another name",
        |o| {
            panels(o, |p| {
                p[0]["embeddableConfig"]["attributes"]["links"][0]["destinationRefName"] =
                    "x".into()
            })
        },
        "destinationRefName is not made of its id",
    ),
    (
        "a drill-down that costs",
        |o| {
            panels(o, |p| {
                p[13]["embeddableConfig"]["enhancements"]["dynamicActions"]["events"][0]["action"]
                    ["factoryId"] = "URL_DRILLDOWN".into()
            })
        },
        "only drill-downs to dashboards",
    ),
];

fn references(objects: &mut [Value]) -> &mut Vec<Value> {
    objects[DASHBOARD]["references"].as_array_mut().unwrap()
}

const GRID: [Fault; 6] = [
    (
        "panels that overlap",
        |o| panels(o, |p| p[2]["gridData"]["x"] = json!(4)),
        "overlaps another panel",
    ),
    (
        "a panel beyond the edge",
        |o| panels(o, |p| p[6]["gridData"]["w"] = json!(9)),
        "reaches beyond column 48",
    ),
    (
        "a panel without height",
        |o| panels(o, |p| p[2]["gridData"]["h"] = json!(0)),
        "w and h above 0",
    ),
    (
        "an index twice",
        |o| panels(o, |p| p[2]["panelIndex"] = "p1".into()),
        "missing or stands twice",
    ),
    (
        "another index in the grid",
        |o| panels(o, |p| p[2]["gridData"]["i"] = "p9".into()),
        "gridData.i is not the panelIndex",
    ),
    (
        "panels that are no text",
        |o| o[DASHBOARD]["attributes"]["panelsJSON"] = json!([]),
        "is no text",
    ),
];

#[test]
fn each_fault_is_found_and_named() {
    let (source, catalogue) = read();
    let good = kibana_assets::objects::saved_objects(&source, &catalogue);
    assert_eq!(good[DASHBOARD]["id"], "brokerbeat-lag");
    let faults = ENVELOPE
        .iter()
        .chain(&REFERENCES)
        .chain(&GRID)
        .chain(&columns::FIELDS)
        .chain(&columns::LENS);
    for (name, put_in, complaint) in faults {
        let mut objects = good.clone();
        put_in(&mut objects);
        let text = kibana_assets::objects::to_ndjson(&objects);
        let problems = validate::ndjson(&text, &catalogue);
        let found = problems.iter().any(|problem| problem.contains(complaint));
        assert!(found, "{name}: {complaint:?} is not among {problems:#?}");
    }
}

#[test]
fn a_line_that_is_no_json_is_found() {
    let (_, catalogue) = read();
    let problems = validate::ndjson("{\"id\": 1\n", &catalogue);
    assert!(
        problems
            .iter()
            .any(|problem| problem.starts_with("line 1: ")),
        "{problems:?}"
    );
}
