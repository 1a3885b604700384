//! The table of `mntr`: which name becomes which field of which family. `metrics.yml` and `not-collected.yml`, embedded.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde::Deserialize;

use super::lines::Kind;

const METRICS: &str = include_str!("metrics.yml");
const NOT_COLLECTED: &str = include_str!("not-collected.yml");

/// What the provider for Prometheus says of the JVM itself: that is what the preset `jvm` is for.
const OF_THE_JVM: [&str; 2] = ["jvm_", "process_"];

/// What stands before all fields.
const PREFIX: &str = "zookeeper.mntr.";

/// A family as the table has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Family {
    /// Kind of the documents.
    pub(super) family: String,
    /// Key of a document where there is one for each learner or namespace.
    pub(super) member: Option<String>,
    pub(super) metrics: Vec<Metric>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) field: String,
    pub(super) shape: Shape,
}

/// How many lines a metric has, and what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shape {
    Counter,
    Gauge,
    Real,
    Ratio,
    Text,
    Version,
    Summary,
    Percentiles,
    CounterSet,
    SummarySet,
    PercentilesSet,
}

/// A line of a metric with several: the stat's name in `mntr`, the end of the field, its kind.
pub(super) type Stat = (&'static str, &'static str, Kind);

const ALONE_WHOLE: &[Stat] = &[("", "", Kind::Whole)];
const ALONE_REAL: &[Stat] = &[("", "", Kind::Real)];
const ALONE_TEXT: &[Stat] = &[("", "", Kind::Text)];
const ALONE_VERSION: &[Stat] = &[("", "", Kind::Version)];
const SUMMARY: &[Stat] = &[
    ("avg", ".avg", Kind::Real),
    ("max", ".max", Kind::Whole),
    ("cnt", ".count", Kind::Whole),
    ("sum", ".sum", Kind::Whole),
];
const PERCENTILES: &[Stat] = &[
    ("avg", ".avg", Kind::Real),
    ("max", ".max", Kind::Whole),
    ("cnt", ".count", Kind::Whole),
    ("sum", ".sum", Kind::Whole),
    ("p50", ".p50", Kind::Whole),
    ("p95", ".p95", Kind::Whole),
    ("p99", ".p99", Kind::Whole),
];

impl Shape {
    pub(super) fn stats(self) -> &'static [Stat] {
        match self {
            Self::Counter | Self::Gauge | Self::CounterSet => ALONE_WHOLE,
            Self::Real | Self::Ratio => ALONE_REAL,
            Self::Text => ALONE_TEXT,
            Self::Version => ALONE_VERSION,
            Self::Summary | Self::SummarySet => SUMMARY,
            Self::Percentiles | Self::PercentilesSet => PERCENTILES,
        }
    }

    fn is_set(self) -> bool {
        matches!(
            self,
            Self::CounterSet | Self::SummarySet | Self::PercentilesSet
        )
    }
}

/// What is left out of every metric with several lines.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LeftOut {
    pub(super) stat: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for the page"))]
    pub(super) reason: String,
}

/// Where a figure goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// The family's place in the table.
    pub(super) family: usize,
    pub(super) field: &'static str,
    pub(super) kind: Kind,
}

/// What the table says of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// A field, and of a set the learner or namespace that it is about.
    Field(Target, Option<&'a str>),
    LeftOut,
    Unknown,
}

/// The table, indexed.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) families: &'static [Family],
    pub(super) left_out: Vec<LeftOut>,
    /// By name; a metric with one line has the stat "".
    targets: HashMap<&'static str, Vec<(&'static str, Target)>>,
    /// Names of metrics with several lines.
    summaries: HashSet<&'static str>,
    /// Names of sets.
    sets: Vec<&'static str>,
}

/// The parts of a name: `readlatency{quantile="0.5",}`, `learner_handler_qp_size_count{key="1",}`.
struct Labelled<'a> {
    base: &'a str,
    key: Option<&'a str>,
    quantile: Option<&'a str>,
}

impl Table {
    /// The table of this program.
    pub(super) fn get() -> &'static Self {
        static TABLE: LazyLock<Table> = LazyLock::new(|| {
            // For ever, as the table itself: fields of documents are borrowed from it.
            let families: &'static [Family] = Vec::leak(yaml(METRICS));
            Table::new(families, yaml(NOT_COLLECTED))
        });
        &TABLE
    }

    /// Where the figure of this name goes.
    pub(super) fn place<'a>(&self, name: &'a str) -> Place<'a> {
        let labelled = labelled(name);
        if let Some(quantile) = labelled.quantile {
            let stat = match quantile {
                "0.5" => "p50",
                "0.95" => "p95",
                "0.99" => "p99",
                _ => "p90",
            };
            return self.stat(stat, labelled.base, labelled.key);
        }
        let alone = self.target("", labelled.base);
        if let Some(target) = alone {
            return Place::Field(target, labelled.key);
        }
        let found = [
            self.by_prefix(labelled.base),
            self.by_suffix(labelled.base, labelled.key),
            self.by_member(labelled.base),
        ];
        let mut found = found.into_iter();
        let otherwise = match OF_THE_JVM.iter().any(|prefix| name.starts_with(prefix)) {
            true => Place::LeftOut,
            false => Place::Unknown,
        };
        found
            .find(|place| *place != Place::Unknown)
            .unwrap_or(otherwise)
    }

    /// `avg_readlatency`
    fn by_prefix<'a>(&self, name: &'a str) -> Place<'a> {
        match name.split_once('_') {
            Some((stat, name)) => self.stat(stat, name, None),
            None => Place::Unknown,
        }
    }

    /// `readlatency_count`, as the provider for Prometheus writes it.
    fn by_suffix<'a>(&self, name: &'a str, key: Option<&'a str>) -> Place<'a> {
        match name.rsplit_once('_') {
            Some((name, "count")) => self.stat("cnt", name, key),
            Some((name, stat @ ("sum" | "created"))) => self.stat(stat, name, key),
            _ => Place::Unknown,
        }
    }

    /// `avg_1_learner_handler_qp_size`, `app_quota_exceeded_error_per_namespace`
    fn by_member<'a>(&self, name: &'a str) -> Place<'a> {
        for set in &self.sets {
            let head = name
                .strip_suffix(set)
                .and_then(|head| head.strip_suffix('_'));
            let Some(head) = head else { continue };
            if let Some(target) = self.target("", set) {
                return Place::Field(target, Some(head));
            }
            if let Some((stat, member)) = head.split_once('_') {
                return self.stat(stat, set, Some(member));
            }
        }
        Place::Unknown
    }

    fn stat<'a>(&self, stat: &str, name: &str, key: Option<&'a str>) -> Place<'a> {
        match self.target(stat, name) {
            // The line of a set without its member says nothing.
            Some(target) => Place::Field(target, key),
            None if !self.summaries.contains(name) => Place::Unknown,
            // Only the provider for Prometheus has percentiles of all metrics.
            None if stat.starts_with('p') => Place::LeftOut,
            None if self.left_out.iter().any(|left| left.stat == stat) => Place::LeftOut,
            None => Place::Unknown,
        }
    }

    fn target(&self, stat: &str, name: &str) -> Option<Target> {
        self.targets
            .get(name)?
            .iter()
            .find(|(known, _)| *known == stat)
            .map(|(_, target)| *target)
    }

    fn new(families: &'static [Family], left_out: Vec<LeftOut>) -> Self {
        let mut table = Self {
            families,
            left_out,
            targets: HashMap::new(),
            summaries: HashSet::new(),
            sets: Vec::new(),
        };
        for (index, family) in families.iter().enumerate() {
            for metric in &family.metrics {
                table.add(index, metric);
            }
        }
        table
    }

    fn add(&mut self, family: usize, metric: &'static Metric) {
        let stats = metric.shape.stats();
        if stats.len() > 1 {
            self.summaries.insert(&metric.name);
        }
        if metric.shape.is_set() {
            self.sets.push(&metric.name);
        }
        for (stat, end, kind) in stats {
            let field = format!("{PREFIX}{}{end}", metric.field);
            let target = Target {
                family,
                field: field.leak(),
                kind: *kind,
            };
            self.targets
                .entry(&metric.name)
                .or_default()
                .push((stat, target));
        }
    }
}

fn yaml<T: for<'a> Deserialize<'a>>(text: &str) -> T {
    let tree = crate::yaml::parse(text).expect("the tables are embedded and under test");
    serde_json::from_value(tree.to_json()).expect("the tables are embedded and under test")
}

fn labelled(name: &str) -> Labelled<'_> {
    let (base, labels) = name.split_once('{').unwrap_or((name, ""));
    let label = |wanted: &str| {
        let mut pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(label, _)| label.trim() == wanted);
        found.map(|(_, value)| value.trim_end_matches('}').trim_matches('"'))
    };
    Labelled {
        base,
        key: label("key"),
        quantile: label("quantile"),
    }
}
