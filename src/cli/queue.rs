//! `brokerbeat queue`: what waits in the queue and what became of everything that went through it. Also while an agent runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use super::dead_letter::DeadLetters;
use super::show::aligned_by;
use crate::clock::Millis;
use crate::config::Config;
use crate::dead_letter::{DeadLetter, Request};
use crate::spool::{self, Account, Cursor};

/// The queue on disk.
#[derive(Debug, Subcommand)]
pub(super) enum Queue {
    /// Show what became of the documents of each data stream; a running agent renews it every second
    Status {
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Documents that were refused for good, and their way back
    #[command(subcommand)]
    DeadLetter(DeadLetters),
}

/// All that there is to say.
#[derive(Debug, Serialize)]
struct Status {
    streams: BTreeMap<String, Account>,
    waiting: Waiting,
    /// Nothing where it cannot be read.
    dead_letter: Option<Kept>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_error: Option<String>,
}

/// What waits in the queue.
#[derive(Debug, Serialize)]
struct Waiting {
    documents: u64,
    /// Of segments on disk: those that are nearly done with among them.
    bytes: u64,
    /// `@timestamp` of the oldest document.
    oldest: Option<String>,
}

/// What is in the dead letter.
#[derive(Debug, Serialize)]
struct Kept {
    documents: u64,
    bytes: u64,
    /// Replays that no agent has finished.
    replays: usize,
}

/// Columns: a heading, and the number below it.
type Column = (&'static str, fn(&Account) -> u64);

const COLUMNS: [Column; 9] = [
    ("COLLECTED", |account| account.collected),
    ("REPLAYED", |account| account.replayed),
    ("INDEXED", |account| account.indexed),
    ("DUPLICATE", |account| account.duplicate),
    ("COLLISION", |account| account.collision),
    ("DEAD-LETTERED", |account| account.dead_lettered),
    ("DROPPED", |account| account.dropped),
    ("QUEUED", |account| account.queued),
    ("GIVEN-UP", |account| account.given_up),
];

impl Queue {
    /// Shows it.
    pub(super) fn execute(self, config: &Config) -> ExitCode {
        super::finish(match self {
            Self::Status { json } => status(config, json),
            Self::DeadLetter(dead_letters) => dead_letters.execute(config),
        })
    }
}

fn status(config: &Config, json: bool) -> anyhow::Result<()> {
    let path = &config.queue.path;
    let Some(cursor) = spool::look(path) else {
        anyhow::bail!(
            "there is no queue in {}; `run` makes it, or spool.path is another one there",
            path.display()
        );
    };
    let kept = kept(&config.queue.dead_letter());
    let status = Status {
        dead_letter_error: kept.as_ref().err().map(ToString::to_string),
        dead_letter: kept.ok(),
        waiting: Waiting {
            documents: cursor.total().queued,
            bytes: spool::disk_bytes(path),
            oldest: cursor.oldest.map(|oldest| Millis(oldest).to_rfc3339()),
        },
        streams: cursor.accounts.clone(),
    };
    if json {
        return super::say(&serde_json::to_string(&status)?);
    }
    table(&cursor)
        .iter()
        .try_for_each(|line| super::say(line))?;
    super::say("")?;
    in_words(&status)
        .iter()
        .try_for_each(|line| super::say(line))
}

/// An error is one of the dead letter alone: the queue's figures are shown all the same.
fn kept(directory: &Path) -> std::io::Result<Kept> {
    let mut documents = 0;
    DeadLetter::read(directory, |_, _| {
        documents += 1;
        true
    })?;
    Ok(Kept {
        documents,
        bytes: DeadLetter::disk_bytes(directory)?,
        replays: Request::pending(directory)?.len(),
    })
}

fn in_words(status: &Status) -> Vec<String> {
    let Status {
        waiting,
        dead_letter,
        dead_letter_error,
        ..
    } = status;
    let oldest = waiting.oldest.as_ref();
    let oldest = oldest.map_or(String::new(), |oldest| format!(", the oldest of {oldest}"));
    let kept = |kept: &Kept| {
        let replays = match kept.replays {
            0 => String::new(),
            replays => format!(", {replays} replays not finished"),
        };
        format!(
            "{} documents, {} bytes{replays}",
            kept.documents, kept.bytes
        )
    };
    let unreadable = || {
        format!(
            "cannot be read: {}",
            dead_letter_error.as_deref().unwrap_or("?")
        )
    };
    vec![
        format!(
            "waiting: {} documents{oldest}; {} bytes on disk",
            waiting.documents, waiting.bytes
        ),
        format!(
            "dead letter: {}",
            dead_letter.as_ref().map_or_else(unreadable, kept)
        ),
    ]
}

fn table(cursor: &Cursor) -> Vec<String> {
    let heading = ["STREAM"].into_iter().chain(COLUMNS.map(|(name, _)| name));
    let mut rows = vec![heading.map(str::to_owned).collect()];
    rows.extend(
        cursor
            .accounts
            .iter()
            .map(|(stream, account)| row(stream, account)),
    );
    rows.push(row("all", &cursor.total()));
    aligned_by(
        &rows,
        &[false, true, true, true, true, true, true, true, true, true],
    )
}

fn row(name: &str, account: &Account) -> Vec<String> {
    let numbers = COLUMNS.map(|(_, number)| number(account).to_string());
    [name.to_owned()].into_iter().chain(numbers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_has_a_line_and_the_last_one_is_their_sum() {
        let account = |indexed, queued| Account {
            collected: indexed + queued,
            indexed,
            queued,
            ..Account::default()
        };
        let accounts = [
            ("a".to_owned(), account(5, 2)),
            ("b".to_owned(), account(1, 0)),
        ];
        let cursor = Cursor {
            accounts: BTreeMap::from(accounts),
            ..Cursor::default()
        };
        let lines = table(&cursor);
        let cells = |line: &String| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            cells(&lines[1]),
            ["a", "7", "0", "5", "0", "0", "0", "0", "2", "0"]
        );
        assert_eq!(
            cells(&lines[3]),
            ["all", "8", "0", "6", "0", "0", "0", "0", "2", "0"]
        );
    }
}
