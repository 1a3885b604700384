//! The book against a model of a partition with its groups.

use std::collections::BTreeMap;

use super::*;
use crate::lag::seconds::search::Point;
use crate::lag::seconds::{Basis, Method};

/// Numbers that look random and are the same each time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// From 0 to below `limit` (splitmix64).
    pub(crate) fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as i64
    }
}

const INTERVAL: i64 = 10_000;
const BEGIN: i64 = 1_750_000_000_000;

/// How a partition's timestamps come about.
#[derive(Clone, Copy, Debug)]
enum Clock {
    /// As producers have it: a little before the append.
    Linger(i64),
    /// Copied from elsewhere, so much older.
    Copied(i64),
    /// A format without.
    Stampless,
}

struct Record {
    appended: i64,
    time: i64,
}

/// A partition with its groups, at one moment.
struct Model {
    dice: Dice,
    clock: Clock,
    first: i64,
    log: Vec<Record>,
    groups: Vec<i64>,
    now: i64,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let clock = match seed % 4 {
            0 | 1 => Clock::Linger(dice.below(2_000)),
            2 => Clock::Copied(dice.below(30) * 86_400_000),
            _ => Clock::Stampless,
        };
        let mut model = Self {
            dice,
            clock,
            first: 1_000,
            log: Vec::new(),
            groups: vec![1_000; 4],
            now: BEGIN,
        };
        for _ in 0..50 {
            model.produce(1, 600_000);
        }
        model
    }

    fn end(&self) -> i64 {
        self.first + self.log.len() as i64
    }

    /// Up to `most` records, spread over the time that passes.
    fn produce(&mut self, most: i64, pass: i64) {
        let count = self.dice.below(most + 1);
        let mut moments: Vec<i64> = (0..count).map(|_| self.dice.below(pass)).collect();
        moments.sort_unstable();
        for moment in moments {
            let appended = self.now + 1 + moment;
            let time = match self.clock {
                Clock::Linger(most) => appended - self.dice.below(most),
                Clock::Copied(older) => appended - older - self.dice.below(1_000),
                Clock::Stampless => -1,
            };
            let floor = self.log.last().map_or(i64::MIN, |last| last.time);
            let time = time.max(floor);
            self.log.push(Record { appended, time });
        }
        self.now += pass;
    }

    /// One still stands, one creeps, one keeps up, one jumps.
    fn consume(&mut self) {
        let end = self.end();
        self.groups[1] = (self.groups[1] + self.dice.below(3)).min(end);
        self.groups[2] = end - self.dice.below(2);
        if self.dice.below(50) == 0 {
            self.groups[3] += self.dice.below(end - self.groups[3] + 1);
        }
    }

    fn record(&self, offset: i64) -> &Record {
        &self.log[(offset - self.first) as usize]
    }

    fn look_up(&self, time: i64) -> Found {
        if matches!(self.clock, Clock::Stampless) {
            return Found::NoTimestamps;
        }
        let index = self.log.partition_point(|record| record.time < time);
        self.log.get(index).map_or(Found::Nothing, |record| {
            Found::Record(Point {
                offset: self.first + index as i64,
                time: record.time,
            })
        })
    }
}

/// One cycle; gives the ages by offset and the number of look-ups.
fn cycle(book: &mut Book, model: &Model, log_end: i64, limit: usize) -> (Ages, usize) {
    let from = model.now;
    let moment = Moment { from, to: from };
    book.sample(moment, [("t", 0, Some(log_end))].into_iter());
    let mut wants: Vec<Want<'_>> = model
        .groups
        .iter()
        .filter(|offset| **offset < log_end)
        .map(|offset| Want {
            topic: "t",
            partition: 0,
            offset: *offset,
            log_end,
        })
        .collect();
    wants.sort_unstable();
    wants.dedup();
    book.want(&wants);
    let mut asked = 0;
    loop {
        let questions = book.questions(model.now, limit - asked);
        asked += questions.len();
        if questions.is_empty() {
            break;
        }
        for question in questions {
            let found = model.look_up(question.time);
            book.answer(&question, found, model.now);
        }
    }
    let ages = book.ages(model.now).next();
    (ages.map(|(.., ages)| ages).unwrap_or_default(), asked)
}

fn assert_true(model: &Model, offset: i64, age: &Age, seed: u64) {
    let record = model.record(offset);
    let time = match age.basis {
        Basis::Timestamp => record.time,
        Basis::Append => record.appended,
    };
    let truth = (model.now - time) as f64 / 1_000.0;
    assert!(age.seconds >= 0.0 && age.error >= 0.0, "seed {seed}");
    let off = (age.seconds - truth).abs();
    assert!(
        off <= age.error + 0.001,
        "seed {seed} {offset}: {age:?}, is {truth}"
    );
    assert!(age.method == Method::Estimated, "nothing was read: {age:?}");
}

#[test]
fn every_age_is_true_within_what_it_says_and_nothing_bounces() {
    for seed in 0..40 {
        let mut model = Model::new(seed);
        let mut book = Book::default();
        let (mut known, mut unknown, mut asked) = (0, 0, 0);
        let mut last: BTreeMap<i64, Age> = BTreeMap::new();
        for step in 0..1_000 {
            let (ages, look_ups) = cycle(&mut book, &model, model.end(), 100);
            asked += look_ups;
            let mut now = BTreeMap::new();
            for (offset, age) in ages {
                let Ok(age) = age else {
                    unknown += 1;
                    assert!(!last.contains_key(&offset), "seed {seed}: known, then not");
                    continue;
                };
                known += 1;
                assert_true(&model, offset, &age, seed);
                if let Some(before) = last.get(&offset) {
                    let grown = age.seconds - before.seconds;
                    let bounce = (grown - INTERVAL as f64 / 1_000.0).abs();
                    let allowed = match (before.basis, age.basis) {
                        // What is taken from the history is taken once.
                        (Basis::Append, Basis::Append) => 0.001,
                        (Basis::Timestamp, Basis::Timestamp) => before.error + 0.001,
                        // A look-up corrects the history, by no more than was said to be unsure.
                        (Basis::Append, Basis::Timestamp) => before.error + 5.0,
                        (Basis::Timestamp, Basis::Append) => 0.0,
                    };
                    assert!(
                        bounce <= allowed,
                        "seed {seed}, step {step}: {before:?} {age:?}"
                    );
                }
                if let Clock::Copied(older) = model.clock
                    && older > 0
                {
                    assert_eq!(age.basis, Basis::Timestamp, "seed {seed}, step {step}");
                }
                now.insert(offset, age);
            }
            last = now;
            model.produce(if step % 100 < 50 { 20 } else { 0 }, INTERVAL);
            model.consume();
        }
        assert!(known > 1_000, "seed {seed}: {known}");
        match model.clock {
            Clock::Linger(_) => {
                assert_eq!(unknown, 0, "seed {seed}");
                assert!(asked < 400, "seed {seed}: {asked} look-ups");
            }
            Clock::Copied(_) => assert_eq!(unknown, 0, "seed {seed}"),
            Clock::Stampless => assert!(asked < 200, "seed {seed}: {asked} look-ups"),
        }
    }
}

/// The log ends of a cycle.
fn sample(book: &mut Book, now: i64, log_end: i64) {
    let (from, to) = (now, now);
    book.sample(Moment { from, to }, [("t", 0, Some(log_end))].into_iter());
}

/// Of a log with 9 records.
fn book() -> Book {
    let mut book = Book::default();
    sample(&mut book, BEGIN, 9);
    book
}

/// A group that stands at offset 5.
fn at_five(log_end: i64) -> Want<'static> {
    Want {
        topic: "t",
        partition: 0,
        offset: 5,
        log_end,
    }
}

fn age(book: &Book, now: i64) -> Result<Age, Unknown> {
    let (.., ages) = book.ages(now).next().unwrap();
    let [(5, age)] = ages[..] else {
        panic!("{ages:?}");
    };
    age
}

#[test]
fn the_bound_of_look_ups_holds_and_everybody_has_a_turn() {
    let mut book = Book::default();
    let topics = ["a", "b", "c"];
    let ends = || topics.into_iter().map(|topic| (topic, 0, Some(100)));
    let wants = topics.map(|topic| Want {
        topic,
        partition: 0,
        offset: 5,
        log_end: 100,
    });
    let (from, to) = (BEGIN, BEGIN);
    book.sample(Moment { from, to }, ends());
    let mut asked = Vec::new();
    for _ in 0..6 {
        book.want(&wants);
        let questions = book.questions(BEGIN, 1);
        assert_eq!(questions.len(), 1);
        asked.push(questions[0].topic.clone());
        book.answer(&questions[0], Found::Failed, BEGIN);
        let silent = questions[0].topic.as_str();
        for (topic, _, ages) in book.ages(BEGIN) {
            let why = match topic == silent {
                true => Unknown::NotAnswered,
                false => Unknown::Pending,
            };
            assert_eq!(ages, [(5, Err(why))], "{topic}");
        }
    }
    assert_eq!(asked, ["a", "b", "c", "a", "b", "c"]);
    book.want(&wants);
    let all = book.questions(BEGIN, 10);
    book.answer(&all[0], Found::Failed, BEGIN);
    assert_eq!(all.len(), 3);
    let left = book.questions(BEGIN, 10);
    assert_eq!(
        left.len(),
        2,
        "one that fails is not asked again in its cycle"
    );
}

#[test]
fn what_was_read_is_exact_and_counts_before_all_else() {
    let mut book = book();
    book.want(&[at_five(9)]);
    assert_eq!(book.unread().collect::<Vec<_>>(), [at_five(9)]);
    book.read("t", 0, 5, Read::NothingBefore(9));
    assert_eq!(book.unread().count(), 0);
    assert_eq!(age(&book, BEGIN), Ok(Age::NONE));
    book.want(&[at_five(10)]);
    assert_eq!(
        book.unread().count(),
        1,
        "something came behind the markers"
    );
    book.read("t", 0, 5, Read::Record(Some(BEGIN - 1_500)));
    assert_eq!(age(&book, BEGIN), Ok(Age::exact(BEGIN - 1_500, BEGIN)));
    assert_eq!(book.unread().count(), 0);
    assert!(book.questions(BEGIN, 10).is_empty());
}

#[test]
fn a_log_made_anew_is_another_log() {
    let mut book = book();
    book.want(&[at_five(9)]);
    book.read("t", 0, 5, Read::Record(Some(1)));
    book.want(&[at_five(8)]);
    assert_eq!(age(&book, BEGIN), Err(Unknown::Pending));
    // Grown beyond the old end, it can be told by its id only.
    book.read("t", 0, 5, Read::Record(Some(1)));
    book.forget("t");
    book.want(&[at_five(20)]);
    assert_eq!(age(&book, BEGIN), Err(Unknown::Pending));
}

/// A topic is deleted and made anew between two cycles, and a group commits what another one had.
#[test]
fn a_log_made_anew_is_another_log_also_while_nobody_lags_behind() {
    let mut book = book();
    book.want(&[at_five(9)]);
    book.read("t", 0, 5, Read::Record(Some(1)));
    sample(&mut book, BEGIN + INTERVAL, 2);
    book.want(&[]);
    sample(&mut book, BEGIN + 2 * INTERVAL, 20);
    book.want(&[at_five(20)]);
    let age = age(&book, BEGIN + 2 * INTERVAL).unwrap();
    assert_eq!(age.basis, Basis::Append, "it was appended since then");
}

/// Age 0 of a record that has waited for ten seconds would be wrong.
#[test]
fn a_clock_that_is_set_back_makes_no_record_young() {
    let mut book = Book::default();
    sample(&mut book, BEGIN, 5);
    sample(&mut book, BEGIN + INTERVAL, 9);
    book.want(&[at_five(9)]);
    let known = age(&book, BEGIN + INTERVAL).unwrap();
    assert_eq!(known.basis, Basis::Append);
    sample(&mut book, BEGIN - 3_600_000, 9);
    book.want(&[at_five(9)]);
    assert_eq!(age(&book, BEGIN - 3_600_000), Err(Unknown::Pending));
}

/// All records were deleted just when they were asked for: what comes later has timestamps.
#[test]
fn an_empty_log_says_nothing_of_what_will_be_in_it() {
    let mut book = book();
    book.want(&[at_five(9)]);
    let asked = book.questions(BEGIN, 10);
    assert_eq!(asked[0].time, 0);
    book.answer(&asked[0], Found::Nothing, BEGIN);
    assert!(book.questions(BEGIN, 10).is_empty());
    book.want(&[at_five(9)]);
    assert!(book.questions(BEGIN, 10).is_empty());
    book.want(&[at_five(10)]);
    assert_eq!(book.questions(BEGIN, 10).len(), 1);
}

/// A group that keeps up lags behind for a moment again and again: that must not cost look-ups.
#[test]
fn trust_outlives_the_lag() {
    let mut model = Model::new(0);
    let mut book = Book::default();
    let mut asked = 0;
    for step in 0..30 {
        model.produce(20, INTERVAL);
        let end = model.end();
        model.groups = vec![end - step % 2];
        asked += cycle(&mut book, &model, end, 100).1;
    }
    assert!((1..=4).contains(&asked), "{asked} look-ups");
}
