//! `make prove-rules`: all incidents, each with the rules that are for it, and the times.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use stack::{Signal, wait_until};

use super::rule::{EVERYTHING, rules};
use super::scene::{Scene, TOPIC};
use super::watch::Watch;
use crate::agent::{Agent, Setting};

const NAMESPACE: &str = "proof";
const SECONDS: u64 = 10;

/// Until every stream is there and counters have a first half of their windows.
const SETTLE: Duration = Duration::from_secs(100);
/// Above the times.
const HEAD: &str = "# Seconds, by `make prove-rules`: from an incident to the first answer in which the rule's query fires, and from its end to the first silent one.\n";
/// What is called quiet.
const QUIET: Duration = Duration::from_secs(60);
/// A rule that fires later than this after the incident is none for it; those of groups wait for the agent's window.
const SOON: Duration = Duration::from_secs(150);
const AFTER_WINDOW: Duration = Duration::from_secs(300 + 90);
/// Growing counters look back for two minutes.
const CLEARS: Duration = Duration::from_secs(240);

/// What can be played, by the words of `INCIDENTS`.
const ALL: [&str; 6] = [
    "groups",
    "ensemble",
    "batches",
    "broker",
    "controller",
    "agent",
];

/// Where the times go, and which incidents are played.
pub(super) struct Wanted {
    book: Book,
    chosen: Vec<String>,
}

/// Rules with a part of the keys of whom they fire for.
type Expected<'a> = &'a [(&'static str, &'a str)];

impl Wanted {
    /// Nothing where no times are wanted.
    pub(super) fn from_environment() -> Option<Self> {
        let measured = std::env::var_os("BROKERBEAT_RULES_MEASURED")?;
        let chosen = std::env::var("INCIDENTS").unwrap_or_default();
        let chosen: Vec<String> = chosen.split_whitespace().map(str::to_owned).collect();
        let stranger = chosen.iter().find(|word| !ALL.contains(&word.as_str()));
        assert_eq!(stranger, None, "INCIDENTS knows {ALL:?}");
        Some(Self {
            book: Book::new(measured.into()),
            chosen,
        })
    }

    fn plays(&self, word: &str) -> bool {
        self.chosen.is_empty() || self.chosen.iter().any(|chosen| chosen == word)
    }

    /// Plays all incidents and writes what was measured; it fails after that if a rule was silent.
    pub(super) fn play(&self) {
        let scene = Scene::start();
        let agent = scene.watch(NAMESPACE).run();
        let watch = Watch::start(rules(NAMESPACE, SECONDS));
        pass(SETTLE, &agent);
        let quiet = Instant::now();
        pass(QUIET, &agent);
        let loud = watch.fired_since(quiet);
        println!("fired in a quiet minute: {loud:?}");

        let stage = Stage {
            scene: &scene,
            watch: &watch,
            book: &self.book,
        };
        thread::scope(|scope| {
            if self.plays("groups") {
                scope.spawn(|| stage.of_groups());
            }
            if self.plays("ensemble") {
                scope.spawn(|| stage.of_ensemble());
            }
            if self.plays("batches") {
                stage.of_batches();
            }
            if self.plays("broker") {
                stage.of_a_broker();
            }
        });
        if self.plays("controller") {
            stage.of_the_controller();
        }
        if self.plays("agent") {
            stage.of_the_agent(agent);
        }
        assert!(loud.is_empty(), "fired without an incident: {loud:?}");
        let silent = self.book.silent.lock().expect("no panic").clone();
        assert!(silent.is_empty(), "did not fire, or not clear: {silent:?}");
    }
}

/// The file of times: what one run measures replaces what earlier ones did.
struct Book {
    path: PathBuf,
    silent: Mutex<Vec<String>>,
}

impl Book {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            silent: Mutex::default(),
        }
    }

    /// Writes at once: a run may be ended before its end.
    fn note(&self, rule: &str, incident: &str, fires: Option<u64>, clears: Option<u64>) {
        let mut silent = self.silent.lock().expect("no panic");
        println!("{rule} ({incident}): fires {fires:?}, clears {clears:?}");
        let (Some(fires), Some(clears)) = (fires, clears) else {
            return silent.push(rule.to_owned());
        };
        let before = std::fs::read_to_string(&self.path).unwrap_or_default();
        let lines = before.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.filter_map(|line| Some((line.split_once(':')?.0, line.to_owned())));
        let mut all: BTreeMap<&str, String> = lines.collect();
        let line = format!("{rule}: {{incident: {incident}, fires: {fires}, clears: {clears}}}");
        all.insert(rule, line);
        let mut text = HEAD.to_owned();
        for line in all.values() {
            writeln!(text, "{line}").expect("a String takes everything");
        }
        std::fs::write(&self.path, text).expect("the file can be written");
    }
}

/// What incidents are played with.
struct Stage<'a> {
    scene: &'a Scene,
    watch: &'a Watch,
    book: &'a Book,
}

fn pass(time: Duration, agent: &Agent) {
    let begin = Instant::now();
    let passed = wait_until("some time", time + Duration::from_secs(60), || {
        assert!(!agent.log().contains("panicked"), "{}", agent.log());
        (begin.elapsed() >= time).then_some(())
    });
    passed.expect("time passes");
}

impl Stage<'_> {
    /// Lets something happen, waits for its rules, ends it, and waits until they are silent.
    fn incident(
        &self,
        name: &str,
        limit: Duration,
        expected: Expected<'_>,
        begin: impl FnOnce(),
        end: impl FnOnce(),
    ) {
        // What follows is seen to begin with it, not when the order for it has come back.
        let since = Instant::now();
        begin();
        let fires = expected
            .iter()
            .map(|(rule, part)| self.watch.fires(rule, part, since, limit));
        let fires: Vec<Option<u64>> = fires.collect();
        end();
        let since = Instant::now();
        for ((rule, part), fires) in expected.iter().zip(fires) {
            let clears = fires.and_then(|_| self.watch.clears(rule, part, since, CLEARS));
            self.book.note(rule, name, fires, clears);
        }
    }

    fn of_groups(&self) {
        let scene = self.scene;
        thread::scope(|scope| {
            scope.spawn(|| {
                let expected = [
                    ("group-without-members", "stopped"),
                    ("group-stopped", "stopped"),
                ];
                let begin = || scene.stopped.stop().expect("stopped");
                let end = || scene.stopped.resume().expect("reads");
                self.incident("consumer stopped", AFTER_WINDOW, &expected, begin, end);
            });
            scope.spawn(|| {
                let expected = [
                    ("group-stalled", "stalled"),
                    ("group-late-and-growing", "stalled"),
                ];
                let begin = || scene.stalled.pause().expect("paused");
                let end = || scene.stalled.resume().expect("reads");
                self.incident("consumer stalled", AFTER_WINDOW, &expected, begin, end);
            });
            let begin = || {
                scene.rewound.stop().expect("stopped");
                let set_back = scene.producer.commit("rewound", TOPIC, 0, 1);
                set_back.expect("committed");
            };
            let end = || scene.rewound.resume().expect("reads");
            let expected = [("group-rewound", "rewound")];
            self.incident("consumer rewound", SOON, &expected, begin, end);
        });
    }

    fn of_ensemble(&self) {
        let [leader, follower] = self.scene.leader_and_follower();
        let one = [
            ("zookeeper-member-not-answering", "ensemble"),
            ("zookeeper-no-margin", "ensemble"),
        ];
        let name = "one of three servers stopped";
        let end = || follower.restart().expect("it comes back");
        self.incident(name, SOON, &one, || follower.kill(), end);
        let both = [
            ("zookeeper-no-quorum", "ensemble"),
            ("zookeeper-member-not-serving", "ensemble"),
        ];
        let begin = || {
            leader.kill();
            follower.kill();
        };
        // Neither is ready without the other.
        let end = || {
            thread::scope(|scope| {
                let other = scope.spawn(|| leader.restart());
                follower.restart().expect("it comes back");
                other.join().expect("no panic").expect("it comes back");
            });
        };
        self.incident("two of three servers stopped", SOON, &both, begin, end);
    }

    fn of_batches(&self) {
        let expected = [("messages-too-large", "orders"), ("producer-errors", "")];
        let begin = || {
            let refused = self.scene.oversized.send(5);
            assert!(
                refused.is_err(),
                "a batch above the topic's limit was taken"
            );
        };
        self.incident("oversized batch", SOON, &expected, begin, || {});
    }

    fn of_a_broker(&self) {
        let broker = &self.scene.brokers[2];
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
        let end = || broker.restart().expect("it comes back");
        self.incident("a broker killed", SOON, &expected, || broker.kill(), end);
    }

    fn of_the_controller(&self) {
        let controller = &self.scene.brokers[0];
        let begin = || controller.signal(Signal::Stop);
        let end = || controller.signal(Signal::Cont);
        let expected = [("controller-none", "orders")];
        self.incident("the controller lost", SOON, &expected, begin, end);
    }

    /// Ends the agent, and starts it again with what it had.
    fn of_the_agent(&self, agent: Agent) {
        agent.stop();
        let mut setting = Some(agent.killed());
        let mut again = None;
        let end = || again = setting.take().map(Setting::run);
        let expected = [("agent-silent", EVERYTHING), ("agent-gone", "")];
        self.incident("agent stopped", SOON, &expected, || {}, end);
        again.expect("it was started").stop();
    }
}
