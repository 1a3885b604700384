//! The readable form of alerting rules and objectives.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The agent's default interval in seconds, of which windows and times are multiples.
pub const INTERVAL: u64 = 10;

/// Intervals that any rule may take in addition: one until the next tick, one for the cycle, one until its documents are
/// found.
const SLACK: u64 = 3;

/// One rule of a file of `kibana/rules/`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Never changes: the rule's id in Kibana is made of it.
    pub id: String,
    /// A sentence that says what is wrong.
    pub name: String,
    /// How bad it is.
    pub severity: Severity,
    /// How it is asked.
    #[serde(default)]
    pub kind: RuleKind,
    /// Whose documents: `dataset/kind`.
    pub of: String,
    /// KQL of the documents that are a problem, with `${variables}`.
    #[serde(default, rename = "where")]
    pub filter: String,
    /// Fields that name what an alert is about.
    #[serde(default)]
    pub by: Vec<String>,
    /// The counter of `kind: event`: the agent says in `<counter>_increase` what it rose by.
    #[serde(default)]
    pub counter: Option<String>,
    /// Length of the window in intervals of the agent.
    #[serde(default = "three")]
    pub intervals: u64,
    /// In how many of these ticks it must be so: more than one for what may be true for a moment without being wrong.
    #[serde(default = "one")]
    pub ticks: u64,
    /// Seconds until documents can show it: time-outs of Kafka and ZooKeeper, the window in which the agent judges groups.
    #[serde(default)]
    pub shows_after: u64,
    /// Seconds until documents can show that it is over.
    #[serde(default)]
    pub over_after: u64,
    /// Thresholds and the like.
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    /// What it means.
    pub meaning: String,
    /// The first three commands.
    pub first: Vec<String>,
    /// The fields to look at.
    pub look_at: Vec<String>,
    /// The dashboard to open.
    pub dashboard: String,
    /// The incident that it is for.
    pub incident: String,
    /// The same question in ES|QL, untested.
    #[serde(default)]
    pub esql: Option<String>,
}

impl Rule {
    /// KQL of the documents that are a problem.
    pub fn problem(&self) -> String {
        match &self.counter {
            Some(counter) => format!("{counter}_increase > 0"),
            None => self.filter.clone(),
        }
    }

    /// Within so many seconds its query fires, with the agent's default interval.
    pub fn fires_within(&self) -> u64 {
        let ticks = match self.kind {
            RuleKind::Match => self.ticks,
            RuleKind::Event => 1,
            RuleKind::Gone | RuleKind::Silence => self.intervals,
        };
        self.shows_after + (ticks + SLACK) * INTERVAL
    }

    /// Within so many seconds after the end it is silent again.
    pub fn clears_within(&self) -> u64 {
        let ticks = match self.kind {
            RuleKind::Match | RuleKind::Event => self.intervals,
            RuleKind::Gone | RuleKind::Silence => 1,
        };
        self.over_after + (ticks + SLACK) * INTERVAL
    }
}

fn one() -> u64 {
    1
}

/// Rules look at the latest three ticks: one may be late and one may be missing.
fn three() -> u64 {
    3
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody must act now.
    Critical,
    /// Somebody must act soon.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// For tags and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// How a rule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleKind {
    /// Documents that match are a problem.
    #[default]
    Match,
    /// That there are no documents at all is the problem.
    Silence,
    /// That somebody who sent documents sends none any more is the problem.
    Gone,
    /// That something happened is the problem: a counter rose.
    Event,
}

impl RuleKind {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Match => "documents match",
            Self::Silence => "no documents",
            Self::Gone => "no documents any more",
            Self::Event => "counter rises",
        }
    }
}

/// A number that may be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Unless it is set.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// One sentence.
    pub meaning: String,
    /// No value below this one works.
    #[serde(default)]
    pub least: Option<f64>,
}

/// One objective of `kibana/slos.yml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slo {
    /// Never changes.
    pub id: String,
    /// What is promised.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// Whose documents: `dataset/kind`.
    pub of: String,
    /// KQL of the documents that count.
    #[serde(default)]
    pub total: String,
    /// KQL of those that are good.
    pub good: String,
    /// Field that makes an objective of its own for each value.
    pub by: Vec<String>,
    /// Share that must be good.
    pub target: f64,
    /// Over how many days.
    pub days: u64,
}
