//! Users' own tables.

use serde_json::{Value as Json, json};

use super::capture;
use super::config::read;
use super::golden::tables as own_tables;
use crate::collect::jmx::budget::Selection;
use crate::collect::jmx::identity::Identity;
use crate::collect::jmx::map::{Mapped, map};
use crate::collect::jmx::table::Table;

fn mapped(written: &Json, beans: &Json) -> Mapped {
    mapped_by(&Table::with(&[], own_tables(written), 500).unwrap(), beans)
}

fn mapped_by(table: &Table, beans: &Json) -> Mapped {
    let identity = Identity {
        address: "app:9010".to_owned(),
        host: "app".to_owned(),
        broker: None,
    };
    map(
        table,
        &capture::read(beans),
        &Selection::default(),
        &identity,
    )
}

#[test]
fn each_bean_is_a_document() {
    let tables = json!([{
        "name": "pools",
        "beans": "com.example:type=Pool,*",
        "keys": ["type", "a.b"],
        "lines": [
            {"attribute": "Active", "kind": "gauge"},
            {"attribute": "Usage.used", "kind": "gauge"},
            {"attribute": "Served", "name": "served total", "kind": "counter"},
            {"attribute": "State", "kind": "text"},
            {"attribute": "Open", "kind": "bool"},
        ],
    }]);
    let mapped = mapped(
        &tables,
        &json!({
            "com.example:type=Pool,name=one,a.b=\"x,y\"": {
                "Active": "int 3", "Usage": {"used": "long 7"}, "Served": "long 9", "State": "string up", "Open": "boolean true",
            },
            "com.example:type=Pool,name=two": {"Active": "double NaN", "Served": "long 9"},
        }),
    );
    assert_eq!(mapped.faults, []);
    let [one, two] = mapped.documents.as_slice() else {
        panic!("{mapped:?}")
    };
    assert_eq!((&*one.dataset, &*one.kind), ("jmx", "pools"));
    let keys = [
        ("service.address".to_owned(), "app:9010".to_owned()),
        (
            "jmx.bean".to_owned(),
            "com.example:a.b=\"x,y\",name=one,type=Pool".to_owned(),
        ),
    ];
    assert_eq!(one.keys(), keys);
    let jmx = one.fields()["jmx"].clone();
    assert_eq!(
        jmx,
        json!({
            "bean": keys[1].1,
            "key": {"type": "Pool", "a_b": "x,y"},
            "gauge": {"Active": 3.0, "Usage_used": 7.0},
            "counter": {"served_total": 9},
            "text": {"State": "up"},
            "flag": {"Open": true},
        })
    );
    assert_eq!(two.get("jmx.gauge.Active"), None, "unknown is absent");
    assert_eq!(two.get("jmx.counter.served_total"), Some(&json!(9)));
}

#[test]
fn counters_can_be_added_up() {
    let tables = json!([{
        "name": "requests",
        "beans": "kafka.network:type=RequestMetrics,name=RequestsPerSec,request=*,version=*",
        "sum": "version",
        "except": {"request": "Produce"},
        "lines": [{"attribute": "Count", "kind": "counter"}],
    }]);
    let bean = |request: &str, version: u32| {
        format!(
            "kafka.network:type=RequestMetrics,name=RequestsPerSec,request={request},version={version}"
        )
    };
    let mapped = mapped(
        &tables,
        &json!({
            bean("Fetch", 11): {"Count": "long 5"}, bean("Fetch", 12): {"Count": "long 7"},
            bean("Produce", 9): {"Count": "long 1"},
        }),
    );
    let [document] = mapped.documents.as_slice() else {
        panic!("{mapped:?}")
    };
    assert_eq!(document.get("jmx.counter.Count"), Some(&json!(12)));
    assert_eq!(
        document.get("jmx.bean"),
        Some(&json!(
            "kafka.network:name=RequestsPerSec,request=Fetch,type=RequestMetrics,version=*"
        ))
    );
    assert_eq!(document.get("jmx.key.version"), None);
    assert_eq!(document.get("jmx.key.request"), Some(&json!("Fetch")));
}

/// Patterns may overlap; a bean is a part of the sum all the same, once.
#[test]
fn a_bean_of_two_patterns_is_added_once() {
    let tables = json!([{
        "name": "gc",
        "beans": ["java.lang:type=GarbageCollector,*", "java.lang:type=GarbageCollector,name=*", "*:type=GarbageCollector,*"],
        "sum": "name",
        "lines": [{"attribute": "CollectionCount", "kind": "counter"}, {"attribute": "CollectionTime", "kind": "counter"}],
    }]);
    let mapped = mapped(
        &tables,
        &json!({
            "java.lang:type=GarbageCollector,name=Young": {"CollectionCount": "long 7", "CollectionTime": "long 200"},
            "java.lang:type=GarbageCollector,name=Old": {"CollectionCount": "long 3", "CollectionTime": "long 35"},
        }),
    );
    assert_eq!(mapped.faults, []);
    let [document] = mapped.documents.as_slice() else {
        panic!("{mapped:?}")
    };
    assert_eq!(
        document.fields()["jmx"]["counter"],
        json!({"CollectionCount": 10, "CollectionTime": 235})
    );
}

#[test]
fn a_domain_may_be_a_pattern() {
    let tables = json!([{
        "name": "memory",
        "beans": ["java.*:type=Memory", "?ode:*,type=*"],
        "lines": [{"attribute": "Used", "kind": "gauge"}],
    }]);
    let mapped = mapped(
        &tables,
        &json!({
            "java.lang:type=Memory": {"Used": "long 7"},
            "java.lang:type=Threading": {"Used": "long 8"},
            "node:type=Any,name=x": {"Used": "long 9"},
        }),
    );
    let beans = mapped.documents.iter().map(|d| d.get("jmx.bean").cloned());
    assert_eq!(
        beans.flatten().collect::<Vec<_>>(),
        [
            json!("java.lang:type=Memory"),
            json!("node:name=x,type=Any")
        ]
    );
}

/// The table has the name of a preset's part: what that part has is not what the table asks for.
#[test]
fn a_table_without_beans_is_told_whatever_it_is_called() {
    let tables = json!([{"name": "jvm", "beans": "no.such:type=X", "lines": [{"attribute": "X", "kind": "gauge"}]}]);
    let table = Table::with(&["jvm".to_owned()], own_tables(&tables), 500).unwrap();
    let beans = json!({"java.lang:type=Threading": {"ThreadCount": "int 3"}});
    let mapped = mapped_by(&table, &beans);
    let [fault] = mapped.faults.as_slice() else {
        panic!("{mapped:?}")
    };
    assert!(
        fault.message.contains("has no bean of the table jvm"),
        "{}",
        fault.message
    );
    assert!(mapped.is_incomplete);
}

#[test]
fn a_name_that_is_too_long_for_a_dimension_is_told() {
    let tables =
        json!([{"name": "a", "beans": "a:type=*", "lines": [{"attribute": "X", "kind": "gauge"}]}]);
    let name = format!("a:type={}", "x".repeat(1100));
    let mapped = mapped(&tables, &json!({name: {"X": "int 1"}}));
    assert_eq!(mapped.documents, []);
    assert!(
        mapped.faults[0].message.contains("too long"),
        "{:?}",
        mapped.faults
    );
}

#[test]
fn a_table_alone_is_enough() {
    let (plans, problems) = read(
        "jmx:\n  - endpoint: \"app:9010\"\n    tables:\n      - {name: gc, beans: \"java.lang:type=GarbageCollector,name=*\", lines: [{attribute: CollectionCount, kind: counter}]}\n",
    );
    assert_eq!(problems, [""; 0]);
    assert_eq!(plans.len(), 1);
}

#[test]
fn mistakes_are_told_with_what_would_be_right() {
    let line = "lines: [{attribute: X, kind: gauge}]";
    for (table, told) in [
        (format!("{{beans: \"a:b=c\", {line}}}"), "name: is missing"),
        (format!("{{name: a.b, beans: \"a:b=c\", {line}}}"), "write `a_b`"),
        (format!("{{name: a, {line}}}"), "beans: is missing"),
        (format!("{{name: a, beans: \"a\", {line}}}"), "is no bean pattern"),
        (format!("{{name: a, beans: \"a:*\", {line}}}"), "all beans of a domain"),
        ("{name: a, beans: \"a:b=c\"}".to_owned(), "lines: is missing"),
        (
            "{name: a, beans: \"a:b=c\", lines: [{kind: gauge}]}".to_owned(),
            "attribute: is missing",
        ),
        (
            "{name: a, beans: \"a:b=c\", lines: [{attribute: X}]}".to_owned(),
            "kind: is missing; kinds are counter, gauge",
        ),
        (
            "{name: a, beans: \"a:b=c\", lines: [{attribute: X, kind: guage}]}".to_owned(),
            "did you mean `gauge`?",
        ),
        (
            "{name: a, beans: \"a:b=c\", lines: [{attribute: A.b, kind: gauge}, {attribute: A_b, kind: gauge}]}".to_owned(),
            "jmx.gauge.A_b a second value",
        ),
        (format!("{{name: a, beans: \"a:b=*\", sum: b, {line}}}"), "adds up counters only"),
        (format!("{{name: a, beans: \"a:b=*\", keys: c, {line}}}"), "`c` is no key property"),
        (format!("{{name: a, beans: \"a:b=*\", except: {{c: d}}, {line}}}"), "`c` is no key property"),
        (format!("{{name: a, beans: \"a:b=c\", rank: Y, {line}}}"), "it may be X"),
        (
            "{name: a, beans: \"a:b=c\", rank: Y, lines: [{attribute: X, kind: text}]}".to_owned(),
            "`Y` is no line with a number; and there is none",
        ),
        (
            "{name: a, beans: \"a:b=c\", lines: [{attribute: X, name: \"\", kind: gauge}]}".to_owned(),
            "lines[0].name: is empty; write a name, or leave it out",
        ),
        (format!("{{name: \"\", beans: \"a:b=c\", {line}}}"), "name: is missing"),
        (format!("{{name: a, bean: \"a:b=c\", {line}}}"), "did you mean `beans`?"),
        (
            format!("{{name: a, beans: \"a:b=c\", {line}}}\n      - {{name: a, beans: \"a:b=d\", {line}}}"),
            "names two tables",
        ),
    ] {
        let text = format!("jmx:\n  - endpoint: \"app:9010\"\n    presets: [jvm]\n    tables:\n      - {table}\n");
        let (plans, problems) = read(&text);
        assert!(problems.iter().any(|problem| problem.contains(told)), "{table}: {problems:?}");
        assert_eq!(plans.len(), 0, "{table}");
    }
}

/// All own tables of all JVMs share an index: equal names are one field of it, whoever has them.
#[test]
fn fields_are_bounded_over_all_jvms() {
    let table = |fields: std::ops::Range<usize>| {
        let line = |number| format!("{{attribute: A{number}, kind: gauge}}");
        let lines: Vec<String> = fields.map(line).collect();
        format!(
            "[{{name: a, beans: \"a:b=c\", lines: [{}]}}]",
            lines.join(", ")
        )
    };
    let problems = |second: std::ops::Range<usize>| {
        let (first, second) = (table(0..300), table(second));
        let text = format!(
            "jmx:\n  - {{endpoint: \"app:9010\", tables: {first}}}\n  - {{endpoint: \"app:9011\", tables: {second}}}\n"
        );
        read(&text).1
    };
    assert_eq!(problems(0..300), [""; 0]);
    assert_eq!(problems(300..499), [""; 0], "with the key `b` 500");
    let found = problems(300..500);
    assert!(
        found[0].contains("jmx[1].tables") && found[0].contains("make 501 different fields"),
        "{found:?}"
    );
}
