//! The ensemble as a whole: who leads, who follows, who is away, and how far it is from losing its quorum.
//!
//! - [`board`]: where the collectors of `hosts` put a [`digest`] of what they saw; nobody is asked twice for a tick
//! - [`view`]: members as a server's configuration has them; [`configuration`]: the same from `/zookeeper/config`
//! - [`roster`]: who belongs to it, [`member`] by member; [`sight`]: what their words together say; [`gaps`]: what is not known. Pure
//! - [`fetch`]: one round, the only part that awaits; members that are not in `hosts` are asked here
//! - [`map`]: documents; [`events`]: what has changed. Pure

mod board;
mod configuration;
mod digest;
mod events;
mod fetch;
mod gaps;
mod map;
mod member;
mod roster;
mod sight;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

pub(super) use board::{Board, Place};
pub(super) use digest::Digest;

use self::events::Memory;
use self::fetch::Fetcher;
use self::roster::{Host, Roster};
use self::sight::Sight;
use super::Server;
use super::config::Shared;
use crate::collect::{Collected, Collector, Cycle, Fault, FaultKind, Pending};

/// Which members are looked for beside those in `hosts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Discover {
    /// None.
    Off,
    /// All of them, for the documents of the ensemble.
    Ensemble,
    /// All of them, with documents of their own as those in `hosts` have.
    All,
}

/// An ensemble as the configuration has it.
pub(super) struct Settings {
    /// Its hosts by their addresses, in order: the same for every agent that is told the same hosts.
    pub(super) name: String,
    pub(super) hosts: Vec<Arc<Server>>,
    pub(super) discover: Discover,
    pub(super) board: Arc<Board>,
    /// How members are asked that are not in `hosts`.
    pub(super) shared: Arc<Shared>,
}

/// The collector of the target `zookeeper ensemble …`.
pub(super) struct Ensemble {
    settings: Arc<Settings>,
    roster: Roster,
    fetcher: Fetcher,
    memory: Memory,
    /// What cannot be known, as it was last said.
    gaps: Vec<String>,
}

impl Ensemble {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        let hosts = settings.hosts.iter();
        let hosts = hosts.map(|server| Host::new(&server.host, server.port, &server.address));
        let discovers = settings.discover != Discover::Off;
        let is_secure = settings.hosts.iter().any(|server| server.tls.is_some());
        Self {
            roster: Roster::new(hosts.collect(), discovers, is_secure),
            settings,
            fetcher: Fetcher::default(),
            memory: Memory::default(),
            gaps: Vec::new(),
        }
    }

    /// Said when it changes; the documents have it at every tick.
    fn say(&mut self, gaps: Vec<String>) {
        if gaps != self.gaps {
            for gap in &gaps {
                tracing::info!(ensemble = self.settings.name, "{gap}");
            }
            self.gaps = gaps;
        }
    }
}

impl Collector for Ensemble {
    fn collect<'a>(&'a mut self, cycle: &'a Cycle) -> Pending<'a, Collected> {
        Box::pin(async move {
            // Without a tick nobody posts anything to wait for, and an ensemble knows no cluster id.
            let Some(tick) = cycle.tick else {
                return Collected::default();
            };
            let settings = Arc::clone(&self.settings);
            let fetched = self
                .fetcher
                .round(&settings, &mut self.roster, tick, cycle.deadline);
            let round = fetched.await;
            let members = self.roster.members(&round.hosts, &round.found);
            let mut gaps = self.roster.gaps(&members);
            gaps.extend(self.fetcher.why_untold.as_ref().map(|why| {
                format!("the members are not told ({why}); list all of them in `zookeeper.hosts`")
            }));
            self.say(gaps);
            let sight = Sight::of(&self.roster, &members, &self.gaps);
            let mut collected = round.collected;
            let documents = map::documents(&settings.name, &self.roster, &sight);
            collected.documents.extend(documents);
            let events = self.memory.events(&settings.name, &sight);
            collected.documents.extend(events);
            collected.up = members.iter().any(answers);
            if !collected.up {
                let message = format!("none of {} member(s) answers", members.len());
                collected
                    .faults
                    .insert(0, Fault::new(FaultKind::Connect, message));
            }
            collected
        })
    }

    /// While another agent looks, that one tells what changes.
    fn close<'a>(&'a mut self) -> Pending<'a, ()> {
        self.memory = Memory::default();
        Box::pin(async {})
    }
}

fn answers(member: &roster::Member) -> bool {
    !matches!(member.digest, None | Some(Digest::Silent(_)))
}
