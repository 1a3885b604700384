//! What people know of consumers, as sentences.

use super::{Model, cycle, rules};
use crate::lag::evaluator::Evaluator;
use crate::lag::group::Verdict;
use crate::lag::sight::{Reader, Sample, Sight};
use crate::lag::tests::INTERVAL;

/// What happens in every cycle of a while, and what is then said.
#[derive(Clone, Copy)]
struct While {
    cycles: u64,
    produced: i64,
    /// Read and committed, at most up to the end.
    consumed: i64,
    reader: Reader,
    said: &'static str,
}

/// `cycles` cycles in which `produced` records come and `consumed` are read.
fn during(cycles: u64, produced: i64, consumed: i64, said: &'static str) -> While {
    While {
        cycles,
        produced,
        consumed,
        reader: Reader::Assigned,
        said,
    }
}

impl While {
    fn by(mut self, reader: Reader) -> Self {
        self.reader = reader;
        self
    }
}

fn table() -> Vec<(&'static str, Vec<While>)> {
    use Reader::{Elsewhere, Nobody, Unassigned, Unknown};
    vec![
        (
            "published without consuming by a group without members: STOP within the window, and it clears",
            vec![
                during(5, 0, 0, "OK caught_up").by(Nobody),
                during(1, 100, 0, "OK caught_up_lately").by(Nobody),
                during(29, 0, 0, "OK caught_up_lately").by(Nobody),
                during(1, 0, 0, "STOP no_members").by(Nobody),
                during(1, 0, 40, "OK advancing"),
                during(1, 0, 100, "OK caught_up"),
            ],
        ),
        (
            "a member that comes to a group that had stopped has a window to commit before it is said to stall",
            vec![
                during(5, 0, 0, "OK caught_up").by(Nobody),
                during(30, 2, 0, "OK caught_up_lately").by(Nobody),
                during(3, 2, 0, "STOP no_members").by(Nobody),
                during(30, 2, 0, "UNKNOWN window_filling"),
                during(3, 2, 0, "STALL not_advancing"),
                during(1, 2, 0, "STOP no_members").by(Nobody),
                during(2, 2, 0, "UNKNOWN window_filling"),
                during(1, 2, 200, "OK caught_up"),
            ],
        ),
        (
            "a consumer that is paused while records keep coming: STALL within the window, and it clears",
            vec![
                during(5, 10, 10, "OK caught_up"),
                during(30, 10, 0, "OK caught_up_lately"),
                during(1, 10, 0, "STALL not_advancing"),
                during(1, 10, 1_000, "OK caught_up"),
            ],
        ),
        (
            "a topic that is quiet for days stays OK, also when the first record comes",
            vec![
                during(100_000, 0, 0, "OK caught_up"),
                during(1, 1, 0, "OK caught_up_lately"),
                during(1, 0, 1, "OK caught_up"),
                during(100_000, 0, 0, "OK caught_up").by(Nobody),
            ],
        ),
        (
            "a consumer that keeps pace some records behind is OK",
            vec![
                during(1, 50, 0, "UNKNOWN window_filling"),
                during(100, 20, 20, "OK advancing"),
            ],
        ),
        (
            "one that reads less than comes falls behind",
            vec![
                during(1, 50, 50, "OK caught_up"),
                during(45, 20, 15, "WARN lag_grows"),
                during(1, 20, 500, "OK caught_up"),
            ],
        ),
        (
            "one that catches up is OK however far it is behind",
            vec![
                during(1, 1_000_000, 0, "UNKNOWN window_filling"),
                during(100, 20, 25, "OK advancing"),
            ],
        ),
        (
            "a transaction's marker at the end of a quiet log is no lag to worry about",
            vec![
                during(1, 11, 10, "UNKNOWN window_filling").by(Nobody),
                during(1, 11, 11, "OK residue"),
                during(10_000, 0, 0, "OK residue"),
                during(10_000, 0, 0, "OK residue").by(Nobody),
                during(1, 1, 0, "OK advancing"),
                during(30, 0, 0, "STALL not_advancing"),
            ],
        ),
        (
            "nor is it at the first sight, if somebody is there to read",
            vec![
                during(1, 3, 0, "OK residue"),
                during(40, 0, 0, "OK residue"),
            ],
        ),
        (
            "lag that was there at the first sight is judged after a window",
            vec![
                during(30, 3, 0, "UNKNOWN window_filling").by(Nobody),
                during(1, 3, 0, "STOP no_members").by(Nobody),
            ],
        ),
        (
            "nobody knows the members: it stands still all the same",
            vec![during(31, 3, 0, "STOP members_unknown").by(Unknown)],
        ),
        (
            "a partition that no member of the group has",
            vec![during(31, 3, 0, "STALL unassigned").by(Unassigned)],
        ),
        (
            "a topic that the group has left does not alarm for a week",
            vec![
                during(1, 3, 3, "OK caught_up"),
                during(31, 3, 0, "WARN not_subscribed").by(Elsewhere),
                during(1_000, 3, 0, "WARN not_subscribed").by(Elsewhere),
            ],
        ),
        (
            "one that commits every four minutes is given eight",
            vec![
                during(1, 100, 100, "OK caught_up"),
                during(24, 10, 0, "OK caught_up_lately"),
                during(1, 10, 200, "OK caught_up_lately"),
                during(23, 10, 0, "OK advancing"),
                during(1, 10, 200, "OK advancing"),
                during(40, 10, 0, "OK commits_rarely"),
                during(10, 10, 0, "STALL not_advancing"),
            ],
        ),
        (
            "but not when its group is empty",
            vec![
                during(1, 100, 100, "OK caught_up"),
                during(24, 10, 0, "OK caught_up_lately"),
                during(1, 10, 200, "OK caught_up_lately"),
                during(31, 10, 0, "STOP no_members").by(Nobody),
            ],
        ),
    ]
}

fn run(sentence: &str, whiles: &[While]) {
    let mut evaluator = Evaluator::new(rules());
    let mut tick = 1_000 * INTERVAL;
    let mut model = Model {
        start: 0,
        committed: 500,
        end: 500,
    };
    for (step, one) in whiles.iter().enumerate() {
        let mut said = String::new();
        for _ in 0..one.cycles {
            model.end += one.produced;
            model.committed = (model.committed + one.consumed).min(model.end);
            let verdict = see(&mut evaluator, tick, model.sight(), one.reader);
            said = words(&verdict);
            tick += INTERVAL;
        }
        assert_eq!(said, one.said, "{sentence}: after step {step}");
    }
}

fn see(evaluator: &mut Evaluator, tick: u64, sight: Sight, reader: Reader) -> Verdict {
    cycle(evaluator, tick, &[(0, sight, reader)]).0[0].1
}

fn words(verdict: &Verdict) -> String {
    let judgement = &verdict.judgement;
    format!("{} {}", judgement.status.as_str(), judgement.cause.as_str())
}

#[test]
fn consumers_are_judged_as_people_would() {
    for (sentence, whiles) in table() {
        run(sentence, &whiles);
    }
}

/// Each line: log start, committed, log end → what is said.
fn story(lines: &[(i64, i64, i64, &str)]) {
    let mut evaluator = Evaluator::new(rules());
    for (place, (start, committed, end, said)) in lines.iter().enumerate() {
        let model = Model {
            start: *start,
            committed: *committed,
            end: *end,
        };
        let tick = (place as u64 + 1) * INTERVAL;
        let verdict = see(&mut evaluator, tick, model.sight(), Reader::Assigned);
        assert_eq!(words(&verdict), *said, "line {place}");
    }
}

#[test]
fn a_commit_that_moves_back_is_told_until_it_is_made_up_for() {
    story(&[
        (0, 100, 100, "OK caught_up"),
        (0, 20, 100, "REWIND commit_moved_back"),
        (0, 60, 110, "REWIND commit_moved_back"),
        (0, 100, 120, "OK advancing"),
        (0, 90, 120, "REWIND commit_moved_back"),
        (0, 120, 120, "OK caught_up"),
    ]);
}

#[test]
fn a_step_back_is_told_for_a_window() {
    let mut lines = vec![(0, 100, 100, "OK caught_up")];
    for step in 0..30 {
        lines.push((0, 20 + step, 200, "REWIND commit_moved_back"));
    }
    lines.push((0, 50, 200, "OK advancing"));
    story(&lines);
}

#[test]
fn records_lost_to_retention_are_told_when_the_next_cycle_confirms_them() {
    story(&[
        (0, 100, 200, "UNKNOWN window_filling"),
        (150, 100, 200, "UNKNOWN window_filling"),
        (150, 100, 200, "TRUNCATED below_log_start"),
        (150, 150, 200, "OK advancing"),
    ]);
}

/// A leader may answer for the one end of a log and not for the other.
#[test]
fn records_are_no_less_lost_while_nobody_tells_where_the_log_starts() {
    for reader in [Reader::Assigned, Reader::Nobody] {
        let mut evaluator = Evaluator::new(rules());
        let starts = [Some(150), Some(150), None, None, Some(150)];
        for (cycle, log_start) in (1..).zip(starts) {
            let sight = Sight::Sample(Sample {
                committed: 100,
                log_start,
                log_end: 200,
            });
            let said = words(&see(&mut evaluator, cycle * INTERVAL, sight, reader));
            let is_told = cycle > 1 || reader == Reader::Nobody;
            assert_eq!(
                said == "TRUNCATED below_log_start",
                is_told,
                "{cycle} {said}"
            );
        }
    }
}

#[test]
fn an_application_that_deletes_what_it_has_read_loses_nothing() {
    // Kafka Streams commits and deletes between our two questions.
    story(&[
        (0, 100, 110, "UNKNOWN window_filling"),
        (120, 110, 130, "OK advancing"),
        (140, 130, 150, "OK advancing"),
        (150, 150, 150, "OK caught_up"),
    ]);
}

#[test]
fn a_topic_that_is_made_anew_is_told_and_then_judged_as_new() {
    story(&[
        (0, 100, 100, "OK caught_up"),
        (0, 100, 5, "TRUNCATED above_log_end"),
        (0, 3, 50, "UNKNOWN window_filling"),
        (0, 50, 50, "OK caught_up"),
    ]);
}

#[test]
fn falling_behind_near_the_end_of_retention_is_an_error() {
    let mut evaluator = Evaluator::new(rules());
    let mut said = String::new();
    for step in 0..40 {
        let model = Model {
            start: 1_000,
            committed: 1_010 + step,
            end: 11_000 + 20 * step,
        };
        let tick = (step as u64 + 1) * INTERVAL;
        said = words(&see(&mut evaluator, tick, model.sight(), Reader::Assigned));
    }
    assert_eq!(said, "ERR retention");
}

/// Not one that has lasted for a few cycles, but any.
#[test]
fn a_single_cycle_without_an_answer_begins_rates_anew() {
    let mut evaluator = Evaluator::new(rules());
    let (mut tick, mut end) = (0, 50);
    let mut at = |is_answered: bool| {
        (tick, end) = (tick + INTERVAL, end + 10);
        let model = Model {
            start: 0,
            committed: 10,
            end,
        };
        let sight = match is_answered {
            true => model.sight(),
            false => Sight::Unknown("timeout"),
        };
        let verdict = see(&mut evaluator, tick, sight, Reader::Nobody);
        verdict.judgement.rates.map(|rates| rates.seconds)
    };
    let answers = [true, true, true, false, true, true];
    let spans = answers.map(&mut at);
    let seconds = |cycles: u64| Some((cycles * INTERVAL) as f64 / 1_000.0);
    assert_eq!(
        spans,
        [None, seconds(1), seconds(2), None, None, seconds(1)]
    );
}

/// What nobody ever commits does not make the time stand still that is told.
#[test]
fn what_is_left_at_the_end_of_a_log_is_left_since_it_came() {
    let mut evaluator = Evaluator::new(rules());
    let model = Model {
        start: 0,
        committed: 10,
        end: 11,
    };
    let stuck = [1, 2, 3].map(|cycle| {
        let verdict = see(
            &mut evaluator,
            cycle * INTERVAL,
            model.sight(),
            Reader::Assigned,
        );
        assert_eq!(words(&verdict), "OK residue");
        verdict.judgement.stuck_for
    });
    assert_eq!(stuck, [Some(0), Some(INTERVAL), Some(2 * INTERVAL)]);
}

#[test]
fn a_gap_keeps_the_status_and_begins_rates_anew() {
    let mut evaluator = Evaluator::new(rules());
    let mut tick = 0;
    let mut at = |sight| {
        tick += INTERVAL;
        see(&mut evaluator, tick, sight, Reader::Nobody)
    };
    let model = Model {
        start: 0,
        committed: 10,
        end: 50,
    };
    (0..20).for_each(|_| _ = at(model.sight()));
    assert!(at(model.sight()).judgement.rates.is_some());
    (0..20).for_each(|_| {
        let verdict = at(Sight::Unknown("timeout"));
        assert_eq!(words(&verdict), "UNKNOWN timeout");
        assert_eq!(verdict.judgement.rates, None);
    });
    let verdict = at(model.sight());
    assert_eq!(
        words(&verdict),
        "STOP no_members",
        "nothing was read meanwhile"
    );
    assert_eq!(
        verdict.judgement.rates, None,
        "a rate would reach over the gap"
    );
    assert!(at(model.sight()).judgement.rates.is_some());
}
