//! Offsets that old consumers keep in ZooKeeper: their groups among all others, with the same numbers.
//!
//! The consumers themselves are gone from Kafka since 2.0; what they wrote is written by ZooKeeper's
//! own client, as `ZkUtils` and `ZookeeperConsumerConnector` of Kafka 1.1 did it. The collector runs
//! in the test, so that a test says when it reads.

mod reader;
mod session;

use std::collections::BTreeMap;
use std::time::Duration;

use brokerbeat::collect::Collected;
use brokerbeat::collect::kafka::zookeeper_offsets::OldConsumers;
use brokerbeat::collect::kafka::zookeeper_offsets::config::Config;
use brokerbeat::collect::kafka::zookeeper_offsets::walk::Wanted;
use brokerbeat::document::Document;
use serde_json::Value;
use stack::{Signal, ZooKeeper, ZooKeeperNodes, wait_until};
use tokio::time::Instant;

use self::reader::{
    BUDGET, CLUSTER, Reader, TOPIC, faults, lags, number, of_zookeeper, reasons, text,
};
use crate::agent::PATIENCE;

/// A consumer's id as Kafka made it where `consumer.id` was not set.
const MEMBER: &str = "billing_host-7-1711111111111-0123abcd";

/// A cycle in which ZooKeeper hangs: it has half of that.
const SHORT: Duration = Duration::from_secs(12);

/// Log ends by Kafka's own tool.
fn log_ends() -> BTreeMap<i64, i64> {
    let bootstrap = CLUSTER.kafka.bootstrap();
    let arguments = ["--broker-list", &bootstrap, "--topic", TOPIC];
    let printed = CLUSTER
        .kafka
        .run_tool("kafka.tools.GetOffsetShell", &arguments);
    let printed = printed.expect("the tool answers");
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim().split(':').collect();
        let is_row = cells.len() == 3 && cells[0] == TOPIC;
        is_row.then(|| (cells[1].parse().unwrap(), cells[2].parse().unwrap()))
    };
    printed.lines().filter_map(row).collect()
}

/// What an old consumer leaves: offsets of two partitions, owners of two, one member.
fn write_billing(nodes: &ZooKeeperNodes, root: &str) {
    let group = format!("{root}/consumers/billing");
    let offsets = format!("{group}/offsets/{TOPIC}");
    nodes.set(&format!("{offsets}/0"), "40").unwrap();
    nodes.set(&format!("{offsets}/1"), "0").unwrap();
    let json = r#"{"version":1,"subscription":{"orders":1},"pattern":"static","timestamp":"1711111111111"}"#;
    nodes
        .ephemeral(&format!("{group}/ids/{MEMBER}"), json)
        .unwrap();
    for partition in [0, 2] {
        let owner = format!("{group}/owners/{TOPIC}/{partition}");
        nodes.ephemeral(&owner, &format!("{MEMBER}-0")).unwrap();
    }
}

fn assert_billing(found: &Collected) {
    let ends = log_ends();
    assert_eq!(ends.values().sum::<i64>(), 300, "{ends:?}");
    let expected = BTreeMap::from([
        ((TOPIC.to_owned(), 0), Ok(ends[&0] - 40)),
        ((TOPIC.to_owned(), 1), Ok(ends[&1])),
    ]);
    assert_eq!(lags(found, "billing"), expected, "{}", faults(found));
    let rows = of_zookeeper(found, "kafka.consumergroup", "billing");
    assert_eq!(text(rows[0], "kafka.consumergroup.client.host"), "host-7");
    assert_eq!(
        text(rows[0], "kafka.consumergroup.client.member_id"),
        MEMBER
    );
    assert_eq!(rows[0].get("kafka.consumergroup.client.id"), None);
    assert_eq!(rows[1].get("kafka.consumergroup.client.host"), None);
    let sum = expected.values().flatten().sum();
    let group = of_zookeeper(found, "kafka.group", "billing")[0];
    assert_eq!(text(group, "kafka.group.state"), "stable");
    assert_eq!(number(group, "kafka.group.members"), Some(1));
    assert_eq!(number(group, "kafka.group.lag.sum"), Some(sum));
    // The group of the same name in Kafka is another one.
    let store = |d: &&Document| {
        d.dataset == "kafka.group" && text(d, "kafka.consumergroup.id") == "billing"
    };
    let both = found.documents.iter().filter(store);
    let mut stores: Vec<&str> = both.map(|d| text(d, "kafka.consumergroup.store")).collect();
    stores.sort_unstable();
    assert_eq!(stores, ["kafka", "zookeeper"]);
}

#[test]
fn groups_of_old_consumers_are_there_with_their_lag() {
    let newer = ZooKeeper::start().expect("ZooKeeper starts");
    for (zookeeper, root) in [(&CLUSTER.zookeeper, ""), (&newer, "/of/kafka")] {
        let nodes = ZooKeeperNodes::start(zookeeper).expect("a client");
        write_billing(&nodes, root);
        let hosts = zookeeper.addr();
        let chroot = format!("{{hosts: [\"{hosts}\"], chroot: \"{root}\"}}");
        assert_billing(&Reader::new(&chroot).read());
        rubbish_costs_itself(&nodes, &hosts, root);
        acls_are_named(&nodes, &hosts, root);
        nodes.delete(&format!("{root}/consumers/billing")).unwrap();
    }
    // Nobody ever made a node there: no old consumers, and nothing is wrong.
    let hosts = newer.addr();
    let rest = format!("  zookeeper: {{hosts: [\"{hosts}\"]}}\n");
    let mut reader = Reader::with("{chroot: /elsewhere}", &rest);
    for _ in 0..2 {
        let found = reader.read();
        assert_eq!(faults(&found), "");
        let stores = found.documents.iter();
        let stores = stores.filter(|d| text(d, "kafka.consumergroup.store") == "zookeeper");
        assert_eq!(stores.count(), 0);
    }
}

fn rubbish_costs_itself(nodes: &ZooKeeperNodes, hosts: &str, root: &str) {
    let group = format!("{root}/consumers/odd");
    let offsets = format!("{group}/offsets/{TOPIC}");
    for (node, data) in [
        ("0", "30"),
        ("1", "many"),
        ("2", ""),
        ("x", "1"),
        ("007", "1"),
    ] {
        nodes.set(&format!("{offsets}/{node}"), data).unwrap();
    }
    nodes.set(&format!("{group}/offsets/gone/0"), "5").unwrap();
    nodes.set(&format!("{root}/consumers/empty"), "").unwrap();
    let found = Reader::new(&format!("{{hosts: [\"{hosts}\"], chroot: \"{root}\"}}")).read();
    let ends = log_ends();
    let unreadable = || Err("unreadable".to_owned());
    let expected = BTreeMap::from([
        (("gone".to_owned(), 0), Err("topic_deleted".to_owned())),
        ((TOPIC.to_owned(), 0), Ok(ends[&0] - 30)),
        ((TOPIC.to_owned(), 1), unreadable()),
        ((TOPIC.to_owned(), 2), unreadable()),
    ]);
    assert_eq!(lags(&found, "odd"), expected);
    let said = faults(&found);
    for named in [
        "2 nodes have no offset",
        "odd/offsets/orders/1: `many`",
        "2 nodes have no usable name",
        "odd/offsets/orders/007",
    ] {
        assert!(said.contains(named), "no `{named}` in {said}");
    }
    // The others are as they were, and a group without anything is a group without anything.
    assert_billing(&found);
    let empty = of_zookeeper(&found, "kafka.group", "empty")[0];
    assert_eq!(number(empty, "kafka.group.partitions"), Some(0));
    assert_eq!(number(empty, "kafka.group.lag.sum"), None);
    assert_eq!(empty.get("kafka.group.simple"), Some(&Value::from(true)));
    nodes.delete(&group).unwrap();
}

fn acls_are_named(nodes: &ZooKeeperNodes, hosts: &str, root: &str) {
    let group = format!("{root}/consumers/secret");
    nodes
        .set(&format!("{group}/offsets/{TOPIC}/0"), "10")
        .unwrap();
    nodes
        .only("me:hunter2", &format!("{group}/offsets"))
        .unwrap();
    let place = format!("hosts: [\"{hosts}\"], chroot: \"{root}\"");
    let found = Reader::new(&format!("{{{place}}}")).read();
    let said = faults(&found);
    assert!(said.contains("refused: ZooKeeper"), "{said}");
    assert!(said.contains("secret/offsets"), "{said}");
    let secret = of_zookeeper(&found, "kafka.group", "secret")[0];
    assert_eq!(
        text(secret, "kafka.group.lag.unknown_reason"),
        "not_authorized"
    );
    assert_billing(&found);
    let user = "user: me, password: hunter2";
    let found = Reader::new(&format!("{{{place}, {user}}}")).read();
    assert_eq!(faults(&found), "");
    let expected = log_ends()[&0] - 10;
    assert_eq!(lags(&found, "secret")[&(TOPIC.to_owned(), 0)], Ok(expected));
    nodes.delete(&group).unwrap();
}

#[test]
fn a_zookeeper_that_hangs_restarts_or_is_away_costs_only_its_groups() {
    let zookeeper = ZooKeeper::start().expect("ZooKeeper starts");
    let nodes = ZooKeeperNodes::start(&zookeeper).expect("a client");
    nodes.set("/consumers/g/offsets/orders/0", "40").unwrap();
    let mut reader = Reader::new(&format!("{{hosts: [\"{}\"]}}", zookeeper.addr()));
    let known = |found: &Collected| reasons(found, "g") == ["known"];
    let found = reader.read();
    assert!(known(&found), "{}", faults(&found));
    let others = found.documents.len();

    zookeeper.signal(Signal::Stop);
    let started = Instant::now();
    let found = reader.read_within(SHORT);
    assert!(started.elapsed() < SHORT, "{:?}", started.elapsed());
    assert_eq!(reasons(&found, "g"), ["timeout"], "{}", faults(&found));
    // Nothing else is missing, and what is away is named once.
    assert_eq!(found.documents.len(), others);
    assert_eq!(found.faults.len(), 1, "{}", faults(&found));
    let group = of_zookeeper(&found, "kafka.group", "g")[0];
    assert_eq!(text(group, "kafka.group.unknown_reason"), "timeout");
    assert_eq!(number(group, "kafka.group.lag.sum"), None);
    let first = started.elapsed();
    // The next cycles do not wait that long for it.
    let started = Instant::now();
    let found = reader.read_within(SHORT);
    assert_eq!(reasons(&found, "g"), ["timeout"], "{}", faults(&found));
    assert!(
        started.elapsed() < first,
        "{:?}, {first:?}",
        started.elapsed()
    );
    zookeeper.signal(Signal::Cont);
    await_known(&mut reader, "it goes on");

    zookeeper.restart().expect("it starts again");
    // Noticed in the middle of a cycle, which is repeated.
    let found = reader.read();
    assert!(known(&found), "{}", faults(&found));

    zookeeper.kill();
    let found = reader.read();
    assert_eq!(reasons(&found, "g"), ["connection"], "{}", faults(&found));
    zookeeper.restart().expect("it starts again");
    await_known(&mut reader, "it is back");
}

fn await_known(reader: &mut Reader, step: &str) {
    let mut said = String::new();
    let known = wait_until(step, PATIENCE, || {
        let found = reader.read();
        said = faults(&found);
        (reasons(&found, "g") == ["known"] && said.is_empty()).then_some(())
    });
    known.unwrap_or_else(|error| panic!("{error}: {said}"));
}

fn address(zookeeper: &ZooKeeper) -> (String, u16) {
    let address = zookeeper.addr();
    let (host, port) = address.rsplit_once(':').unwrap();
    (host.to_owned(), port.parse().unwrap())
}

#[test]
fn thousands_of_nodes_are_read_in_one_go() {
    const GROUPS: u32 = 500;
    const PARTITIONS: u32 = 40;
    let zookeeper = ZooKeeper::start().expect("ZooKeeper starts");
    let nodes = ZooKeeperNodes::start(&zookeeper).expect("a client");
    nodes.groups(GROUPS, PARTITIONS, "/consumers").unwrap();
    let mut alone = OldConsumers::new(Config {
        hosts: vec![address(&zookeeper)],
        chroot: String::new(),
        digest: None,
        pause: BUDGET,
    });
    let wanted = Wanted {
        group: &|_| true,
        topic: &|_| true,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for _ in 0..3 {
        let started = Instant::now();
        let found = runtime.block_on(alone.read(&wanted, started + PATIENCE));
        println!("{:?} for the nodes alone", started.elapsed());
        assert_eq!(found.groups.len(), usize::try_from(GROUPS).unwrap());
    }
    runtime.block_on(alone.close());
    let mut reader = Reader::new(&format!("{{hosts: [\"{}\"]}}", zookeeper.addr()));
    for _ in 0..3 {
        let started = Instant::now();
        let found = reader.read_within(Duration::from_secs(60));
        println!(
            "{:?} for {GROUPS} groups of {PARTITIONS} partitions",
            started.elapsed()
        );
        assert_eq!(faults(&found), "");
        let rows = found.documents.iter().filter(|d| {
            d.dataset == "kafka.consumergroup"
                && text(d, "kafka.consumergroup.store") == "zookeeper"
                && number(d, "kafka.consumergroup.offset") == Some(7)
        });
        assert_eq!(rows.count(), usize::try_from(GROUPS * PARTITIONS).unwrap());
    }
}
