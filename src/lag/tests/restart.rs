//! What outlives a restart, and what must not.

use super::{INTERVAL, Model, cycle, rules};
use crate::lag::evaluator::Evaluator;
use crate::lag::group::Entry;
use crate::lag::sight::{Reader, Sight};
use crate::lag::state::{Damage, decode, encode};
use crate::lag::status::Status;

fn lagging(end: i64) -> Sight {
    let model = Model {
        start: 0,
        committed: 10,
        end,
    };
    model.sight()
}

/// Stopped for longer than a window.
fn stopped() -> (Evaluator, u64) {
    let mut evaluator = Evaluator::new(rules());
    let mut tick = 0;
    for step in 0..40 {
        tick += INTERVAL;
        let end = if step == 0 { 10 } else { 10 + 3 * step };
        cycle(&mut evaluator, tick, &[(0, lagging(end), Reader::Nobody)]);
    }
    (evaluator, tick)
}

#[test]
fn a_restart_is_no_change_and_forgets_no_status() {
    let (before, tick) = stopped();
    for pause in [1, 3, 4, 1_000] {
        let mut after = decode(&encode(&before), rules()).unwrap();
        assert_eq!(after, before);
        let sight = lagging(200);
        let now = tick + pause * INTERVAL;
        let (verdicts, group) = cycle(&mut after, now, &[(0, sight, Reader::Nobody)]);
        assert_eq!(group.status, Status::Stop, "after {pause} intervals");
        assert_eq!(group.before, None);
        assert!(group.changes.is_empty());
        assert!(verdicts[0].1.since < tick);
        let rates = verdicts[0].1.judgement.rates;
        assert_eq!(
            rates.is_some(),
            pause <= 3,
            "a rate over a pause of {pause}"
        );
    }
}

#[test]
fn without_its_state_the_same_consumer_is_not_judged_yet() {
    let mut fresh = Evaluator::new(rules());
    let (_, group) = cycle(&mut fresh, INTERVAL, &[(0, lagging(200), Reader::Nobody)]);
    assert_eq!(group.status, Status::Unknown);
}

#[test]
fn another_window_or_clock_or_cluster_begins_what_it_has_to() {
    let (before, tick) = stopped();
    let bytes = encode(&before);
    let mut longer = rules();
    longer.part *= 2;
    longer.window *= 2;
    let mut after = decode(&bytes, longer).unwrap();
    let sights = [(0, lagging(200), Reader::Nobody)];
    let (_, group) = cycle(&mut after, tick + INTERVAL, &sights);
    assert_eq!(group.status, Status::Ok, "a longer window is not over yet");

    let mut set_back = decode(&bytes, rules()).unwrap();
    let (verdicts, _) = cycle(&mut set_back, INTERVAL / 2, &sights);
    let judgement = verdicts[0].1.judgement;
    assert_eq!((judgement.rates, judgement.stuck_for), (None, Some(0)));
    assert_eq!(judgement.status, Status::Unknown);

    let mut moved = decode(&bytes, rules()).unwrap();
    moved.begin(tick + INTERVAL, Some("another cluster"));
    assert!(moved.is_empty());
}

#[test]
fn bytes_that_are_no_state_are_named_and_never_believed() {
    let bytes = encode(&stopped().0);
    for length in 0..bytes.len() {
        assert_eq!(decode(&bytes[..length], rules()).err(), Some(Damage::Bytes));
    }
    for place in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x10;
        assert!(decode(&bytes, rules()).is_err(), "byte {place}");
    }
    let mut newer = bytes.clone();
    newer[b"brokerbeat lag\n".len()] = 99;
    assert_eq!(decode(&newer, rules()).err(), Some(Damage::Version(99)));
}

#[test]
fn what_is_gone_is_forgotten_unless_a_broker_is_silent() {
    let sight = lagging(20);
    let mut evaluator = Evaluator::new(rules());
    let two = [(0, sight, Reader::Nobody), (1, sight, Reader::Nobody)];
    cycle(&mut evaluator, INTERVAL, &two);
    cycle(&mut evaluator, 2 * INTERVAL, &two[..1]);
    assert_eq!(evaluator.len(), 1, "a partition that has gone");

    evaluator.begin(3 * INTERVAL, None);
    evaluator.group("g").finish(Some("timeout"));
    evaluator.end(true);
    assert_eq!(evaluator.len(), 1, "its commits could not be read");

    evaluator.begin(4 * INTERVAL, None);
    evaluator.end(false);
    assert_eq!(evaluator.len(), 1, "a broker is silent");
    evaluator.begin(4 * INTERVAL + 23 * 3_600_000, None);
    evaluator.end(false);
    assert_eq!(evaluator.len(), 1, "for less than a day");
    assert!(!evaluator.is_empty());
    evaluator.begin(4 * INTERVAL + 25 * 3_600_000, None);
    evaluator.end(false);
    assert_eq!(evaluator.len(), 0, "for a day");

    cycle(&mut evaluator, 5 * INTERVAL, &two);
    evaluator.begin(6 * INTERVAL, None);
    evaluator.end(true);
    assert_eq!(evaluator.len(), 0, "nobody lists it");
}

/// The agent's clock was ahead when it wrote its file.
#[test]
fn what_was_remembered_from_the_future_holds_since_now_at_most() {
    let ahead = 1_000 * INTERVAL;
    let mut evaluator = Evaluator::new(rules());
    let caught_up = [(0, lagging(10), Reader::Nobody)];
    let silent = [(0, Sight::Unknown("timeout"), Reader::Unknown)];
    cycle(&mut evaluator, ahead, &caught_up);
    let known = encode(&evaluator);
    cycle(&mut evaluator, ahead + INTERVAL, &silent);
    let unknown = encode(&evaluator);

    for (bytes, sights) in [(&known, &caught_up), (&unknown, &silent)] {
        let mut after = decode(bytes, rules()).unwrap();
        let (verdicts, group) = cycle(&mut after, INTERVAL, sights);
        assert_eq!((verdicts[0].1.since, group.since), (INTERVAL, INTERVAL));
    }
    let mut after = decode(&known, rules()).unwrap();
    after.begin(INTERVAL, None);
    after.end(true);
    assert_eq!(after.len(), 0, "nobody lists it");
}

#[test]
fn twenty_thousand_partitions_take_a_few_megabytes() {
    let bytes = 20_000 * std::mem::size_of::<Entry>();
    assert!(bytes <= 9_000_000, "{bytes}");
}
