//! `brokerbeat lag`: consumer lag as a table, for people who know `kafka-consumer-groups.sh --describe`.
//!
//! It is a cycle of the Kafka collector, so that it answers, and says what is missing, where a coordinator without a
//! leader makes that tool wait until it gives up. Statuses that a running agent has stored are read, nothing is written.

mod look;
mod sentences;
mod table;

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;
use serde_json::{Value, json};

use self::look::{Clusters, Seen};
use crate::clock::{Millis, Rhythm};
use crate::collect::sleep_until;
use crate::config::{Config, ConfigError, Source};

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
    /// Show it anew at every interval, until Ctrl-C or until nobody reads it
    #[arg(long)]
    watch: bool,
    /// Write the documents about groups and their partitions, a JSON object a line; with --watch all of a look in one
    #[arg(long)]
    json: bool,
}

/// How it ended.
enum End {
    Complete,
    PartsMissing,
}

impl Lag {
    /// The configuration: of the file, or the least that asks these brokers.
    pub(super) fn config(&self, source: &mut Source) -> Result<Config, ConfigError> {
        source.only_groups.clone_from(&self.groups);
        let mut config = match self.bootstrap.is_empty() {
            true => source.load()?,
            false => {
                let text = json!({"clusters": [{"kafka": {"bootstrap": self.bootstrap}}]});
                source.parse(&text.to_string(), &|name| std::env::var(name).ok())?
            }
        };
        // What the log would warn of stands below the table, all of it.
        if matches!(config.logging.level.as_str(), "info" | "warn") {
            "error".clone_into(&mut config.logging.level);
        }
        Ok(config)
    }

    /// Shows it. Exit code: 0 done, 1 could not, 3 parts are missing.
    pub(super) fn execute(&self, config: &Config) -> ExitCode {
        match super::block_on(self.show(config)).flatten() {
            Ok(End::Complete) => ExitCode::from(super::DONE),
            Ok(End::PartsMissing) => ExitCode::from(super::FINDINGS),
            Err(error) => super::finish(Err(error)),
        }
    }

    async fn show(&self, config: &Config) -> anyhow::Result<End> {
        let mut clusters = Clusters::of(config);
        ensure!(
            !clusters.is_empty(),
            "no cluster of the configuration has a section `kafka`; write one, or use --bootstrap"
        );
        let stopped = super::stop_signal()?;
        let shown = match self.watch {
            false => self.show_once(&mut clusters, config).await,
            true => tokio::select! {
                biased;
                _ = stopped => Ok(End::Complete),
                shown = self.watch(&mut clusters, config) => shown.map(|()| End::Complete),
            },
        };
        clusters.close().await;
        shown
    }

    async fn show_once(&self, clusters: &mut Clusters, config: &Config) -> anyhow::Result<End> {
        let tick = Rhythm::new(config.interval, "lag").last(Millis::now());
        let seen = clusters.look(tick).await;
        self.print(&seen)?;
        let absent = sentences::absent(&seen.documents, &self.groups);
        Ok(match seen.faults.is_empty() && absent.is_empty() {
            true => End::Complete,
            false => End::PartsMissing,
        })
    }

    /// Ends when nobody reads any more.
    async fn watch(&self, clusters: &mut Clusters, config: &Config) -> anyhow::Result<()> {
        let rhythm = Rhythm::new(config.interval, "lag");
        let mut tick = rhythm.last(Millis::now());
        loop {
            let seen = clusters.look(tick).await;
            if !self.print(&seen)? {
                return Ok(());
            }
            tick = rhythm.next(Some(tick), Millis::now());
            sleep_until(tick).await;
        }
    }

    /// Whether anybody still reads.
    fn print(&self, seen: &Seen) -> anyhow::Result<bool> {
        if self.json {
            return self.print_json(seen);
        }
        if self.watch {
            let moment = seen.tick.to_rfc3339();
            let clear = match std::io::stdout().is_terminal() {
                true => CLEAR,
                false => "",
            };
            if !super::say_on(&format!("{clear}{moment}"))? {
                return Ok(false);
            }
        }
        let complete = seen.faults.is_empty();
        for sentence in sentences::sentences(&seen.documents, &self.groups, complete) {
            super::remark(&sentence);
        }
        let table = table::table(&seen.documents, width());
        let is_read = super::say_on(&table.lines.join("\n"))?;
        if !table.left_out.is_empty() {
            let names = table.left_out.join(", ");
            super::remark(&format!("No room for: {names}. A pipe gets all columns."));
        }
        seen.say_missing();
        Ok(is_read)
    }

    /// A look is one line while it is repeated: what belongs together is seen together.
    fn print_json(&self, seen: &Seen) -> anyhow::Result<bool> {
        let documents = seen.documents.iter();
        let documents = documents.map(|document| Value::Object(document.fields()));
        if self.watch {
            let documents: Vec<Value> = documents.collect();
            let look = json!({
                "@timestamp": seen.tick.to_rfc3339(),
                "missing": seen.faults,
                "documents": documents,
            });
            return super::say_on(&look.to_string());
        }
        seen.say_missing();
        for document in documents {
            if !super::say_on(&document.to_string())? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Columns of the terminal; nothing where it is none.
fn width() -> Option<usize> {
    let size = terminal_size::terminal_size_of(std::io::stdout());
    size.map(|(width, _)| usize::from(width.0))
}
