//! Groups of every kind on three versions of Kafka: each yields the documents that are promised, and their numbers are
//! those of Kafka's own tools.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stack::{
    Connect, Kafka, KafkaVersion, MemberKind, Members, Options, Order, ZooKeeper, wait_until,
};

use crate::agent::{PATIENCE, documents_of, field, of_dataset, text};
use crate::truth::{lags_of_documents, lags_of_tool};

const STATIC: (&str, &str) = ("group.instance.id", "chair-7");
const CONSUMER_PROTOCOL: (&str, &str) = ("group.protocol", "consumer");

/// A topic that was deleted stays away, whoever still asks for it, until it is made anew.
fn options() -> Options {
    Options::new().set("auto.create.topics.enable", "false")
}

/// A Kafka with groups of all kinds that it knows.
struct Scene {
    kafka: Kafka,
    members: Members,
}

impl Scene {
    fn new(kafka: Kafka) -> Self {
        let members = Members::start(&kafka.bootstrap()).expect("a JVM of members");
        let scene = Self { kafka, members };
        let settings = [
            ("retention.ms", "3600000"),
            ("cleanup.policy", "compact,delete"),
        ];
        scene.topic("orders", 3, &settings);
        scene.send("orders", 300);
        scene.steady();
        scene.on_changed_topics();
        scene.send("orders", 30);
        scene.rebalancing();
        scene
    }

    fn topic(&self, name: &str, partitions: u32, settings: &[(&str, &str)]) {
        let made = self.members.create_topic(name, partitions, settings);
        made.expect("a topic");
    }

    fn send(&self, topic: &str, count: u32) {
        self.members.send(topic, count).expect("sent");
    }

    fn tell(&self, name: &str, order: Order) {
        self.members.tell(name, order).expect("obeyed");
    }

    fn add(&self, name: &str, kind: MemberKind, topic: &str, settings: &[(&str, &str)]) {
        let added = self.members.add(name, kind, topic, settings);
        added.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Groups that will not change any more: read to the end, then 30 records behind.
    fn steady(&self) {
        self.topic("quiet", 2, &[]);
        self.add("stable", MemberKind::Subscribe, "orders", &[]);
        self.add("static", MemberKind::Subscribe, "orders", &[STATIC]);
        self.add("empty", MemberKind::Subscribe, "orders", &[]);
        self.add("assigned", MemberKind::Assign, "orders", &[]);
        self.add("uncommitted", MemberKind::Subscribe, "quiet", &[]);
        self.add("dead", MemberKind::Subscribe, "orders", &[]);
        for name in ["stable", "static", "empty", "assigned", "dead"] {
            self.tell(name, Order::Drain);
        }
        for name in ["empty", "dead", "assigned"] {
            self.tell(name, Order::Leave);
        }
        self.members.delete_group("dead").expect("deleted");
    }

    /// Commits on a topic that is deleted, and on two that are made anew.
    fn on_changed_topics(&self) {
        for topic in ["doomed", "smaller", "larger"] {
            self.topic(topic, 2, &[]);
            self.send(topic, 40);
            self.add(&format!("on-{topic}"), MemberKind::Assign, topic, &[]);
            self.tell(&format!("on-{topic}"), Order::Drain);
            self.members.delete_topic(topic).expect("deleted");
        }
        self.again("smaller", 1, 10);
        self.again("larger", 3, 90);
    }

    /// A deleted topic's name is free a little later.
    fn again(&self, topic: &str, partitions: u32, records: u32) {
        let made = wait_until(&format!("{topic} anew"), PATIENCE, || {
            self.members.create_topic(topic, partitions, &[]).ok()
        });
        made.expect("a topic");
        self.send(topic, records);
        // Its positions are those on the old topic.
        let committed = wait_until(&format!("a commit on the new {topic}"), PATIENCE, || {
            self.members
                .tell(&format!("on-{topic}"), Order::Commit)
                .ok()
        });
        committed.expect("committed");
    }

    /// A second member waits for one that does not come to the rebalance.
    fn rebalancing(&self) {
        self.add("rebalancing", MemberKind::Subscribe, "orders", &[]);
        self.tell("rebalancing", Order::Drain);
        self.tell("rebalancing", Order::Hang);
        let late = [("group.id", "rebalancing")];
        let joined = self
            .members
            .join("late", MemberKind::Subscribe, "orders", &late);
        joined.expect("on its way");
        self.await_state("rebalancing", "PreparingRebalance");
    }

    fn await_state(&self, group: &str, state: &str) {
        let found = wait_until(&format!("{group} is {state}"), PATIENCE, || {
            let all = self.kafka.group_states().ok()?;
            all.iter()
                .find(|one| one.group == group && one.state == state)?;
            Some(())
        });
        found.expect("the state");
    }

    fn once(&self) -> Vec<Value> {
        self.once_with("properties: {}")
    }

    /// With further keys of the section.
    fn once_with(&self, keys: &str) -> Vec<Value> {
        let bootstrap = self.kafka.bootstrap();
        let config = format!("clusters:\n- kafka: {{bootstrap: [\"{bootstrap}\"], {keys}}}\n");
        documents_of(&config)
    }
}

fn number(document: &Value, name: &str) -> Option<i64> {
    field(document, name)?.as_i64()
}

fn group<'a>(documents: &'a [Value], id: &str) -> &'a Value {
    let all = of_dataset(documents, "kafka.group");
    let mut found = all
        .into_iter()
        .filter(|d| text(d, "kafka.consumergroup.id") == id);
    let one = found
        .next()
        .unwrap_or_else(|| panic!("no document of {id}"));
    assert!(found.next().is_none(), "two documents of {id}");
    one
}

fn rows<'a>(documents: &'a [Value], id: &str) -> Vec<&'a Value> {
    let all = of_dataset(documents, "kafka.consumergroup");
    let rows: Vec<&Value> = all
        .into_iter()
        .filter(|d| text(d, "kafka.consumergroup.id") == id)
        .collect();
    rows
}

/// What a group must be: state, type, protocol, simple, members, sum of its lags.
type Wanted<'a> = (&'a str, &'a str, &'a str, bool, i64, Option<i64>);

fn assert_group(documents: &[Value], id: &str, wanted: Wanted<'_>) {
    let document = group(documents, id);
    let simple = field(document, "kafka.group.simple").and_then(Value::as_bool);
    let found = (
        text(document, "kafka.group.state"),
        text(document, "kafka.group.type"),
        text(document, "kafka.group.protocol"),
        simple.unwrap_or_else(|| panic!("{document}")),
        number(document, "kafka.group.members").unwrap_or_else(|| panic!("{document}")),
        number(document, "kafka.group.lag.sum"),
    );
    assert_eq!(found, wanted, "{id}: {document}");
    assert_eq!(
        number(document, "kafka.group.coordinator.id"),
        Some(1),
        "{document}"
    );
}

/// What holds of the groups of every version.
fn assert_common(documents: &[Value]) {
    let wanted: &[(&str, Wanted<'_>)] = &[
        (
            "stable",
            ("stable", "classic", "consumer", false, 1, Some(30)),
        ),
        (
            "static",
            ("stable", "classic", "consumer", false, 1, Some(30)),
        ),
        (
            "empty",
            ("empty", "classic", "consumer", false, 0, Some(30)),
        ),
        ("assigned", ("empty", "classic", "", true, 0, Some(30))),
        (
            "uncommitted",
            ("stable", "classic", "consumer", false, 1, None),
        ),
        (
            "rebalancing",
            (
                "preparing_rebalance",
                "classic",
                "consumer",
                false,
                2,
                Some(0),
            ),
        ),
    ];
    for (id, wanted) in wanted {
        assert_group(documents, id, *wanted);
    }
    let is_dead = |d: &&Value| text(d, "kafka.consumergroup.id") == "dead";
    assert_eq!(documents.iter().filter(is_dead).count(), 0);
    for row in rows(documents, "static") {
        assert_eq!(
            text(row, "kafka.consumergroup.client.instance_id"),
            STATIC.1,
            "{row}"
        );
        assert_eq!(
            text(row, "kafka.consumergroup.client.id"),
            "static",
            "{row}"
        );
    }
    for row in rows(documents, "assigned") {
        assert!(field(row, "kafka.consumergroup.client").is_none(), "{row}");
    }
    assert_eq!(rows(documents, "uncommitted").len(), 2);
    for row in rows(documents, "uncommitted") {
        let reason = text(row, "kafka.consumergroup.lag.unknown_reason");
        assert_eq!(reason, "no_commit", "{row}");
        assert!(
            field(row, "kafka.consumergroup.consumer_lag").is_none(),
            "{row}"
        );
    }
}

/// Kafka forgets commits with their topic, at once or a little later: until then the rows say that it is gone.
fn assert_deleted(documents: &[Value]) {
    for row in rows(documents, "on-doomed") {
        let reason = text(row, "kafka.consumergroup.lag.unknown_reason");
        assert_eq!(reason, "topic_deleted", "{row}");
        assert!(
            field(row, "kafka.consumergroup.consumer_lag").is_none(),
            "{row}"
        );
    }
}

/// 20 is committed on each partition of the old topics.
fn assert_made_anew(documents: &[Value]) {
    let smaller = rows(documents, "on-smaller");
    let is_first = |row: &&&Value| number(row, "kafka.partition.id") == Some(0);
    let row = smaller.iter().find(is_first).expect("a row");
    let of = |name: &str| number(row, &format!("kafka.consumergroup.{name}"));
    assert_eq!(of("offset"), Some(20), "{row}");
    assert_eq!(of("log_end_offset"), Some(10), "{row}");
    assert_eq!(of("consumer_lag"), Some(0), "{row}");
    assert_eq!(of("lag.raw"), Some(-10), "{row}");
    // Kafka forgets the other partition's commit with the old topic; until then:
    for row in smaller.iter().filter(|row| !is_first(row)) {
        let reason = text(row, "kafka.consumergroup.lag.unknown_reason");
        assert_eq!(reason, "partition_deleted", "{row}");
    }
    let larger = rows(documents, "on-larger");
    assert_eq!(larger.len(), 2, "only the partitions with a commit");
    for row in larger {
        assert_eq!(
            number(row, "kafka.consumergroup.consumer_lag"),
            Some(10),
            "{row}"
        );
    }
}

/// Rows and states as the group tool prints them. It knows no negative lag's bound, and leaves out what has no topic.
fn assert_equals_tool(scene: &Scene, documents: &[Value]) {
    let mut tool = lags_of_tool(&scene.kafka);
    let mut ours = lags_of_documents(documents);
    for (key, (.., lag)) in &mut tool {
        // The tool prints −10, we 0 and the raw value beside it.
        *lag = lag.map(|lag| lag.max(0));
        assert!(ours.contains_key(key), "{key:?} is missing");
    }
    ours.retain(|(group, ..), _| group != "on-doomed");
    tool.retain(|(group, ..), _| group != "on-doomed");
    assert_eq!(ours, tool);
    for one in scene.kafka.group_states().expect("the tool answers") {
        let document = group(documents, &one.group);
        let state = match one.state.as_str() {
            "PreparingRebalance" => "preparing_rebalance".to_owned(),
            "Assigning" | "Reconciling" => "rebalancing".to_owned(),
            other => other.to_lowercase(),
        };
        assert_eq!(text(document, "kafka.group.state"), state, "{document}");
        let members = i64::try_from(one.members).unwrap();
        assert_eq!(
            number(document, "kafka.group.members"),
            Some(members),
            "{document}"
        );
    }
}

/// Every roll-up is what its rows come to.
fn assert_roll_ups(documents: &[Value]) {
    let mut by_topic: BTreeMap<(&str, &str), Vec<&Value>> = BTreeMap::new();
    for row in of_dataset(documents, "kafka.consumergroup") {
        let key = (
            text(row, "kafka.consumergroup.id"),
            text(row, "kafka.topic.name"),
        );
        by_topic.entry(key).or_default().push(row);
    }
    let topics = of_dataset(documents, "kafka.group_topic");
    assert_eq!(topics.len(), by_topic.len());
    for document in topics {
        let key = (
            text(document, "kafka.consumergroup.id"),
            text(document, "kafka.topic.name"),
        );
        let rows = &by_topic[&key];
        let lags = || {
            rows.iter()
                .filter_map(|row| number(row, "kafka.consumergroup.consumer_lag"))
        };
        let ids = rows
            .iter()
            .map(|row| text(row, "kafka.consumergroup.client.member_id"));
        let members: BTreeSet<&str> = ids.filter(|id| !id.is_empty()).collect();
        let of = |name: &str| number(document, &format!("kafka.group_topic.{name}"));
        let count = |count: usize| i64::try_from(count).ok();
        assert_eq!(of("lag.sum"), lags().reduce(|a, b| a + b), "{document}");
        assert_eq!(of("lag.max"), lags().max(), "{document}");
        assert_eq!(of("partitions"), count(rows.len()), "{document}");
        assert_eq!(
            of("lag.unknown_partitions"),
            count(rows.len() - lags().count()),
            "{document}"
        );
        assert_eq!(of("members"), count(members.len()), "{document}");
    }
    assert_cluster(documents);
}

fn assert_cluster(documents: &[Value]) {
    let cluster = of_dataset(documents, "kafka.cluster")[0];
    let of = |name: &str| number(cluster, &format!("kafka.cluster.{name}"));
    let states = field(cluster, "kafka.cluster.group_states").and_then(Value::as_object);
    let sum: i64 = states.unwrap().values().filter_map(Value::as_i64).sum();
    assert_eq!(of("groups"), Some(sum), "{cluster}");
    let groups = i64::try_from(of_dataset(documents, "kafka.group").len()).unwrap();
    let others = of("other_groups.count").unwrap_or_else(|| panic!("{cluster}"));
    assert_eq!(sum + others, groups, "{cluster}");
    assert_eq!(of("group_states.preparing_rebalance"), Some(1), "{cluster}");
    assert_eq!(of("unknown_configs"), Some(0), "{cluster}");
    for problem in [
        "offline",
        "under_replicated",
        "under_min_isr",
        "non_preferred_leader",
    ] {
        assert_eq!(of(&format!("{problem}_partitions")), Some(0), "{cluster}");
    }
    // With one replica each partition has just what it needs.
    assert_eq!(of("at_min_isr_partitions"), of("partitions"), "{cluster}");
}

/// What is set, and what the broker says where nothing is.
fn assert_configs(documents: &[Value]) {
    let topics = of_dataset(documents, "kafka.topic");
    let config = |name: &str| {
        let found = topics.iter().find(|d| text(d, "kafka.topic.name") == name);
        found
            .and_then(|d| field(d, "kafka.topic.config"))
            .unwrap_or_else(|| panic!("{name}"))
    };
    let week = 7 * 24 * 3_600_000;
    let orders = config("orders");
    assert_eq!(number(orders, "retention.ms"), Some(3_600_000), "{orders}");
    let policy: BTreeSet<&str> = orders["cleanup"]["policy"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(policy, BTreeSet::from(["compact", "delete"]));
    let quiet = config("quiet");
    assert_eq!(number(quiet, "retention.ms"), Some(week), "{quiet}");
    assert_eq!(number(quiet, "retention.bytes"), Some(-1), "{quiet}");
    assert_eq!(number(quiet, "min.insync.replicas"), Some(1), "{quiet}");
    assert_eq!(
        number(quiet, "max.message.bytes"),
        Some(1_048_588),
        "{quiet}"
    );
    let broker = of_dataset(documents, "kafka.broker")[0];
    let of = |name: &str| number(broker, &format!("kafka.broker.config.{name}"));
    assert_eq!(of("retention.ms"), Some(week), "{broker}");
    assert_eq!(of("min.insync.replicas"), Some(1), "{broker}");
    assert_eq!(of("offsets.retention.ms"), Some(week), "{broker}");
}

fn assert_all(scene: &Scene) -> Vec<Value> {
    let documents = scene.once();
    assert_common(&documents);
    assert_deleted(&documents);
    assert_made_anew(&documents);
    assert_roll_ups(&documents);
    assert_configs(&documents);
    assert_equals_tool(scene, &documents);
    documents
}

/// Patterns choose groups and topics; Kafka's own topics are there when they are asked for.
fn assert_patterns(scene: &Scene) {
    let documents = scene.once_with(
        "groups: {include: [\"s*\", \"on-?maller\"], exclude: [\"*ic\"]}, \
         topics: {exclude: [\"small*\"]}, internal_topics: true",
    );
    let names = |dataset: &str, name: &str| -> BTreeSet<String> {
        let all = of_dataset(&documents, dataset).into_iter();
        all.map(|d| text(d, name).to_owned()).collect()
    };
    let set = |names: &[&str]| -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    };
    let groups = set(&["on-smaller", "stable"]);
    assert_eq!(names("kafka.group", "kafka.consumergroup.id"), groups);
    // Its only topic is left out, and it has no partition then.
    let id = "kafka.consumergroup.id";
    assert_eq!(names("kafka.group_topic", id), set(&["stable"]));
    assert_eq!(names("kafka.consumergroup", id), set(&["stable"]));
    let topics = set(&["__consumer_offsets", "larger", "orders", "quiet"]);
    assert_eq!(names("kafka.topic", "kafka.topic.name"), topics);
    assert_eq!(names("kafka.partition", "kafka.topic.name"), topics);
}

#[test]
fn groups_of_kafka_2_8() {
    let zookeeper = ZooKeeper::start().expect("ZooKeeper starts");
    let kafka = Kafka::start_zookeeper_mode_with(&zookeeper, 1, &options());
    let kafka = kafka.expect("Kafka starts");
    let scene = Scene::new(kafka);
    assert_all(&scene);
    assert_patterns(&scene);
}

#[test]
fn groups_of_kafka_3_9() {
    let kafka = Kafka::start_kraft_of(KafkaVersion::V3_9, &options());
    let kafka = kafka.expect("Kafka starts");
    assert_all(&Scene::new(kafka));
}

#[test]
fn groups_of_kafka_4_2() {
    let kafka = Kafka::start_kraft_with(&options()).expect("Kafka starts");
    let scene = Scene::new(kafka);
    scene.topic("new", 4, &[]);
    scene.send("new", 40);
    for name in ["modern", "second"] {
        let settings = [CONSUMER_PROTOCOL, ("group.id", "modern")];
        scene.add(name, MemberKind::Subscribe, "new", &settings);
    }
    scene.add("sharing", MemberKind::Share, "new", &[]);
    let connect = Connect::start(&scene.kafka).expect("Connect starts");
    connect.add_file_sink("sink", "new").expect("a sink");
    scene.await_state("modern", "Stable");
    scene.tell("modern", Order::Drain);
    scene.tell("second", Order::Drain);
    wait_until("the sink has read everything", PATIENCE, || {
        let rows = scene.kafka.describe_groups(Some("connect-sink")).ok()?;
        let lag = rows.iter().map(|row| row.lag).sum::<Option<i64>>();
        (rows.len() == 4 && lag == Some(0)).then_some(())
    })
    .expect("it reads");
    let documents = assert_all(&scene);
    let modern = ("stable", "consumer", "consumer", false, 2, Some(0));
    assert_group(&documents, "modern", modern);
    for row in rows(&documents, "modern") {
        assert!(
            !text(row, "kafka.consumergroup.client.member_id").is_empty(),
            "{row}"
        );
    }
    let sink = ("stable", "classic", "consumer", false, 1, Some(0));
    assert_group(&documents, "connect-sink", sink);
    let workers = ("stable", "classic", "connect", false, 1, None);
    assert_group(&documents, "connect", workers);
    let connect = group(&documents, "connect");
    assert_eq!(field(connect, "kafka.group.lag.status"), None, "{connect}");
    assert_sharing(group(&documents, "sharing"));
    assert_kinds(&scene, &documents);
}

/// `kafka-groups.sh --list` knows groups of every kind: `group type protocol`, the last of which may be missing.
fn assert_kinds(scene: &Scene, documents: &[Value]) {
    let bootstrap = scene.kafka.bootstrap();
    let args = ["--bootstrap-server", &bootstrap, "--list"];
    let tool = "org.apache.kafka.tools.GroupsCommand";
    let listed = scene.kafka.run_tool(tool, &args).expect("the tool answers");
    let mut ids = BTreeSet::new();
    for line in listed
        .lines()
        .skip_while(|line| !line.starts_with("GROUP"))
        .skip(1)
    {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [id, kind, protocol @ ..] = cells.as_slice() else {
            continue;
        };
        ids.insert(*id);
        let document = group(documents, id);
        // Of the one kind that cannot be read nothing is made up.
        let is_readable = *kind != "Share";
        let kind = if is_readable {
            kind.to_lowercase()
        } else {
            String::new()
        };
        let protocol = protocol.first().filter(|_| is_readable);
        assert_eq!(text(document, "kafka.group.type"), kind, "{document}");
        assert_eq!(
            text(document, "kafka.group.protocol"),
            *protocol.unwrap_or(&""),
            "{document}"
        );
    }
    let all = of_dataset(documents, "kafka.group").into_iter();
    let ours: BTreeSet<&str> = all.map(|d| text(d, "kafka.consumergroup.id")).collect();
    assert_eq!(ours, ids);
}

/// librdkafka can read no more of it than its name: nothing is made up.
fn assert_sharing(document: &Value) {
    assert_eq!(text(document, "kafka.group.state"), "unknown", "{document}");
    for field in [
        "kafka.group.unknown_reason",
        "kafka.group.lag.unknown_reason",
    ] {
        assert_eq!(text(document, field), "unsupported", "{document}");
    }
    for (name, word) in [("status", "UNKNOWN"), ("reason", "unsupported")] {
        let said = text(document, &format!("kafka.group.lag.{name}"));
        assert_eq!(said, word, "{document}");
    }
    for unknown in ["members", "partitions", "lag.sum", "lag.unknown_partitions"] {
        let unknown = format!("kafka.group.{unknown}");
        assert!(field(document, &unknown).is_none(), "{document}");
    }
}
