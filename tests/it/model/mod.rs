//! Whether the numbers of groups are true while everything changes at once: a broker is written to, committed to and
//! administered by dice, two agents watch it, and every document of theirs is held against a model, which is
//! the log of what was done with its times.
//!
//! A number must have been true at some moment of the cycle that it is of: a commit that was overwritten before the cycle
//! began is an old value repeated as new.
//!
//! The test takes some seconds. `make prove-lag` takes five minutes (`LAG_MINUTES`) and writes `docs/proofs/lag.md`; runs
//! add up. `LAG_SEED` repeats the dice of a run, not its times.

mod actors;
mod ages;
pub(crate) mod clients;
pub(crate) mod history;
pub(crate) mod judge;
pub(crate) mod numbers;
mod report;
mod tally;
pub(crate) mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actors::Actors;
use judge::{Judge, Model};
use report::Run;
use stack::{Kafka, Options, wait_until};
use tally::Tally;
use world::World;

use crate::observer::Observer;

/// The least that there is; and one that leaves the time to read records.
const INTERVALS: [(Duration, &str); 2] = [
    (Duration::from_secs(1), "{read_records: false}"),
    (Duration::from_secs(4), "{read_records: true}"),
];
/// The test's length, unless `LAG_MINUTES` is set.
const SHORT: Duration = Duration::from_secs(15);
/// Cycles that must be there for the test to have shown anything: on a busy machine some are missed.
const LEAST_CYCLES: u64 = 3;

/// A number from the environment.
pub(crate) fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    let value = text.parse();
    Some(value.unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn every_number_was_true_at_some_moment_of_its_cycle() {
    let minutes: Option<u64> = variable("LAG_MINUTES");
    let length = minutes.map_or(SHORT, |minutes| Duration::from_secs(60 * minutes));
    let seed = variable("LAG_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("LAG_SEED={seed}");
    // The test makes its topics itself: a producer that outlives one would have the broker make it anew.
    let options = Options::new().set("auto.create.topics.enable", "false");
    let kafka = Kafka::start_kraft_with(&options).expect("Kafka starts");
    let world = Arc::new(World::default());
    let actors = Actors::start(&kafka.bootstrap(), &world, seed);
    let observers = INTERVALS.map(|(interval, lag)| {
        let kafka = format!("bootstrap: [\"{}\"], lag: {lag}", kafka.bootstrap());
        Observer::start(interval, &kafka)
    });
    let until = Instant::now() + length;
    wait_until("the end of the run", length * 2, || {
        assert!(!actors.failed(), "an actor ended early");
        (Instant::now() >= until).then_some(())
    })
    .unwrap();
    actors.stop();
    for observer in &observers {
        observer.agent.stop_clean();
    }
    let tally = judged(&world, &observers);
    let counts = world.counts();
    Run {
        length,
        seed,
        tally,
        counts,
    }
    .write_and_judge();
}

/// Holds what came against what was done.
fn judged(world: &World, observers: &[Observer]) -> Tally {
    let (commits, topics) = (world.commits(), world.topics());
    let model = Model {
        commits: &commits,
        topics: &topics,
    };
    let mut all = Tally::default();
    for observer in observers {
        let mut judge = Judge::new(&model);
        observer.look(|cycles| cycles.iter().for_each(|cycle| judge.cycle(cycle)));
        all.add(judge.tally);
    }
    all
}
