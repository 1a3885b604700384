//! `brokerbeat queue`: what waits in the queue and what became of everything that went through it. Also while an agent runs.

use std::process::ExitCode;

use clap::Subcommand;

use super::show::aligned_by;
use crate::config::Config;
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
}

/// Columns: a heading, and the number below it.
type Column = (&'static str, fn(&Account) -> u64);

const COLUMNS: [Column; 8] = [
    ("COLLECTED", |account| account.collected),
    ("REPLAYED", |account| account.replayed),
    ("INDEXED", |account| account.indexed),
    ("DUPLICATE", |account| account.duplicate),
    ("COLLISION", |account| account.collision),
    ("DEAD-LETTERED", |account| account.dead_lettered),
    ("DROPPED", |account| account.dropped),
    ("QUEUED", |account| account.queued),
];

impl Queue {
    /// Shows it.
    pub(super) fn execute(self, config: &Config) -> ExitCode {
        let Self::Status { json } = self;
        super::finish(status(config, json))
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
    match json {
        true => super::say(&serde_json::to_string(&cursor.accounts)?),
        false => table(&cursor).iter().try_for_each(|line| super::say(line)),
    }
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
        &[false, true, true, true, true, true, true, true, true],
    )
}

fn row(name: &str, account: &Account) -> Vec<String> {
    let numbers = COLUMNS.map(|(_, number)| number(account).to_string());
    [name.to_owned()].into_iter().chain(numbers).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
            ["a", "7", "0", "5", "0", "0", "0", "0", "2"]
        );
        assert_eq!(
            cells(&lines[3]),
            ["all", "8", "0", "6", "0", "0", "0", "0", "2"]
        );
    }
}
