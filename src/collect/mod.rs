//! Collectors: one folder each, in three parts — config, fetch (the only part that awaits), map (pure).
//!
//! A collector is asked once a tick for what it sees and answers before the
//! cycle's deadline with documents and with the parts that are missing. It never
//! touches the clock, the identity of the cluster or the output. Adding one is a
//! folder here and a line in [`COLLECTORS`].

mod batch;
pub mod disks;
pub mod jmx;
pub mod kafka;
mod target;
pub mod zookeeper;

pub use batch::{Batch, Later};
pub use target::{Target, sleep_until};

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Millis;
use crate::config::Section;
use crate::document::Document;
use crate::ha::Scope;
use crate::identity::is_loopback;

/// One line a collector: the key in the configuration's `clusters[]` and what reads it.
pub const COLLECTORS: &[Kind] = &[kafka::KIND, jmx::KIND, zookeeper::KIND, disks::KIND];

/// How a collector gets from the configuration to its targets.
pub struct Kind {
    /// The key under `clusters[]`: `kafka`, `zookeeper`, `jmx`, `disks`.
    pub key: &'static str,
    /// Reads that key's value. Touches no network; every mistake goes into the section's problems.
    pub read: fn(&mut Section<'_>, &Common) -> Vec<TargetPlan>,
}

/// What all targets of a cluster inherit.
#[derive(Debug, Clone)]
pub struct Common {
    /// This machine's name, which stands for every loopback address.
    pub host_name: String,
    /// Interval of targets without their own.
    pub interval: Duration,
    /// Where a collector may keep what outlives a restart.
    pub path_data: PathBuf,
    /// Of the groups that the configuration selects, those of these patterns; none: all of them.
    pub only_groups: Vec<String>,
}

/// A target as the configuration has it: enough to build its collector, again at every reload.
pub struct TargetPlan {
    /// Name of the target in documents, logs and errors: `kafka broker06:9092`, `jmx host:9999`.
    pub name: String,
    /// `service.address`: never a loopback name (see [`crate::identity::service_address`]).
    pub address: String,
    /// Own interval, if any.
    pub interval: Option<std::time::Duration>,
    /// The name by which its phase is chosen, where that is not its own: targets that are compared with each other are
    /// asked at one moment.
    pub phase: Option<String>,
    /// Whose it is, where agents share their work.
    pub sharing: Sharing,
    /// Makes the collector. Must not connect: an unreachable server never stops the start.
    pub build: BuildCollector,
}

/// Whose a target is among agents that share their work (see [`crate::ha`]).
#[derive(Clone)]
pub enum Sharing {
    /// This agent's: it is on the agent's own machine.
    Own,
    /// One agent's, by the hash of the target's name.
    ByName,
    /// The agent's that has this name: what belongs together is asked by one agent.
    With(String),
    /// Every agent's, and each asks for its part; through this cluster the agents meet.
    Parts(Arc<kafka::config::Config>),
}

impl Sharing {
    /// Of a server that others may reach, too, or that nobody else can.
    pub fn of_host(host: &str) -> Self {
        match is_loopback(host) {
            true => Self::Own,
            false => Self::ByName,
        }
    }
}

/// Makes a target's collector, at the start and after it has panicked.
pub type BuildCollector = Arc<dyn Fn() -> Box<dyn Collector> + Send + Sync>;

/// A future that a collector hands to its target's task.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One collector of one target. Lives as long as the target and keeps its connections between ticks.
pub trait Collector: Send {
    /// Reads everything once.
    ///
    /// Ends before `cycle.deadline` with what it has by then; what is missing is a [`Fault`].
    ///
    /// # Cancel safety
    /// The future may be dropped at any await (the deadline, a reload): the next call must
    /// work, with new connections where the old ones are in an unknown state.
    fn collect<'a>(&'a mut self, cycle: &'a Cycle) -> Pending<'a, Collected>;

    /// Says good-bye to the server where the protocol has that (JMX leaks a connection id otherwise).
    fn close<'a>(&'a mut self) -> Pending<'a, ()> {
        Box::pin(async {})
    }
}

/// One collection.
#[derive(Debug, Clone)]
pub struct Cycle {
    /// The moment by which the collector must have answered.
    pub deadline: Instant,
    /// The tick of the documents. Without one the target is asked only who it is: nothing else
    /// of the answer is used, and a collector that compares cycles does not count it.
    pub tick: Option<Millis>,
    /// Whether the collector may write to `path.data`: `once` writes nothing.
    pub keep: bool,
    /// What of it is this agent's.
    pub scope: Scope,
}

impl Cycle {
    /// A collection of everything, of which only the answer counts: without a tick.
    pub fn until(deadline: Instant) -> Self {
        Self {
            deadline,
            tick: None,
            keep: false,
            scope: Scope::default(),
        }
    }
}

/// What a cycle saw.
#[derive(Debug, Default)]
pub struct Collected {
    /// Whether the target answered at all. `false` makes `brokerbeat.target.up` 0.
    pub up: bool,
    /// What was seen.
    pub documents: Vec<Document>,
    /// What was seen in great numbers: made into documents when the writer takes them, after the others.
    pub later: Option<Later>,
    /// What is missing and why; the first one becomes the target document's error.
    pub faults: Vec<Fault>,
    /// The id of the Kafka cluster, from whoever knows it.
    pub cluster_id: Option<String>,
    /// What the collector counted, for the target's document: field and number.
    pub figures: Vec<(&'static str, usize)>,
}

impl Collected {
    /// A target that did not answer.
    pub fn down(fault: Fault) -> Self {
        Self {
            faults: vec![fault],
            ..Self::default()
        }
    }

    /// Figures that must not be shipped are taken back.
    fn forget_documents(&mut self) {
        self.documents.clear();
        self.later = None;
    }

    /// Makes all documents at once, for tests.
    #[cfg(test)]
    pub(crate) fn gather(&mut self) {
        self.documents
            .extend(self.later.take().into_iter().flatten().flatten());
    }
}

/// Most characters of a fault's sentence; the keyword field of the documents takes 1,024.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// Something that is missing from a cycle, as data.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What sort of thing went wrong.
    pub kind: FaultKind,
    /// One sentence that names the place and, where possible, what to do.
    pub message: String,
}

impl Fault {
    /// A fault of that kind with its sentence.
    ///
    /// A server's own words may be part of it, and they may be megabytes: the sentence is cut.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE_CHARS) {
            message.truncate(end);
            message.push('…');
        }
        Self { kind, message }
    }
}

/// `brokerbeat.target.error.kind`. The names are part of the documents and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// No connection: refused, no route, no such name.
    Connect,
    /// Connected, but no complete answer within the budget (a hanging server looks like this).
    Timeout,
    /// The answer is not what the protocol says (wrong port, rubbish).
    Protocol,
    /// The server wants other credentials, or TLS.
    Auth,
    /// The server answers that it may not or does not want to (a word off the whitelist, an ACL).
    Refused,
    /// A part of the answer is missing (one broker of several, one bean).
    Partial,
    /// The server says it is another cluster than before.
    Identity,
    /// The collector itself failed; a bug to report.
    Internal,
}

impl FaultKind {
    /// The word in the documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Auth => "auth",
            Self::Refused => "refused",
            Self::Partial => "partial",
            Self::Identity => "identity",
            Self::Internal => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Two collectors that share a dataset keep apart by kind: else two documents would have one series.
    #[test]
    fn no_two_collectors_make_documents_of_one_dataset_and_kind() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let mut makers = std::collections::BTreeMap::new();
        for kind in COLLECTORS {
            for entry in std::fs::read_dir(data.join(kind.key)).unwrap() {
                let path = entry.unwrap().path();
                if !path.to_string_lossy().ends_with("-expected.json") {
                    continue;
                }
                let text = std::fs::read_to_string(path).unwrap();
                let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
                for document in expected["documents"].as_array().unwrap() {
                    let place = (
                        document["dataset"].to_string(),
                        document["kind"].to_string(),
                    );
                    let first = *makers.entry(place.clone()).or_insert(kind.key);
                    assert_eq!(first, kind.key, "both make {place:?}");
                }
            }
        }
    }

    /// What CONTRIBUTING promises: a folder, a line in the list, golden pairs. Fails if one is forgotten.
    #[test]
    fn every_collector_has_its_line_and_its_golden_pairs() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folders = std::fs::read_dir(root.join("src/collect")).unwrap();
        let mut names: Vec<String> = folders
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        let mut listed: Vec<&str> = COLLECTORS.iter().map(|kind| kind.key).collect();
        listed.sort_unstable();
        assert_eq!(
            names, listed,
            "folders below src/collect against COLLECTORS"
        );
        for name in names {
            let golden = root.join("tests/data").join(&name);
            let expected = std::fs::read_dir(&golden)
                .into_iter()
                .flatten()
                .flatten()
                .any(|entry| {
                    entry
                        .file_name()
                        .to_string_lossy()
                        .ends_with("-expected.json")
                });
            assert!(expected, "no golden pair in {}", golden.display());
        }
    }
}
