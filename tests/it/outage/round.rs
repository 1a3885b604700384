//! One outage: wait until all is well, stop two brokers in mid-cycle, look, let them go on, wait until all is well.

use std::collections::BTreeSet;
use std::time::Duration;

use brokerbeat::clock::{Millis, Rhythm};
use fastrand::Rng;
use serde_json::Value;
use stack::{Signal, wait_until};

use super::cluster::{ALONE, Cluster};
use super::judge::{self, Place, Scene};
use super::report::{Row, Run};
use crate::agent::{field, of_dataset, text};
use crate::observer::{Cycle, Micros, Observer, Window, now};

/// Restarts, elections and everything after them, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Cycles by which it is told how long one takes: some of them may have been held up.
const TYPICAL: usize = 5;

/// What happens to the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// SIGSTOP, later SIGCONT.
    Hang,
    /// SIGKILL, later a new start.
    Kill,
}

/// A cluster with the agent that watches it.
pub(super) struct Stage<'a> {
    cluster: &'a Cluster,
    observer: &'a Observer,
    /// Cycles that are seen after the survivor has new records, but for the first.
    after: usize,
}

/// What the survivor has, by the agent's own documents at a quiet moment.
pub(super) struct Survivor {
    /// The beginning of the cycle by which this is known.
    since: Micros,
    /// Partitions that it leads.
    pub(super) leads: BTreeSet<Place>,
    /// Groups that it coordinates.
    pub(super) groups: BTreeSet<String>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(cluster: &'a Cluster, observer: &'a Observer, after: usize) -> Self {
        Self {
            cluster,
            observer,
            after,
        }
    }

    pub(super) fn round(&self, stop: Stop, dice: &mut Rng, row: &mut Row) {
        // The cycle with which the last round ended will do.
        let interval = Micros::try_from(self.observer.interval().as_micros()).expect("short");
        let (survivor, typical) = self.all_well(now() - 2 * interval);
        let stopped = self.stop_in_cycle(stop, typical, dice);
        self.await_cycle_after(stopped.to, 0);
        // What the survivor has goes on: an old value would be noticed.
        let alone = survivor.leads.iter().filter(|(topic, _)| topic == ALONE);
        let alone: Vec<i32> = alone.map(|(_, partition)| *partition).collect();
        self.cluster.write(&alone);
        self.cluster
            .commit(&|group| survivor.groups.contains(group), &alone);
        self.await_cycle_after(now(), self.after);
        let released = now();
        match stop {
            Stop::Hang => self.cluster.signal(Signal::Cont),
            Stop::Kill => self.cluster.restart(),
        }
        let back = now();
        self.all_well(back);
        let scene = Scene {
            survivor: &survivor,
            stopped,
            released,
            world: &self.cluster.world,
        };
        row.rounds += 1;
        row.back.push((now() - back) as f64 / 1e6);
        self.observer.look(|all| {
            let of_round = all.iter().filter(|one| one.window.from >= survivor.since);
            row.hit += usize::from(all.iter().any(|one| is_hit(one, stopped)));
            of_round.for_each(|one| judge::cycle(one, &scene, row));
        });
    }

    /// Notes the ticks so far, and forgets the documents of all but the last ones.
    pub(super) fn note(&self, run: &mut Run) {
        let kept = self.observer.look(|all| {
            run.ticks.extend(all.iter().map(|one| one.tick.to_owned()));
            run.missed = run.missed.max(missed(all));
            all.iter().nth_back(TYPICAL).map(|one| one.tick.to_owned())
        });
        kept.iter()
            .for_each(|tick| self.observer.forget_before(tick));
    }

    /// Waits for a cycle that began after that moment and in which nothing is missing; gives what the survivor has in it,
    /// and how long a cycle takes.
    fn all_well(&self, after: Micros) -> (Survivor, Duration) {
        let whole = |all: &[Cycle<'_>]| {
            let last = all.last().filter(|one| one.window.from > after)?;
            judge::is_whole(last).then(|| (survivor(last), typical(all)))
        };
        self.await_cycles("a cycle without a fault", whole)
    }

    /// Waits for so many more cycles than the first that began after that moment.
    fn await_cycle_after(&self, moment: Micros, more: usize) {
        self.await_cycles("the next cycle", |all| {
            let later = all.iter().filter(|one| one.window.from > moment);
            (later.count() > more).then_some(())
        });
    }

    fn await_cycles<T>(&self, step: &str, wanted: impl Fn(&[Cycle<'_>]) -> Option<T>) -> T {
        let found = wait_until(step, PATIENCE, || self.observer.look(&wanted));
        found.unwrap_or_else(|error| panic!("{error}\n{}", self.observer.agent.log()))
    }

    /// Stops two brokers when a cycle has begun and is not over; gives between which two moments that was.
    fn stop_in_cycle(&self, stop: Stop, typical: Duration, dice: &mut Rng) -> Window {
        let name = |all: &[Cycle<'_>]| {
            let last = all.last().expect("a cycle was whole");
            text(last.target, "brokerbeat.target.name").to_owned()
        };
        let rhythm = Rhythm::new(self.observer.interval(), &self.observer.look(name));
        let next = rhythm.next(None, Millis::now());
        let within = typical.mul_f64(0.1 + 0.8 * dice.f64());
        let moment = Micros::try_from(rhythm.start_of(next).0).expect("a date") * 1_000
            + Micros::try_from(within.as_micros()).expect("short");
        let left = u64::try_from(moment - now()).unwrap_or(0);
        #[allow(clippy::disallowed_methods, reason = "the moment itself is wanted")]
        std::thread::sleep(Duration::from_micros(left));
        let from = now();
        self.cluster.signal(match stop {
            Stop::Hang => Signal::Stop,
            Stop::Kill => Signal::Kill,
        });
        Window { from, to: now() }
    }
}

fn missed(all: &[Cycle<'_>]) -> u64 {
    let missed = |one: &Cycle<'_>| field(one.target, "brokerbeat.target.missed")?.as_u64();
    all.iter().filter_map(missed).max().unwrap_or(0)
}

/// What a cycle needs at least, by the last ones in which nothing was missing.
fn typical(all: &[Cycle<'_>]) -> Duration {
    let good = all.iter().rev().filter(|one| one.faults == 0);
    let least = good.take(TYPICAL).map(taken).min();
    least.unwrap_or(Duration::ZERO)
}

/// How long the collector needed.
pub(super) fn taken(cycle: &Cycle<'_>) -> Duration {
    let duration = field(cycle.target, "brokerbeat.target.duration");
    let millis = duration.and_then(Value::as_f64).expect("a duration");
    Duration::from_secs_f64(millis / 1e3)
}

/// Whether the stop came after the cycle's first moment and before its last one, by what the agent says of itself.
pub(super) fn is_hit(cycle: &Cycle<'_>, stopped: Window) -> bool {
    // The last moment is known to the millisecond in which it was.
    let ended = cycle.window.to - 999;
    let began = ended - Micros::try_from(taken(cycle).as_micros()).expect("short") + 1_000;
    began < stopped.from && stopped.to < ended
}

fn survivor(cycle: &Cycle<'_>) -> Survivor {
    let documents: Vec<Value> = cycle.documents.iter().map(|one| (*one).clone()).collect();
    let number = |document: &Value, name: &str| field(document, name).and_then(Value::as_i64);
    let leads = of_dataset(&documents, "kafka.partition").into_iter();
    let leads = leads.filter(|one| number(one, "kafka.partition.partition.leader") == Some(1));
    let groups = of_dataset(&documents, "kafka.group").into_iter();
    let groups = groups.filter(|one| number(one, "kafka.group.coordinator.id") == Some(1));
    Survivor {
        since: cycle.window.from,
        leads: leads.map(judge::place).collect(),
        groups: groups
            .map(|one| text(one, "kafka.consumergroup.id").to_owned())
            .collect(),
    }
}
