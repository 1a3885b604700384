//! Closing in on the timestamp of the record at an offset by look-ups of timestamps. Pure.
//!
//! A look-up (ListOffsets with a time) names the first record whose timestamp is that time or later.
//! If it lies at or before the offset, some record up to there is that young; if it lies behind, or
//! there is none, all of them are older. What is found is therefore the *greatest* timestamp of all
//! records up to the offset. In a log whose timestamps do not fall that is the record's own; where
//! producers' clocks differ the record may be older than said, by as much as its timestamp falls
//! behind those before it.

/// Look-ups for one offset. By thirds they are guesses, steps beside the last find and halvings of the
/// age: the halvings alone get from years to a hundredth of the age.
pub const MAX_ASKED: u8 = 48;

/// Found once it is known to one part in so many of the age …
const FINENESS: i64 = 100;
/// … or this well, in milliseconds.
const FINEST: i64 = 1_000;

/// A record's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Its offset.
    pub offset: i64,
    /// Milliseconds since the epoch.
    pub time: i64,
}

/// The answer to a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The first record that is not older.
    Record(Point),
    /// All are older.
    Nothing,
    /// The log's format has no timestamps.
    NoTimestamps,
    /// No answer.
    Failed,
}

/// What is known of the timestamp at an offset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Search {
    /// A record up to the offset, with its timestamp: the one looked for is not older.
    pub floor: Option<Point>,
    /// All records before this one, which lies behind the offset, are older than this time.
    pub ceiling: Option<Point>,
    asked: u8,
    /// Whether the floor was found last.
    rose: bool,
}

impl Search {
    /// One that starts with what neighbours know.
    pub fn between(floor: Option<Point>, ceiling: Option<Point>) -> Self {
        Self {
            floor,
            ceiling,
            ..Self::default()
        }
    }

    /// The record itself was met, at this time.
    pub fn hit(&self, offset: i64) -> Option<i64> {
        let floor = self.floor.filter(|floor| floor.offset == offset);
        floor.map(|floor| floor.time)
    }

    /// A record up to the offset claims to come from the future: look-ups cannot tell anything.
    pub fn is_misled(&self, now: i64) -> bool {
        self.floor.is_some_and(|floor| floor.time > now)
    }

    /// The time to look up next; nothing once the timestamp is known well enough or cannot be found.
    pub fn next(&self, offset: i64, now: i64, log_end: i64) -> Option<i64> {
        if self.asked >= MAX_ASKED || self.hit(offset).is_some() || self.is_misled(now) {
            return None;
        }
        let Some(floor) = self.floor else {
            // The log's first record: everybody's floor.
            return Some(0);
        };
        let high = self.ceiling.unwrap_or(Point {
            offset: log_end,
            time: now.saturating_add(1),
        });
        let near = tolerance(floor.time, now);
        if self.ceiling.is_some() && high.time.saturating_sub(floor.time) <= near {
            return None;
        }
        let wish = match self.asked % 3 {
            1 => interpolated(floor, high, offset),
            2 if self.rose => floor.time.saturating_add(near),
            2 => high.time.saturating_sub(near),
            _ => halved(floor.time, high.time, now),
        };
        // Where the ceiling is, the answer is known.
        let last = high.time - i64::from(self.ceiling.is_some());
        (floor.time < last).then(|| wish.clamp(floor.time + 1, last))
    }

    /// Takes the answer to a look-up of `time`.
    pub fn learn(&mut self, offset: i64, time: i64, log_end: i64, found: Found) {
        self.asked = self.asked.saturating_add(1);
        match found {
            Found::Record(record) if record.offset <= offset => self.raise(record),
            Found::Record(record) => {
                self.lower(record.offset, time);
                if time <= 0 {
                    self.skip_to(record, offset);
                }
            }
            // No record with a timestamp at all says nothing of those that may come.
            Found::Nothing if time <= 0 => {}
            Found::Nothing => self.lower(log_end, time),
            Found::NoTimestamps | Found::Failed => {}
        }
    }

    /// Nothing with a timestamp is left up to the offset: the next record is the first unread one.
    fn skip_to(&mut self, record: Point, offset: i64) {
        self.floor = Some(Point {
            offset: offset - 1,
            ..record
        });
        self.ceiling = Some(Point {
            time: record.time.saturating_add(1),
            ..record
        });
    }

    fn raise(&mut self, record: Point) {
        if self.floor.is_none_or(|floor| floor.time < record.time) {
            self.floor = Some(record);
            self.rose = true;
            // The younger answer counts where records have gone in between.
            self.ceiling = self.ceiling.filter(|ceiling| record.time < ceiling.time);
        }
    }

    fn lower(&mut self, offset: i64, time: i64) {
        if self.ceiling.is_none_or(|ceiling| time < ceiling.time) {
            self.ceiling = Some(Point { offset, time });
            self.rose = false;
            self.floor = self.floor.filter(|floor| floor.time < time);
        }
    }
}

fn tolerance(time: i64, now: i64) -> i64 {
    (now.saturating_sub(time) / FINENESS).max(FINEST)
}

/// As if records came evenly.
fn interpolated(low: Point, high: Point, offset: i64) -> i64 {
    let records = high.offset.saturating_sub(low.offset).max(1) as f64;
    let part = offset.saturating_sub(low.offset) as f64 / records;
    let span = high.time.saturating_sub(low.time) as f64;
    low.time.saturating_add((span * part) as i64)
}

/// The middle of two ages by their order of magnitude: what matters is the error in proportion.
fn halved(low: i64, high: i64, now: i64) -> i64 {
    let age = |time: i64| (now.saturating_sub(time).max(FINEST)) as f64;
    let middle = now.saturating_sub((age(low) * age(high)).sqrt() as i64);
    match low < middle && middle < high {
        true => middle,
        false => low.saturating_add(high.saturating_sub(low) / 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lag::seconds::book::tests::Dice;

    const NOW: i64 = 1_750_000_000_000;
    const WEEK: i64 = 7 * 86_400_000;

    /// What a broker answers.
    fn look_up(log: &[Point], time: i64) -> Found {
        let first = log.iter().find(|record| record.time >= time);
        first.map_or(Found::Nothing, |record| Found::Record(*record))
    }

    /// A log of up to a week: evenly, in bursts or seldom, some offsets gone, in order or not.
    fn log(dice: &mut Dice, falling: bool) -> Vec<Point> {
        let count = 1 + dice.below(400);
        let (mut offset, start) = (dice.below(1_000), NOW - 1 - dice.below(WEEK));
        let mut times: Vec<i64> = match dice.below(3) {
            0 => (0..count)
                .map(|_| start + dice.below(NOW - start))
                .collect(),
            1 => (0..count).map(|_| NOW - 1 - dice.below(60_000)).collect(),
            _ => (0..count).map(|at| start + (at / 50) * 3_000).collect(),
        };
        times.sort_unstable();
        if falling {
            for _ in 0..count / 4 {
                let (a, b) = (dice.below(count), dice.below(count));
                times.swap(a as usize, b as usize);
            }
        }
        let mut point = |time: i64| {
            offset += 1 + dice.below(3) * dice.below(2);
            let time = time.min(NOW - 1);
            Point { offset, time }
        };
        times.into_iter().map(&mut point).collect()
    }

    fn searched(log: &[Point], offset: i64) -> (Search, u8) {
        let end = log[log.len() - 1].offset + 1;
        let mut search = Search::default();
        while let Some(time) = search.next(offset, NOW, end) {
            search.learn(offset, time, end, look_up(log, time));
        }
        (search, search.asked)
    }

    #[test]
    fn every_offset_of_every_log_is_found_as_well_as_promised() {
        for seed in 0..300 {
            let mut dice = Dice(seed);
            let falling = seed % 2 == 1;
            let log = log(&mut dice, falling);
            for _ in 0..20 {
                let index = dice.below(log.len() as i64) as usize;
                let offset = log[index].offset;
                let (search, asked) = searched(&log, offset);
                assert!(asked < MAX_ASKED, "seed {seed}: {search:?}");
                let greatest = log[..=index].iter().map(|one| one.time).max().unwrap();
                let floor = search.floor.unwrap().time;
                assert!(floor <= greatest, "seed {seed}: {search:?}, {greatest}");
                if let Some(hit) = search.hit(offset) {
                    assert_eq!(hit, log[index].time, "seed {seed}");
                    continue;
                }
                let ceiling = search.ceiling.unwrap().time;
                assert!(greatest < ceiling, "seed {seed}: {search:?}, {greatest}");
                let allowed = ((NOW - floor) / 100).max(1_000);
                assert!(ceiling - floor <= allowed, "seed {seed}: {search:?}");
                if !falling {
                    assert_eq!(greatest, log[index].time);
                }
            }
        }
    }

    #[test]
    fn an_even_log_takes_few_look_ups() {
        let log: Vec<Point> = (0..5_000)
            .map(|at| Point {
                offset: at,
                time: NOW - WEEK + at * WEEK / 5_000,
            })
            .collect();
        let all: Vec<u8> = (0..5_000)
            .step_by(37)
            .map(|at| searched(&log, at).1)
            .collect();
        let mean = all.iter().map(|one| f64::from(*one)).sum::<f64>() / all.len() as f64;
        assert!(mean < 6.0, "{mean}: {all:?}");
    }

    #[test]
    fn a_record_of_the_future_ends_the_search_and_one_that_is_gone_is_replaced_by_the_next() {
        let log = [(10, NOW + WEEK), (11, NOW - 5), (15, NOW - 3)];
        let log = log.map(|(offset, time)| Point { offset, time });
        let (search, asked) = searched(&log, 11);
        assert!(search.is_misled(NOW) && asked == 1, "{search:?}");
        let (search, _) = searched(&log[1..], 7);
        let known = (search.floor.unwrap().time, search.ceiling.unwrap().time);
        assert_eq!(known, (NOW - 5, NOW - 4));
        assert_eq!(search.hit(7), None);
    }

    #[test]
    fn what_neighbours_know_saves_look_ups() {
        let log: Vec<Point> = (0..1_000)
            .map(|at| Point {
                offset: at,
                time: NOW - WEEK + (at * at) * (WEEK / 1_000_000),
            })
            .collect();
        let (known, alone) = searched(&log, 500);
        let mut near = Search::between(known.floor, None);
        while let Some(time) = near.next(501, NOW, 1_000) {
            near.learn(501, time, 1_000, look_up(&log, time));
        }
        assert!(near.asked <= alone, "{} > {alone}", near.asked);
    }
}
