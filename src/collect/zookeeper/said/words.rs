//! The answers to four-letter words.

use std::borrow::Cow;

use super::Part;
use crate::collect::zookeeper::answer::Question;

/// `srvr`: what stands before the colon, and the names of the values behind it, parted by slashes.
const SERVER: &[(&str, &[&str])] = &[
    ("Zookeeper version", &["version"]),
    (
        "Latency min/avg/max",
        &["min_latency", "avg_latency", "max_latency"],
    ),
    ("Received", &["packets_received"]),
    ("Sent", &["packets_sent"]),
    ("Connections", &["num_alive_connections"]),
    ("Outstanding", &["outstanding_requests"]),
    ("Zxid", &["zxid"]),
    ("Mode", &["server_state"]),
    ("Node count", &["node_count"]),
    (
        "Proposal sizes last/min/max",
        &[
            "last_proposal_size",
            "min_proposal_size",
            "max_proposal_size",
        ],
    ),
];

/// `srvr`, and `stat` without its clients.
pub(super) fn server(text: &str) -> Part<'_> {
    let mut part = Part::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        // `stat` lists clients, each with a blank before it.
        if line.starts_with(' ') || line == "Clients:" || line.starts_with("READ-ONLY mode") {
            continue;
        }
        let pair = line.split_once(':');
        let known = pair.and_then(|(label, value)| {
            let mut all = SERVER.iter();
            let (_, names) = all.find(|(known, _)| *known == label.trim())?;
            Some((*names, value.trim()))
        });
        match known {
            // A version has slashes in its date.
            Some(([name], value)) => part.add(*name, value),
            Some((names, value)) => {
                for (name, value) in names.iter().zip(value.split('/')) {
                    part.add(*name, value);
                }
            }
            None => part.strange += 1,
        }
    }
    part
}

/// `mntr`: `zk_<name>`, a tab, a value.
pub(super) fn monitor(text: &str) -> Part<'_> {
    pairs(text, '\t', |name| {
        name.strip_prefix("zk_").map(Cow::Borrowed)
    })
}

/// `conf`: `clientPort=2181`; in an ensemble the members follow as `server.1=…`, below a heading.
pub(super) fn configuration(text: &str) -> Part<'_> {
    pairs(text, '=', |name| Some(snake_case(name)))
}

/// `envi`: a heading, then `os.name=Linux`.
pub(super) fn environment(text: &str) -> Part<'_> {
    pairs(text, '=', |name| Some(name.into()))
}

/// `dirs`: `datadir_size: 618`.
pub(super) fn directories(text: &str) -> Part<'_> {
    pairs(text, ':', |name| Some(name.into()))
}

/// `wchs`: `1 connections watching 2 paths` and `Total watches:3`.
pub(super) fn watches(text: &str) -> Part<'_> {
    let mut part = Part::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line
            .split([' ', ':'])
            .filter(|word| !word.is_empty())
            .collect();
        match words[..] {
            [connections, "connections", "watching", paths, "paths"] => {
                part.add("num_connections", connections);
                part.add("num_paths", paths);
            }
            ["Total", "watches", total] => part.add("num_total_watches", total),
            _ => part.strange += 1,
        }
    }
    part
}

/// `isro`: `rw`, `ro`, or `null` from a server that does not serve.
pub(super) fn read_only(text: &str) -> Option<bool> {
    match text.trim() {
        "ro" => Some(true),
        "rw" => Some(false),
        _ => None,
    }
}

/// Headings end in a colon and are no figures; everything else without the separator is strange.
fn pairs<'a>(
    text: &'a str,
    separator: char,
    name: impl Fn(&'a str) -> Option<Cow<'a, str>>,
) -> Part<'a> {
    let mut part = Part::default();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line == "Environment:" || line == "membership:" {
            continue;
        }
        let pair = line.split_once(separator);
        match pair.and_then(|(key, value)| Some((name(key.trim())?, value.trim()))) {
            Some((name, value)) => part.add(name, value),
            None => part.strange += 1,
        }
    }
    part
}

/// The AdminServer's way of writing `clientPort`.
fn snake_case(name: &str) -> Cow<'_, str> {
    if !name.contains(|c: char| c.is_ascii_uppercase()) {
        return name.into();
    }
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake.into()
}

/// The lines that are there as a whole: half a number looks like another one. `conf` of a member and the words of one line
/// end without a line feed.
pub(super) fn whole_lines(question: Question, text: &str) -> &str {
    let end = text.rfind('\n').map_or(0, |end| end + 1);
    let (lines, rest) = text.split_at_checked(end).unwrap_or(("", text));
    let is_whole = match question {
        Question::Alive | Question::ReadOnly => true,
        Question::Configuration => rest.starts_with("version="),
        _ => false,
    };
    if is_whole { text } else { lines }
}

/// What a whole answer would end with, where that can be known.
pub(super) fn missing_end(question: Question, text: &str) -> Option<&'static str> {
    let last = match question {
        Question::Server | Question::Statistics => "\nNode count: ",
        Question::Watches => "Total watches:",
        Question::Directories => "logdir_size:",
        _ => "",
    };
    let is_whole = match question {
        // An empty line follows the last connection.
        Question::Connections => text == "\n" || text.ends_with("\n\n") || text == "\r\n",
        _ => whole_lines(question, text).len() == text.len() && text.contains(last),
    };
    (!is_whole).then_some("its end is missing")
}
