//! Faults within a panel: fields, operations, columns, drawing.

use serde_json::{Value, json};

use super::{DASHBOARD, Fault, LINES, NUMBER, TABLE, layer, state};

pub(super) const FIELDS: [Fault; 10] = [
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

pub(super) const LENS: [Fault; 13] = [
    (
        "a last value that is long over",
        |o| {
            layer(o, TABLE, |l| {
                drop(
                    l["columns"]["value0"]
                        .as_object_mut()
                        .unwrap()
                        .remove("reducedTimeRange"),
                )
            })
        },
        "last_value over the whole range sticks at what was once",
    ),
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
