//! What is written by hand under `kibana/`: dashboards, rules, the visual language, the identity of series.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

pub use crate::source_dashboard::{Chart, Dashboard, Measure, Operation, Panel, Row, Threshold};
pub use crate::source_rule::{INTERVAL, Rule, RuleKind, Severity, Slo, Variable};

/// Everything that is made from.
#[derive(Debug, Clone)]
pub struct Source {
    /// Colours, scales and controls.
    pub look: Look,
    /// Which keys tell one series from another, by `dataset/kind`.
    pub kinds: BTreeMap<String, Vec<String>>,
    /// In the order in which they are linked.
    pub dashboards: Vec<Dashboard>,
    /// By severity, then by name.
    pub rules: Vec<Rule>,
    /// Objectives, which need a paid licence.
    pub slos: Vec<Slo>,
    /// What was measured of rules on real servers, by id.
    pub measured: Measured,
    /// Introductions of the generated pages: dashboards, alerts.
    pub pages: Pages,
}

/// Texts above the generated tables.
#[derive(Debug, Clone)]
pub struct Pages {
    /// Of docs/dashboards.md.
    pub dashboards: String,
    /// Of docs/alerts.md.
    pub alerts: String,
}

/// What `make prove-rules` has found.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Measured {
    /// Time in which no rule fired.
    #[serde(default)]
    pub quiet: Quiet,
    /// Times of rules, by id.
    #[serde(default)]
    pub rules: BTreeMap<String, Times>,
}

/// Time without an incident.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// How long, in minutes.
    pub minutes: u64,
    /// How often each rule was asked.
    pub rounds: u64,
}

/// How long a rule took to fire and to clear.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// The incident.
    pub incident: String,
    /// On what.
    pub seen: Seen,
    /// What was other than it is installed: a threshold.
    #[serde(default)]
    pub note: String,
    /// Seconds from the incident to the first answer of its query.
    pub fires: u64,
    /// Seconds from the end of the incident to the first silent answer.
    pub clears: u64,
}

/// What an incident happened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Seen {
    /// Real servers.
    Live,
    /// Documents of real servers, put in again with another number at the present time.
    Recorded,
}

impl Seen {
    /// For tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Recorded => "recorded",
        }
    }
}

/// The visual language: one place for colours and thresholds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Colours by what they mean.
    pub colours: BTreeMap<String, String>,
    /// Scales of colours by name.
    pub scales: BTreeMap<String, Scale>,
    /// Controls by name.
    pub controls: BTreeMap<String, Control>,
}

/// From which value on which colour.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// One sentence for people.
    pub meaning: String,
    /// Lower bounds, rising, with the name of a colour.
    pub steps: Vec<(f64, String)>,
}

/// A control above a dashboard.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Field that it filters by.
    pub field: String,
    /// Its label.
    pub title: String,
}

/// Why the source cannot be read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// A file is missing or unreadable.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not say what it should.
    #[error("{}: {what}", path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl Source {
    /// Reads everything below `root`, the folder of the repository.
    pub fn read(root: &Path) -> Result<Self, SourceError> {
        let kibana = root.join("kibana");
        let mut dashboards: Vec<Dashboard> = read_folder(&kibana.join("dashboards"))?;
        dashboards.sort_by_key(|dashboard| dashboard.order);
        let mut rules: Vec<Rule> = read_folder::<Vec<Rule>>(&kibana.join("rules"))?.concat();
        rules.sort_by(|a, b| (a.severity, &a.id).cmp(&(b.severity, &b.id)));
        Ok(Self {
            look: read_yaml(&kibana.join("look.yml"))?,
            kinds: read_yaml(&kibana.join("kinds.yml"))?,
            dashboards,
            rules,
            slos: read_yaml(&kibana.join("slos.yml"))?,
            measured: read_yaml::<Option<_>>(&kibana.join("measured.yml"))?.unwrap_or_default(),
            pages: Pages {
                dashboards: read_text(&kibana.join("pages/dashboards.md"))?,
                alerts: read_text(&kibana.join("pages/alerts.md"))?,
            },
        })
    }

    /// The keys of the series that a panel or rule is about.
    pub fn keys(&self, of: &str) -> &[String] {
        self.kinds.get(of).map_or(&[], Vec::as_slice)
    }
}

/// A text file.
pub fn read_text(path: &Path) -> Result<String, SourceError> {
    std::fs::read_to_string(path).map_err(|source| SourceError::Read {
        path: path.to_owned(),
        source,
    })
}

fn read_yaml<T: DeserializeOwned>(path: &Path) -> Result<T, SourceError> {
    let form = |what: String| SourceError::Form {
        path: path.to_owned(),
        what,
    };
    let tree = crate::yaml::parse(&read_text(path)?).map_err(|error| form(error.to_string()))?;
    serde_json::from_value(tree.to_json()).map_err(|error| form(error.to_string()))
}

/// All `.yml` files of a folder, by name.
fn read_folder<T: DeserializeOwned>(folder: &Path) -> Result<Vec<T>, SourceError> {
    let failed = |source| SourceError::Read {
        path: folder.to_owned(),
        source,
    };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut files: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "yml"));
    files.sort();
    files.iter().map(|file| read_yaml(file)).collect()
}
