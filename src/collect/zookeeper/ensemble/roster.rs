//! Who belongs to the ensemble: the servers of `hosts`, and those that the configuration of one of them names. Pure.
//!
//! A member is known by its server id, which it tells while it serves and which is remembered. One that has not told its id
//! yet is found by its address.

use std::collections::BTreeMap;

use super::digest::{Digest, Mode};
pub(super) use super::member::{Host, Member};
use super::view::{MAX_MEMBERS, Peer, View};
use crate::identity::is_loopback;

/// Where the list of members comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A server's configuration.
    Configuration,
    /// `hosts`: the servers tell no members, or nobody asks for them.
    Hosts,
    /// No server has told yet, and one may.
    Unknown,
}

impl Source {
    pub(super) fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Configuration => Some("configuration"),
            Self::Hosts => Some("hosts"),
            Self::Unknown => None,
        }
    }
}

/// What is remembered between ticks.
#[derive(Debug, Clone)]
pub(super) struct Roster {
    hosts: Vec<Host>,
    /// Whether members that are not in `hosts` are looked for.
    discovers: bool,
    /// The port of `hosts` is one for TLS, and what the configuration tells is the plain one.
    is_secure: bool,
    pub(super) view: Option<View>,
    /// A server that serves has told no members, and they could not be had in another way.
    pub(super) is_untold: bool,
    /// The servers that serve stand alone, each for itself.
    is_alone: bool,
}

impl Roster {
    pub(super) fn new(hosts: Vec<Host>, discovers: bool, is_secure: bool) -> Self {
        Self {
            hosts,
            discovers,
            is_secure,
            view: None,
            is_untold: false,
            is_alone: false,
        }
    }

    /// Takes in what the hosts told, in their order.
    pub(super) fn learn(&mut self, digests: &[Option<Digest>]) {
        let reports = digests.iter().map(|digest| digest.as_ref()?.report());
        let mut newest: Option<(&View, Option<u64>, bool, String)> = None;
        let mut modes = Vec::new();
        for (host, report) in self.hosts.iter_mut().zip(reports) {
            let Some(report) = report else { continue };
            host.learn(report);
            modes.push(report.mode);
            let Some(view) = &report.view else { continue };
            let rank = (view.version, report.mode == Mode::Leader);
            if newest
                .as_ref()
                .is_none_or(|(_, version, leads, _)| rank > (*version, *leads))
            {
                newest = Some((view, rank.0, rank.1, host.host.clone()));
            }
        }
        if !modes.is_empty() {
            self.is_alone = modes.iter().all(|mode| *mode == Mode::Standalone);
        }
        match newest {
            Some((view, _, _, host)) if self.discovers => {
                let mut view = view.clone();
                view.told_by(&host);
                self.take(view);
            }
            None if self.is_alone => self.view = None,
            _ => {}
        }
    }

    /// These are the members from now on.
    pub(super) fn take(&mut self, mut view: View) {
        if self.is_secure {
            view.members
                .values_mut()
                .for_each(|peer| peer.client = None);
        }
        self.view = Some(view);
    }

    pub(super) fn source(&self) -> Source {
        match (&self.view, self.discovers) {
            (Some(_), _) => Source::Configuration,
            (None, false) => Source::Hosts,
            (None, true) if self.is_untold || self.is_alone => Source::Hosts,
            (None, true) => Source::Unknown,
        }
    }

    /// Which host is which member of the view: by its id, by its address, or as the last of each that is left.
    fn matched(&self) -> BTreeMap<u64, usize> {
        let mut found = BTreeMap::new();
        let Some(view) = &self.view else { return found };
        for (index, host) in self.hosts.iter().enumerate() {
            if let Some(id) = host.id {
                found.entry(id).or_insert(index);
            }
        }
        let nameless = || {
            let hosts = self.hosts.iter().enumerate();
            hosts.filter(|(_, host)| host.id.is_none())
        };
        for (id, peer) in &view.members {
            let mut here = nameless().filter(|(_, host)| self.is_peer(peer, host));
            if !found.contains_key(id)
                && let (Some((index, _)), None) = (here.next(), here.next())
                && !found.values().any(|taken| *taken == index)
            {
                found.insert(*id, index);
            }
        }
        let mut left = view.members.keys().filter(|id| !found.contains_key(*id));
        let mut free = nameless().filter(|(index, _)| !found.values().any(|taken| taken == index));
        if let (Some(id), None, Some((index, _)), None) =
            (left.next(), left.next(), free.next(), free.next())
        {
            let id = *id;
            found.insert(id, index);
        }
        found
    }

    fn is_peer(&self, peer: &Peer, host: &Host) -> bool {
        match &peer.client {
            Some((_, port)) => {
                let (elsewhere, _) = peer.address(*port);
                host.is_at(&elsewhere, *port) || host.is_at(&peer.host, *port)
            }
            // Members on one machine differ by a port that is not told.
            None => host.is_at(&peer.host, host.port) && self.members_at(&peer.host) == 1,
        }
    }

    fn members_at(&self, host: &str) -> usize {
        let members = self.view.iter().flat_map(|view| view.members.values());
        members.filter(|peer| peer.host == host).count()
    }

    /// Members that are none of the hosts, and where they can be asked. A port that is not told is that of the first host.
    pub(super) fn elsewhere(&self) -> BTreeMap<u64, (String, u16)> {
        let matched = self.matched();
        let (Some(view), Some(first)) = (&self.view, self.hosts.first()) else {
            return BTreeMap::new();
        };
        if self.left(&matched).hosts_stand {
            return BTreeMap::new();
        }
        let members = view.members.iter();
        let others = members.filter(|(id, peer)| !matched.contains_key(id) && !peer.is_hidden());
        // Nobody knows whose loopback address it is, unless all hosts are on this machine.
        let is_here = self.hosts.iter().all(|host| is_loopback(&host.host));
        let others = others.filter(|(_, peer)| is_here || !is_loopback(&peer.host));
        let all: BTreeMap<_, _> = others
            .map(|(id, peer)| (*id, peer.address(first.port)))
            .filter(|(_, (host, port))| !self.hosts.iter().any(|known| known.is_at(host, *port)))
            .collect();
        let is_single =
            |place: &(String, u16)| all.values().filter(|one| *one == place).count() == 1;
        let single = all.iter().filter(|(_, place)| is_single(place));
        single
            .map(|(id, place)| (*id, place.clone()))
            .take(MAX_MEMBERS.saturating_sub(self.hosts.len()))
            .collect()
    }

    /// Everybody, with what they told. `found`: address and digest of members that are none of the hosts.
    pub(super) fn members(
        &self,
        digests: &[Option<Digest>],
        found: &BTreeMap<u64, (String, Option<Digest>)>,
    ) -> Vec<Member> {
        let matched = self.matched();
        let left = self.left(&matched);
        let mut members: Vec<Member> = Vec::new();
        for (index, host) in self.hosts.iter().enumerate() {
            let digest = digests.get(index).cloned().flatten();
            let known = matched.iter().find(|(_, at)| **at == index);
            let id = host.id.or(known.map(|(id, _)| *id));
            // Two addresses of one server.
            if id.is_some() && members.iter().any(|member| member.id == id) {
                continue;
            }
            if left.hosts.contains(&index) && !left.lists(host) {
                continue;
            }
            members.push(Member {
                id,
                address: Some(host.address.clone()),
                has_vote: self.host_has_vote(host, id, &left),
                digest,
            });
        }
        let others = left.members.iter().filter(|_| !left.hosts_stand);
        members.extend(others.map(|id| {
            let (address, digest) = found.get(id).cloned().unzip();
            let digest = digest.flatten().filter(|digest| is_of(digest, *id));
            Member {
                id: Some(*id),
                address,
                has_vote: self.is_voter(*id),
                digest,
            }
        }));
        members
    }

    /// Whether a member of the view has a vote.
    fn is_voter(&self, id: u64) -> bool {
        let peer = self.view.as_ref().and_then(|view| view.members.get(&id));
        peer.is_some_and(|peer| !peer.is_observer)
    }

    /// By what a host last said that it is, where the view does not say it: one that is silent is still what it was.
    fn host_has_vote(&self, host: &Host, id: Option<u64>, left: &Left) -> bool {
        match (&self.view, id, host.mode) {
            (None, _, mode) => mode != Some(Mode::Observer),
            (Some(_), Some(id), _) => self.is_voter(id),
            // Some of them are no members.
            (Some(_), None, _) if left.hosts.len() > left.members.len() => false,
            (Some(_), None, Some(mode)) => matches!(mode, Mode::Leader | Mode::Follower),
            (Some(_), None, None) => left.members.iter().all(|id| self.is_voter(*id)),
        }
    }

    /// The hosts that are not known to be members.
    pub(super) fn nameless(&self) -> Vec<&Host> {
        let left = self.left(&self.matched());
        let hosts = left.hosts.iter();
        hosts.filter_map(|index| self.hosts.get(*index)).collect()
    }

    fn left(&self, matched: &BTreeMap<u64, usize>) -> Left {
        let Some(view) = &self.view else {
            return Left::default();
        };
        let is_free = |(index, host): &(usize, &Host)| {
            host.id.is_none() && !matched.values().any(|taken| taken == index)
        };
        let free = self.hosts.iter().enumerate().filter(is_free);
        let hosts: Vec<usize> = free.map(|(index, _)| index).collect();
        let members = view.members.keys().copied();
        let members: Vec<u64> = members.filter(|id| !matched.contains_key(id)).collect();
        let has_served = hosts.iter().any(|index| self.hosts[*index].mode.is_some());
        Left {
            hosts_stand: !members.is_empty()
                && (has_served || (!hosts.is_empty() && hosts.len() == members.len())),
            hosts,
            members,
        }
    }
}

/// What is left where hosts are written otherwise than in the view, and do not tell their ids.
#[derive(Debug, Default)]
struct Left {
    /// By their numbers.
    hosts: Vec<usize>,
    /// Of the view.
    members: Vec<u64>,
    /// The hosts are taken for members, and nobody of the view is asked or counted who may be one of them. Hosts that have
    /// never served while others are left hide no member of the view.
    hosts_stand: bool,
}

impl Left {
    /// Whether one of its hosts is shown as a member: else it is another address of one, or a server that is no longer one.
    fn lists(&self, host: &Host) -> bool {
        self.hosts_stand || host.mode == Some(Mode::Standalone)
    }
}

/// What answers at a member's address may be another one.
fn is_of(digest: &Digest, id: u64) -> bool {
    let told = digest.report().and_then(|report| report.id);
    told.is_none_or(|told| told == id)
}
