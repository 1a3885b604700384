//! Documents against the catalogue, and each counter against what it was before.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use brokerbeat::catalogue::{Catalogue, Dataset, Field, FieldType, Metric};
use serde_json::Value;

use crate::agent::{field, text};
use crate::proof::Checks;

/// What all datasets begin with.
const OURS: &str = "brokerbeat.";
/// Fields of servers, whose numbers are never below 0, but for what is missing to a quorum.
const SERVERS: &str = "zookeeper.";
const MARGIN: &str = "zookeeper.ensemble.quorum.margin";
/// The mark of servers, and that of sessions: a client that comes back begins anew.
const SINCE: &str = "zookeeper.server.since";
const ESTABLISHED: &str = "zookeeper.connection.established";

/// A server at a tick: cluster, id, time.
type Moment = [String; 3];

/// A counter of a series, as it was last.
struct Last {
    value: i64,
    marks: [String; 2],
}

/// What was seen, what was checked, what was not so.
#[derive(Default)]
pub(super) struct Judge {
    /// Since when a server's counters grow, by its document.
    marks: HashMap<Moment, String>,
    counters: HashMap<String, Last>,
    pub(super) checks: Checks,
    pub(super) documents: usize,
    pub(super) values: usize,
    pub(super) seen: BTreeSet<String>,
    /// Counters that were compared with what they were, how often, and those that grew.
    pub(super) compared: usize,
    pub(super) grew: BTreeSet<String>,
    /// Counters that fell where a mark says so, by cluster.
    pub(super) marked: BTreeMap<String, usize>,
    /// What the marks of a cluster said, in order.
    pub(super) told: BTreeMap<String, Vec<String>>,
}

impl Judge {
    /// Keeps the marks: documents of a tick come in any order.
    pub(super) fn read(&mut self, document: &Value) {
        if text(document, "event.dataset") != "brokerbeat.zookeeper.server" {
            return;
        }
        let mark = text(document, SINCE).to_owned();
        let told = self.told.entry(cluster(document)).or_default();
        if told.last() != Some(&mark) {
            told.push(mark.clone());
        }
        self.marks.insert(moment(document), mark);
    }

    /// Checks a document; those of a series in the order of their ticks.
    pub(super) fn judge(&mut self, document: &Value) {
        let dataset = text(document, "data_stream.dataset");
        let dataset = dataset.strip_prefix(OURS).unwrap_or(dataset);
        let mut fields = document.as_object().expect("an object").clone();
        // For whoever takes it from the file.
        fields.remove("@metadata");
        let strangers = Catalogue::get().strangers(dataset, &fields);
        self.checks
            .good(strangers.is_empty(), &strangers.join("; "), document);
        self.documents += 1;
        let Some(dataset) = Catalogue::get().dataset(dataset) else {
            return;
        };
        let known = Catalogue::get().known(dataset);
        let series = series(dataset, &known, document);
        for (name, entry) in &known {
            if let Some(value) = field(document, name).filter(|value| !value.is_object()) {
                self.values += 1;
                self.value(entry, value, document);
                self.counter(&series, entry, value, document);
            }
        }
    }

    fn value(&mut self, entry: &Field, value: &Value, document: &Value) {
        let said = value.as_str().unwrap_or_default();
        let is_good = match entry.field_type {
            FieldType::Date => said.parse::<jiff::Timestamp>().is_ok(),
            FieldType::Ip => said.parse::<IpAddr>().is_ok(),
            FieldType::Long | FieldType::Double
                if entry.name.starts_with(SERVERS) && entry.name != MARGIN =>
            {
                value.as_f64().is_some_and(|number| number >= 0.0)
            }
            other => other.accepts(value),
        };
        let what = || format!("{} is {value}", entry.name);
        self.checks.good(is_good, &what(), document);
        if !self.seen.contains(&entry.name) {
            self.seen.insert(entry.name.clone());
        }
    }

    fn counter(&mut self, series: &str, entry: &Field, value: &Value, document: &Value) {
        let (Some(Metric::Counter), Some(value)) = (entry.metric, value.as_i64()) else {
            return;
        };
        let marks = [self.since(document), text(document, ESTABLISHED).to_owned()];
        let last = Last { value, marks };
        let key = format!("{series} {}", entry.name);
        let Some(before) = self.counters.insert(key.clone(), last) else {
            return;
        };
        self.compared += 1;
        let is_marked = before.marks != self.counters[&key].marks;
        let what = || format!("{} was {} and is {value}", entry.name, before.value);
        self.checks
            .good(value >= before.value || is_marked, &what(), document);
        if value > before.value {
            self.grew.insert(entry.name.clone());
        } else if value < before.value && is_marked {
            *self.marked.entry(cluster(document)).or_default() += 1;
        }
    }

    /// What the server's document of the tick says.
    fn since(&self, document: &Value) -> String {
        self.marks
            .get(&moment(document))
            .cloned()
            .unwrap_or_default()
    }
}

fn cluster(document: &Value) -> String {
    text(document, "kafka.cluster.name").to_owned()
}

fn moment(document: &Value) -> Moment {
    let id = text(document, "zookeeper.server.id").to_owned();
    [
        cluster(document),
        id,
        text(document, "@timestamp").to_owned(),
    ]
}

/// Dataset and dimensions: what a time series is to Elasticsearch.
fn series(dataset: &Dataset, known: &BTreeMap<&str, &Field>, document: &Value) -> String {
    let mut series = dataset.name.clone();
    for entry in known.values().filter(|entry| entry.dimension) {
        if let Some(value) = field(document, &entry.name) {
            series += &format!(" {}={value}", entry.name);
        }
    }
    series
}
