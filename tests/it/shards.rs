//! Agents that share their work: who collects what, and what happens when one joins, leaves, dies,
//! or when nobody tells them who has what.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;
use stack::{Kafka, Options, wait_until};

use crate::agent::{Agent, PATIENCE, Setting, field, search, text};
use crate::servers;

/// Partitions of `__consumer_offsets`.
pub(crate) const PARTITIONS: u64 = 12;
const GROUPS: usize = 40;
const INTERVAL: Duration = Duration::from_secs(2);
const SESSION: Duration = Duration::from_secs(10);
/// Servers that are not there (a network for documentation): each has one target document a tick.
const REMOTE: [&str; 4] = ["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1", "192.0.2.4:1"];
/// What is lost when an agent dies: a session, a tick to either side, and a busy machine's tick.
const LONGEST_GAP: Duration = Duration::from_secs(10 + 3 * 2);

pub(crate) fn options() -> Options {
    Options::new()
        .set("offsets.topic.num.partitions", &PARTITIONS.to_string())
        .without_jmx()
}

fn client(bootstrap: &str, group: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .create()
        .expect("a consumer")
}

pub(crate) fn make_groups(kafka: &Kafka, count: usize) {
    kafka.create_topic("orders", 2, 1).expect("a topic");
    let mut list = TopicPartitionList::new();
    for partition in 0..2 {
        list.add_partition_offset("orders", partition, Offset::Offset(0))
            .unwrap();
    }
    for number in 0..count {
        let consumer = client(&kafka.bootstrap(), &format!("group-{number}"));
        // The first one makes `__consumer_offsets`, which takes its time.
        wait_until("a commit", PATIENCE, || {
            consumer.commit(&list, CommitMode::Sync).ok()
        })
        .expect("a commit");
    }
}

fn setting(bootstrap: &str, namespace: &str, group: &str) -> Setting {
    Setting::every(
        INTERVAL,
        &format!(
            "namespace: {namespace}\n\
             clusters:\n- name: orders\n  kafka: {{bootstrap: [\"{bootstrap}\"]}}\n  \
             zookeeper: {{hosts: {REMOTE:?}}}\n\
             ha: {{group: {group}, session_timeout: {}s}}\n\
             output.elasticsearch: {{hosts: [\"{}\"]}}\n\
             logging.level: debug\n",
            SESSION.as_secs(),
            servers::elasticsearch().url(),
        ),
    )
}

struct Stage {
    namespace: &'static str,
}

impl Stage {
    fn documents(&self, dataset: &str) -> Vec<Value> {
        let stream = format!("metrics-brokerbeat.{dataset}-{}", self.namespace);
        search(servers::elasticsearch(), &stream)
    }

    /// The last state that each agent has said of the kafka target, within the last ticks.
    fn standings(&self) -> BTreeMap<String, (String, u64)> {
        let recent = millis_now() - millis(4 * INTERVAL);
        let documents = self.documents("target").into_iter();
        let of_kafka = documents.filter(|d| {
            text(d, "brokerbeat.target.name").starts_with("kafka") && tick(d) >= recent
        });
        let standing = |d: &Value| {
            let partitions = field(d, "brokerbeat.target.ha.partitions").and_then(Value::as_u64);
            let state = text(d, "brokerbeat.target.ha.state").to_owned();
            (agent_of(d), (state, partitions.unwrap_or(PARTITIONS)))
        };
        of_kafka.map(|d| standing(&d)).collect()
    }

    /// Waits until so many agents have shared out all partitions evenly, and nobody keeps what is another's.
    fn shared_by(&self, agents: usize, all: &[&Agent]) -> BTreeMap<String, (String, u64)> {
        let step = format!("{agents} agents share {PARTITIONS} partitions");
        let found = wait_until(&step, PATIENCE, || {
            let standings = self.standings();
            // One that has just joined shares, and has nothing until the others have given something up.
            let share = PARTITIONS / agents as u64;
            let shares =
                |(state, partitions): &(String, u64)| state == "sharing" && *partitions == share;
            (standings.len() == agents && standings.values().all(shares)).then_some(standings)
        });
        found.unwrap_or_else(|error| {
            let logs: Vec<String> = all.iter().map(|agent| agent.log()).collect();
            panic!("{error}: {:?}\n{}", self.standings(), logs.join("\n\n"))
        })
    }

    /// Ticks of every group, and who collected them.
    fn groups(&self) -> BTreeMap<String, Vec<(i64, String)>> {
        let mut groups = BTreeMap::<String, Vec<_>>::new();
        for document in self.documents("kafka.group") {
            let id = text(&document, "kafka.consumergroup.id").to_owned();
            let line = (tick(&document), agent_of(&document));
            groups.entry(id).or_default().push(line);
        }
        groups
    }

    /// The longest time between two ticks of one group after that moment.
    fn longest_gap(&self, after: i64) -> i64 {
        let groups = self.groups();
        assert_eq!(groups.len(), GROUPS, "{:?}", groups.keys());
        let gaps = groups.values().flat_map(|ticks| {
            let pairs = ticks.windows(2).filter(|pair| pair[1].0 > after);
            pairs.map(|pair| pair[1].0 - pair[0].0).collect::<Vec<_>>()
        });
        gaps.max().expect("ticks")
    }
}

pub(crate) fn tick(document: &Value) -> i64 {
    let tick = text(document, "@timestamp").parse::<jiff::Timestamp>();
    tick.unwrap().as_millisecond()
}

pub(crate) fn agent_of(document: &Value) -> String {
    text(document, "agent.id").to_owned()
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap()
}

pub(crate) fn millis_now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Waits until ticks later than now have been collected and shipped.
fn let_ticks_pass(stage: &Stage, ticks: i64) {
    let until = millis_now() + ticks * millis(INTERVAL);
    wait_until("more ticks", PATIENCE, || {
        let groups = stage.groups();
        groups
            .values()
            .all(|all| all.last().is_some_and(|(at, _)| *at >= until))
            .then_some(())
    })
    .expect("ticks go on");
}

fn assert_each_group_has_one_collector(stage: &Stage, from: i64) {
    for (id, ticks) in stage.groups() {
        let collectors: BTreeSet<&str> = ticks
            .iter()
            .filter(|(at, _)| *at >= from)
            .map(|(_, agent)| agent.as_str())
            .collect();
        assert_eq!(collectors.len(), 1, "{id}: {ticks:?}");
    }
}

/// A document of another agent that comes first hides ours in the index; the accounts do not.
fn duplicates(stage: &Stage) -> u64 {
    let mut last = BTreeMap::new();
    for document in stage.documents("agent") {
        let place = (
            agent_of(&document),
            text(&document, "brokerbeat.stream.name").to_owned(),
        );
        let count = |name: &str| field(&document, name).and_then(Value::as_u64).unwrap_or(0);
        assert_eq!(count("brokerbeat.stream.collision"), 0, "{document}");
        last.insert(place, count("brokerbeat.stream.duplicate"));
    }
    last.values().sum()
}

fn assert_nothing_twice(stage: &Stage) {
    for dataset in [
        "kafka.group",
        "kafka.consumergroup",
        "kafka.cluster",
        "kafka.topic",
    ] {
        let documents = stage.documents(dataset);
        let mut seen = BTreeSet::new();
        for document in &documents {
            let series = text(document, "brokerbeat.series");
            assert!(seen.insert((series, tick(document))), "twice: {document}");
        }
        assert!(!seen.is_empty(), "{dataset}");
    }
}

fn assert_remote_targets_have_one_asker(stage: &Stage, from: i64) {
    let mut askers = BTreeMap::<(String, i64), BTreeSet<String>>::new();
    for document in stage.documents("target") {
        let name = text(&document, "brokerbeat.target.name");
        if name.starts_with("zookeeper") && tick(&document) >= from {
            let place = (name.to_owned(), tick(&document));
            askers.entry(place).or_default().insert(agent_of(&document));
        }
    }
    let targets: BTreeSet<&str> = askers.keys().map(|(name, _)| name.as_str()).collect();
    // The servers, and they together.
    assert_eq!(targets.len(), REMOTE.len() + 1, "{targets:?}");
    assert!(
        askers.values().all(|agents| agents.len() == 1),
        "{askers:?}"
    );
}

#[test]
fn three_agents_share_and_take_over() {
    let kafka = Kafka::start_kraft_with(&options()).expect("Kafka starts");
    make_groups(&kafka, GROUPS);
    let stage = Stage {
        namespace: "shards",
    };
    let start = || setting(&kafka.bootstrap(), stage.namespace, "agents").run();

    // One after another: whoever comes takes a part over, and no tick is missed meanwhile.
    let first = start();
    stage.shared_by(1, &[&first]);
    let_ticks_pass(&stage, 1);
    let grown = millis_now();
    let second = start();
    stage.shared_by(2, &[&first, &second]);
    let third = start();
    stage.shared_by(3, &[&first, &second, &third]);

    let steady = millis_now() + millis(INTERVAL);
    let doubled = duplicates(&stage);
    let_ticks_pass(&stage, 4);
    assert_each_group_has_one_collector(&stage, steady);
    assert_remote_targets_have_one_asker(&stage, steady);
    assert_eq!(
        stage.longest_gap(grown),
        millis(INTERVAL),
        "hand-over to newcomers"
    );
    assert!(
        !stage.groups().contains_key("agents"),
        "the agents' own group"
    );
    println!(
        "duplicates of the hand-overs: {doubled}, after the steady ticks: {}",
        duplicates(&stage)
    );

    // One dies.
    let killed = millis_now();
    second.kill();
    stage.shared_by(2, &[&first, &third]);
    let_ticks_pass(&stage, 1);
    let gap = stage.longest_gap(killed - millis(INTERVAL));
    println!("longest time between two ticks of a group around a death: {gap} ms");
    assert!(gap <= millis(LONGEST_GAP), "{gap} ms");

    // One leaves as it should: others know at once.
    let left = millis_now();
    third.stop_clean();
    let_ticks_pass(&stage, 1);
    let gap = stage.longest_gap(left - millis(INTERVAL));
    println!("longest time between two ticks of a group around a stop: {gap} ms");
    assert!(gap < millis(SESSION), "{gap} ms");
    stage.shared_by(1, &[&first]);
    first.stop_clean();
    assert_nothing_twice(&stage);
    duplicates(&stage);
}

/// A name of a group that this broker coordinates.
fn group_of(kafka: &Kafka, broker: i32) -> String {
    let consumer = client(&kafka.bootstrap(), "looking");
    let metadata = consumer
        .fetch_metadata(Some("__consumer_offsets"), PATIENCE)
        .expect("metadata");
    let leaders: BTreeMap<i32, i32> = metadata.topics()[0]
        .partitions()
        .iter()
        .map(|partition| (partition.id(), partition.leader()))
        .collect();
    let count = i32::try_from(leaders.len()).unwrap();
    let mut names = (0..1_000).map(|number| format!("agents-{number}"));
    let led = |name: &String| {
        let partition = brokerbeat::collect::kafka::memory::hash_partition(name, count);
        partition.and_then(|id| leaders.get(&id)) == Some(&broker)
    };
    names.find(led).expect("a broker coordinates some names")
}

#[test]
fn without_their_coordinator_all_agents_collect_everything_and_say_so() {
    let one = Kafka::start_kraft_with(&options()).expect("Kafka starts");
    let two = Kafka::join_kraft_with(&one, 2, &options()).expect("Kafka starts");
    make_groups(&one, GROUPS);
    let group = group_of(&one, 2);
    let stage = Stage {
        namespace: "shards_alone",
    };
    let bootstrap = one.bootstrap();
    let agents = [0, 1].map(|_| setting(&bootstrap, stage.namespace, &group).run());
    let all: Vec<&Agent> = agents.iter().collect();
    stage.shared_by(2, &all);

    two.kill();
    wait_until("both collect everything", PATIENCE, || {
        let standings = stage.standings();
        let everything = standings.values().all(|(state, _)| state == "everything");
        (standings.len() == 2 && everything).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {:?}\n{}", stage.standings(), agents[0].log()));
    for agent in &agents {
        agent.says("it collects everything");
    }
    let events = format!("logs-brokerbeat.event-{}", stage.namespace);
    wait_until("the events", PATIENCE, || {
        let events = search(servers::elasticsearch(), &events);
        let said = events
            .iter()
            .filter(|d| text(d, "event.action") == "ha-everything");
        let agents: BTreeSet<String> = said.map(agent_of).collect();
        (agents.len() == 2).then_some(())
    })
    .expect("both say it as an event, too");

    // The coordinator comes back, and they share again.
    two.restart().expect("the broker starts again");
    stage.shared_by(2, &all);
    for agent in &agents {
        agent.stop_clean();
    }
    assert_nothing_twice(&stage);
    assert!(
        duplicates(&stage) > 0,
        "the overlap is counted as duplicates"
    );
}
