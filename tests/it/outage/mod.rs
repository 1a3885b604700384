//! Two of three brokers are stopped while a cycle is under way, killed and in other rounds made to hang: the cycle ends within
//! its budget, what the third one has is there and true, and what is missing is named.
//!
//! The test has a round of each on one version. `make prove-outage` has more (`OUTAGE_ROUNDS` of each kind on each version),
//! at random moments of the cycle, and writes `docs/proofs/outage.md`; runs add up.

mod cluster;
mod judge;
mod report;
mod round;

use std::time::Duration;

use cluster::{Cluster, KINDS};
use report::{Row, Run};
use round::{Stage, Stop};

use crate::model::variable;
use crate::observer::Observer;

/// Four fifths of it are the cycle's budget.
const INTERVAL: Duration = Duration::from_secs(3);
/// In the proof so many cycles more are looked at, until the survivor has become leader of what it has replicas of.
const AFTER: usize = 2;
/// Rounds in which a stop may miss its cycle, for one that must not: on a machine that is very busy most do.
const TRIES: usize = 12;

#[test]
fn two_of_three_brokers_stopped_in_mid_cycle_cost_only_their_own_part() {
    let rounds: Option<usize> = variable("OUTAGE_ROUNDS");
    let kinds = match rounds {
        Some(_) => &KINDS[..],
        None => &KINDS[KINDS.len() - 1..],
    };
    let seed = variable("OUTAGE_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("OUTAGE_SEED={seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    // A version whose rounds are over is written down.
    for (version, mode) in kinds.iter().rev() {
        let mut run = Run::new(seed, rounds.is_some());
        let cluster = Cluster::start(*version, *mode);
        let bootstrap = format!("bootstrap: [{}]", cluster.quoted());
        let observer = Observer::start(INTERVAL, &bootstrap);
        let stage = Stage::new(&cluster, &observer, rounds.map_or(0, |_| AFTER));
        for stop in [Stop::Hang, Stop::Kill] {
            let mut row = Row::new(*version, *mode, stop);
            for _ in 0..rounds.unwrap_or(1) + TRIES - 1 {
                if row.hit < rounds.unwrap_or(1) {
                    stage.round(stop, &mut dice, &mut row);
                    stage.note(&mut run);
                }
            }
            run.rows.push(row);
        }
        observer.agent.stop_clean();
        run.end_of_agent();
        run.write_and_judge();
    }
}
