//! JMX: what JVMs say of themselves, over RMI and without a JVM of our own.
//!
//! ```text
//! presets/*.yml ── preset ──► table ──┬──► directory ── fetch ──► beans ──┐
//!                     catalogue ──────┘                                   ├──► map (convert, identity) ──► documents
//!                     (types of fields) ──────────────────────────────────┘
//! ```
//!
//! Whichever way leads into the JVM (see [`door`]), all else is the same. A preset is data; a new metric needs no code. A cycle is one pipelined read of all beans that the presets want.

mod catalogue;
mod complaints;
mod config;
mod convert;
mod directory;
pub(crate) mod door;
mod fault;
mod fetch;
mod identity;
pub(crate) mod local;
mod map;
mod preset;
mod table;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(crate) use self::config::access_by_tls;
use self::door::Door;
use self::fetch::Session;
use self::identity::Identity;
use self::map::map;
use self::table::Table;
use super::{Collected, Collector, Cycle, Kind, Pending};

/// The line in [`COLLECTORS`](super::COLLECTORS).
pub(super) const KIND: Kind = Kind {
    key: "jmx",
    read: config::read,
};

/// Collects the beans of one JVM.
struct JmxCollector {
    session: Session,
    table: Arc<Table>,
    identity: Identity,
}

impl JmxCollector {
    /// Connects at the first cycle.
    fn new(door: Door, table: Arc<Table>, identity: Identity) -> Self {
        Self {
            session: Session::new(door),
            table,
            identity,
        }
    }

    async fn cycle(&mut self, cycle: &Cycle) -> Collected {
        let answer = match self.session.read(&self.table, cycle.deadline).await {
            Ok(answer) => answer,
            Err(fault) => return Collected::down(fault),
        };
        self.identity
            .learn(answer.beans.iter().map(|(name, _)| name));
        let mapped = map(&self.table, &answer.beans, &self.identity);
        if !mapped.faults.is_empty() {
            self.session.refresh();
        }
        let mut faults = answer.faults;
        faults.extend(mapped.faults);
        Collected {
            up: true,
            documents: mapped.documents,
            faults,
            cluster_id: mapped.cluster_id,
        }
    }
}

impl Collector for JmxCollector {
    fn collect<'a>(&'a mut self, cycle: &'a Cycle) -> Pending<'a, Collected> {
        Box::pin(self.cycle(cycle))
    }

    fn close<'a>(&'a mut self) -> Pending<'a, ()> {
        Box::pin(self.session.close())
    }
}
