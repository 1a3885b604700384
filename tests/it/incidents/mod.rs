//! Rules in front of incidents on real servers: each fires for whom it is about, and clears again.
//!
//! The small form is one incident. With `BROKERBEAT_RULES_MEASURED` all incidents are played at the agent's default pace, and
//! the times are written down: `make prove-rules`.

mod book;
mod brokers;
mod clients;
mod disk;
mod ensemble;
mod full;
mod groups;
mod quiet;
mod recorded;
mod rule;
mod scene;
mod stage;
mod streams;
mod watch;

use std::time::{Duration, Instant};

use stack::{Consumer, Kafka, Producer};

use crate::agent::{PATIENCE, Setting, search, text};
use crate::servers;
use crate::shipping::wait_for;
use rule::rules;
use watch::Watch;

const NAMESPACE: &str = "incident";
const TOPIC: &str = "orders";
const GROUP: &str = "billing";
const SECONDS: u64 = 2;

/// What a stopped consumer raises, and nothing else may.
const RAISED: [&str; 2] = ["group-stopped", "group-without-members"];

/// In a window of ten seconds the lag may be seen to grow before nobody commits any more.
const MAY_BE_RAISED: &str = "group-falls-behind";

/// Rules that are asked. Those about silence would hear it on a busy machine, at this pace.
const ASKED: [&str; 5] = ["group-", "partitions-", "target-", "documents-", "lag-"];

#[test]
fn a_stopped_consumer_fires_its_rules_for_its_group_and_they_clear_when_it_reads_again() {
    if let Some(wanted) = full::Wanted::from_environment() {
        return wanted.play();
    }
    let elasticsearch = servers::elasticsearch();
    let kafka = Kafka::start_kraft().expect("Kafka starts");
    kafka.create_topic(TOPIC, 2, 1).expect("a topic");
    let producer = Producer::start(&kafka.bootstrap(), TOPIC, 10.0).expect("a producer");
    let consumer = Consumer::start(&kafka.bootstrap(), TOPIC, GROUP).expect("a consumer");
    let config = format!(
        "namespace: {NAMESPACE}\nclusters:\n- name: orders\n  \
         kafka: {{bootstrap: [\"{}\"], lag: {{window: 10s}}}}\n\
         output.elasticsearch: {{hosts: [\"{}\"]}}\n",
        kafka.bootstrap(),
        elasticsearch.url(),
    );
    let setting = Setting::every(Duration::from_secs(SECONDS), &config);
    let set_up = setting.command(&["setup"]);
    assert_eq!(set_up.status.code(), Some(0), "{set_up:?}");
    let agent = setting.run();
    let stream = format!("metrics-brokerbeat.kafka.group-{NAMESPACE}");
    wait_for("a group that is fine", &agent, || {
        let last = search(elasticsearch, &stream).pop();
        last.is_some_and(|last| text(&last, "kafka.group.lag.status") == "OK")
    });

    let quiet = Instant::now();
    let mut asked = rules(NAMESPACE, SECONDS);
    asked.retain(|rule| ASKED.iter().any(|prefix| rule.name.starts_with(prefix)));
    let watch = Watch::start(asked);
    producer.send(10).expect("sent");
    assert!(
        watch.fired_since(quiet).is_empty(),
        "{:?}",
        watch.fired_since(quiet)
    );

    consumer.stop().expect("stopped");
    let stopped = Instant::now();
    for rule in RAISED {
        let fires = watch.fires(rule, GROUP, [stopped; 2], PATIENCE);
        assert!(fires.is_some(), "{rule} does not fire\n{}", agent.log());
    }
    consumer.resume().expect("reads again");
    let resumed = Instant::now();
    for rule in RAISED {
        let clears = watch.clears(rule, GROUP, resumed, PATIENCE);
        assert!(clears.is_some(), "{rule} does not clear\n{}", agent.log());
    }
    let fired = watch.fired_since(quiet);
    let is_raised = |one: &&String| {
        let mut may = RAISED.iter().chain([&MAY_BE_RAISED]);
        may.any(|rule| one.starts_with(&format!("{rule}: ")))
    };
    assert_eq!(fired.iter().find(|one| !is_raised(one)), None, "{fired:?}");
    agent.stop_clean();
}
