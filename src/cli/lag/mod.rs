//! `brokerbeat lag`: consumer lag as a table, for people who know `kafka-consumer-groups.sh --describe`.
//!
//! It is a cycle of the Kafka collector, so that it answers, and says what is missing, where a coordinator without a
//! leader makes that tool wait until it gives up. Statuses that a running agent has stored are read, nothing is written.

mod table;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::ensure;
use clap::Args;
use serde_json::{Value, json};

use crate::clock::{Millis, Rhythm};
use crate::collect::{Sharing, Target, sleep_until};
use crate::config::{Config, ConfigError, Source};
use crate::document::Document;
use crate::identity::ClusterIdentity;

/// Datasets that are about groups.
const DATASETS: [&str; 2] = ["kafka.consumergroup", "kafka.group"];

/// Moves the cursor to the top left corner of an empty screen.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// What is shown.
#[derive(Debug, Args)]
pub(super) struct Lag {
    /// Only groups of this name; `*` is any text, `?` one character; may be repeated
    #[arg(long = "group", value_name = "PATTERN")]
    groups: Vec<String>,
    /// Brokers to begin with, instead of a configuration file
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    bootstrap: Vec<String>,
    /// Show it anew at every interval, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// Write the documents about groups and their partitions, a JSON object a line
    #[arg(long)]
    json: bool,
}

impl Lag {
    /// The configuration: of the file, or the least that asks these brokers.
    pub(super) fn config(&self, source: &mut Source) -> Result<Config, ConfigError> {
        source.only_groups.clone_from(&self.groups);
        if self.bootstrap.is_empty() {
            return source.load();
        }
        let text = json!({"clusters": [{"kafka": {"bootstrap": self.bootstrap}}]}).to_string();
        source.parse(&text, &|name| std::env::var(name).ok())
    }

    /// Shows it. Exit code: 0 done, 1 could not, 3 parts are missing.
    pub(super) fn execute(&self, config: &Config) -> ExitCode {
        match super::block_on(self.show(config)).flatten() {
            Ok(true) => ExitCode::from(super::DONE),
            Ok(false) => ExitCode::from(super::FINDINGS),
            Err(error) => super::finish(Err(error)),
        }
    }

    /// Whether everything is known that there is to know.
    async fn show(&self, config: &Config) -> anyhow::Result<bool> {
        let mut targets = targets(config);
        ensure!(
            !targets.is_empty(),
            "no cluster of the configuration has a section `kafka`; write one, or use --bootstrap"
        );
        let rhythm = Rhythm::new(config.interval, "lag");
        let mut tick = rhythm.last(Millis::now());
        loop {
            let mut seen = Seen::default();
            for target in &mut targets {
                seen.add(target, tick).await;
            }
            self.print(&seen)?;
            if !self.watch {
                for target in &mut targets {
                    target.close().await;
                }
                return Ok(seen.faults == 0);
            }
            tick = rhythm.next(Some(tick), Millis::now());
            sleep_until(tick).await;
        }
    }

    fn print(&self, seen: &Seen) -> anyhow::Result<()> {
        if self.json {
            let lines = seen.documents.iter();
            let mut lines = lines.map(|document| Value::Object(document.fields()).to_string());
            return lines.try_for_each(|line| super::say(&line));
        }
        if self.watch && std::io::stdout().is_terminal() {
            super::say(CLEAR)?;
        }
        for sentence in table::sentences(&seen.documents) {
            eprintln!("{sentence}");
        }
        super::say(&table::table(&seen.documents).join("\n"))
    }
}

/// One look at all clusters.
#[derive(Default)]
struct Seen {
    documents: Vec<Document>,
    /// Parts that are missing; the log has the first of each cluster.
    faults: u64,
}

impl Seen {
    async fn add(&mut self, target: &mut Target, tick: Millis) {
        for document in target.cycle(tick).await.into_documents() {
            if let Some(faults) = document.get("brokerbeat.target.faults") {
                self.faults += faults.as_u64().unwrap_or(0);
            }
            if DATASETS.contains(&&*document.dataset) {
                self.documents.push(document);
            }
        }
    }
}

fn targets(config: &Config) -> Vec<Target> {
    let mut targets = Vec::new();
    for plan in &config.clusters {
        let name = plan.name.clone();
        let cluster = Arc::new(ClusterIdentity::new(name, plan.id.clone(), None));
        let kafka = plan.targets.iter();
        let kafka = kafka.filter(|target| matches!(target.sharing, Sharing::Parts(_)));
        let nobody: Arc<str> = "".into();
        let target = |one| {
            let (agent, cluster) = (Arc::clone(&nobody), Arc::clone(&cluster));
            Target::new(one, config.interval, agent, cluster, None)
        };
        targets.extend(kafka.map(target));
    }
    targets
}
