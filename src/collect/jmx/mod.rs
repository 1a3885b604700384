//! JMX: what JVMs say of themselves, over RMI and without a JVM of our own.
//!
//! ```text
//! presets/*.yml ── preset ──► table ──┬──► directory ── fetch ──► beans ──┐
//!                     catalogue ──────┘                                   ├──► map (convert, identity) ──► documents
//!                     (types of fields) ──────────────────────────────────┘
//! ```
//!
//! `fetch` is a cycle in its time, `reader` the session under it, which goes around beans that do harm (`harmful`);
//! what a version of the server does not have is not asked for (`absent`).
//! Users' own tables come from the configuration (`own`) and go the same way. `budget` says which topics, partitions and
//! clients are read where there are very many.
//!
//! Whichever way leads into the JVM (see [`door`]), all else is the same. A preset is data; a new metric needs no code. A cycle is one pipelined read of all beans that the presets want.

mod absent;
mod budget;
mod catalogue;
mod complaints;
mod config;
mod convert;
mod directory;
pub(crate) mod door;
mod fault;
mod fetch;
mod harmful;
mod identity;
pub(crate) mod local;
mod map;
mod own;
mod preset;
mod reader;
mod table;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(crate) use self::config::access_by_tls;
use self::door::Door;
use self::fetch::{Answer, Session};
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
    /// Whether the log has said that the budget leaves something out.
    is_over_budget: bool,
}

impl JmxCollector {
    /// Connects at the first cycle.
    fn new(door: Door, table: Arc<Table>, identity: Identity) -> Self {
        Self {
            session: Session::new(door),
            table,
            identity,
            is_over_budget: false,
        }
    }

    async fn cycle(&mut self, cycle: &Cycle) -> Collected {
        let answer = match self.session.read(&self.table, cycle.deadline).await {
            Ok(answer) => answer,
            Err(fault) => return Collected::down(fault),
        };
        self.identity
            .learn(answer.beans.iter().map(|(name, _)| name));
        let mapped = map(
            &self.table,
            &answer.beans,
            &answer.selection,
            &self.identity,
        );
        if mapped.is_incomplete {
            self.session.refresh();
        }
        self.notice(&answer);
        let figures = figures(&answer);
        let mut faults = answer.faults;
        faults.extend(mapped.faults);
        Collected {
            up: true,
            documents: mapped.documents,
            faults,
            cluster_id: mapped.cluster_id,
            figures,
            ..Collected::default()
        }
    }

    /// Says once that the budget leaves beans out. It is no fault: nobody has to act, and documents say how much it is.
    fn notice(&mut self, answer: &Answer) {
        let is_over = answer.left_out > 0;
        if is_over && !self.is_over_budget {
            tracing::warn!(
                jvm = %self.identity.address,
                beans = answer.left_out,
                budget = self.table.max_members(),
                "more topics, partitions or clients than the budget; those that matter least have no documents of their own",
            );
        }
        self.is_over_budget = is_over;
    }
}

/// Beans of the cycle by what became of them. Those that refused or vanished stand in none.
fn figures(answer: &Answer) -> Vec<(&'static str, usize)> {
    let read = answer.beans.iter().filter(|(_, given)| !given.is_empty());
    vec![
        ("brokerbeat.target.beans.read", read.count()),
        ("brokerbeat.target.beans.missing", answer.missing),
        ("brokerbeat.target.beans.left_out", answer.left_out),
    ]
}

impl Collector for JmxCollector {
    fn collect<'a>(&'a mut self, cycle: &'a Cycle) -> Pending<'a, Collected> {
        Box::pin(self.cycle(cycle))
    }

    fn close<'a>(&'a mut self) -> Pending<'a, ()> {
        Box::pin(self.session.close())
    }
}
