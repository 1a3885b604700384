//! The budget, by brokers with more topics than it.

use std::time::{Duration, Instant};

use jmx_rmi::{Attributes, ObjectName, Value};
use serde_json::{Value as Json, json};

use crate::collect::jmx::budget::{Census, Selection};
use crate::collect::jmx::identity::Identity;
use crate::collect::jmx::map::{Mapped, map};
use crate::collect::jmx::table::Table;

const BUDGET: usize = 20;

fn table() -> Table {
    Table::with(&["kafka-broker".to_owned()], Vec::new(), BUDGET).unwrap()
}

/// A topic's bytes in; two meters, so that a member is more than one bean.
fn topic(topic: &str, bytes: i64) -> [(ObjectName, Attributes); 2] {
    ["BytesInPerSec", "MessagesInPerSec"].map(|meter| {
        let name = format!("kafka.server:type=BrokerTopicMetrics,name={meter},topic={topic}");
        let count = ("Count".to_owned(), Value::Long(bytes));
        (ObjectName::parse(&name).unwrap(), vec![count])
    })
}

fn broker(topics: &[(String, i64)]) -> Vec<(ObjectName, Attributes)> {
    let mut beans: Vec<_> = topics
        .iter()
        .flat_map(|(name, bytes)| topic(name, *bytes))
        .collect();
    let all = "kafka.server:type=BrokerTopicMetrics,name=BytesInPerSec";
    let total = topics.iter().map(|(_, bytes)| bytes).sum();
    beans.push((
        ObjectName::parse(all).unwrap(),
        vec![("Count".to_owned(), Value::Long(total))],
    ));
    beans.sort_by(|(a, _), (b, _)| a.cmp(b));
    beans
}

/// `t00` … with as many bytes as the function says.
fn topics(count: usize, bytes: impl Fn(usize) -> i64) -> Vec<(String, i64)> {
    (0..count)
        .map(|number| (format!("t{number:02}"), bytes(number)))
        .collect()
}

fn select(table: &Table, topics: &[(String, i64)], before: &Selection) -> Selection {
    select_at(Instant::now(), table, topics, before)
}

fn select_at(
    at: Instant,
    table: &Table,
    topics: &[(String, i64)],
    before: &Selection,
) -> Selection {
    let beans = broker(topics);
    let names: Vec<ObjectName> = beans.iter().map(|(name, _)| name.clone()).collect();
    let census = Census::at(at, table, &names);
    let answer = |name: &ObjectName| {
        let bean = beans.iter().find(|(other, _)| other == name);
        bean.unwrap().1.clone()
    };
    let answers: Vec<_> = census
        .reads()
        .iter()
        .map(|read| answer(&read.name))
        .collect();
    census.choose(table, &answers, before)
}

fn documents(table: &Table, topics: &[(String, i64)], selection: &Selection) -> Mapped {
    let identity = Identity {
        address: "broker06:9999".to_owned(),
        host: "broker06".to_owned(),
        broker: Some(6),
    };
    map(table, &broker(topics), selection, &identity)
}

fn shown(mapped: &Mapped) -> Vec<&str> {
    let names = mapped.documents.iter();
    names
        .filter_map(|document| document.get("kafka.topic.name")?.as_str())
        .collect()
}

#[test]
fn within_the_budget_nobody_is_asked_and_nothing_is_left_out() {
    let table = table();
    let topics = topics(BUDGET, |_| 1);
    let names: Vec<ObjectName> = broker(&topics).into_iter().map(|(name, _)| name).collect();
    assert!(Census::new(&table, &names).reads().is_empty());
    let selection = select(&table, &topics, &Selection::default());
    assert_eq!(selection, Selection::default());
    assert_eq!(shown(&documents(&table, &topics, &selection)).len(), BUDGET);
}

#[test]
fn the_busiest_are_shown_and_the_rest_is_counted() {
    let table = table();
    let start = Instant::now();
    let first = topics(30, |_| 1000);
    let first = select_at(start, &table, &first, &Selection::default());
    let topics = topics(30, |number| 1000 + 60 * number as i64);
    let selection = select_at(start + Duration::from_secs(60), &table, &topics, &first);
    let mapped = documents(&table, &topics, &selection);
    let busiest: Vec<String> = (10..30).map(|number| format!("t{number}")).collect();
    assert_eq!(shown(&mapped), busiest);
    let kind = |kind: &str| mapped.documents.iter().find(|d| d.kind == kind);
    let rest = kind("topic_rest").unwrap();
    for (field, value) in [
        ("members", json!(30)),
        ("left_out", json!(10)),
        ("total", json!(435.0)),
        ("sum", json!(45.0)),
    ] {
        assert_eq!(
            rest.get(&format!("brokerbeat.rest.{field}")),
            Some(&value),
            "{field}"
        );
    }
    let all = kind("traffic").unwrap().get("kafka.broker.net.in.bytes");
    assert_eq!(
        all,
        Some(&json!(30 * 1000 + 60 * 435)),
        "what there is once is never left out"
    );
}

/// What a server has counted since its start is no growth.
#[test]
fn the_first_ranking_says_nothing_of_growth() {
    let table = table();
    let topics = topics(30, |number| number as i64);
    let selection = select(&table, &topics, &Selection::default());
    let mapped = documents(&table, &topics, &selection);
    let rest = mapped.documents.iter().find(|d| d.kind == "topic_rest");
    let figure = |name: &str| rest.unwrap().get(name).and_then(Json::as_f64);
    assert_eq!(figure("brokerbeat.rest.left_out"), Some(10.0));
    assert_eq!(figure("brokerbeat.rest.total"), None);
    assert_eq!(figure("brokerbeat.rest.sum"), None);
}

#[test]
fn equal_ones_go_by_name() {
    let table = table();
    let topics = topics(25, |_| 7);
    let selection = select(&table, &topics, &Selection::default());
    let first: Vec<String> = (0..20).map(|number| format!("t{number:02}")).collect();
    assert_eq!(shown(&documents(&table, &topics, &selection)), first);
}

#[test]
fn a_counter_counts_by_its_growth_and_a_restarted_one_from_zero() {
    let table = table();
    let first = topics(30, |number| 1000 - number as i64);
    let before = select(&table, &first, &Selection::default());
    // The quietest ten grow by a thousand, t00 began anew, all others stand still.
    let second = topics(30, |number| match number {
        0 => 500,
        20.. => 2000 - number as i64,
        _ => 1000 - number as i64,
    });
    let after = select(&table, &second, &before);
    let mapped = documents(&table, &second, &after);
    let shown = shown(&mapped);
    for topic in (20..30)
        .map(|number| format!("t{number}"))
        .chain(["t00".to_owned()])
    {
        assert!(
            shown.contains(&topic.as_str()),
            "{topic} is not among {shown:?}"
        );
    }
    assert_eq!(shown.len(), BUDGET);
}

/// Two of almost equal weight must not take turns: each turn would be a gap in both series.
#[test]
fn at_the_limit_those_stay_who_are_in() {
    let table = table();
    let weight = |number: usize, busy: usize| match number == busy {
        true => 100 * (30 - number as i64) + 150,
        false => 100 * (30 - number as i64),
    };
    let mut total = topics(30, |number| weight(number, 30));
    let mut selection = select(&table, &total, &Selection::default());
    let first = shown_now(&table, &total, &selection);
    for round in 0..6 {
        // The twenty-first is busier than the twentieth every other time.
        let busy = if round % 2 == 0 { 20 } else { 30 };
        for (number, (_, bytes)) in total.iter_mut().enumerate() {
            *bytes += weight(number, busy);
        }
        selection = select(&table, &total, &selection);
        assert_eq!(
            shown_now(&table, &total, &selection),
            first,
            "round {round}"
        );
    }
    // A clear winner comes in at once.
    total[29].1 += 1_000_000;
    selection = select(&table, &total, &selection);
    assert!(shown_now(&table, &total, &selection).contains(&"t29".to_owned()));
}

fn shown_now(table: &Table, topics: &[(String, i64)], selection: &Selection) -> Vec<String> {
    let mapped = documents(table, topics, selection);
    shown(&mapped).into_iter().map(str::to_owned).collect()
}
