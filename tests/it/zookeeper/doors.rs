//! Real servers behind every door: the same figures, and in words why a door is closed.

use std::collections::BTreeMap;
use std::thread;

use serde_json::Value;
use stack::{
    MoreDoors, Options, TlsFiles, ZooKeeper, ZooKeeperNodes, ZooKeeperVersion, wait_until,
};

use super::{Seen, seen, seen_in};
use crate::agent::{PATIENCE, field, text};

/// Attempts until every value was seen at a still moment.
const ATTEMPTS: usize = 8;

/// Values that are compared at least: a comparison of nothing proves nothing.
const LEAST_COMPARED: usize = 150;

/// What the questions themselves change, or what says which door it was.
const RESTLESS: &[&str] = &[
    "zookeeper.server.door",
    "zookeeper.server.connections",
    "zookeeper.server.received",
    "zookeeper.server.sent",
    "zookeeper.server.id",
    "zookeeper.connections",
    // By another port it has another name, and the provider does not tell what a server is.
    "zookeeper.ensemble",
    "zookeeper.mntr.num_alive_connections",
    "zookeeper.mntr.open_file_descriptor_count",
    "zookeeper.mntr.packets",
    "zookeeper.mntr.uptime",
    "zookeeper.mntr.connection",
    // These two are counted by doors as they are.
    "zookeeper.mntr.throttle.connection",
    "zookeeper.mntr.pipeline",
];

/// Where a value stands: dataset, kind, session, learner or namespace, field.
type Place = (String, String, String, String);

fn values(seen: &Seen) -> BTreeMap<Place, Value> {
    let mut values = BTreeMap::new();
    for document in &seen.documents {
        let dataset = text(document, "event.dataset");
        if !dataset.starts_with("brokerbeat.zookeeper.") {
            continue;
        }
        let member = ["zookeeper.connection.session_id", "zookeeper.namespace"]
            .map(|key| text(document, key))
            .concat();
        let kind = text(document, "brokerbeat.kind").to_owned();
        leaves("zookeeper", &document["zookeeper"], &mut |name, value| {
            if RESTLESS.iter().any(|restless| name.starts_with(restless)) {
                return;
            }
            let place = (
                dataset.to_owned(),
                kind.clone(),
                member.clone(),
                name.to_owned(),
            );
            values.insert(place, value.clone());
        });
    }
    values
}

fn leaves(prefix: &str, value: &Value, found: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                leaves(&format!("{prefix}.{name}"), value, found);
            }
        }
        value => found(prefix, value),
    }
}

/// Both ways know the same where both know it, at a moment at which nothing moved: before and after it was the same.
fn assert_same(section: &str, other: &str, least: usize) {
    let mut different = Vec::new();
    for _ in 0..ATTEMPTS {
        let before = values(&seen(section));
        let between = values(&seen(other));
        let after = values(&seen(section));
        let still: Vec<_> = before
            .iter()
            .filter(|(place, value)| after.get(*place) == Some(value))
            .filter_map(|(place, value)| Some((place, value, between.get(place)?)))
            .collect();
        assert!(still.len() >= least, "{other}: {} values", still.len());
        different = still
            .into_iter()
            .filter(|(_, one, other)| one != other)
            .map(|(place, one, other)| format!("{place:?}: {one} and {other}"))
            .collect();
        if different.is_empty() {
            return;
        }
    }
    panic!("{other}: {different:#?}");
}

fn ssl(files: &TlsFiles) -> String {
    format!(
        "ssl: {{certificate_authorities: {}, certificate: {}, key: {}}}",
        files.authority.display(),
        files.client_certificate.display(),
        files.client_key.display()
    )
}

#[test]
fn all_doors_of_a_server_tell_the_same() {
    let doors = MoreDoors {
        tls: true,
        prometheus: true,
    };
    let server = ZooKeeper::start_with_doors(doors, &Options::new()).expect("ZooKeeper starts");
    let client = ZooKeeperNodes::start(&server).expect("a client");
    client.set("/orders/1", "new").expect("a node");
    let ssl = ssl(server.tls_files().expect("it has TLS"));
    let (admin, metrics) = (server.admin_port(), server.metrics_port());
    let hosts = format!("hosts: [\"{}\"]", server.addr());
    let words = format!("{hosts}, door: words");
    let secure = format!("hosts: [\"{}\"], door: words, {ssl}", server.secure_addr());
    let commands = format!("{hosts}, door: admin, admin: {{port: {admin}}}");
    let https = format!("{hosts}, door: admin, admin: {{port: {admin}, {ssl}}}");
    let provider = format!("{hosts}, door: prometheus, prometheus: {{port: {metrics}}}");
    for (section, door) in [
        (&words, "words"),
        (&secure, "words"),
        (&commands, "admin"),
        (&https, "admin"),
        (&provider, "prometheus"),
    ] {
        seen(section).assert_whole(door);
    }
    assert_eq!(seen(&words).of("zookeeper.connection", "session").len(), 1);
    assert_same(&words, &secure, LEAST_COMPARED);
    assert_same(&words, &commands, LEAST_COMPARED);
    assert_same(&words, &provider, LEAST_COMPARED / 2);
    refusals(&server);
}

#[test]
fn plain_words_to_a_port_with_tls_are_told_as_that() {
    let doors = MoreDoors {
        tls: true,
        prometheus: false,
    };
    let ask = |version| {
        let server = ZooKeeper::start_with_doors_of(version, doors, &Options::new());
        let server = server.expect("ZooKeeper starts");
        let secure = server.secure_addr();
        let told = |interval| {
            let section = format!("hosts: [\"{secure}\"], door: words");
            let seen = seen_in(&section, interval);
            seen.assert_error("auth", &["srvr", "speaks TLS", "`ssl`", &secure]);
        };
        // Before the server gives the connection up, ten seconds after its start, and after it.
        thread::scope(|scope| {
            scope.spawn(|| told("12s"));
            told("60s");
        });
    };
    thread::scope(|scope| {
        scope.spawn(|| ask(ZooKeeperVersion::V3_5));
        ask(ZooKeeperVersion::V3_9);
    });
}

/// Who may come in is decided by certificates, and said.
fn refusals(server: &ZooKeeper) {
    let files = server.tls_files().expect("it has TLS");
    let (plain, secure) = (server.addr(), server.secure_addr());
    let trusted = format!("certificate_authorities: {}", files.authority.display());
    let unknown = format!("certificate_authorities: {}", files.elsewhere.display());
    let at = |address: &str, ssl: &str| seen(&format!("hosts: [\"{address}\"], door: words{ssl}"));
    at(&secure, &format!(", ssl: {{{trusted}}}")).assert_error("auth", &["TLS", &secure]);
    at(&secure, &format!(", ssl: {{{unknown}}}")).assert_error("auth", &["TLS", &secure]);
    at(&plain, &format!(", ssl: {{{trusted}}}")).assert_error("auth", &["TLS", &plain]);
}

#[test]
fn a_closed_whitelist_is_told_and_the_admin_server_is_the_way_in() {
    let options = Options::new()
        .set("4lw.commands.whitelist", "srvr")
        .set("admin.commandURL", "/zoo/commands");
    let server = ZooKeeper::start_with(&options).expect("ZooKeeper starts");
    let sentence = format!(
        "`mntr` is not in `4lw.commands.whitelist` of {}; add it there, or open the AdminServer",
        server.addr()
    );
    let hosts = format!("hosts: [\"{}\"]", server.addr());
    let admin = format!(
        "admin: {{port: {}, path: /zoo/commands}}",
        server.admin_port()
    );
    let through = seen(&format!("{hosts}, {admin}"));
    through.assert_whole("admin");
    let closed = field(through.server(), "zookeeper.server.door.closed");
    assert_eq!(closed, Some(&Value::from(vec![sentence])));
    no_way_but_one_word(&server, &hosts);
}

/// The path is wrong, and there is no provider: the one word that is open says what it can.
fn no_way_but_one_word(server: &ZooKeeper, hosts: &str) {
    let (admin, metrics) = (server.admin_port(), server.metrics_port());
    let no_way = format!("admin: {{port: {admin}}}, prometheus: {{port: {metrics}}}");
    let without = seen(&format!("{hosts}, {no_way}"));
    let words = [
        "`mntr`, `ruok`, `conf`, `cons`, `envi`, `wchs`, `isro`, `dirs` are not in",
        "`4lw.commands.whitelist`",
        &server.addr(),
    ];
    without.assert_error("refused", &words);
    assert_eq!(
        text(without.server(), "zookeeper.server.mode"),
        "standalone"
    );
    assert!(field(without.server(), "zookeeper.server.ok").is_none());
    let closed = field(without.server(), "zookeeper.server.door.closed").expect("why");
    let closed = closed.to_string();
    assert!(
        closed.contains("admin: ") && closed.contains("404"),
        "{closed}"
    );
    assert!(closed.contains("prometheus: cannot connect"), "{closed}");
}

#[test]
fn a_member_without_a_quorum_says_so_through_words_and_commands() {
    let members = ZooKeeper::start_ensemble(&Options::new()).expect("an ensemble starts");
    let [alone, second, third] = &members;
    second.kill();
    third.kill();
    wait_until("no quorum is left", PATIENCE, || {
        let answer = alone.four_letter_word("srvr").ok()?;
        answer.contains("not currently serving").then_some(())
    })
    .unwrap();
    let hosts = format!("hosts: [\"{}\"]", alone.addr());
    let admin = format!("admin: {{port: {}}}", alone.admin_port());
    for door in ["words", "admin", "auto"] {
        let seen = seen(&format!("{hosts}, door: {door}, {admin}"));
        // It tells its id only while it serves, and nothing is written under another name.
        seen.assert_error("refused", &["is not serving requests", "no quorum"]);
        assert!(
            seen.said.contains("is not serving requests"),
            "{}",
            seen.said
        );
        let up = field(seen.target(), "brokerbeat.target.up");
        assert_eq!(up, Some(&1.into()), "{door}");
    }
}
