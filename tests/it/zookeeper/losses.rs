//! An ensemble that loses its leader, a member that hangs, and its quorum; what the agent says of each.

use std::time::Duration;

use serde_json::Value;
use stack::{Options, Signal, Vote, ZooKeeper, ZooKeeperVersion};

use crate::agent::{Agent, INTERVAL, Setting, assert_no_gap, field, search, text};
use crate::servers;
use crate::shipping::wait_for;

const NAMESPACE: &str = "ensemble";

/// The part of an interval that a cycle may take, and a collector's little more.
const BUDGET: Duration = Duration::from_millis(2_000 * 4 / 5 + 200);

struct Stage {
    servers: [ZooKeeper; 3],
    agent: Agent,
}

fn documents(dataset: &str, kind: &str) -> Vec<Value> {
    let stream = format!("metrics-brokerbeat.{dataset}-{NAMESPACE}");
    let mut all = search(servers::elasticsearch(), &stream);
    all.retain(|one| text(one, "brokerbeat.kind") == kind);
    all
}

/// Lines about the ensemble whose action begins like this.
fn events(action: &str) -> Vec<Value> {
    let stream = format!("logs-brokerbeat.event-{NAMESPACE}");
    let mut all = search(servers::elasticsearch(), &stream);
    all.retain(|one| text(one, "event.action").starts_with(action));
    all
}

fn millis(document: &Value) -> i64 {
    let tick = text(document, "@timestamp").parse::<jiff::Timestamp>();
    tick.expect("a date").as_millisecond()
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// The tick before now: its servers are asked a part of an interval later, and may see what happens now.
fn tick_before_now() -> i64 {
    now() - interval()
}

fn interval() -> i64 {
    i64::try_from(INTERVAL.as_millis()).expect("small")
}

fn margin(ensemble: &Value) -> Option<i64> {
    field(ensemble, "zookeeper.ensemble.quorum.margin")?.as_i64()
}

fn leader(ensemble: &Value) -> Option<usize> {
    text(ensemble, "zookeeper.ensemble.leader.id").parse().ok()
}

impl Stage {
    fn config(servers: &[ZooKeeper]) -> String {
        let hosts: Vec<String> = servers.iter().map(ZooKeeper::addr).collect();
        format!(
            "clusters: [{{name: orders, zookeeper: {{hosts: {hosts:?}, door: words}}}}]\nnamespace: {NAMESPACE}\n\
             output.elasticsearch: {{hosts: [\"{}\"]}}\n",
            servers::elasticsearch().url(),
        )
    }

    /// The first document of the ensemble since then that is as it should be.
    fn until(&self, what: &str, since: i64, is: impl Fn(&Value) -> bool) -> Value {
        let mut found = None;
        wait_for(what, &self.agent, || {
            let all = documents("zookeeper.ensemble", "ensemble").into_iter();
            found = all.filter(|one| millis(one) >= since).find(|one| is(one));
            found.is_some()
        });
        found.expect("it was awaited")
    }

    /// The first event of that kind since then.
    fn event(&self, action: &str, since: i64) -> Value {
        let mut found = None;
        wait_for(action, &self.agent, || {
            found = events(action).into_iter().find(|one| millis(one) >= since);
            found.is_some()
        });
        found.expect("it was awaited")
    }

    fn server(&self, id: usize) -> &ZooKeeper {
        &self.servers[id - 1]
    }

    fn whole(&self, since: i64) -> usize {
        let whole = |one: &Value| margin(one) == Some(1) && leader(one).is_some();
        leader(&self.until("all serve", since, whole)).expect("one leads")
    }

    /// The tick of an event is the first one after what happened.
    fn assert_prompt(&self, event: &Value, happened: i64) {
        let late = millis(event) - happened;
        assert!(late <= interval(), "{late} ms later: {event}");
    }

    fn the_leader_is_killed(&self) {
        let before = self.whole(0);
        let (killed, since) = (now(), tick_before_now());
        self.server(before).kill();
        let lost = self.event("zookeeper-member-lost", since);
        assert_eq!(text(&lost, "zookeeper.server.id"), before.to_string());
        self.assert_prompt(&lost, killed);
        let ensemble = self.until("it is named", since, |one| {
            let names = field(one, "zookeeper.ensemble.names.not_answering");
            names.is_some_and(|names| names.to_string().contains(&format!("\"{before} (")))
        });
        self.assert_prompt(&ensemble, killed);
        assert_ne!(leader(&ensemble), Some(before), "{ensemble}");
        let changed = self.event("zookeeper-leader-changed", since);
        let after = text(&changed, "zookeeper.server.id");
        assert_ne!(after, before.to_string());
        let message = text(&changed, "message");
        assert!(
            message.contains(&format!("the leader is server {after} (")),
            "{message}"
        );
        assert!(
            message.contains(&format!("until now {before} (")),
            "{message}"
        );
        // Whether or not there was a quorum at the tick of the election.
        let zero = self.event("zookeeper-quorum-margin-zero", since);
        assert_eq!(text(&zero, "log.level"), "warning");
        let back = tick_before_now();
        self.server(before).restart().expect("it comes back");
        let returned = self.event("zookeeper-member-back", back);
        assert_eq!(text(&returned, "zookeeper.server.id"), before.to_string());
        self.event("zookeeper-quorum-margin-back", back);
    }

    fn a_member_hangs(&self) {
        let leader = self.whole(now());
        let hung = (1..=3).find(|id| *id != leader).expect("a follower");
        let stopped = tick_before_now();
        self.server(hung).signal(Signal::Stop);
        let ensemble = self.until("the hung one is named", stopped, |one| {
            let names = field(one, "zookeeper.ensemble.names.not_answering");
            names.is_some_and(|names| names.to_string().contains(&format!("\"{hung} (")))
        });
        assert_eq!(margin(&ensemble), Some(0), "{ensemble}");
        let lost = self.event("zookeeper-member-lost", stopped);
        assert_eq!(text(&lost, "zookeeper.server.id"), hung.to_string());
        let resumed = tick_before_now();
        self.server(hung).signal(Signal::Cont);
        self.event("zookeeper-member-back", resumed);
        self.whole(resumed);
        for target in documents("target", "target") {
            let duration = field(&target, "brokerbeat.target.duration").and_then(Value::as_f64);
            assert!(duration < Some(BUDGET.as_secs_f64() * 1e3), "{target}");
        }
    }

    fn two_are_killed(&self) {
        let leader = self.whole(now());
        let other = (1..=3).find(|id| *id != leader).expect("a follower");
        let killed = tick_before_now();
        self.server(other).kill();
        self.server(leader).kill();
        let lost = self.event("zookeeper-quorum-lost", killed);
        assert_eq!(text(&lost, "log.level"), "error");
        let without = self.until("there is no quorum", killed, |one| {
            let not_serving = field(one, "zookeeper.ensemble.servers.not_serving");
            not_serving.and_then(Value::as_i64) == Some(1)
        });
        assert!(margin(&without) < Some(0), "{without}");
        assert!(
            field(&without, "zookeeper.ensemble.leader").is_none(),
            "{without}"
        );
        assert!(
            field(&without, "zookeeper.ensemble.epoch").is_none(),
            "{without}"
        );
    }
}

/// Every tick of every server that was never stopped has its document, also while there was no leader.
fn assert_survivor_has_no_gap(ids: &[usize]) {
    for id in ids {
        let own = documents("zookeeper.server", "srvr").into_iter();
        let ticks: Vec<String> = own
            .filter(|one| text(one, "zookeeper.server.id") == id.to_string())
            .map(|one| text(&one, "@timestamp").to_owned())
            .collect();
        assert_no_gap(&ticks, INTERVAL);
    }
}

#[test]
fn what_an_ensemble_loses_is_said_within_an_interval() {
    let version = ZooKeeperVersion::V3_9;
    let servers = ZooKeeper::start_members(version, [Vote::Participant; 3], &Options::new());
    let servers = servers.expect("an ensemble starts");
    let agent = Setting::new(&Stage::config(&servers)).run();
    let stage = Stage { servers, agent };
    let first = stage.whole(0);
    let started = events("zookeeper-");
    assert!(started.is_empty(), "a start is no change: {started:?}");
    stage.the_leader_is_killed();
    let survivors: Vec<usize> = (1..=3).filter(|id| *id != first).collect();
    assert_survivor_has_no_gap(&survivors);
    stage.a_member_hangs();
    stage.two_are_killed();
    let ensembles = documents("zookeeper.ensemble", "ensemble");
    let ticks: Vec<String> = ensembles
        .iter()
        .map(|one| text(one, "@timestamp").to_owned())
        .collect();
    assert_no_gap(&ticks, INTERVAL);
    a_start_in_the_middle_of_it_is_no_change(stage);
}

fn a_start_in_the_middle_of_it_is_no_change(stage: Stage) {
    let Stage { servers, agent } = stage;
    agent.stop_clean();
    let stopped = now();
    let stage = Stage {
        agent: Setting::new(&Stage::config(&servers)).run(),
        servers,
    };
    let ensemble = stage.until("the new one sees it", stopped, |_| true);
    assert!(leader(&ensemble).is_none(), "{ensemble}");
    stage.until("and again", millis(&ensemble) + 1, |_| true);
    let mut told = events("zookeeper-");
    told.retain(|one| millis(one) > stopped);
    assert_eq!(told, Vec::<Value>::new());
    stage.agent.stop_clean();
    crate::shipping::assert_nothing_dynamic(servers::elasticsearch(), NAMESPACE);
}
