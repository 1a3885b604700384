//! The members as a server has them in its configuration: the lines `server.N=…`. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::collect::zookeeper::said::Part;
use crate::identity::is_loopback;

/// More members are counted and not looked at. Ensembles have three to seven voters, and some dozens of observers at most.
pub(super) const MAX_MEMBERS: usize = 64;

/// Who belongs to the ensemble, in the words of one of its servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::collect::zookeeper) struct View {
    /// By server id.
    pub(super) members: BTreeMap<u64, Peer>,
    /// Of the dynamic configuration; 0 where it is in `zoo.cfg`.
    pub(super) version: Option<u64>,
    /// Votes have groups or weights, so that a majority of servers is not what counts.
    pub(super) is_weighted: bool,
    /// Members beyond the bound.
    pub(super) left_out: usize,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer {
    /// Where the other members reach it.
    pub(super) host: String,
    /// Where clients do, if the configuration says so: a host, where it is another one, and a port.
    pub(super) client: Option<(Option<String>, u16)>,
    pub(super) is_observer: bool,
}

impl View {
    /// The view that stands among the figures of `conf` or of `/zookeeper/config`; none before 3.5, of a server that stands
    /// alone, and by the AdminServer.
    pub(super) fn of(configuration: &Part<'_>) -> Option<Self> {
        let mut view = Self::default();
        for (name, value) in &configuration.figures {
            if let Some(id) = name.strip_prefix("server.") {
                view.add(id, value);
            } else if name == "version" {
                view.version = u64::from_str_radix(value, 16).ok();
            } else if name.starts_with("group.") {
                view.is_weighted = true;
            }
        }
        (!view.members.is_empty()).then_some(view)
    }

    fn add(&mut self, id: &str, value: &str) {
        let (Ok(id), Some(peer)) = (id.parse(), Peer::of(value)) else {
            return;
        };
        match self.members.len() < MAX_MEMBERS {
            true => {
                self.members.insert(id, peer);
            }
            false => self.left_out += 1,
        }
    }

    /// A loopback or wildcard address means the machine of the server that tells it, not the agent's.
    pub(super) fn told_by(&mut self, host: &str) {
        let peers = self.members.values_mut();
        for peer in peers.filter(|peer| is_loopback(&peer.host)) {
            host.clone_into(&mut peer.host);
            if let Some((client, _)) = &mut peer.client {
                *client = client.take().filter(|client| !is_loopback(client));
            }
        }
    }

    /// How many have a vote.
    pub(super) fn voters(&self) -> usize {
        let voters = self.members.values().filter(|peer| !peer.is_observer);
        voters.count()
    }

    /// Whether both name the same servers with the same parts; how each writes the addresses may differ, and a server may
    /// have a wildcard for itself.
    pub(super) fn has_same_members(&self, other: &Self) -> bool {
        let parts = |view: &Self| -> Vec<(u64, bool)> {
            let members = view.members.iter();
            members.map(|(id, peer)| (*id, peer.is_observer)).collect()
        };
        parts(self) == parts(other)
    }
}

impl Peer {
    /// `host:2888:3888`, `host:2888:3888:observer;2181`, `a:2888:3888|b:2888:3888:participant;0.0.0.0:2181`,
    /// `[::1]:2888:3888`.
    fn of(text: &str) -> Option<Self> {
        let (server, client) = match text.split_once(';') {
            Some((server, client)) => (server, Some(client)),
            None => (text, None),
        };
        let is_observer = server.rsplit(':').next()?.eq_ignore_ascii_case("observer");
        let first = server.split('|').next()?;
        let host = match first.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?.0,
            None => first.split_once(':')?.0,
        };
        let host = host.trim().to_owned();
        (!host.is_empty()).then_some(Self {
            host,
            client: client.and_then(client_of),
            is_observer,
        })
    }

    /// Where clients reach it: where its port is not told, this one is taken.
    pub(super) fn address(&self, default_port: u16) -> (String, u16) {
        match &self.client {
            Some((host, port)) => (host.as_ref().unwrap_or(&self.host).clone(), *port),
            None => (self.host.clone(), default_port),
        }
    }
}

impl Peer {
    /// Whether clients reach it only on its own machine, and that is another one than was asked.
    pub(super) fn is_hidden(&self) -> bool {
        let client = self.client.as_ref().and_then(|(host, _)| host.as_deref());
        client.is_some_and(is_loopback)
    }
}

/// `2181`, `0.0.0.0:2181`, `10.0.0.1:2181`, `[::1]:2181`; behind another `;` stands the secure port.
fn client_of(text: &str) -> Option<(Option<String>, u16)> {
    let text = text.split(';').next()?.trim();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host.trim_start_matches('[').trim_end_matches(']'), port),
        None => ("", text),
    };
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let is_any = |host: &str| host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified());
    let host = Some(host).filter(|host| !host.is_empty() && !is_any(host));
    Some((host.map(str::to_owned), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::zookeeper::said::configuration;

    fn view(text: &str) -> Option<View> {
        View::of(&configuration(text))
    }

    #[test]
    fn lines_of_every_form_are_members() {
        let text = "server.1=zk1:2888:3888:participant;2181\n\
            server.2=zk2:2888:3888:OBSERVER;0.0.0.0:2182\n\
            server.3=a:1:2|b:1:2:participant;10.0.0.3:2183\n\
            server.4=[fd00::4]:2888:3888:participant;[0:0:0:0:0:0:0:0]:2184\n\
            server.5=zk5:2888:3888\n\
            server.x=zk6:2888:3888\nserver.7=\nclientPort=1\nversion=1f\n";
        let view = view(text).unwrap();
        let addresses: Vec<_> = view
            .members
            .iter()
            .map(|(id, peer)| (*id, peer.address(2181), peer.is_observer))
            .collect();
        let at = |host: &str, port| (host.to_owned(), port);
        assert_eq!(
            addresses,
            [
                (1, at("zk1", 2181), false),
                (2, at("zk2", 2182), true),
                (3, at("10.0.0.3", 2183), false),
                (4, at("fd00::4", 2184), false),
                (5, at("zk5", 2181), false),
            ]
        );
        assert_eq!((view.version, view.voters()), (Some(31), 4));
        assert!(!view.is_weighted);
    }

    #[test]
    fn a_server_that_stands_alone_or_is_old_has_no_view() {
        assert_eq!(view("clientPort=2181\nserverId=0\n"), None);
        assert_eq!(view("serverId=3\nelectionAlg=3\nversion=0\n"), None);
    }

    #[test]
    fn members_beyond_the_bound_are_counted_and_groups_are_seen() {
        let lines: String = (1..=70)
            .map(|id| format!("server.{id}=zk{id}:1:2\n"))
            .collect();
        let view = view(&(lines + "group.1=1:2:3\nweight.1=1\n")).unwrap();
        assert_eq!((view.members.len(), view.left_out), (MAX_MEMBERS, 6));
        assert!(view.is_weighted);
    }

    #[test]
    fn a_wildcard_for_oneself_is_no_other_configuration() {
        let one = view("server.1=0.0.0.0:1:2\nserver.2=zk2:1:2\n").unwrap();
        let other = view("server.1=zk1:1:2\nserver.2=0.0.0.0:1:2\n").unwrap();
        assert!(one.has_same_members(&other));
        let third = view("server.1=zk1:1:2\nserver.2=zk2:1:2:observer\n").unwrap();
        assert!(!one.has_same_members(&third));
    }
}
