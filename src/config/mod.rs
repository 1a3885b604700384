//! What was written → what is usable.
//!
//! Two stages, neither of which touches the network: the file's text becomes a [`Tree`] with
//! lines, dotted keys unfolded, variables filled in and `-E` laid over it; then each part of the
//! program reads its own [`Section`] into its own type. All mistakes are reported at once.

mod effective;
mod problem;
mod secret;
mod section;
mod setup;
mod tls;
mod tree;
pub mod units;

pub use effective::to_yaml;
pub use problem::{Problem, nearest};
pub use secret::{Secret, is_secret, without_user_info};
pub use section::{Findings, Section};
pub use setup::SetupConfig;
pub use tls::{Tls, read as read_tls};
pub use tree::Tree;
#[cfg(test)]
pub(crate) use tree::build;
pub(crate) use tree::of_settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use crate::collect::kafka::config::Config as Kafka;
use crate::collect::{COLLECTORS, Common, Sharing, TargetPlan};
use crate::dead_letter;
use crate::ha::{self, Ha};
use crate::health::HttpConfig;
use crate::kibana::KibanaConfig;
use crate::ship::OutputConfig;

/// Every example of the project uses it; Beats' habit too.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(10);
/// Where the agent keeps its id and the clusters' ids.
const DEFAULT_PATH_DATA: &str = "/var/lib/brokerbeat";
/// Days of a small cluster, and a bound that a disk can bear beside a broker.
const DEFAULT_QUEUE_BYTES: u64 = 2 << 30;
/// Long enough for one slow bulk request.
const DEFAULT_SHUTDOWN: Duration = Duration::from_secs(20);

/// The queue on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePlan {
    /// Its directory.
    pub path: PathBuf,
    /// What its segments may take.
    pub max_bytes: u64,
    /// How old documents may be that wait in it.
    pub max_age: Option<Duration>,
    /// What documents may take that were refused for good.
    pub dead_letter_max_bytes: u64,
}

impl QueuePlan {
    /// Where documents are kept that were refused for good.
    pub fn dead_letter(&self) -> PathBuf {
        self.path.join(dead_letter::FOLDER)
    }
}

/// A usable configuration.
pub struct Config {
    /// Agent id, cluster ids, lag statuses.
    pub path_data: PathBuf,
    /// Interval of targets without their own.
    pub interval: Duration,
    /// What to watch.
    pub clusters: Vec<ClusterPlan>,
    /// How work is shared with other agents; nothing for an agent that is alone.
    pub ha: Option<Ha>,
    /// Where documents wait for the output.
    pub queue: QueuePlan,
    /// Last part of data stream names.
    pub namespace: String,
    /// Where to ship; nothing where there is no output.
    pub output: Option<OutputConfig>,
    /// What is installed in Elasticsearch, and by whom.
    pub setup: SetupConfig,
    /// Where dashboards and rules go.
    pub kibana: Option<KibanaConfig>,
    /// How long shipping may go on after the signal to stop.
    pub shutdown_timeout: Duration,
    /// `labels.*` of all documents.
    pub labels: BTreeMap<String, String>,
    /// Where the agent says how it is doing; nothing: nowhere.
    pub http: Option<HttpConfig>,
    /// How to log.
    pub logging: Logging,
    /// This machine's name.
    pub host_name: String,
    /// All settings in force, secrets hidden.
    pub effective: Value,
    /// A hash of each top-level setting as written, secrets included.
    pub fingerprints: BTreeMap<String, [u8; 32]>,
}

/// One cluster to watch.
pub struct ClusterPlan {
    /// Its name: a label, and the identity while Kafka's id is not known.
    pub name: String,
    /// The identity, if the user fixes it.
    pub id: Option<String>,
    /// Its targets.
    pub targets: Vec<TargetPlan>,
}

impl ClusterPlan {
    /// The way to its brokers, where it has a `kafka` section.
    pub fn kafka(&self) -> Option<&Arc<Kafka>> {
        self.targets
            .iter()
            .find_map(|target| match &target.sharing {
                Sharing::Parts(kafka) => Some(kafka),
                Sharing::Own | Sharing::ByName | Sharing::With(_) => None,
            })
    }
}

/// `logging.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

/// Why there is no usable configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It can, but there are mistakes in it.
    #[error("{} has {} mistake(s){}", path.display(), problems.len(), listed(problems))]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// All of them, in the order of the file.
        problems: Vec<Problem>,
    },
}

fn listed(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| format!("\n  {problem}"))
        .collect()
}

/// Where a configuration comes from: a file and what `-E` lays over it.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// `key=value` settings.
    pub overrides: Vec<String>,
    /// Of the groups that the file selects, those of these patterns; none: all of them.
    pub only_groups: Vec<String>,
}

impl Source {
    /// Reads the file and makes it usable.
    pub fn load(&self) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(&self.path).map_err(|source| ConfigError::Read {
            path: self.path.clone(),
            source,
        })?;
        self.parse(&text, &|name| std::env::var(name).ok())
    }

    /// Makes a text usable with the given variables.
    pub fn parse(&self, text: &str, variables: tree::Variables<'_>) -> Result<Config, ConfigError> {
        let findings = Findings::default();
        let tree = self.tree(text, variables, &findings);
        let mut config = read(&tree, &findings, &self.only_groups);
        let problems = findings.problems.into_sorted();
        if problems.is_empty() {
            config.effective = findings.effective.into_value();
            config.fingerprints = tree::fingerprints(&tree);
            return Ok(config);
        }
        Err(ConfigError::Wrong {
            path: self.path.clone(),
            problems,
        })
    }

    fn tree(&self, text: &str, variables: tree::Variables<'_>, findings: &Findings) -> Tree {
        let mut tree = match crate::yaml::parse(text) {
            Ok(node) => tree::build(&node, variables, &findings.problems),
            Err(error) => {
                findings.problems.push(error.line, "", error.what);
                return Tree::null(0);
            }
        };
        for setting in &self.overrides {
            tree::overlay(&mut tree, setting, variables, &findings.problems);
        }
        tree
    }
}

fn read(tree: &Tree, findings: &Findings, only_groups: &[String]) -> Config {
    let mut root = Section::new(tree, "", findings);
    let config = read_root(&mut root, only_groups);
    if config.ha.is_some() && config.clusters.iter().all(|plan| plan.kafka().is_none()) {
        root.problem(
            "ha",
            "needs a cluster with `kafka`: the agents meet in a consumer group",
        );
    }
    config
}

fn read_root(root: &mut Section<'_>, only_groups: &[String]) -> Config {
    let host_name = host_name();
    let intervals = Duration::from_secs(1)..=Duration::from_secs(3600);
    let common = Common {
        host_name: host_name.clone(),
        interval: root.duration_or("interval", DEFAULT_INTERVAL, intervals),
        path_data: read_path(root),
        only_groups: only_groups.to_vec(),
    };
    let (setup, kibana) = SetupConfig::read(root);
    Config {
        path_data: common.path_data.clone(),
        interval: common.interval,
        ha: ha::read(root),
        clusters: read_clusters(root, &common),
        queue: read_queue(root, &common.path_data),
        namespace: read_namespace(root),
        output: OutputConfig::read(root),
        setup,
        kibana,
        shutdown_timeout: root.duration_or(
            "shutdown_timeout",
            DEFAULT_SHUTDOWN,
            Duration::ZERO..=Duration::from_secs(600),
        ),
        labels: read_labels(root),
        http: HttpConfig::read(root),
        logging: read_logging(root),
        host_name,
        effective: Value::Null,
        fingerprints: BTreeMap::new(),
    }
}

fn read_path(root: &mut Section<'_>) -> PathBuf {
    let path = root
        .section_or_empty("path")
        .text_or("data", DEFAULT_PATH_DATA);
    Path::new(&path).to_owned()
}

fn read_clusters(root: &mut Section<'_>, common: &Common) -> Vec<ClusterPlan> {
    let sections = root.sections("clusters");
    if sections.is_empty() {
        root.problem(
            "clusters",
            "is empty; the least is `clusters: [{kafka: {bootstrap: [\"localhost:9092\"]}}]`",
        );
    }
    let several = sections.len() > 1;
    let mut clusters: Vec<ClusterPlan> = Vec::new();
    for mut section in sections {
        let cluster = read_cluster(&mut section, common, several);
        if clusters.iter().any(|other| other.name == cluster.name) {
            section.problem(
                "name",
                format!("`{}` is the name of another cluster, too", cluster.name),
            );
        }
        for (index, target) in cluster.targets.iter().enumerate() {
            let twin = cluster
                .targets
                .iter()
                .take(index)
                .any(|other| other.name == target.name);
            if twin {
                section.problem("", format!("has the target `{}` twice", target.name));
            }
        }
        clusters.push(cluster);
    }
    clusters
}

fn read_cluster(section: &mut Section<'_>, common: &Common, several: bool) -> ClusterPlan {
    let name = section.text("name");
    let id = section.text("id").filter(|id| !id.is_empty());
    if name.is_none() && (several || !section.has("kafka")) {
        let why = if several {
            "there are several clusters"
        } else {
            "there is no `kafka`"
        };
        section.problem("name", format!("is missing, but needed because {why}"));
    }
    let targets: Vec<TargetPlan> = COLLECTORS
        .iter()
        .flat_map(|kind| (kind.read)(section, common))
        .collect();
    if !COLLECTORS.iter().any(|kind| section.has(kind.key)) {
        let keys: Vec<&str> = COLLECTORS.iter().map(|kind| kind.key).collect();
        section.problem(
            "",
            format!("has nothing to collect; write one of: {}", keys.join(", ")),
        );
    }
    ClusterPlan {
        name: name.unwrap_or_else(|| "default".to_owned()),
        id,
        targets,
    }
}

fn read_queue(root: &mut Section<'_>, path_data: &Path) -> QueuePlan {
    let bounds = (4 << 20)..=(1 << 40);
    let ages = Duration::from_secs(60)..=Duration::from_secs(365 * 86_400);
    let mut section = root.section_or_empty("spool");
    let default = path_data.join("spool");
    QueuePlan {
        path: PathBuf::from(section.text_or("path", &default.to_string_lossy())),
        max_bytes: section.bytes_or("max_size", DEFAULT_QUEUE_BYTES, bounds.clone()),
        max_age: section.duration("max_age", ages),
        dead_letter_max_bytes: section.section_or_empty("dead_letter").bytes_or(
            "max_size",
            dead_letter::DEFAULT_BYTES,
            bounds,
        ),
    }
}

/// Elasticsearch's rules for the last part of a data stream's name.
fn read_namespace(root: &mut Section<'_>) -> String {
    let namespace = root.text_or("namespace", "default");
    let forbidden = |c: char| c.is_whitespace() || c.is_uppercase() || "-\\/*?\"<>|,#:".contains(c);
    if namespace.is_empty() || namespace.len() > 100 || namespace.contains(forbidden) {
        root.problem("namespace", format!("`{namespace}` is not possible in a data stream's name; use lower-case letters, digits, `_` and `.`"));
    }
    namespace
}

fn read_logging(root: &mut Section<'_>) -> Logging {
    let mut section = root.section_or_empty("logging");
    Logging {
        level: one_of(
            &mut section,
            "level",
            &["info", "error", "warn", "debug", "trace"],
        ),
        json: one_of(&mut section, "format", &["text", "json"]) == "json",
    }
}

/// `labels`: one level of names, as ECS has them.
fn read_labels(root: &mut Section<'_>) -> BTreeMap<String, String> {
    let labels = root.map("labels");
    for name in labels.keys().filter(|name| name.contains('.')) {
        root.problem(
            "labels",
            format!("`{name}` has a dot; write `{}`", name.replace('.', "_")),
        );
    }
    labels
}

/// One of the words; the first one is the default.
fn one_of(section: &mut Section<'_>, key: &'static str, words: &[&str]) -> String {
    section.parsed_or(
        key,
        words[0].to_owned(),
        |value| value.as_str().into(),
        |text| match words.contains(&text) {
            true => Ok(text.to_owned()),
            false => Err(format!("is none of: {}", words.join(", "))),
        },
    )
}

fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().to_lowercase()
}

#[cfg(test)]
mod tests;
