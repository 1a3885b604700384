//! Numbers of panels, computed anew from the documents that the agent has shipped, which are read with plain searches.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::questions::{Asked, Moment};
use super::rows::{Row, key};
use crate::agent::{field, search, text};
use crate::servers;

/// Part of the time that a number without a time axis is of.
const PRESENT: i64 = 60_000;
/// Length of a bucket of time, as the questions of the small form have it.
const STEP: i64 = 8_000;
/// Room for sums in another order.
const CLOSE: f64 = 1e-9;

/// How a panel makes a number of documents.
#[derive(Clone, Copy, Debug)]
enum Measure {
    Last(&'static str),
    Max(&'static str),
    Min(&'static str),
    Average(&'static str),
    Unique(&'static str),
    /// The growth per second of the largest value of each bucket.
    Rate(&'static str),
}

/// One panel whose numbers are computed anew.
#[derive(Debug)]
pub(super) struct Check {
    dashboard: &'static str,
    title: &'static str,
    chart: &'static str,
    /// Dataset and kind of its documents.
    of: (&'static str, &'static str),
    by: &'static [&'static str],
    column: &'static str,
    measure: Measure,
    /// A field and the word that it must have.
    only: Option<(&'static str, &'static str)>,
    over_time: bool,
}

const CLUSTER: &str = "kafka.cluster.name";
const GROUP: &str = "kafka.consumergroup.id";
const STORE: &str = "kafka.consumergroup.store";

/// At least one of each kind of chart, and of each operation.
pub(super) const CHECKS: &[Check] = &[
    Check {
        dashboard: "brokerbeat-overview",
        title: "Under-replicated partitions",
        chart: "lnsMetric",
        of: ("kafka.cluster", "cluster"),
        by: &[CLUSTER],
        column: "value0",
        measure: Measure::Last("kafka.cluster.under_replicated_partitions"),
        only: None,
        over_time: false,
    },
    Check {
        dashboard: "brokerbeat-overview",
        title: "Groups in trouble",
        chart: "lnsMetric",
        of: ("kafka.group", "group"),
        by: &[],
        column: "all",
        measure: Measure::Unique("brokerbeat.series"),
        only: None,
        over_time: false,
    },
    Check {
        dashboard: "brokerbeat-lag",
        title: "Stands still (STALL)",
        chart: "lnsMetric",
        of: ("kafka.group", "group"),
        by: &[],
        column: "value0",
        measure: Measure::Unique("brokerbeat.series"),
        only: Some(("kafka.group.lag.status", "STALL")),
        over_time: false,
    },
    Check {
        dashboard: "brokerbeat-lag",
        title: "Groups",
        chart: "lnsDatatable",
        of: ("kafka.group", "group"),
        by: &[CLUSTER, GROUP, STORE],
        column: "value2",
        measure: Measure::Last("kafka.group.lag.sum"),
        only: None,
        over_time: false,
    },
    Check {
        dashboard: "brokerbeat-overview",
        title: "Live brokers",
        chart: "lnsXY",
        of: ("kafka.cluster", "cluster"),
        by: &[CLUSTER],
        column: "value0",
        measure: Measure::Min("kafka.cluster.brokers"),
        only: None,
        over_time: true,
    },
    Check {
        dashboard: "brokerbeat-lag",
        title: "Lag by group and topic",
        chart: "lnsXY",
        of: ("kafka.group_topic", "topic"),
        by: &[CLUSTER, GROUP, "kafka.topic.name", STORE],
        column: "value0",
        measure: Measure::Max("kafka.group_topic.lag.sum"),
        only: None,
        over_time: true,
    },
    Check {
        dashboard: "brokerbeat-overview",
        title: "Messages in per second",
        chart: "lnsXY",
        of: ("kafka.broker", "traffic"),
        by: &[CLUSTER, "kafka.broker.id"],
        column: "value0",
        measure: Measure::Rate("kafka.broker.messages.in"),
        only: None,
        over_time: true,
    },
    Check {
        dashboard: "brokerbeat-lag",
        title: "Partitions by status",
        chart: "lnsXY",
        of: ("kafka.consumergroup", "partition"),
        by: &[],
        column: "value0",
        measure: Measure::Unique("brokerbeat.series"),
        only: Some(("kafka.consumergroup.lag.status", "OK")),
        over_time: true,
    },
    Check {
        dashboard: "brokerbeat-brokers",
        title: "Where a consumer's fetch spends its time",
        chart: "lnsXY",
        of: ("kafka.request", "request"),
        by: &[],
        column: "value1",
        measure: Measure::Average("kafka.request.local_time.mean"),
        only: Some(("kafka.request.name", "FetchConsumer")),
        over_time: true,
    },
    Check {
        dashboard: "brokerbeat-lag",
        title: "Hot partitions",
        chart: "lnsHeatmap",
        of: ("kafka.consumergroup", "partition"),
        by: &[GROUP, "kafka.topic.name", "kafka.partition.id"],
        column: "value0",
        measure: Measure::Max("kafka.consumergroup.consumer_lag"),
        only: None,
        over_time: true,
    },
];

/// Keys and time of a number.
type Place = (Vec<String>, Option<i64>);

/// The newest tick of all that is looked at; later documents do not come, as the agent has ended.
pub(super) fn last_tick(namespace: &str) -> Moment {
    let datasets: BTreeSet<&str> = CHECKS.iter().map(|check| check.of.0).collect();
    let ticks = datasets.iter().filter_map(|dataset| {
        let documents = documents(dataset, namespace);
        documents
            .last()
            .map(|one| text(one, "@timestamp").to_owned())
    });
    Moment::at(&ticks.max().expect("documents"))
}

fn documents(dataset: &str, namespace: &str) -> Vec<Value> {
    let stream = format!("metrics-brokerbeat.{dataset}-{namespace}");
    search(servers::elasticsearch(), &stream)
}

fn millis(date: &str) -> i64 {
    let date: jiff::Timestamp = date.parse().expect("a date");
    date.as_millisecond()
}

impl Check {
    /// The panel's answer has these numbers, and no other ones.
    pub(super) fn judge(&self, namespace: &str, moment: &Moment, asked: &[Asked<'_>]) {
        let of = |one: &&Asked<'_>| {
            one.panel.dashboard == self.dashboard && one.panel.title == self.title
        };
        let asked = asked
            .iter()
            .find(of)
            .unwrap_or_else(|| panic!("no panel {self:?}"));
        assert_eq!(asked.panel.chart, self.chart, "{}", asked.panel.name());
        let answered = self.answered(&asked.rows);
        let computed = self.computed(namespace, millis(moment.date().expect("a date")));
        assert!(!computed.is_empty(), "{}: no documents", asked.panel.name());
        let places = |numbers: &BTreeMap<Place, f64>| numbers.keys().cloned().collect::<Vec<_>>();
        assert_eq!(
            places(&answered),
            places(&computed),
            "{}",
            asked.panel.name()
        );
        for (place, number) in &answered {
            let other = computed[place];
            let is_same = (number - other).abs() <= CLOSE * other.abs().max(1.0);
            assert!(
                is_same,
                "{} {place:?}: {number}, documents say {other}",
                asked.panel.name()
            );
        }
    }

    fn answered(&self, rows: &[Row]) -> BTreeMap<Place, f64> {
        let numbers = rows.iter().filter_map(|row| {
            let number = row.values.get(self.column)?.as_f64()?;
            Some(((row.keys.clone(), row.time), number))
        });
        numbers.collect()
    }

    fn computed(&self, namespace: &str, now: i64) -> BTreeMap<Place, f64> {
        let mut places: BTreeMap<Place, Vec<Value>> = BTreeMap::new();
        for document in documents(self.of.0, namespace) {
            let tick = millis(text(&document, "@timestamp"));
            let is_asked = text(&document, "brokerbeat.kind") == self.of.1
                && tick <= now
                && (self.over_time || tick >= now - PRESENT);
            let keys = self.by.iter().map(|name| field(&document, name).map(key));
            let (true, Some(keys)) = (is_asked, keys.collect::<Option<Vec<_>>>()) else {
                continue;
            };
            let time = self.over_time.then(|| tick - tick.rem_euclid(STEP));
            places.entry((keys, time)).or_default().push(document);
        }
        let numbers = places.into_iter();
        let numbers = numbers.filter_map(|(place, some)| Some((place, self.number(&some)?)));
        match self.measure {
            Measure::Rate(_) => growth(numbers.collect()),
            _ => numbers.collect(),
        }
    }

    /// Of documents in the order of their ticks.
    fn number(&self, documents: &[Value]) -> Option<f64> {
        let is_one = |document: &&Value| {
            self.only
                .is_none_or(|(name, word)| text(document, name) == word)
        };
        let chosen: Vec<&Value> = documents.iter().filter(is_one).collect();
        let of = |name: &str| -> Vec<f64> {
            let values = chosen
                .iter()
                .filter_map(|document| field(document, name)?.as_f64());
            values.collect()
        };
        match self.measure {
            Measure::Last(name) => of(name).last().copied(),
            Measure::Max(name) | Measure::Rate(name) => of(name).into_iter().reduce(f64::max),
            Measure::Min(name) => of(name).into_iter().reduce(f64::min),
            Measure::Average(name) => {
                let values = of(name);
                (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
            }
            Measure::Unique(name) => {
                let values = chosen
                    .iter()
                    .filter_map(|document| field(document, name).map(key));
                Some(values.collect::<BTreeSet<_>>().len() as f64)
            }
        }
    }
}

/// From each bucket to the next one of the same series; a counter that fell gives nothing.
fn growth(largest: BTreeMap<Place, f64>) -> BTreeMap<Place, f64> {
    let all: Vec<(&Place, &f64)> = largest.iter().collect();
    let pairs = all.windows(2).filter_map(|pair| {
        let [((keys, then), was), ((same, time), value)] = pair else {
            return None;
        };
        let seconds = (time.as_ref()? - then.as_ref()?) as f64 / 1_000.0;
        let is_growth = keys == same && value >= was;
        is_growth.then(|| ((keys.clone(), *time), (*value - *was) / seconds))
    });
    pairs.collect()
}
