//! What is said: the state of output, queue and accounts, as JSON.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::clock::Millis;
use crate::ship::Standing;
use crate::spool::{Account, Spool};

/// An output that is away for longer is worth a look: shorter is a restart of a server.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it is about.
#[derive(Debug)]
pub struct Subject {
    /// This agent.
    pub agent_id: String,
    /// Key of its output.
    pub output: &'static str,
    /// How that is doing.
    pub standing: Arc<Standing>,
    /// The queue and the accounts.
    pub spool: Arc<Spool>,
    /// When the agent started.
    pub started: Instant,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// `ok` or `degraded`.
    status: &'static str,
    /// What somebody should look at, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
    agent: Agent,
    output: Output,
    queue: Queue,
    /// Of all streams together.
    accounts: Account,
    streams: BTreeMap<String, Account>,
}

#[derive(Debug, Serialize)]
struct Agent {
    id: String,
    version: &'static str,
    uptime_seconds: u64,
}

#[derive(Debug, Serialize)]
struct Output {
    #[serde(rename = "type")]
    kind: &'static str,
    failing: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct Queue {
    documents: u64,
    bytes: u64,
    /// Whether documents are on disk, or only in memory.
    written: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_seconds: Option<u64>,
}

impl Subject {
    /// How it is at that moment.
    pub(super) fn report(&self, now: Millis) -> Report {
        let ledger = self.spool.ledger();
        let output = self.output(now);
        let queue = self.queue(ledger.total().queued, now);
        let mut problems = Vec::new();
        if !queue.written {
            let sentence =
                "the queue cannot be written: documents wait in memory, a few megabytes of them";
            problems.push(sentence.to_owned());
        }
        if output
            .failing_seconds
            .is_some_and(|for_long| for_long >= PATIENCE.as_secs())
        {
            let reason = output.reason.as_deref().unwrap_or_default();
            problems.push(format!("output.{} takes nothing: {reason}", self.output));
        }
        let streams = ledger.accounts().iter();
        Report {
            status: if problems.is_empty() {
                "ok"
            } else {
                "degraded"
            },
            problems,
            agent: Agent {
                id: self.agent_id.clone(),
                version: env!("CARGO_PKG_VERSION"),
                uptime_seconds: self.started.elapsed().as_secs(),
            },
            output,
            queue,
            accounts: ledger.total(),
            streams: streams
                .map(|(stream, account)| (stream.to_string(), *account))
                .collect(),
        }
    }

    fn output(&self, now: Millis) -> Output {
        let failing = self.standing.failing();
        let since = failing.as_ref().map(|failing| failing.since);
        Output {
            kind: self.output,
            failing: failing.is_some(),
            failing_since: since.map(|since| since.to_rfc3339()),
            failing_seconds: since.map(|since| seconds(since, now)),
            reason: failing.map(|failing| failing.why),
        }
    }

    fn queue(&self, documents: u64, now: Millis) -> Queue {
        let state = self.spool.state();
        Queue {
            documents,
            bytes: state.bytes,
            written: state.is_written,
            oldest: state.oldest.map(|oldest| oldest.to_rfc3339()),
            oldest_seconds: state.oldest.map(|oldest| seconds(oldest, now)),
        }
    }
}

impl Report {
    pub(super) fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// A clock may be set back in between.
fn seconds(from: Millis, to: Millis) -> u64 {
    to.0.saturating_sub(from.0) / 1_000
}
