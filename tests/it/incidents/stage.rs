//! How an incident is played: it begins, its rules fire, it ends, they fall silent.

use std::time::{Duration, Instant};

use stack::{Kafka, wait_until};

use super::book::{Book, Seen, Times};
use super::rule::Stated;
use super::scene::Scene;
use super::watch::Watch;
use crate::agent::PATIENCE;

/// For how long a rule is waited for beyond what it states, so that it is told by how much it is late.
const BEYOND: Duration = Duration::from_secs(120);

/// Makes topics and tells about them.
pub(super) const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";

/// Rules with a part of the keys of whom they fire for.
pub(super) type Expected<'a> = &'a [(&'static str, &'a str)];

/// What incidents are played with.
pub(super) struct Stage<'a> {
    pub(super) scene: &'a Scene,
    pub(super) watch: &'a Watch,
    pub(super) book: &'a Book,
    pub(super) namespace: &'a str,
}

/// What is said of an incident in the table.
pub(super) struct Told<'a> {
    pub(super) incident: &'a str,
    pub(super) seen: Seen,
    /// It has happened when the tool or the server that brings it about is ready, which takes its time.
    pub(super) is_slow: bool,
}

impl<'a> Told<'a> {
    pub(super) fn live(incident: &'a str) -> Self {
        Self {
            incident,
            seen: Seen::Live,
            is_slow: false,
        }
    }

    pub(super) fn slow(incident: &'a str) -> Self {
        Self {
            is_slow: true,
            ..Self::live(incident)
        }
    }
}

impl Stage<'_> {
    /// Lets something happen, waits for its rules, ends it, and waits until they are silent.
    pub(super) fn incident(
        &self,
        name: &str,
        expected: Expected<'_>,
        begin: impl FnOnce(),
        end: impl FnOnce(),
    ) {
        self.told(&Told::live(name), expected, begin, end);
    }

    pub(super) fn told(
        &self,
        told: &Told<'_>,
        expected: Expected<'_>,
        begin: impl FnOnce(),
        end: impl FnOnce(),
    ) {
        println!("begins: {}", told.incident);
        // What follows is seen to begin with it, not when the order for it has come back.
        let begun = Instant::now();
        begin();
        let since = match told.is_slow {
            true => Instant::now(),
            false => begun,
        };
        let fires: Vec<Option<u64>> = expected
            .iter()
            .map(|(rule, part)| {
                let limit = Duration::from_secs(Stated::of(rule).fires) + BEYOND;
                self.watch.fires(rule, part, [begun, since], limit)
            })
            .collect();
        end();
        println!("ends: {}", told.incident);
        let since = Instant::now();
        for ((rule, part), fires) in expected.iter().zip(fires) {
            let limit = Duration::from_secs(Stated::of(rule).clears) + BEYOND;
            let clears = fires.and_then(|_| self.watch.clears(rule, part, since, limit));
            self.book.note(rule, told, Times { fires, clears });
        }
    }
}

/// Runs one of Kafka's tools until it has done its work: on a busy machine, or beside a broker that is down, its requests
/// may time out.
pub(super) fn tool(kafka: &Kafka, main: &str, args: &[&str]) -> String {
    let bootstrap = kafka.bootstrap();
    let args = [&["--bootstrap-server", &bootstrap], args].concat();
    patiently(main, || kafka.run_tool(main, &args).ok())
}

/// Waits until the tool that tells about topics says something of them.
pub(super) fn until_topics_say(kafka: &Kafka, args: &[&str], check: impl Fn(&str) -> bool) {
    let bootstrap = kafka.bootstrap();
    let args = [&["--bootstrap-server", &bootstrap, "--describe"], args].concat();
    patiently("what is said of topics", || {
        let printed = kafka.run_tool(TOPICS, &args).ok()?;
        check(&printed).then_some(())
    });
}

/// Tries again until it is done.
pub(super) fn patiently<T>(what: &str, attempt: impl FnMut() -> Option<T>) -> T {
    wait_until(what, 2 * PATIENCE, attempt).unwrap_or_else(|error| panic!("{error}"))
}
