//! Asks rules again and again, and remembers when each fired for whom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use stack::wait_until;

use super::rule::Rule;
use crate::servers;

/// Between two rounds: what is measured is as exact as that.
const ROUND: Duration = Duration::from_secs(1);

/// What a rule said, each time that it said something else than before.
#[derive(Clone, Debug)]
struct Change {
    at: Instant,
    rule: String,
    alerts: BTreeSet<String>,
}

/// Rules under watch, until it is dropped.
pub(super) struct Watch {
    changes: Arc<Mutex<Vec<Change>>>,
    rounds: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(super) fn start(mut rules: Vec<Rule>) -> Self {
        let changes = Arc::new(Mutex::new(Vec::<Change>::new()));
        let ends = Arc::new(AtomicBool::new(false));
        let rounds = Arc::new(AtomicU64::new(0));
        let (log, end) = (Arc::clone(&changes), Arc::clone(&ends));
        let count = Arc::clone(&rounds);
        let thread = thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                for rule in &mut rules {
                    note(&log, rule);
                }
                count.fetch_add(1, Ordering::Relaxed);
                thread::park_timeout(ROUND);
            }
        });
        Self {
            changes,
            rounds,
            ends,
            thread: Some(thread),
        }
    }

    /// How often every rule was asked.
    pub(super) fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Relaxed)
    }

    /// What fires at the moment, as `rule: whom`.
    pub(super) fn firing(&self) -> BTreeSet<String> {
        let changes = self.changes.lock().expect("no panic");
        let mut last = BTreeMap::new();
        for change in changes.iter() {
            last.insert(change.rule.as_str(), &change.alerts);
        }
        last.iter()
            .flat_map(|(rule, alerts)| alerts.iter().map(move |whom| format!("{rule}: {whom}")))
            .collect()
    }

    /// Everything that has fired since a moment, as `rule: whom`.
    pub(super) fn fired_since(&self, begin: Instant) -> BTreeSet<String> {
        let changes = self.changes.lock().expect("no panic");
        let later = changes.iter().filter(|change| change.at >= begin);
        later
            .flat_map(|change| {
                change
                    .alerts
                    .iter()
                    .map(move |whom| format!("{}: {whom}", change.rule))
            })
            .collect()
    }

    /// Seconds to the first answer in which the rule fires for somebody whose keys have this part: it is looked for from the
    /// first moment on, and counted from the second.
    pub(super) fn fires(
        &self,
        rule: &str,
        part: &str,
        [begun, since]: [Instant; 2],
        limit: Duration,
    ) -> Option<u64> {
        let at = self.wait(rule, part, begun, limit + (since - begun), true)?;
        Some(seconds(at, since))
    }

    /// Seconds from a moment to the first answer from which on it does not fire any more.
    pub(super) fn clears(
        &self,
        rule: &str,
        part: &str,
        since: Instant,
        limit: Duration,
    ) -> Option<u64> {
        let at = self.wait(rule, part, since, limit, false)?;
        Some(seconds(at, since))
    }

    fn wait(
        &self,
        rule: &str,
        part: &str,
        since: Instant,
        limit: Duration,
        wanted: bool,
    ) -> Option<Instant> {
        let left = limit.saturating_sub(since.elapsed());
        let step = format!("{rule} is {wanted} for {part}");
        let at = wait_until(&step, left, || {
            let runs = self.thread.as_ref().is_some_and(|one| !one.is_finished());
            assert!(runs, "rules are asked no more");
            let changes = self.changes.lock().expect("no panic");
            let of_rule = changes.iter().filter(|change| change.rule == rule);
            let mut after = of_rule.clone().filter(|change| change.at >= since);
            let fires = |change: &Change| change.alerts.iter().any(|whom| whom.contains(part));
            match wanted {
                true => after.find(|change| fires(change)).map(|change| change.at),
                // It may have cleared and fired again in between: what it says last counts.
                false => {
                    let mut end = None;
                    for change in of_rule {
                        end = match (fires(change), end) {
                            (true, _) => None,
                            (false, None) => Some(change.at),
                            (false, end) => end,
                        };
                    }
                    end.map(|at| at.max(since))
                }
            }
        });
        at.ok()
    }
}

fn seconds(at: Instant, since: Instant) -> u64 {
    at.saturating_duration_since(since).as_secs_f64().ceil() as u64
}

fn note(log: &Mutex<Vec<Change>>, rule: &mut Rule) {
    let Some(alerts) = rule.alerts(servers::elasticsearch()) else {
        return;
    };
    let mut log = log.lock().expect("no panic");
    let last = log.iter().rev().find(|change| change.rule == rule.name);
    let is_new = match last {
        Some(last) => last.alerts != alerts,
        None => !alerts.is_empty(),
    };
    if is_new {
        log.push(Change {
            at: Instant::now(),
            rule: rule.name.clone(),
            alerts,
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic in it was seen by whoever waited for its answers.
            thread.join().ok();
        }
    }
}
