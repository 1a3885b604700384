//! `brokerbeat queue dead-letter`: documents that were refused for good, and their way back. Also while an agent runs.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use clap::Subcommand;

use super::show::{aligned_by, printable};
use crate::collect::kafka::pattern;
use crate::config::Config;
use crate::dead_letter::{DeadLetter, Letter, Request};

/// What a terminal shows of a reason.
const REASON_CHARS: usize = 160;

/// The dead letter.
#[derive(Debug, Subcommand)]
pub(super) enum DeadLetters {
    /// Show how many documents were refused for good, by stream and reason
    List {
        /// Every document with its reason, a JSON object a line, as it is stored
        #[arg(long)]
        json: bool,
        /// Only streams of this pattern, with `*` for anything
        #[arg(long, value_name = "PATTERN")]
        stream: Option<String>,
    },
    /// Ship them again, once what was wrong is mended; the running agent does it, or the next one
    Replay {
        /// Only streams of this pattern, with `*` for anything
        #[arg(long, value_name = "PATTERN")]
        stream: Option<String>,
    },
}

/// Documents of one stream that were refused for one reason.
#[derive(Debug, Default)]
struct Group {
    documents: u64,
    /// When the last of them was refused, and in which words.
    newest: String,
    reason: String,
}

/// Stream, status and error type.
type Groups = BTreeMap<(String, Option<u16>, String), Group>;

impl DeadLetters {
    pub(super) fn execute(self, config: &Config) -> anyhow::Result<()> {
        let directory = &config.queue.dead_letter();
        let failed = || format!("the dead letter in {} cannot be used", directory.display());
        let is_there = directory.try_exists().with_context(failed)?;
        match self {
            // For a program nothing is no line.
            Self::List { json: true, .. } if !is_there => Ok(()),
            _ if !is_there => super::say("nothing was refused for good"),
            Self::List { json: true, stream } => lines(directory, stream.as_deref()),
            Self::List {
                json: false,
                stream,
            } => table(directory, stream.as_deref()),
            Self::Replay { stream } => replay(directory, stream),
        }
        .with_context(failed)
    }
}

fn is_wanted(letter: &Letter, stream: Option<&str>) -> bool {
    stream.is_none_or(|pattern| pattern::matches(pattern, &letter.stream))
}

fn lines(directory: &Path, stream: Option<&str>) -> anyhow::Result<()> {
    let mut said = Ok(true);
    DeadLetter::read(directory, |line, letter| {
        if is_wanted(&letter, stream) {
            said = super::say_on(&String::from_utf8_lossy(line));
        }
        matches!(said, Ok(true))
    })?;
    said.map(|_| ())
}

fn table(directory: &Path, stream: Option<&str>) -> anyhow::Result<()> {
    let mut groups = Groups::new();
    DeadLetter::read(directory, |_, letter| {
        if is_wanted(&letter, stream) {
            add(&mut groups, letter);
        }
        true
    })?;
    match groups.is_empty() {
        true => super::say("nothing was refused for good"),
        false => rows(&groups).iter().try_for_each(|line| super::say(line)),
    }
}

fn add(groups: &mut Groups, letter: Letter) {
    let key = (letter.stream, letter.status, letter.error_type);
    let group = groups.entry(key).or_default();
    group.documents += 1;
    group.newest = letter.time;
    group.reason = letter.reason;
}

fn rows(groups: &Groups) -> Vec<String> {
    let heading = ["STREAM", "DOCUMENTS", "STATUS", "ERROR", "NEWEST", "REASON"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for ((stream, status, error_type), group) in groups {
        let reason: String = group.reason.chars().take(REASON_CHARS).collect();
        rows.push(vec![
            printable(stream),
            group.documents.to_string(),
            status.map_or("-".to_owned(), |status| status.to_string()),
            printable(error_type),
            group.newest.clone(),
            printable(&reason),
        ]);
    }
    aligned_by(&rows, &[false, true, true, false, false, false])
}

fn replay(directory: &Path, stream: Option<String>) -> anyhow::Result<()> {
    let mut documents = 0_u64;
    DeadLetter::read(directory, |_, letter| {
        documents += u64::from(is_wanted(&letter, stream.as_deref()));
        true
    })?;
    if documents == 0 {
        return super::say("nothing to replay");
    }
    Request::leave(stream, directory)?;
    super::say(&format!(
        "{documents} documents will be shipped again by the running agent, or by the next one"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(stream: &str, error_type: &str, time: &str) -> Letter {
        let line = serde_json::json!({
            "time": time, "stream": stream, "timestamp": "1970-01-01T00:00:00Z", "id": "00", "status": 400,
            "error_type": error_type, "reason": format!("words\nat {time}"), "document": {},
        });
        Letter::read(line.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn documents_are_counted_by_stream_and_error_with_the_newest_words() {
        let mut groups = Groups::new();
        for (stream, error, time) in [
            ("b", "x", "1"),
            ("a", "x", "2"),
            ("a", "y", "3"),
            ("a", "x", "4"),
        ] {
            add(&mut groups, letter(stream, error, time));
        }
        let rows = rows(&groups);
        let cells = |row: &String| {
            row.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(cells(&rows[1])[..5], ["a", "2", "400", "x", "4"]);
        assert!(
            rows[1].ends_with("at 4") && !rows[1].contains('\n'),
            "{}",
            rows[1]
        );
        assert_eq!(cells(&rows[2])[..4], ["a", "1", "400", "y"]);
        assert_eq!(cells(&rows[3])[..4], ["b", "1", "400", "x"]);
    }
}
