//! Offsets that old consumers keep in ZooKeeper: their groups among all others, with the same numbers.
//!
//! The consumers themselves are gone from Kafka since 2.0; what they wrote is written by ZooKeeper's
//! own client, as `ZkUtils` and `ZookeeperConsumerConnector` of Kafka 1.1 did it. The collector runs
//! in the test, so that a test says when it reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use brokerbeat::clock::Millis;
use brokerbeat::collect::kafka::zookeeper_offsets::OldConsumers;
use brokerbeat::collect::kafka::zookeeper_offsets::config::Config;
use brokerbeat::collect::kafka::zookeeper_offsets::walk::Wanted;
use brokerbeat::collect::zookeeper::client::message::{Code, Op, Payload, Request};
use brokerbeat::collect::zookeeper::client::session::{Bounds, Opened, Options, Session};
use brokerbeat::collect::{Collected, Collector, Cycle};
use brokerbeat::config::Source;
use brokerbeat::document::Document;
use serde_json::Value;
use stack::{
    Consumer, Kafka, Options as ServerOptions, Producer, Signal, ZooKeeper, ZooKeeperNodes,
    ZooKeeperVersion, wait_until,
};
use tokio::time::Instant;

use crate::agent::PATIENCE;

const TOPIC: &str = "orders";

/// A consumer's id as Kafka made it where `consumer.id` was not set.
const MEMBER: &str = "billing_host-7-1711111111111-0123abcd";

/// Enough for a cycle on a busy machine; what hangs costs half of the rest.
const BUDGET: Duration = Duration::from_secs(20);

/// A cycle in which ZooKeeper hangs: it has half of that.
const SHORT: Duration = Duration::from_secs(12);

/// Kafka 2.8.2 with three partitions of 100 records each, and its ZooKeeper 3.5.9.
struct Cluster {
    zookeeper: ZooKeeper,
    kafka: Kafka,
    _producer: Producer,
    /// Reads the same topic in the group `billing`, which is in ZooKeeper, too.
    _consumer: Consumer,
}

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    let options = ServerOptions::new();
    let zookeeper = ZooKeeper::start_of(ZooKeeperVersion::V3_5, &options).expect("ZooKeeper");
    let kafka = Kafka::start_zookeeper_mode(&zookeeper, 1).expect("Kafka starts");
    kafka.create_topic(TOPIC, 3, 1).expect("a topic");
    let producer = Producer::start(&kafka.bootstrap(), TOPIC, 0.0).expect("a producer");
    producer.send(300).expect("sent");
    let consumer = Consumer::start(&kafka.bootstrap(), TOPIC, "billing").expect("a consumer");
    wait_until("the group has committed everywhere", PATIENCE, || {
        consumer.commit().ok()?;
        let rows = kafka.describe_groups(Some("billing")).ok()?;
        let committed = rows.iter().filter(|row| row.current_offset.is_some());
        (committed.count() == 3).then_some(())
    })
    .unwrap();
    consumer.pause().expect("paused");
    Cluster {
        zookeeper,
        kafka,
        _producer: producer,
        _consumer: consumer,
    }
});

/// The collector and the threads that it needs.
struct Reader {
    runtime: tokio::runtime::Runtime,
    collector: Box<dyn Collector>,
}

impl Reader {
    fn new(section: &str) -> Self {
        Self::with(section, "")
    }

    fn with(section: &str, rest: &str) -> Self {
        let source = Source {
            path: "test.yml".into(),
            overrides: Vec::new(),
            only_groups: Vec::new(),
        };
        let bootstrap = CLUSTER.kafka.bootstrap();
        let text = format!(
            "clusters:\n- name: a\n  kafka: {{bootstrap: [\"{bootstrap}\"], zookeeper_offsets: {section}}}\n{rest}"
        );
        let config = source.parse(&text, &|_| None).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let guard = runtime.enter();
        let collector = (config.clusters[0].targets[0].build)();
        drop(guard);
        Self { runtime, collector }
    }

    fn read(&mut self) -> Collected {
        self.read_within(BUDGET)
    }

    fn read_within(&mut self, budget: Duration) -> Collected {
        let collector = &mut self.collector;
        let mut collected = self.runtime.block_on(async {
            let deadline = Instant::now() + budget;
            let tick = Some(Millis::now());
            let cycle = Cycle {
                tick,
                ..Cycle::until(deadline)
            };
            collector.collect(&cycle).await
        });
        assert!(collected.up, "{:?}", collected.faults);
        let later = collected.later.take().into_iter().flatten().flatten();
        collected.documents.extend(later);
        assert_single(&collected.documents);
        collected
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.runtime.block_on(self.collector.close());
    }
}

/// No two documents of a tick are one series.
fn assert_single(documents: &[Document]) {
    let mut seen = BTreeSet::new();
    for document in documents {
        let (dataset, kind) = (&document.dataset, &document.kind);
        let series = brokerbeat::identity::series("c", dataset, kind, &document.keys());
        assert!(seen.insert(series.clone()), "twice: {series}");
    }
}

fn text<'a>(document: &'a Document, field: &str) -> &'a str {
    document.get(field).and_then(Value::as_str).unwrap_or("")
}

fn number(document: &Document, field: &str) -> Option<i64> {
    document.get(field)?.as_i64()
}

fn of_zookeeper<'a>(found: &'a Collected, dataset: &str, group: &str) -> Vec<&'a Document> {
    let all = found.documents.iter();
    let wanted = |d: &&Document| {
        d.dataset == dataset
            && text(d, "kafka.consumergroup.store") == "zookeeper"
            && text(d, "kafka.consumergroup.id") == group
    };
    all.filter(wanted).collect()
}

/// Lag, or why there is none, by topic and partition.
fn lags(found: &Collected, group: &str) -> BTreeMap<(String, i64), Result<i64, String>> {
    let rows = of_zookeeper(found, "kafka.consumergroup", group).into_iter();
    let rows = rows.map(|row| {
        let partition = number(row, "kafka.partition.id").unwrap();
        let lag = number(row, "kafka.consumergroup.consumer_lag");
        let reason = text(row, "kafka.consumergroup.lag.unknown_reason");
        let at = (text(row, "kafka.topic.name").to_owned(), partition);
        (at, lag.ok_or_else(|| reason.to_owned()))
    });
    rows.collect()
}

fn reasons(found: &Collected, group: &str) -> Vec<String> {
    let lags = lags(found, group).into_values();
    lags.map(|lag| lag.err().unwrap_or_else(|| "known".to_owned()))
        .collect()
}

fn faults(found: &Collected) -> String {
    let faults = found.faults.iter();
    let said = faults.map(|fault| format!("{}: {}\n", fault.kind.as_str(), fault.message));
    said.collect()
}

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

fn session(zookeeper: &ZooKeeper) -> Session {
    Session::new(Options {
        hosts: vec![address(zookeeper)],
        digest: None,
        timeout: Duration::from_secs(4),
    })
}

async fn ask(session: &mut Session, paths: &[&str]) -> Vec<Result<usize, i32>> {
    let request = |path: &&str| Request {
        op: Op::Children,
        path: (*path).to_owned(),
    };
    let requests: Vec<Request> = paths.iter().map(request).collect();
    let mut bounds = Bounds {
        deadline: Instant::now() + BUDGET,
        bytes: 1 << 20,
    };
    let mut answers = Vec::new();
    let take = |_: usize, answer: Result<Payload<'_>, Code>| {
        answers.push(match answer {
            Ok(Payload::Children { names, .. }) => Ok(names.len()),
            Ok(Payload::Data(_)) => panic!("data"),
            Err(Code(code)) => Err(code),
        });
    };
    session.ask(&requests, &mut bounds, take).await.unwrap();
    answers
}

/// The ids of all sessions, by the server's own word.
fn sessions(zookeeper: &ZooKeeper) -> usize {
    let dump = zookeeper.four_letter_word("dump").unwrap();
    let lines = dump
        .lines()
        .take_while(|line| !line.contains("ephemeral nodes"));
    let ids = lines.filter_map(|line| line.split_whitespace().next());
    let ids: BTreeSet<&str> = ids.filter(|id| id.starts_with("0x")).collect();
    ids.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_kept_resumed_and_made_anew_when_it_has_expired() {
    for version in [ZooKeeperVersion::V3_5, ZooKeeperVersion::V3_9] {
        let options = ServerOptions::new().set("maxSessionTimeout", "4000");
        let zookeeper = ZooKeeper::start_of(version, &options).expect("ZooKeeper starts");
        let mut session = session(&zookeeper);
        let deadline = || Instant::now() + BUDGET;
        assert_eq!(session.open(deadline()).await.unwrap(), Opened::New);
        assert_eq!(
            ask(&mut session, &["/zookeeper", "/none"]).await,
            [Ok(2), Err(-101)]
        );
        assert_eq!(session.open(deadline()).await.unwrap(), Opened::Kept);
        // A cycle that was given up half-way has closed its connection.
        session.disconnect();
        assert_eq!(session.open(deadline()).await.unwrap(), Opened::Resumed);
        assert_eq!(ask(&mut session, &["/zookeeper"]).await, [Ok(2)]);
        assert_eq!(sessions(&zookeeper), 1);
        session.disconnect();
        let gone = wait_until("the session expires", PATIENCE, || {
            (sessions(&zookeeper) == 0).then_some(())
        });
        gone.unwrap();
        assert_eq!(session.open(deadline()).await.unwrap(), Opened::Expired);
        assert_eq!(ask(&mut session, &["/zookeeper"]).await, [Ok(2)]);
        session.close().await;
        wait_until("the good-bye ends the session", PATIENCE, || {
            (sessions(&zookeeper) == 0).then_some(())
        })
        .unwrap();
    }
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
