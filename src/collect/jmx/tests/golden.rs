//! Golden pairs: what a real JVM said, and the documents made of it.

use jmx_rmi::{Attributes, ObjectName, Read};
use serde_json::{Value as Json, json};

use super::{capture, live};
use crate::collect::Collected;
use crate::collect::jmx::budget::{Census, MEMBERS, Selection};
use crate::collect::jmx::identity::Identity;
use crate::collect::jmx::map::map;
use crate::collect::jmx::own;
use crate::collect::jmx::preset::Group;
use crate::collect::jmx::table::Table;
use crate::config::{Findings, Section};

/// Takes a new capture first: `BROKERBEAT_CAPTURE=<name>,<host:port>,<preset>…`, with own tables as JSON in
/// `BROKERBEAT_CAPTURE_TABLES`. A `budget` is written into the captured file afterwards.
const CAPTURE: &str = "BROKERBEAT_CAPTURE";

fn run(capture: &Json) -> Collected {
    let presets: Vec<String> = serde_json::from_value(capture["presets"].clone()).unwrap();
    let members = capture["budget"].as_u64().unwrap_or(MEMBERS as u64) as usize;
    let table = Table::with(&presets, tables(&capture["tables"]), members).unwrap();
    let beans = capture::read(&capture["beans"]);
    let selection = select(&table, &beans);
    let mut identity = Identity {
        address: "broker06:9999".to_owned(),
        host: "broker06".to_owned(),
        broker: None,
    };
    identity.learn(beans.iter().map(|(name, _)| name));
    let mapped = map(&table, &beans, &selection, &identity);
    Collected {
        up: true,
        documents: mapped.documents,
        faults: mapped.faults,
        cluster_id: mapped.cluster_id,
        ..Collected::default()
    }
}

/// The user's own tables, as the configuration has them.
pub(super) fn tables(written: &Json) -> Vec<Group> {
    if written.is_null() {
        return Vec::new();
    }
    let text = json!({"tables": written}).to_string();
    let findings = Findings::default();
    let node = crate::yaml::parse(&text).unwrap();
    let tree = crate::config::build(&node, &|_| None, &findings.problems);
    let groups = own::read(&mut Section::new(&tree, "jmx[0]", &findings));
    groups.unwrap_or_else(|| panic!("{:?}", findings.problems.into_sorted()))
}

/// What the budget leaves, had these beans been ranked at their present figures.
pub(super) fn select(table: &Table, beans: &[(ObjectName, Attributes)]) -> Selection {
    let names: Vec<ObjectName> = beans.iter().map(|(name, _)| name.clone()).collect();
    let census = Census::new(table, &names);
    let answer = |read: &Read| {
        let bean = beans.iter().find(|(name, _)| *name == read.name);
        bean.unwrap().1.clone()
    };
    let answers: Vec<Attributes> = census.reads().iter().map(answer).collect();
    census.choose(table, &answers, &Selection::default())
}

#[tokio::test]
async fn documents_are_the_expected_ones() {
    if let Ok(what) = std::env::var(CAPTURE) {
        live::capture_from_a_jvm(&what).await;
    }
    crate::golden::cases("jmx", ".json", |case| {
        run(&serde_json::from_str(&case.file(&format!("{}.json", case.name))).unwrap())
    });
}
