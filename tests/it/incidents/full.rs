//! `make prove-rules`: all incidents, each with the rules that are for it, and the times.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use stack::{Signal, wait_until};

use super::rule::{EVERYTHING, rules};
use super::scene::{Scene, TOPIC};
use super::watch::Watch;
use crate::agent::Agent;
use crate::servers;

const NAMESPACE: &str = "proof";
const SECONDS: u64 = 10;

/// Until every stream is there and counters have a first half of their windows.
const SETTLE: Duration = Duration::from_secs(150);
/// What is called quiet.
const QUIET: Duration = Duration::from_secs(60);
/// A rule that fires later than this after the incident is none for it; those of groups wait for the agent's window.
const SOON: Duration = Duration::from_secs(150);
const AFTER_WINDOW: Duration = Duration::from_secs(300 + 90);
/// Growing counters look back for two minutes.
const CLEARS: Duration = Duration::from_secs(240);

/// What was measured of a rule.
struct Row {
    rule: &'static str,
    incident: &'static str,
    fires: Option<u64>,
    clears: Option<u64>,
}

/// Where the times go.
pub(super) struct Wanted {
    measured: PathBuf,
}

/// Rules with a part of the keys of whom they fire for.
type Expected<'a> = &'a [(&'static str, &'a str)];

impl Wanted {
    /// Nothing where no times are wanted.
    pub(super) fn from_environment() -> Option<Self> {
        let measured = std::env::var_os("BROKERBEAT_RULES_MEASURED")?;
        Some(Self {
            measured: measured.into(),
        })
    }

    /// Plays all incidents and writes what was measured, also where a rule was silent: then it fails after that.
    pub(super) fn play(&self) {
        let scene = Scene::start();
        let agent = scene.watch(NAMESPACE).run();
        let watch = Watch::start(rules(NAMESPACE, SECONDS));
        pass(SETTLE, &agent);
        let quiet = Instant::now();
        pass(QUIET, &agent);
        let loud = watch.fired_since(quiet);
        println!("fired in a quiet minute: {loud:?}");

        let mut rows = thread::scope(|scope| {
            let groups = scope.spawn(|| of_groups(&scene, &watch));
            let ensemble = scope.spawn(|| of_ensemble(&scene, &watch));
            let mut rows = of_batches(&scene, &watch);
            rows.extend(of_a_broker(&scene, &watch));
            rows.extend(ensemble.join().expect("the ensemble's incidents"));
            rows.extend(groups.join().expect("the groups' incidents"));
            rows
        });
        rows.extend(of_the_controller(&scene, &watch));
        rows.extend(of_the_agent(agent, &watch));
        self.write(&rows);
        assert!(loud.is_empty(), "fired without an incident: {loud:?}");
        let silent = rows
            .iter()
            .filter(|row| row.fires.is_none() || row.clears.is_none());
        let silent: Vec<&str> = silent.map(|row| row.rule).collect();
        assert!(silent.is_empty(), "did not fire, or not clear: {silent:?}");
    }

    /// With what earlier runs have measured of other rules.
    fn write(&self, rows: &[Row]) {
        let before = std::fs::read_to_string(&self.measured).unwrap_or_default();
        let lines = before
            .lines()
            .filter_map(|line| Some((line.split_once(':')?.0, line.to_owned())));
        let mut all: BTreeMap<&str, String> =
            lines.filter(|(id, _)| !id.starts_with('#')).collect();
        for row in rows {
            println!(
                "{} ({}): {:?} {:?}",
                row.rule, row.incident, row.fires, row.clears
            );
            if let (Some(fires), Some(clears)) = (row.fires, row.clears) {
                let incident = row.incident;
                let line = format!(
                    "{}: {{incident: {incident}, fires: {fires}, clears: {clears}}}",
                    row.rule
                );
                all.insert(row.rule, line);
            }
        }
        let mut text = "# Seconds, by `make prove-rules`: from an incident to the first answer in which the rule's query fires, and from its end to the first silent one.\n".to_owned();
        for line in all.values() {
            writeln!(text, "{line}").expect("a String takes everything");
        }
        std::fs::write(&self.measured, text).expect("the file can be written");
    }
}

fn pass(time: Duration, agent: &Agent) {
    let begin = Instant::now();
    let passed = wait_until("some time", time + Duration::from_secs(60), || {
        assert!(!agent.log().contains("panicked"), "{}", agent.log());
        (begin.elapsed() >= time).then_some(())
    });
    passed.expect("time passes");
}

/// Lets something happen, waits for its rules, ends it, and waits until they are silent.
fn incident(
    watch: &Watch,
    name: &'static str,
    limit: Duration,
    expected: Expected<'_>,
    begin: impl FnOnce(),
    end: impl FnOnce(),
) -> Vec<Row> {
    begin();
    let since = Instant::now();
    let fires = expected
        .iter()
        .map(|(rule, part)| watch.fires(rule, part, since, limit));
    let fires: Vec<Option<u64>> = fires.collect();
    end();
    let since = Instant::now();
    let rows = expected.iter().zip(fires).map(|((rule, part), fires)| Row {
        rule,
        incident: name,
        fires,
        clears: fires.and_then(|_| watch.clears(rule, part, since, CLEARS)),
    });
    rows.collect()
}

fn of_groups(scene: &Scene, watch: &Watch) -> Vec<Row> {
    thread::scope(|scope| {
        let stopped = scope.spawn(|| {
            let expected = [
                ("group-without-members", "stopped"),
                ("group-stopped", "stopped"),
            ];
            let (begin, end) = (|| scene.stopped.stop(), || scene.stopped.resume());
            incident(
                watch,
                "consumer stopped",
                AFTER_WINDOW,
                &expected,
                || begin().expect("stopped"),
                || end().expect("reads"),
            )
        });
        let stalled = scope.spawn(|| {
            let expected = [
                ("group-stalled", "stalled"),
                ("group-late-and-growing", "stalled"),
            ];
            let (begin, end) = (|| scene.stalled.pause(), || scene.stalled.resume());
            incident(
                watch,
                "consumer stalled",
                AFTER_WINDOW,
                &expected,
                || begin().expect("paused"),
                || end().expect("reads"),
            )
        });
        let rewind = || {
            scene.rewound.stop().expect("stopped");
            scene
                .producer
                .commit("rewound", TOPIC, 0, 1)
                .expect("committed");
        };
        let resume = || scene.rewound.resume().expect("reads");
        let mut rows = incident(
            watch,
            "consumer rewound",
            SOON,
            &[("group-rewound", "rewound")],
            rewind,
            resume,
        );
        rows.extend(stopped.join().expect("stopped"));
        rows.extend(stalled.join().expect("stalled"));
        rows
    })
}

fn of_ensemble(scene: &Scene, watch: &Watch) -> Vec<Row> {
    let [leader, follower] = scene.leader_and_follower();
    let one = [
        ("zookeeper-member-not-answering", "ensemble"),
        ("zookeeper-no-margin", "ensemble"),
    ];
    let mut rows = incident(
        watch,
        "one of three servers stopped",
        SOON,
        &one,
        || follower.kill(),
        || {
            follower.restart().expect("it comes back");
        },
    );
    let both = [
        ("zookeeper-no-quorum", "ensemble"),
        ("zookeeper-member-not-serving", "ensemble"),
    ];
    let kill = || [leader, follower].into_iter().for_each(|one| one.kill());
    let restart = || {
        // Neither is ready without the other.
        thread::scope(|scope| {
            let other = scope.spawn(|| leader.restart());
            follower.restart().expect("it comes back");
            other.join().expect("no panic").expect("it comes back");
        });
    };
    rows.extend(incident(
        watch,
        "two of three servers stopped",
        SOON,
        &both,
        kill,
        restart,
    ));
    rows
}

fn of_batches(scene: &Scene, watch: &Watch) -> Vec<Row> {
    let expected = [("messages-too-large", "orders"), ("producer-errors", "")];
    let send = || {
        let refused = scene.oversized.send(5);
        assert!(
            refused.is_err(),
            "a batch above the topic's limit was taken"
        );
    };
    incident(watch, "oversized batch", SOON, &expected, send, || {})
}

fn of_a_broker(scene: &Scene, watch: &Watch) -> Vec<Row> {
    let broker = &scene.brokers[2];
    let port = broker
        .jmx()
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    let expected = [
        ("broker-gone", "orders 3"),
        ("partitions-offline", "orders"),
        ("partitions-under-replicated", "orders"),
        ("partitions-under-min-isr", "strict"),
        ("brokers-fenced", "orders"),
        ("isr-shrinks", "orders"),
        ("target-down", &port),
    ];
    incident(
        watch,
        "a broker killed",
        SOON,
        &expected,
        || broker.kill(),
        || {
            broker.restart().expect("it comes back");
        },
    )
}

fn of_the_controller(scene: &Scene, watch: &Watch) -> Vec<Row> {
    let controller = &scene.brokers[0];
    let expected = [("controller-none", "orders")];
    incident(
        watch,
        "the controller lost",
        SOON,
        &expected,
        || controller.signal(Signal::Stop),
        || {
            controller.signal(Signal::Cont);
        },
    )
}

/// Ends the agent, and starts it again with what it had.
fn of_the_agent(agent: Agent, watch: &Watch) -> Vec<Row> {
    let expected = [("agent-silent", EVERYTHING), ("agent-gone", "")];
    let mut setting = None;
    let mut again = None;
    let begin = Instant::now();
    agent.stop();
    setting.replace(agent.killed());
    println!("the agent took {:?} to stop", begin.elapsed());
    let rows = incident(
        watch,
        "agent stopped",
        SOON,
        &expected,
        || {},
        || {
            again = setting.take().map(crate::agent::Setting::run);
        },
    );
    if let Some(agent) = again {
        agent.stop();
    }
    // What was shipped stands for all that the rules were asked of.
    crate::shipping::assert_nothing_dynamic(servers::elasticsearch(), NAMESPACE);
    rows
}
