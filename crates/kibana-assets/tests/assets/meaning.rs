//! Faults of the source that no file for Kibana shows: numbers that would be wrong although everything can be drawn.

use kibana_assets::source::{Chart, Operation, Panel, Rule, Seen, Source, Times};
use kibana_assets::validate;

use super::read;

type Fault = (&'static str, fn(&mut Source), &'static str);

fn panel<'a>(source: &'a mut Source, dashboard: &str, title: &str) -> &'a mut Panel {
    let dashboards = source.dashboards.iter_mut();
    let mut rows = dashboards
        .filter(|one| one.id == dashboard)
        .flat_map(|one| &mut one.rows);
    rows.find_map(|row| row.panels.iter_mut().find(|one| one.title == title))
        .unwrap()
}

fn rule<'a>(source: &'a mut Source, id: &str) -> &'a mut Rule {
    let mut rules = source.rules.iter_mut();
    rules.find(|one| one.id == id).unwrap()
}

fn times(fires: u64, clears: u64) -> Times {
    Times {
        incident: "an incident".into(),
        seen: Seen::Live,
        note: String::new(),
        fires,
        clears,
    }
}

const FAULTS: [Fault; 26] = [
    (
        "a rule that fires later than it states",
        |s| drop(s.measured.rules.insert("broker-gone".into(), times(71, 0))),
        "broker-gone fired after 71 s",
    ),
    (
        "a rule that clears later than it states",
        |s| drop(s.measured.rules.insert("broker-gone".into(), times(70, 61))),
        "cleared after 61 s, stated are 70 s and 60 s",
    ),
    (
        "times of a rule that is no more",
        |s| drop(s.measured.rules.insert("broker-lost".into(), times(1, 1))),
        "there is no rule broker-lost",
    ),
    (
        "a rate over all brokers",
        |s| panel(s, "overview", "Messages in per second").by = vec!["kafka.cluster.name".into()],
        "mixes series: split by kafka.broker.id",
    ),
    (
        "a rate over all clusters",
        |s| panel(s, "overview", "Messages in per second").by = vec!["kafka.broker.id".into()],
        "mixes series: split by kafka.cluster.name",
    ),
    (
        "the last value of any group",
        |s| drop(panel(s, "lag", "Groups").by.remove(1)),
        "mixes series: split by kafka.consumergroup.id",
    ),
    (
        "a stack without one of its keys",
        |s| drop(panel(s, "lag", "Lag by group and topic").by.remove(2)),
        "mixes series: split by kafka.topic.name",
    ),
    (
        "a stack of means",
        |s| panel(s, "lag", "Lag by group and topic").show[0].value.0 = Operation::Average,
        "do not add up",
    ),
    (
        "a stack of ratios",
        |s| {
            let panel = panel(s, "lag", "Headroom of retention");
            panel.chart = Chart::Area;
            panel.show[0].value.0 = Operation::Max;
        },
        "ratios do not add up",
    ),
    (
        "a field of another dataset",
        |s| panel(s, "lag", "The red curve").show[0].value.1 = "kafka.topic.messages".into(),
        "kafka.group_topic has no field kafka.topic.messages",
    ),
    (
        "a control that empties a panel",
        |s| panel(s, "lag", "Groups").blind.clear(),
        "kafka.group has no kafka.topic.name: say `blind: [topic]`",
    ),
    (
        "a control of another kind's key",
        |s| panel(s, "too-large", "Largest record").blind.clear(),
        "kafka.producer has no kafka.topic.name: say `blind: [topic]`",
    ),
    (
        "a table beyond the buckets of an answer",
        |s| panel(s, "lag", "Partitions").top = 50,
        "may have 125000 rows",
    ),
    (
        "a row that is too wide",
        |s| panel(s, "lag", "Groups").width = 47,
        "is 47 wide, not 48",
    ),
    (
        "a first row that answers nothing",
        |s| s.dashboards[1].rows.remove(0).panels.clear(),
        "the first row does not answer",
    ),
    (
        "a drill-down to nowhere",
        |s| panel(s, "lag", "Partitions").drill = Some("gone".into()),
        "there is no dashboard gone",
    ),
    (
        "a colour without a meaning",
        |s| panel(s, "lag", "The red curve").show[0].colour = Some("pink".into()),
        "there is no colour or scale pink",
    ),
    (
        "a panel without a question",
        |s| panel(s, "lag", "Groups").question = "Groups".into(),
        "the question is none",
    ),
    (
        "a tile of two numbers",
        |s| {
            let panel = panel(s, "jvm", "Youngest JVM");
            panel.show.push(panel.show[0].clone())
        },
        "a tile shows one number",
    ),
    (
        "a drill-down that leads nowhere in particular",
        |s| panel(s, "lag", "Partitions").drill = Some("jvm".into()),
        "jvm has no control for what is clicked on",
    ),
    (
        "a rule that wants more ticks than there are",
        |s| rule(s, "zookeeper-no-leader").ticks = 3,
        "has no room for so many ticks",
    ),
    (
        "ticks of several series",
        |s| drop(rule(s, "zookeeper-no-leader").by.pop()),
        "group by zookeeper.ensemble.name",
    ),
    (
        "a runbook without commands",
        |s| rule(s, "group-stopped").first.clear(),
        "the runbook has three commands",
    ),
    (
        "a variable that nothing uses",
        |s| rule(s, "partitions-offline").filter = "kafka.cluster.offline_partitions > 0".into(),
        "nothing uses the variable partitions",
    ),
    (
        "a field to look at that is not there",
        |s| rule(s, "group-stopped").look_at[0] = "kafka.group.why".into(),
        "kafka.group.why is not in fields.yml",
    ),
    (
        "a field of ES|QL that is not there",
        |s| {
            rule(s, "group-stopped").esql =
                Some("FROM metrics-brokerbeat.kafka.group-* | WHERE kafka.group.why == 1".into())
        },
        "kafka.group has no field kafka.group.why",
    ),
];

#[test]
fn each_fault_is_found_and_named() {
    let (good, catalogue) = read();
    for (name, put_in, complaint) in FAULTS {
        let mut source = good.clone();
        put_in(&mut source);
        let problems = validate::source(&source, &catalogue);
        let found = problems.iter().any(|problem| problem.contains(complaint));
        assert!(found, "{name}: {complaint:?} is not among {problems:#?}");
    }
}
