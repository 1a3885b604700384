//! A Kafka with groups of all kinds.

use serde_json::Value;
use stack::{Kafka, MemberKind, Members, Options, Order, wait_until};

use crate::agent::{PATIENCE, documents_of};

pub(super) const STATIC: (&str, &str) = ("group.instance.id", "chair-7");

/// A topic that was deleted stays away, whoever still asks for it, until it is made anew.
pub(super) fn options() -> Options {
    Options::new().set("auto.create.topics.enable", "false")
}

/// A Kafka with groups of all kinds that it knows.
pub(super) struct Scene {
    pub(super) kafka: Kafka,
    members: Members,
}

impl Scene {
    pub(super) fn new(kafka: Kafka) -> Self {
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

    pub(super) fn topic(&self, name: &str, partitions: u32, settings: &[(&str, &str)]) {
        let made = self.members.create_topic(name, partitions, settings);
        made.expect("a topic");
    }

    pub(super) fn send(&self, topic: &str, count: u32) {
        self.members.send(topic, count).expect("sent");
    }

    pub(super) fn tell(&self, name: &str, order: Order) {
        self.members.tell(name, order).expect("obeyed");
    }

    pub(super) fn add(&self, name: &str, kind: MemberKind, topic: &str, settings: &[(&str, &str)]) {
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

    pub(super) fn await_state(&self, group: &str, state: &str) {
        let found = wait_until(&format!("{group} is {state}"), PATIENCE, || {
            let all = self.kafka.group_states().ok()?;
            all.iter()
                .find(|one| one.group == group && one.state == state)?;
            Some(())
        });
        found.expect("the state");
    }

    pub(super) fn once(&self) -> Vec<Value> {
        self.once_with("properties: {}")
    }

    /// With further keys of the section.
    pub(super) fn once_with(&self, keys: &str) -> Vec<Value> {
        let bootstrap = self.kafka.bootstrap();
        let config = format!("clusters:\n- kafka: {{bootstrap: [\"{bootstrap}\"], {keys}}}\n");
        documents_of(&config)
    }
}
