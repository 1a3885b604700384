//! Ensembles as `once` sees them: found from one address, by whatever way is open, and what cannot be known is said.

use serde_json::{Value, json};
use stack::{Options, Vote, ZooKeeper, ZooKeeperVersion};

use super::{Seen, seen};
use crate::agent::{field, text};

fn state(server: &ZooKeeper) -> String {
    let answer = server.four_letter_word("srvr").expect("it answers");
    let mode = answer.lines().find_map(|line| line.strip_prefix("Mode: "));
    mode.expect("a mode").to_owned()
}

fn number(document: &Value, name: &str) -> Option<i64> {
    field(document, &format!("zookeeper.ensemble.{name}"))?.as_i64()
}

fn gaps(seen: &Seen) -> String {
    let gaps = field(seen.ensemble(), "zookeeper.ensemble.gaps");
    gaps.map(Value::to_string).unwrap_or_default()
}

/// Three that vote, all of them seen.
fn assert_three(seen: &Seen, from: &str) {
    let ensemble = seen.ensemble();
    for (name, value) in [
        ("servers.total", 3),
        ("servers.followers", 2),
        ("servers.unknown", 0),
        ("quorum.size", 3),
        ("quorum.majority", 2),
        ("quorum.serving", 3),
        ("quorum.margin", 1),
    ] {
        assert_eq!(number(ensemble, name), Some(value), "{name}: {ensemble}");
    }
    assert_eq!(text(ensemble, "zookeeper.ensemble.members_from"), from);
    assert_eq!(
        field(ensemble, "zookeeper.ensemble.split.view"),
        Some(&json!(false))
    );
    assert!(number(ensemble, "epoch") >= Some(1), "{ensemble}");
    assert_eq!(seen.of("zookeeper.ensemble", "member").len(), 3);
}

fn hosts(servers: &[ZooKeeper]) -> String {
    let hosts: Vec<String> = servers.iter().map(ZooKeeper::addr).collect();
    // As in the brokers' `zookeeper.connect`.
    format!("hosts: \"{}/kafka\", door: words", hosts.join(","))
}

#[test]
fn all_members_are_found_from_one_address() {
    let votes = [
        Vote::Participant,
        Vote::Participant,
        Vote::Participant,
        Vote::Observer,
    ];
    let version = ZooKeeperVersion::V3_9;
    let servers = ZooKeeper::start_members(version, votes, &Options::new()).expect("it starts");
    let leader = servers
        .iter()
        .find(|server| state(server) == "leader")
        .expect("a leader");
    let follower = servers
        .iter()
        .find(|server| state(server) == "follower")
        .expect("one");
    let section = format!("hosts: [\"{}\"], door: words", follower.addr());

    let seen = seen(&section);
    assert_eq!(seen.code, 0, "{}", seen.said);
    let ensemble = seen.ensemble();
    for (name, value) in [
        ("servers.total", 4),
        ("servers.observers", 1),
        ("quorum.size", 3),
        ("quorum.margin", 1),
    ] {
        assert_eq!(number(ensemble, name), Some(value), "{name}: {ensemble}");
    }
    let port = leader.addr().rsplit(':').next().unwrap().to_owned();
    let address = text(ensemble, "zookeeper.ensemble.leader.address");
    assert!(address.ends_with(&port), "{address} and {port}");
    assert_eq!(
        seen.of("zookeeper.server", "srvr").len(),
        1,
        "the host alone"
    );

    have_documents_of_their_own(&section, &servers);
    are_not_looked_for(&section);
}

fn have_documents_of_their_own(section: &str, servers: &[ZooKeeper]) {
    let seen = seen(&format!("{section}, discover: all"));
    assert_eq!(seen.code, 0, "{}", seen.said);
    let found = seen.of("zookeeper.server", "srvr");
    let mut own: Vec<(&str, &str)> = found
        .iter()
        .map(|one| {
            (
                text(one, "zookeeper.server.id"),
                text(one, "service.address"),
            )
        })
        .collect();
    own.sort_unstable();
    let ids: Vec<&str> = own.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, ["1", "2", "3", "4"]);
    for ((_, address), server) in own.iter().zip(servers) {
        let port = server.addr().rsplit(':').next().unwrap().to_owned();
        assert!(
            address.ends_with(&format!(":{port}")),
            "{address} and {port}"
        );
    }
}

fn are_not_looked_for(section: &str) {
    let seen = seen(&format!("{section}, discover: off"));
    assert_eq!(number(seen.ensemble(), "servers.total"), Some(1));
    assert_eq!(number(seen.ensemble(), "quorum.size"), Some(3), "by mntr");
    // A follower alone cannot say who else serves.
    assert_eq!(number(seen.ensemble(), "quorum.margin"), None);
}

#[test]
fn where_conf_is_closed_the_members_are_read_over_a_session() {
    let options = Options::new().set("4lw.commands.whitelist", "srvr,mntr,ruok");
    let version = ZooKeeperVersion::V3_9;
    let votes = [Vote::Participant; 3];
    let servers = ZooKeeper::start_members(version, votes, &options).expect("it starts");
    let section = format!("hosts: [\"{}\"], door: words", servers[1].addr());
    let seen = seen(&section);
    assert_eq!(seen.code, 0, "{}", seen.said);
    assert_three(&seen, "configuration");
    assert_eq!(gaps(&seen), "");
}

#[test]
fn servers_of_3_5_whose_ports_are_not_told_are_named() {
    let version = ZooKeeperVersion::V3_5;
    let servers = ZooKeeper::start_ensemble_of(version, &Options::new()).expect("it starts");
    let all = seen(&hosts(&servers));
    assert_eq!(all.code, 0, "{}", all.said);
    assert_three(&all, "configuration");
    let leader = servers
        .iter()
        .find(|server| state(server) == "leader")
        .expect("a leader");
    let one = seen(&format!("hosts: [\"{}\"], door: words", leader.addr()));
    assert_eq!(number(one.ensemble(), "servers.unknown"), Some(2));
    // The leader knows who is in step with it.
    assert_eq!(number(one.ensemble(), "quorum.margin"), Some(1));
    let sentence = "has no client port or only a loopback address of its server(s)";
    assert!(gaps(&one).contains(sentence), "{}", gaps(&one));
    assert!(one.said.contains(sentence), "{}", one.said);
}

#[test]
fn servers_of_3_4_tell_no_members_and_hosts_are_the_ensemble() {
    let version = ZooKeeperVersion::V3_4;
    let servers = ZooKeeper::start_ensemble_of(version, &Options::new()).expect("it starts");
    let seen = seen(&hosts(&servers));
    assert_eq!(seen.code, 0, "{}", seen.said);
    assert_three(&seen, "hosts");
    let sentence = "a ZooKeeper before 3.5 does not tell them";
    assert!(gaps(&seen).contains(sentence), "{}", gaps(&seen));
    assert!(seen.said.contains(sentence), "{}", seen.said);
}

#[test]
fn a_server_that_stands_alone_is_an_ensemble_of_one() {
    let server = crate::servers::zookeeper();
    let seen = seen(&format!("hosts: [\"{}\"], door: words", server.addr()));
    assert_eq!(seen.code, 0, "{}", seen.said);
    let ensemble = seen.ensemble();
    for (name, value) in [
        ("servers.total", 1),
        ("quorum.size", 1),
        ("quorum.serving", 1),
        ("quorum.margin", 0),
    ] {
        assert_eq!(number(ensemble, name), Some(value), "{name}: {ensemble}");
    }
    assert_eq!(gaps(&seen), "");
}
