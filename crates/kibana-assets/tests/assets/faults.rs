//! Each fault that is put into a good file is found, and named.

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

const FIELDS: [Fault; 10] = [
    (
        "an unknown field",
        |o| {
            layer(o, TABLE, |l| {
                l["columns"]["value2"]["sourceField"] = "kafka.group.lag.total".into()
            })
        },
        "kafka.group.lag.total is not in fields.yml",
    ),
    (
        "an unknown field in a filter",
        |o| {
            state(o, TABLE, |s| {
                s["query"]["query"] = "kafka.nothing : 1".into()
            })
        },
        "kafka.nothing is not in fields.yml",
    ),
    (
        "an unknown field in a column's filter",
        |o| {
            layer(o, NUMBER, |l| {
                l["columns"]["value0"]["filter"]["query"] = "kafka.nothing : 1".into()
            })
        },
        "kafka.nothing is not in fields.yml",
    ),
    (
        "an unknown field in a control",
        |o| control(o, "kafka.topic.title"),
        "kafka.topic.title is not in fields.yml",
    ),
    (
        "a filter that cannot be read",
        |o| state(o, TABLE, |s| s["query"]["query"] = "a : (b or".into()),
        "a value is missing",
    ),
    (
        "a text in a sum",
        |o| operation(o, "sum", "message"),
        "sum does not take message, a text",
    ),
    (
        "a keyword in a mean",
        |o| operation(o, "average", "kafka.group.state"),
        "average does not take kafka.group.state, a keyword",
    ),
    (
        "a text in a split",
        |o| {
            layer(o, TABLE, |l| {
                l["columns"]["row1"]["sourceField"] = "message".into()
            })
        },
        "terms does not take message, a text",
    ),
    (
        "a counter in a mean",
        |o| operation(o, "average", "kafka.broker.messages.in"),
        "average does not take kafka.broker.messages.in, a long counter",
    ),
    (
        "a word compared with a number",
        |o| {
            state(o, TABLE, |s| {
                s["query"]["query"] = "kafka.group.state > 3".into()
            })
        },
        "it has no size",
    ),
];

fn operation(objects: &mut [Value], operation: &str, field: &str) {
    layer(objects, LINES, |layer| {
        layer["columns"]["value0"]["operationType"] = operation.into();
        layer["columns"]["value0"]["sourceField"] = field.into();
    });
}

fn control(objects: &mut [Value], field: &str) {
    let group = &mut objects[DASHBOARD]["attributes"]["controlGroupInput"];
    let mut panels: Value = serde_json::from_str(group["panelsJSON"].as_str().unwrap()).unwrap();
    panels["topic"]["explicitInput"]["fieldName"] = field.into();
    group["panelsJSON"] = panels.to_string().into();
}

const LENS: [Fault; 12] = [
    (
        "a sticky maximum",
        |o| {
            layer(o, NUMBER, |l| {
                drop(
                    l["columns"]["value0"]
                        .as_object_mut()
                        .unwrap()
                        .remove("reducedTimeRange"),
                )
            })
        },
        "sticks at what was once",
    ),
    (
        "a sum that counts every tick",
        |o| operation(o, "sum", "kafka.group_topic.lag.sum"),
        "a sum counts every tick anew",
    ),
    (
        "a part of the range on an axis of time",
        |o| {
            layer(o, LINES, |l| {
                l["columns"]["value0"]["reducedTimeRange"] = "1m".into()
            })
        },
        "does not go with an axis of time",
    ),
    (
        "a rate of a gauge",
        |o| rate(o, "kafka.group_topic.lag.sum"),
        "rate does not take kafka.group_topic.lag.sum",
    ),
    (
        "a rate of nothing",
        |o| {
            layer(
                o,
                LINES,
                |l| l["columns"]["value0"] = json!({"operationType": "counter_rate", "isBucketed": false, "references": ["gone"], "timeScale": "s"}),
            )
        },
        "a rate is made of the max of a counter",
    ),
    (
        "a rate without time",
        |o| rate_in_table(o),
        "a rate needs an axis of time",
    ),
    (
        "a counter as it stands",
        |o| operation(o, "max", "kafka.broker.messages.in"),
        "a counter's value says nothing",
    ),
    (
        "a formula",
        |o| operation(o, "formula", "kafka.group_topic.lag.sum"),
        "formulas ship columns that only Kibana can make",
    ),
    (
        "a column without order",
        |o| {
            layer(o, LINES, |l| {
                drop(l["columnOrder"].as_array_mut().unwrap().pop())
            })
        },
        "do not name the same columns",
    ),
    (
        "a number before a bucket",
        |o| {
            layer(o, LINES, |l| {
                l["columnOrder"].as_array_mut().unwrap().reverse()
            })
        },
        "stands after a number",
    ),
    (
        "a drawing of nothing",
        |o| {
            state(o, LINES, |s| {
                s["visualization"]["layers"][0]["accessors"] = json!(["gone"])
            })
        },
        "accessors names gone, which is missing",
    ),
    (
        "an order by a word",
        |o| {
            layer(o, TABLE, |l| {
                l["columns"]["row1"]["params"]["orderBy"] =
                    json!({"type": "column", "columnId": "gone"})
            })
        },
        "Lens cannot order by",
    ),
];

fn rate(objects: &mut [Value], field: &str) {
    layer(objects, LINES, |layer| {
        let mut base = layer["columns"]["value0"].clone();
        base["sourceField"] = field.into();
        layer["columns"]["base"] = base;
        layer["columns"]["value0"] = json!({"operationType": "counter_rate", "isBucketed": false, "references": ["base"], "timeScale": "s"});
        layer["columnOrder"]
            .as_array_mut()
            .unwrap()
            .push("base".into());
    });
}

fn rate_in_table(objects: &mut [Value]) {
    layer(objects, TABLE, |layer| {
        layer["columns"]["value2"] = json!({"operationType": "counter_rate", "isBucketed": false, "references": ["value3"], "timeScale": "s"});
    });
}

#[test]
fn each_fault_is_found_and_named() {
    let (source, catalogue) = read();
    let good = kibana_assets::objects::saved_objects(&source, &catalogue);
    assert_eq!(good[DASHBOARD]["id"], "brokerbeat-lag");
    let faults = ENVELOPE
        .iter()
        .chain(&REFERENCES)
        .chain(&GRID)
        .chain(&FIELDS)
        .chain(&LENS);
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
