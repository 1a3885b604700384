//! The source beside documents that real servers became: the keys of each kind, and the fields that a kind has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kibana_assets::kql;
use serde_json::Value;

use super::{read, root};

/// Kinds whose documents no golden file holds: the agent's own.
const WITHOUT_GOLDEN: [&str; 2] = ["agent/stream", "target/target"];

/// Fields that the golden servers had no reason to send.
const NOT_SEEN: [&str; 12] = [
    // Meters of a topic come into being with the first event.
    "kafka.broker.topic.net.rejected.bytes",
    "kafka.broker.topic.request.fetch.failed",
    "kafka.broker.topic.request.produce.failed",
    // A golden file is one cycle: there are no rates yet, and nothing was deleted.
    "kafka.consumergroup.lag.catch_up",
    "kafka.consumergroup.lag.rate.committed",
    "kafka.consumergroup.lag.rate.lag",
    "kafka.consumergroup.lag.rate.log_end",
    "kafka.consumergroup.lag.retention_left",
    "kafka.group.lag.catch_up",
    "kafka.group.lag.rate.lag",
    "kafka.group.lag.retention_left",
    // All topics may be looked at.
    "kafka.topic.error.name",
];

#[derive(Default)]
struct Kind {
    keys: BTreeSet<BTreeSet<String>>,
    fields: BTreeSet<String>,
}

fn kinds() -> BTreeMap<String, Kind> {
    let mut kinds = BTreeMap::new();
    for folder in ["disks", "jmx", "kafka", "zookeeper"] {
        let folder = root().join("tests/data").join(folder);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().ends_with("-expected.json") {
                add(&path, &mut kinds);
            }
        }
    }
    kinds
}

fn add(path: &Path, kinds: &mut BTreeMap<String, Kind>) {
    let text = std::fs::read_to_string(path).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    let documents = golden["documents"].as_array().or(golden.as_array());
    for document in documents.into_iter().flatten() {
        let (Some(dataset), Some(kind)) = (document["dataset"].as_str(), document["kind"].as_str())
        else {
            continue;
        };
        let kind = kinds.entry(format!("{dataset}/{kind}")).or_default();
        let keys = document["keys"].as_array().unwrap();
        let keys = keys
            .iter()
            .map(|key| key.as_str().unwrap().split('=').next().unwrap());
        kind.keys.insert(keys.map(str::to_owned).collect());
        let fields = document["fields"].as_object().unwrap();
        kind.fields.extend(fields.keys().cloned());
    }
}

#[test]
fn the_keys_of_each_kind_are_those_of_real_documents() {
    let (source, _) = read();
    let goldens = kinds();
    for (of, keys) in &source.kinds {
        if WITHOUT_GOLDEN.contains(&of.as_str()) {
            continue;
        }
        let golden = goldens
            .get(of)
            .unwrap_or_else(|| panic!("no golden document is a {of}"));
        // One with fewer keys is a sum over the others; a panel that is split by all keys leaves it out.
        let most: BTreeSet<String> = golden.keys.iter().flatten().cloned().collect();
        assert_eq!(most, keys.iter().cloned().collect(), "{of}");
    }
}

#[test]
fn every_panel_asks_for_fields_that_real_documents_of_its_kind_have() {
    let (source, _) = read();
    let goldens = kinds();
    let mut missing = BTreeSet::new();
    let rows = source.dashboards.iter().flat_map(|one| &one.rows);
    for panel in rows.flat_map(|row| &row.panels) {
        let shown = panel.show.iter().map(|one| one.value.1.clone());
        let filters = panel.show.iter().map(|one| one.filter.as_deref());
        let filters = filters.chain([panel.filter.as_deref()]).flatten();
        let asked = filters.flat_map(fields_of);
        let fields = shown.chain(asked).chain(panel.by.iter().cloned());
        missing.extend(not_seen(&goldens, &panel.of, fields));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// A counter that comes into being with its first event has no growth to tell of that event.
#[test]
fn every_rule_asks_for_fields_that_real_documents_of_its_kind_have_before_anything_happens() {
    let (source, _) = read();
    let goldens = kinds();
    let mut missing = BTreeSet::new();
    for rule in &source.rules {
        let values = rule.variables.iter();
        let values = values
            .map(|(name, one)| (name.clone(), one.value))
            .collect();
        let filter = kibana_assets::rules::resolve(&rule.problem().into(), &values);
        let asked = fields_of(filter.as_str().unwrap());
        let fields = asked.into_iter().chain(rule.by.iter().cloned());
        missing.extend(not_seen(&goldens, &rule.of, fields));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

fn fields_of(filter: &str) -> Vec<String> {
    let query = kql::parse(filter).unwrap();
    let uses = query.uses().into_iter();
    uses.map(|one| one.field.to_owned()).collect()
}

fn not_seen(
    goldens: &BTreeMap<String, Kind>,
    of: &str,
    fields: impl Iterator<Item = String>,
) -> Vec<String> {
    let Some(golden) = goldens.get(of) else {
        return Vec::new();
    };
    // A golden file is what was collected: what the agent derives of it comes after.
    let (_, catalogue) = read();
    let is_there = |field: &str| {
        let derived = catalogue.field(field).map(|field| &field.derived);
        let made_of = derived.filter(|of| !of.is_empty());
        match made_of {
            Some(of) => of.values().all(|one| golden.fields.contains(one)),
            None => golden.fields.contains(field),
        }
    };
    let fields = fields.filter(|field| !is_there(field));
    let fields = fields.filter(|field| !NOT_SEEN.contains(&field.as_str()) && !is_of_all(field));
    fields.map(|field| format!("{of}: {field}")).collect()
}

/// Fields that every document gets after it was made.
fn is_of_all(field: &str) -> bool {
    let of_all = [
        "kafka.cluster.name",
        "service.address",
        "brokerbeat.series",
        "agent.name",
        "documents",
    ];
    of_all.contains(&field)
}
