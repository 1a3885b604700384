//! What is asked of a server and what comes back, before anybody reads it.

use std::fmt;

use super::door::{DoorError, NOT_SERVING};
use crate::collect::Fault;

/// A part of what a server knows. Each is one four-letter word and one command of the AdminServer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Server,
    Monitor,
    Alive,
    Configuration,
    Connections,
    Environment,
    Watches,
    ReadOnly,
    Directories,
    /// What [`Question::Server`] asks, with the clients: where only this word is open.
    Statistics,
}

use Question::{
    Alive, Configuration, Connections, Directories, Environment, Monitor, ReadOnly, Server,
    Statistics, Watches,
};

/// In the order of importance: the first fault is the one that people see.
pub(super) const QUESTIONS: [Question; 9] = [
    Server,
    Monitor,
    Alive,
    Configuration,
    Connections,
    Environment,
    Watches,
    ReadOnly,
    Directories,
];

/// What an ensemble is seen by.
pub(super) const ENSEMBLE_QUESTIONS: [Question; 3] = [Server, Monitor, Configuration];

/// Longest answer that is read. `mntr` of a 3.9 leader is 20 KB, and each learner adds 1 KB.
const MAX_BYTES: usize = 1 << 20;

/// Longest list of connections: 200 bytes each by words, 500 by the AdminServer. 16,000 of these at least.
const MAX_CONNECTION_BYTES: usize = 8 << 20;

impl Question {
    /// The four-letter word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Server => "srvr",
            Monitor => "mntr",
            Alive => "ruok",
            Configuration => "conf",
            Connections => "cons",
            Environment => "envi",
            Watches => "wchs",
            ReadOnly => "isro",
            Directories => "dirs",
            Statistics => "stat",
        }
    }

    /// The AdminServer's command, below `/commands/`. All have their names since 3.5.
    pub(super) fn command(self) -> &'static str {
        match self {
            Server => "server_stats",
            Monitor => "monitor",
            Alive => "ruok",
            Configuration => "configuration",
            Connections => "connections",
            Environment => "environment",
            Watches => "watch_summary",
            ReadOnly => "is_read_only",
            Directories => "dirs",
            Statistics => "stats",
        }
    }

    /// How much of an answer is read.
    pub(super) fn max_bytes(self) -> usize {
        match self {
            Connections | Statistics => MAX_CONNECTION_BYTES,
            _ => MAX_BYTES,
        }
    }
}

/// A way into a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// Four-letter words on the client port.
    Words,
    /// The AdminServer's commands over HTTP.
    Admin,
    /// The metrics provider for Prometheus over HTTP.
    Prometheus,
}

impl Door {
    /// As the configuration and the documents have it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Admin => "admin",
            Self::Prometheus => "prometheus",
        }
    }

    /// What the question is called there.
    pub(super) fn name_of(self, question: Question) -> &'static str {
        match self {
            Self::Words => question.word(),
            Self::Admin => question.command(),
            Self::Prometheus => "metrics",
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text, and whether it is all of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) text: String,
    /// Why the rest is missing.
    pub(super) cut: Option<String>,
}

impl Answer {
    /// All of it.
    #[cfg(test)]
    pub(super) fn whole(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            cut: None,
        }
    }
}

/// The answers of one cycle.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) door: Door,
    pub(super) replies: Vec<(Question, Result<Answer, DoorError>)>,
    /// Why doors before this one, or all others, were not used: a sentence each.
    pub(super) closed: Vec<Fault>,
}

impl Answers {
    pub(super) fn get(&self, question: Question) -> Option<&Result<Answer, DoorError>> {
        let mut replies = self.replies.iter();
        replies
            .find(|(asked, _)| *asked == question)
            .map(|(_, reply)| reply)
    }

    /// Whether what most documents are made from can be had here. A server that says that it does not serve has said what
    /// there is to say; the AdminServer says so to all questions but this one, and to this one with an error.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.get(Monitor), Some(Ok(_))) || self.says_not_serving()
    }

    /// Whether the server is up and does not serve: without a quorum, or while it starts.
    pub(super) fn says_not_serving(&self) -> bool {
        let server = self.get(Server).and_then(|reply| reply.as_ref().ok());
        server.is_some_and(|answer| answer.text.contains(NOT_SERVING))
    }
}
