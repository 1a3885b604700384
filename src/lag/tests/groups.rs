//! What the partitions of a group come to.

use super::{INTERVAL, rules};
use crate::lag::evaluator::Evaluator;
use crate::lag::group::GroupVerdict;
use crate::lag::sight::{Reader, Sample, Sight};
use crate::lag::status::Status;

/// A partition in a cycle: topic, number, and what is seen of it.
type At = (&'static str, i32, Sight);

fn at(topic: &'static str, partition: i32, (start, committed, end): (i64, i64, i64)) -> At {
    let sample = Sample {
        committed,
        log_start: Some(start),
        log_end: end,
    };
    (topic, partition, Sight::Sample(sample))
}

fn unknown(topic: &'static str, partition: i32) -> At {
    (topic, partition, Sight::Unknown("timeout"))
}

/// What is said in the last of these cycles, one interval apart, of a group that has members.
fn last(cycles: &[&[At]]) -> GroupVerdict {
    let mut evaluator = Evaluator::new(rules());
    let mut last = None;
    for (tick, partitions) in (1..).zip(cycles) {
        evaluator.begin(tick * INTERVAL, None);
        let mut group = evaluator.group("g");
        for (topic, partition, sight) in *partitions {
            group.partition(topic, *partition, *sight, Reader::Members);
        }
        last = Some(group.finish(None));
        evaluator.end(true);
    }
    last.unwrap()
}

/// 10 records/s come, 20 are read: of 1,000 records behind 100 fewer are left after an interval.
const BEFORE: (i64, i64, i64) = (0, 0, 1_000);
const AFTER: (i64, i64, i64) = (0, 200, 1_100);

#[test]
fn rates_are_sums_and_the_slowest_partition_is_awaited() {
    let before = [at("a", 0, BEFORE), at("a", 1, BEFORE), at("b", 0, BEFORE)];
    // The second one has half the pace, and nothing is left of the third one.
    let after = [
        at("a", 0, AFTER),
        at("a", 1, (0, 100, 1_050)),
        at("b", 0, (0, 1_100, 1_100)),
    ];
    let verdict = last(&[&before, &after]);
    let rates = verdict.rates.unwrap();
    assert_eq!((rates.committed, rates.log_end), (140.0, 25.0));
    assert_eq!((rates.lag, rates.seconds), (-115.0, 10.0));
    assert_eq!(verdict.catch_up, Some(190.0));
}

#[test]
fn a_sum_that_is_not_whole_is_none() {
    let both = [at("a", 0, BEFORE), at("a", 1, BEFORE)];
    let known = at("a", 0, AFTER);
    let new = at("a", 2, AFTER);
    for missing in [unknown("a", 1), new] {
        let verdict = last(&[&both, &[known, missing]]);
        assert_eq!(
            (verdict.rates, verdict.catch_up),
            (None, None),
            "{missing:?}"
        );
    }
    // Whatever comes after it.
    let verdict = last(&[&both, &[unknown("a", 0), at("a", 1, AFTER)]]);
    assert_eq!((verdict.rates, verdict.catch_up), (None, None));
    // Where nothing is committed there is nothing to move.
    let verdict = last(&[&both, &[known, ("a", 1, Sight::NoCommit)]]);
    assert_eq!(verdict.rates.unwrap().committed, 20.0);
    assert_eq!(verdict.catch_up, Some(90.0));
    let verdict = last(&[&[("a", 1, Sight::NoCommit)]]);
    assert_eq!((verdict.rates, verdict.catch_up), (None, None));
}

#[test]
fn the_most_uneven_topic_and_the_least_retention_stand_for_the_group() {
    let verdict = last(&[&[
        at("even", 0, (0, 0, 50)),
        at("even", 1, (0, 0, 50)),
        at("uneven", 0, (0, 0, 100)),
        at("uneven", 1, (0, 0, 300)),
        at("old", 0, (100, 150, 200)),
        at("old", 1, (100, 120, 200)),
        at("old", 2, (100, 180, 200)),
    ]]);
    assert_eq!(verdict.skew, Some(0.5));
    assert_eq!(verdict.retention_left, Some(0.2));
}

#[test]
fn the_worst_partition_is_named_where_something_is_wrong() {
    let ok = [at("a", 0, (0, 5, 5)), at("a", 1, (0, 9, 9))];
    let verdict = last(&[&ok]);
    assert_eq!((verdict.status, verdict.worst), (Status::Ok, None));
    let worst = |partitions: &[At]| {
        let mut reversed = partitions.to_vec();
        reversed.reverse();
        let both = [last(&[partitions]), last(&[&reversed])];
        let [one, other] = both.map(|verdict| (verdict.status, verdict.worst.unwrap()));
        assert_eq!(one, other, "the order makes no difference");
        (one.0, one.1.0, one.1.1)
    };
    let filling = |topic, partition, lag| at(topic, partition, (0, 0, lag));
    // The severer one, then the one with more lag, then the first one by name and number.
    let truncated = at("c", 0, (0, 9, 5));
    let found = worst(&[filling("a", 0, 50), truncated]);
    assert_eq!(found, (Status::Truncated, "c".to_owned(), 0));
    let found = worst(&[filling("a", 0, 50), filling("b", 0, 60)]);
    assert_eq!(found, (Status::Unknown, "b".to_owned(), 0));
    let found = worst(&[
        filling("a", 2, 50),
        filling("a", 1, 50),
        filling("b", 0, 50),
    ]);
    assert_eq!(found, (Status::Unknown, "a".to_owned(), 1));
}

#[test]
fn changes_are_told_from_the_worst_to_the_least() {
    let before: Vec<At> = (0..4).map(|id| at("a", id, (0, 100, 100))).collect();
    let after = [
        at("a", 0, (0, 40, 100)),
        at("a", 1, (0, 20, 100)),
        at("a", 2, (0, 100, 50)),
        at("a", 3, (0, 20, 100)),
    ];
    let verdict = last(&[&before, &after]);
    let told = verdict.changes.iter();
    let told: Vec<_> = told
        .map(|change| (change.partition, change.verdict.judgement.status))
        .collect();
    let rewind = Status::Rewind;
    let expected = [
        (2, Status::Truncated),
        (1, rewind),
        (3, rewind),
        (0, rewind),
    ];
    assert_eq!(told, expected);
}
