//! One round: waits for what the hosts' collectors see, and asks members that are none of the hosts. The only part of the
//! ensemble that awaits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::configuration::{Found, Reader};
use super::digest::{Digest, Mode};
use super::roster::Roster;
use super::{Discover, Settings};
use crate::clock::Millis;
use crate::collect::zookeeper::{Server, ZooKeeper};
use crate::collect::{Collected, Fault};

/// Of the time that is left, the part for a session; members that it names want to be asked, too.
const SESSION_PART: u32 = 2;

/// With less time than this nobody is asked any more: it would be the agent that is late, not the server.
const LEAST_TIME: Duration = Duration::from_millis(100);

/// What came of a round.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Of the hosts, in their order.
    pub(super) hosts: Vec<Option<Digest>>,
    /// Of other members: where they are asked, and what came.
    pub(super) found: BTreeMap<u64, (String, Option<Digest>)>,
    /// What the others' own documents and faults are.
    pub(super) collected: Collected,
}

/// Members that are none of the hosts, and the way to the node with their addresses.
#[derive(Default)]
pub(super) struct Fetcher {
    others: BTreeMap<u64, Other>,
    reader: Reader,
    /// Why the members cannot be had, in the last answer to that.
    pub(super) why_untold: Option<String>,
}

struct Other {
    place: (String, u16),
    collector: ZooKeeper,
    /// Of this round.
    seen: Option<(Collected, Digest)>,
}

impl Fetcher {
    pub(super) async fn round(
        &mut self,
        settings: &Settings,
        roster: &mut Roster,
        tick: Millis,
        deadline: Instant,
    ) -> Round {
        self.others.values_mut().for_each(|other| other.seen = None);
        let (hosts, ()) = tokio::join!(
            settings.board.wait(tick, deadline),
            self.ask(tick, deadline)
        );
        roster.learn(&hosts);
        if settings.discover != Discover::Off {
            self.look_up(settings, roster, &hosts, deadline).await;
            self.follow(settings, roster);
            if Instant::now() + LEAST_TIME < deadline {
                self.ask(tick, deadline).await;
            }
        }
        let mut round = Round {
            hosts,
            ..Round::default()
        };
        self.hand_over(settings, &mut round);
        round
    }

    /// Asks those that have not been asked in this round.
    async fn ask(&mut self, tick: Millis, deadline: Instant) {
        let others = self.others.values_mut();
        let unseen = others.filter(|other| other.seen.is_none());
        let asked = unseen.map(|other| async move {
            other.seen = Some(other.collector.look(Some(tick), deadline).await);
        });
        join_all(asked).await;
    }

    /// Reads the members from the node where no server of an ensemble has told them.
    async fn look_up(
        &mut self,
        settings: &Settings,
        roster: &mut Roster,
        hosts: &[Option<Digest>],
        deadline: Instant,
    ) {
        let reports = hosts.iter().map(|digest| digest.as_ref()?.report());
        let reports: Vec<_> = settings.hosts.iter().zip(reports).collect();
        let has_told = |report: &super::digest::Report| {
            report.view.is_some() || report.mode == Mode::Standalone
        };
        if reports
            .iter()
            .any(|(_, report)| report.is_some_and(has_told))
        {
            self.find(roster);
            return;
        }
        let mut places = Vec::new();
        for (server, report) in reports {
            let Some(report) = report else { continue };
            match why_no_session(server, report.version.as_deref()) {
                None => places.push((server.host.clone(), server.port)),
                Some(why) => self.miss(roster, why),
            }
        }
        let left = deadline.saturating_duration_since(Instant::now()) / SESSION_PART;
        let closed = |why| format!("`conf` is closed, and of /zookeeper/config {why}");
        // Of several servers nobody says which one answered.
        let first = places.first().map(|(host, _): &(String, u16)| host.clone());
        let teller = first.filter(|first| places.iter().all(|(host, _)| host == first));
        match self.reader.read(places, Instant::now() + left).await {
            None => {}
            Some(Found::View(mut view)) => {
                if let Some(host) = teller {
                    view.told_by(&host);
                }
                roster.take(view);
                self.find(roster);
            }
            Some(Found::Nothing(why)) => self.miss(roster, closed(why)),
            Some(Found::Later(why)) => self.why_untold = Some(closed(why)),
        }
    }

    /// The members are told.
    fn find(&mut self, roster: &mut Roster) {
        roster.is_untold = false;
        self.why_untold = None;
    }

    /// They cannot be had, unless they were before.
    fn miss(&mut self, roster: &mut Roster, why: String) {
        roster.is_untold = roster.view.is_none();
        self.why_untold = Some(why);
    }

    /// Keeps those whom the roster names, and takes up those who are new.
    fn follow(&mut self, settings: &Settings, roster: &Roster) {
        let wanted = roster.elsewhere();
        self.others
            .retain(|id, other| wanted.get(id) == Some(&other.place));
        for (id, place) in wanted {
            if self.others.contains_key(&id) {
                continue;
            }
            let (host, port) = place.clone();
            match settings.shared.member(host, port, settings.discover) {
                Ok(server) => {
                    let collector = ZooKeeper::new(Arc::new(server), None);
                    let seen = None;
                    self.others.insert(
                        id,
                        Other {
                            place,
                            collector,
                            seen,
                        },
                    );
                }
                Err(why) => tracing::debug!(id, "no address of a server: {why}"),
            }
        }
    }

    fn hand_over(&mut self, settings: &Settings, round: &mut Round) {
        for (id, other) in &mut self.others {
            let address = other.collector.server.address.clone();
            let (collected, digest) = other.seen.take().unzip();
            round.found.insert(*id, (address.clone(), digest));
            let Some(mut collected) = collected else {
                continue;
            };
            let named =
                |fault: Fault| Fault::new(fault.kind, format!("server {id}: {}", fault.message));
            round
                .collected
                .faults
                .extend(collected.faults.into_iter().map(named));
            if settings.discover == Discover::All {
                for document in &mut collected.documents {
                    document.set("service.address", address.as_str());
                }
                round.collected.documents.append(&mut collected.documents);
            }
        }
    }
}

/// Why a session with this server cannot tell the members.
fn why_no_session(server: &Server, version: Option<&str>) -> Option<String> {
    if version.is_some_and(|version| version.starts_with("3.4.")) {
        return Some("a ZooKeeper before 3.5 does not tell them".to_owned());
    }
    let over_tls = "`conf` is closed, and sessions over TLS are not spoken";
    server.tls.is_some().then(|| over_tls.to_owned())
}
