//! `make prove-rules`: all incidents, each with the rules that are for it, and the times.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use stack::wait_until;

use super::book::Book;
use super::rule::{Rule, rules};
use super::scene::Scene;
use super::stage::Stage;
use super::watch::Watch;
use super::{brokers, clients, disk, ensemble, groups, quiet, recorded, streams};
use crate::agent::Agent;

const NAMESPACE: &str = "proof";
const SECONDS: u64 = 10;

/// Until every stream is there and counters have a first half of their windows.
const SETTLE: Duration = Duration::from_secs(130);

/// A rule, its threshold, and another one that is asked for here.
pub(super) type Threshold = (&'static str, u64, u64);

/// Only a large cluster has so many documents.
pub(super) const WAITING: Threshold = ("documents-wait", 100_000, 50);
/// The machine does other things, too.
pub(super) const SLOW: Threshold = ("produce-slow", 200, 2_000);

/// What is said of a rule's threshold in the table.
pub(super) fn note(rule: &str) -> Option<String> {
    let other = [WAITING, SLOW].into_iter().find(|(name, ..)| *name == rule);
    other.map(|(_, from, to)| format!("threshold {to} instead of {from}"))
}

/// Plays what belongs to one word of `INCIDENTS`.
type Play = fn(&Stage<'_>);

/// What can be played at the same time.
const TOGETHER: [(&str, Play); 12] = [
    (DISK, disk::play),
    ("groups", groups::play),
    ("retention", groups::play_retention),
    ("deleted", groups::play_deleted),
    ("ensemble", ensemble::play),
    ("batches", clients::play_batches),
    ("throttled", clients::play_throttled),
    ("hung", clients::play_hung),
    ("connect", clients::play_connect),
    ("streams", streams::play),
    ("recorded", recorded::play),
    ("session", brokers::play_session),
];

/// What happens to the brokers of all others, so that nothing else can be played meanwhile.
const ALONE: [(&str, Play); 4] = [
    ("broker", brokers::play),
    ("unclean", brokers::play_unclean),
    ("controller", brokers::play_controller),
    ("hang", brokers::play_hang),
];

const DISK: &str = "disk";
const QUIET: &str = "quiet";
const AGENT: &str = "agent";

/// Where the times go, and which incidents are played.
pub(super) struct Wanted {
    book: Book,
    chosen: Vec<String>,
}

impl Wanted {
    /// Nothing where no times are wanted.
    pub(super) fn from_environment() -> Option<Self> {
        let measured = std::env::var_os("BROKERBEAT_RULES_MEASURED")?;
        let chosen = std::env::var("INCIDENTS").unwrap_or_default();
        let chosen: Vec<String> = chosen.split_whitespace().map(str::to_owned).collect();
        let plays = TOGETHER.iter().chain(&ALONE).map(|(word, _)| *word);
        let all: Vec<&str> = plays.chain([QUIET, AGENT]).collect();
        let stranger = chosen.iter().find(|word| !all.contains(&word.as_str()));
        assert_eq!(stranger, None, "INCIDENTS knows {all:?}");
        Some(Self {
            book: Book::new(measured.into()),
            chosen,
        })
    }

    fn plays(&self, word: &str) -> bool {
        self.chosen.is_empty() || self.chosen.iter().any(|chosen| chosen == word)
    }

    /// Plays what was chosen and writes what was measured; it fails after that if a rule was not as it states.
    pub(super) fn play(&self) {
        let scene = Scene::start(self.plays(DISK));
        let agent = scene.watch(NAMESPACE).run();
        pass(SETTLE, &agent);
        if self.plays(QUIET) {
            quiet::play(&Watch::start(changed(&[SLOW])), &self.book, &agent);
        }
        let watch = Watch::start(changed(&[SLOW, WAITING]));
        let begin = Instant::now();
        let stage = Stage {
            scene: &scene,
            watch: &watch,
            book: &self.book,
            namespace: NAMESPACE,
        };
        thread::scope(|scope| {
            for (word, play) in TOGETHER {
                let stage = &stage;
                if self.plays(word) {
                    scope.spawn(move || self.try_play(word, play, stage));
                }
            }
        });
        for (word, play) in ALONE {
            if self.plays(word) {
                self.try_play(word, play, &stage);
            }
        }
        if self.plays(AGENT) {
            streams::play_agent(&stage, agent);
        }
        println!("all that fired: {:#?}", watch.fired_since(begin));
        let wrong = self.book.wrong();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// What cannot be played does not keep the others from it.
    fn try_play(&self, word: &str, play: Play, stage: &Stage<'_>) {
        if catch_unwind(AssertUnwindSafe(|| play(stage))).is_err() {
            self.book.complain(format!("{word} could not be played"));
        }
    }
}

/// All rules, some of them with another threshold.
fn changed(thresholds: &[Threshold]) -> Vec<Rule> {
    let mut all = rules(NAMESPACE, SECONDS);
    for (name, from, to) in thresholds {
        let one = all.iter_mut().find(|rule| rule.name == *name);
        one.expect("the rule is there").change(*from, *to);
    }
    all
}

pub(super) fn pass(time: Duration, agent: &Agent) {
    let begin = Instant::now();
    let passed = wait_until("some time", time + Duration::from_secs(60), || {
        assert!(!agent.log().contains("panicked"), "{}", agent.log());
        (begin.elapsed() >= time).then_some(())
    });
    passed.expect("time passes");
}
