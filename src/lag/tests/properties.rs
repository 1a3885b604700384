//! What holds whatever happens.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{INTERVAL, Model, cycle, rules};
use crate::lag::evaluator::Evaluator;
use crate::lag::group::{GroupVerdict, Verdict};
use crate::lag::rules::MAX_RESIDUE;
use crate::lag::sight::{Reader, Sample, Sight};
use crate::lag::state::{decode, encode};
use crate::lag::status::{Cause, Status};

/// Partitions of the group under test.
const PARTITIONS: usize = 4;

/// What happens to a partition in a cycle.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Records come, records are read.
    Flow { produced: i64, consumed: i64 },
    /// The commit is set back.
    Rewind(i64),
    /// Retention deletes from the beginning.
    Delete(i64),
    /// The log is made anew, shorter.
    Anew(i64),
    /// The commit is gone.
    NoCommit,
    /// No answer.
    Silence,
    /// The group does not have the partition.
    Absent,
}

fn act() -> impl Strategy<Value = Act> {
    let flow = |most| {
        (0..=most, 0..=most).prop_map(|(produced, consumed)| Act::Flow { produced, consumed })
    };
    prop_oneof![
        30 => flow(20_i64),
        10 => Just(Act::Flow { produced: 0, consumed: 0 }),
        10 => (0..20_i64).prop_map(|produced| Act::Flow { produced, consumed: 0 }),
        1 => flow(i64::MAX / 4),
        2 => (1..50_i64).prop_map(Act::Rewind),
        2 => (1..100_i64).prop_map(Act::Delete),
        1 => (0..50_i64).prop_map(Act::Anew),
        1 => Just(Act::NoCommit),
        3 => Just(Act::Silence),
        1 => Just(Act::Absent),
    ]
}

fn reader() -> impl Strategy<Value = Reader> {
    prop_oneof![
        Just(Reader::Assigned),
        Just(Reader::Unassigned),
        Just(Reader::Elsewhere),
        Just(Reader::Members),
        Just(Reader::Nobody),
        Just(Reader::Unknown),
    ]
}

/// A cycle: intervals since the one before, and what happens to each partition, a few times over.
type Step = (u64, usize, Vec<(Act, Reader)>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let gap = prop_oneof![20 => Just(1_u64), 1 => 0..400_u64];
    let one = vec((act(), reader()), PARTITIONS);
    vec((gap, prop_oneof![Just(1_usize), 1..40_usize], one), 1..25)
}

fn happen(model: &mut Model, act: Act) -> Option<Sight> {
    match act {
        Act::Flow { produced, consumed } => {
            model.end = model.end.saturating_add(produced);
            model.committed = model.committed.saturating_add(consumed).min(model.end);
        }
        Act::Rewind(by) => model.committed = (model.committed - by).max(0),
        Act::Delete(by) => model.start = model.start.saturating_add(by).min(model.end),
        Act::Anew(end) => {
            model.start = 0;
            model.end = end.min(model.end);
        }
        Act::NoCommit => return Some(Sight::NoCommit),
        Act::Silence => return Some(Sight::Unknown("timeout")),
        Act::Absent => return None,
    }
    Some(model.sight())
}

/// What is seen of the partitions in one cycle.
type Seen = Vec<(i32, Sight, Reader)>;

/// All cycles, flat: tick and partitions.
fn cycles(steps: &[Step]) -> Vec<(u64, Seen)> {
    let model = Model {
        start: 0,
        committed: 100,
        end: 100,
    };
    let mut models = [model; PARTITIONS];
    let mut tick = 1_000 * INTERVAL;
    let mut cycles = Vec::new();
    for (gap, times, acts) in steps {
        tick += gap * INTERVAL;
        for _ in 0..*times {
            tick += INTERVAL;
            let partitions = (0..).zip(acts).zip(&mut models);
            let partitions = partitions.filter_map(|((id, (act, reader)), model)| {
                Some((id, happen(model, *act)?, *reader))
            });
            cycles.push((tick, partitions.collect()));
        }
    }
    cycles
}

fn assert_true_numbers(verdict: &Verdict) {
    let judgement = &verdict.judgement;
    let unknown = matches!(judgement.status, Status::Unknown) && verdict.sample.is_none();
    if unknown || judgement.status == Status::NoCommit {
        assert!(verdict.sample.is_none(), "{verdict:?}");
        assert_eq!((judgement.rates, judgement.catch_up), (None, None));
    }
    if let Some(rates) = judgement.rates {
        assert!(
            rates.committed >= 0.0 && rates.committed.is_finite(),
            "{verdict:?}"
        );
        assert!(
            rates.log_end >= 0.0 && rates.log_end.is_finite(),
            "{verdict:?}"
        );
        assert!(rates.lag.is_finite(), "{verdict:?}");
        assert!(rates.seconds > 0.0, "{verdict:?}");
        assert!(
            rates.seconds * 1_000.0 <= rules().window as f64,
            "{verdict:?}"
        );
    }
    let catch_up = judgement.catch_up.unwrap_or(0.0);
    assert!(catch_up >= 0.0 && catch_up.is_finite(), "{verdict:?}");
    let left = verdict.sample.and_then(|sample| sample.retention_left());
    assert!((0.0..=1.0).contains(&left.unwrap_or(0.0)), "{verdict:?}");
}

fn assert_worst(verdicts: &[(i32, Verdict)], group: &GroupVerdict) {
    let worst = verdicts
        .iter()
        .map(|(_, verdict)| verdict.judgement.status.severity())
        .max();
    let expected = worst.unwrap_or(Status::NoCommit.severity());
    assert_eq!(group.status.severity(), expected);
    assert!((0.0..=1.0).contains(&group.skew.unwrap_or(0.0)));
}

/// Known samples of a partition, newest last; a cycle without one is not there.
#[derive(Default)]
struct History(Vec<(u64, Sample)>);

impl History {
    /// For how long nothing was committed although there was more lag than this, by the samples alone.
    fn stood_still(&self, lag: i64) -> u64 {
        let Some((now, last)) = self.0.last() else {
            return 0;
        };
        let same = |sample: &Sample| sample.committed == last.committed && sample.lag() > lag;
        let mut since = *now;
        for (tick, sample) in self.0.iter().rev() {
            if !same(sample) {
                break;
            }
            since = *tick;
        }
        now - since
    }

    fn see(&mut self, tick: u64, sight: Sight) {
        match sight {
            Sight::Sample(sample) => {
                // A log that was made anew is another story.
                let anew = |(_, last): &(u64, Sample)| sample.log_end < last.log_end;
                if self.0.last().is_some_and(anew) {
                    self.0.clear();
                }
                self.0.push((tick, sample));
            }
            Sight::NoCommit => self.0.clear(),
            Sight::Unknown(_) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn numbers_are_never_negative_never_nan_and_a_group_is_as_bad_as_its_worst(steps in steps()) {
        let mut evaluator = Evaluator::new(rules());
        for (tick, partitions) in cycles(&steps) {
            let (verdicts, group) = cycle(&mut evaluator, tick, &partitions);
            verdicts.iter().for_each(|(_, verdict)| assert_true_numbers(verdict));
            assert_worst(&verdicts, &group);
            prop_assert_eq!(evaluator.len(), partitions.len(), "nothing is kept of what is gone");
        }
    }

    #[test]
    fn the_order_of_partitions_makes_no_difference(steps in steps()) {
        let (mut one, mut other) = (Evaluator::new(rules()), Evaluator::new(rules()));
        for (tick, mut partitions) in cycles(&steps) {
            let (first, group) = cycle(&mut one, tick, &partitions);
            partitions.reverse();
            let (second, reversed) = cycle(&mut other, tick, &partitions);
            prop_assert_eq!(first, second);
            prop_assert_eq!((group.status, group.worst), (reversed.status, reversed.worst));
            prop_assert_eq!(group.changes, reversed.changes);
        }
        prop_assert_eq!(one, other);
    }

    #[test]
    fn a_consumer_is_said_to_stand_still_only_if_it_did_for_a_window(steps in steps()) {
        let mut evaluator = Evaluator::new(rules());
        let mut histories: [History; PARTITIONS] = Default::default();
        for (tick, partitions) in cycles(&steps) {
            for (id, history) in histories.iter_mut().enumerate() {
                match partitions.iter().find(|(other, ..)| *other as usize == id) {
                    Some((_, sight, _)) => history.see(tick, *sight),
                    None => history.0.clear(),
                }
            }
            for (id, verdict) in cycle(&mut evaluator, tick, &partitions).0 {
                let history = &histories[id as usize];
                let still = history.stood_still(0);
                let judgement = verdict.judgement;
                if matches!(judgement.status, Status::Stop | Status::Stall) {
                    prop_assert!(still >= rules().window, "{still} {verdict:?}");
                }
                let fine = judgement.status == Status::Ok;
                let still = history.stood_still(MAX_RESIDUE);
                if fine && judgement.cause != Cause::CommitsRarely {
                    prop_assert!(still < rules().window, "{still} {verdict:?}");
                }
            }
        }
    }

    #[test]
    fn no_rate_reaches_over_a_cycle_without_an_answer(steps in steps()) {
        let mut evaluator = Evaluator::new(rules());
        let mut known_since = [None::<u64>; PARTITIONS];
        for (tick, partitions) in cycles(&steps) {
            for (id, since) in known_since.iter_mut().enumerate() {
                let known = partitions.iter().any(|(other, sight, _)| {
                    *other as usize == id && matches!(sight, Sight::Sample(_))
                });
                *since = known.then(|| since.unwrap_or(tick));
            }
            for (id, verdict) in cycle(&mut evaluator, tick, &partitions).0 {
                if let Some(rates) = verdict.judgement.rates {
                    let known = known_since[id as usize].expect("a rate of something known");
                    prop_assert!(rates.seconds * 1_000.0 <= (tick - known) as f64, "{rates:?}");
                }
            }
        }
    }

    #[test]
    fn without_lag_a_partition_is_always_ok(steps in steps(), reader in reader()) {
        let mut evaluator = Evaluator::new(rules());
        let mut last = 0;
        for (tick, partitions) in cycles(&steps) {
            cycle(&mut evaluator, tick, &partitions);
            last = tick;
        }
        let model = Model { start: 0, committed: i64::MAX, end: i64::MAX };
        let (verdicts, _) = cycle(&mut evaluator, last + INTERVAL, &[(0, model.sight(), reader)]);
        prop_assert_eq!(verdicts[0].1.judgement.cause, Cause::CaughtUp);
        prop_assert!(verdicts[0].1.judgement.stuck_for.is_none());
    }

    #[test]
    fn a_restart_at_any_moment_changes_nothing_that_is_said(steps in steps(), at in 0..200_usize) {
        let (mut stays, mut restarts) = (Evaluator::new(rules()), Evaluator::new(rules()));
        for (place, (tick, partitions)) in cycles(&steps).into_iter().enumerate() {
            let (first, group) = cycle(&mut stays, tick, &partitions);
            let (second, after) = cycle(&mut restarts, tick, &partitions);
            prop_assert_eq!(first, second);
            prop_assert_eq!(group, after);
            if place % 200 == at {
                restarts = decode(&encode(&restarts), rules()).expect("what was encoded");
                prop_assert_eq!(&restarts, &stays);
            }
        }
    }

    #[test]
    fn no_bytes_make_a_reader_of_states_panic(bytes in vec(any::<u8>(), 0..200)) {
        let mut with_head = b"brokerbeat lag\n\x01".to_vec();
        with_head.extend(&bytes);
        prop_assert!(decode(&with_head, rules()).is_err());
        prop_assert!(decode(&bytes, rules()).is_err());
    }
}
