//! Offsets that old consumers keep in ZooKeeper, below `/consumers`.
//!
//! Consumers before Kafka 0.9, and later ones with `offsets.storage=zookeeper`, leave there
//! (`kafka.utils.ZkUtils`, `kafka.consumer.ZookeeperConsumerConnector` of Kafka 1.1):
//!
//! | node | data |
//! |---|---|
//! | `<group>/ids/<consumer>` | a member; it goes with the member's session |
//! | `<group>/owners/<topic>/<partition>` | `<consumer>-<thread>`; goes likewise |
//! | `<group>/offsets/<topic>/<partition>` | the committed offset as decimal digits |
//!
//! They become groups like all others ([`Group`]), told apart by their store.
//!
//! - [`config`]: the section `zookeeper_offsets:`
//! - [`walk`]: from node to node, the only part that awaits → [`tree`]
//! - [`tree`]: what was found, and [`store`]: what is kept of it, plain
//! - [`groups`], [`faults`]: from there to groups and to what is missing. Pure

pub mod config;
pub mod faults;
pub mod groups;
pub mod store;
pub mod tree;
pub mod walk;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use self::config::Config;
use self::store::OldStore;
use self::tree::Tree;
use self::walk::Wanted;
use super::snapshot::{Group, Missing, Reason};
use crate::collect::zookeeper::client::session::{Bounds, Opened, Options, Session, SessionError};

/// Bytes of all answers of a cycle: 200,000 offsets have a tenth of it.
const MAX_BYTES: usize = 256 << 20;

/// An ensemble that was silent the last time gets this much for its greeting, but no larger part of
/// the stage than this: the log ends are read after it, and what is committed gets old meanwhile …
const PATIENCE: Duration = Duration::from_secs(1);
const PART: u32 = 4;

/// … except in every so-manieth cycle, as a server may also be slow.
const FULL_PATIENCE: u32 = 4;

/// Partitions of the groups as they were last seen.
type Seen = BTreeMap<String, BTreeMap<String, Vec<i32>>>;

/// Reads them, cycle after cycle.
pub struct OldConsumers {
    config: Config,
    session: Session,
    seen: Seen,
    /// Whether `/consumers` was there: said when it changes.
    present: Option<bool>,
    /// Cycles without an answer, one after the other.
    silent: u32,
}

/// What a cycle found.
#[derive(Debug, Default)]
pub struct Found {
    /// Groups in the order of their names.
    pub groups: Vec<Group>,
    /// The store itself; absent where the configuration names none.
    pub store: Option<OldStore>,
}

impl Found {
    /// The groups, without the partitions that a member reads and whose offsets its group has in
    /// Kafka: with `offsets.storage=kafka` a consumer is a member here and commits there.
    pub fn without_offsets_in_kafka(&mut self, kafka: &[Group]) -> Vec<Group> {
        let mut groups = std::mem::take(&mut self.groups);
        let kafka: BTreeMap<&str, &Group> = kafka
            .iter()
            .map(|group| (group.id.as_str(), group))
            .collect();
        for group in &mut groups {
            if let Some(namesake) = kafka.get(group.id.as_str()) {
                groups::leave_out_what_kafka_has(group, namesake);
            }
        }
        groups
    }
}

impl OldConsumers {
    /// A reader that has not connected yet.
    pub fn new(config: Config) -> Self {
        let session = Session::new(Options {
            hosts: config.hosts.clone(),
            digest: config.digest.clone(),
            timeout: config.session_timeout(),
        });
        Self {
            config,
            session,
            seen: Seen::new(),
            present: None,
            silent: 0,
        }
    }

    /// Until when the greeting may take.
    fn greeting(&self, deadline: Instant) -> Instant {
        if self.silent.is_multiple_of(FULL_PATIENCE) {
            return deadline;
        }
        let now = Instant::now();
        now + PATIENCE.min(deadline.saturating_duration_since(now) / PART)
    }

    /// Reads all selected groups. What is not there by the deadline is unknown.
    ///
    /// # Cancel safety
    /// May be dropped at any await: the connection is closed, the next cycle makes another.
    pub async fn read(&mut self, wanted: &Wanted<'_>, deadline: Instant) -> Found {
        let mut tree = Tree::default();
        let mut outcome = self.attempt(wanted, &mut tree, deadline).await;
        // A server that was started anew, or has ended the session, is noticed only by asking.
        if let Err((Opened::Kept, SessionError::Lost { .. })) = outcome {
            tree = Tree::default();
            outcome = self.attempt(wanted, &mut tree, deadline).await;
        }
        let away = match outcome {
            Ok(()) => {
                self.session.pause(self.config.pause).await;
                None
            }
            Err((_, error)) => Some(missing(&error)),
        };
        self.silent = match &away {
            Some(why) if why.reason == Reason::Timeout => self.silent.wrapping_add(1),
            _ => 0,
        };
        self.say(&tree);
        let groups = groups::groups(&tree, away.as_ref(), &self.seen, wanted.group);
        groups::learn(&mut self.seen, &tree, away.is_some());
        Found {
            groups,
            store: Some(tree.into_store(self.config.place(), away)),
        }
    }

    async fn attempt(
        &mut self,
        wanted: &Wanted<'_>,
        tree: &mut Tree,
        deadline: Instant,
    ) -> Result<(), (Opened, SessionError)> {
        let opened = self.session.open(self.greeting(deadline)).await;
        // Not kept: whatever is wrong is not due to an old connection.
        let opened = opened.map_err(|error| (Opened::New, error))?;
        let place = self.config.place();
        match opened {
            Opened::Kept => {}
            Opened::New | Opened::Resumed => tracing::debug!("ZooKeeper {place}: {opened:?}"),
            Opened::Expired => {
                tracing::info!("ZooKeeper {place}: the session has expired, a new one is open");
            }
        }
        let mut bounds = Bounds {
            deadline,
            bytes: MAX_BYTES,
        };
        let root = format!("{}/consumers", self.config.chroot);
        let walked = walk::walk(&mut self.session, &root, wanted, tree, &mut bounds).await;
        walked.map_err(|error| (opened, error))
    }

    /// Says once that there are no old consumers, and once that there are some again.
    fn say(&mut self, tree: &Tree) {
        if tree.present.is_none() || tree.present == self.present {
            return;
        }
        let place = self.config.place();
        match (tree.present, self.present) {
            (Some(false), _) => tracing::info!(
                "ZooKeeper {place} has no /consumers: there are no old consumers, or the chroot is another one"
            ),
            (Some(true), Some(false)) => {
                tracing::info!("ZooKeeper {place} has /consumers now");
            }
            _ => {}
        }
        self.present = tree.present;
    }

    /// Ends the session.
    pub async fn close(&mut self) {
        self.session.close().await;
    }
}

fn missing(error: &SessionError) -> Missing {
    let reason = match error {
        SessionError::Timeout { .. } => Reason::Timeout,
        SessionError::Connect { .. } | SessionError::Lost { .. } => Reason::Connection,
        SessionError::Auth { .. } => Reason::NotAuthorized,
        SessionError::Strange { .. } | SessionError::TooMuch { .. } => Reason::Error,
    };
    Missing::new(reason, error.to_string())
}

/// How long a session lasts at least where nothing asks for more.
const LEAST_TIMEOUT: Duration = Duration::from_secs(30);
