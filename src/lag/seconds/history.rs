//! Where the logs ended at earlier cycles: between which two a record was appended. Pure.
//!
//! All partitions share one axis of [`SLOTS`] cycles, so that a partition costs 8 bytes a slot. When
//! all slots are taken the one goes whose absence widens a gap least in proportion to its age: the
//! newest cycles stand one interval apart, the oldest about a quarter of their age.

use std::collections::BTreeMap;

use super::Span;

/// Samples of a partition: 256 bytes, which is 5 MB for 20,000 partitions.
pub const SLOTS: usize = 32;

/// How far back: with [`SLOTS`] at 10 s the gaps are then below a third of their age. What is
/// older is looked up by its timestamp.
pub const MAX_AGE_MILLIS: i64 = 6 * 3_600_000;

/// No sample of that partition in that cycle.
const NONE: i64 = -1;

/// A cycle's sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since the epoch, before the leaders were asked.
    pub from: i64,
    /// The same, when they had answered.
    pub to: i64,
}

/// Log ends by partition and cycle.
#[derive(Debug, Default)]
pub struct History {
    moments: Vec<Moment>,
    /// One end a moment.
    ends: BTreeMap<String, BTreeMap<i32, Box<[i64; SLOTS]>>>,
}

impl History {
    /// Takes a cycle's log ends and forgets partitions that have none any more. A clock that was set
    /// back makes all earlier samples worthless; gives whether it was.
    pub fn sample<'a>(
        &mut self,
        moment: Moment,
        ends: impl Iterator<Item = (&'a str, i32, Option<i64>)>,
    ) -> bool {
        let last = self.moments.last();
        let was_set_back = last.is_some_and(|last| last.to > moment.from);
        if was_set_back {
            *self = Self::default();
        }
        self.make_room(moment);
        let slot = self.moments.len();
        self.moments.push(moment);
        for (topic, partition, end) in ends {
            self.take(topic, partition, slot, end.unwrap_or(NONE));
        }
        for partitions in self.ends.values_mut() {
            // Not even an unknown end in this cycle: deleted.
            partitions.retain(|_, row| row[slot] != GONE);
        }
        self.ends.retain(|_, partitions| !partitions.is_empty());
        was_set_back
    }

    /// Forgets all ends of a topic, which was made anew.
    pub fn forget(&mut self, topic: &str) {
        self.ends.remove(topic);
    }

    fn take(&mut self, topic: &str, partition: i32, slot: usize, end: i64) {
        if !self.ends.contains_key(topic) {
            self.ends.insert(topic.to_owned(), BTreeMap::new());
        }
        let Some(partitions) = self.ends.get_mut(topic) else {
            return;
        };
        let row = partitions.entry(partition).or_insert_with(|| {
            let mut row = Box::new([GONE; SLOTS]);
            row[..slot].fill(NONE);
            row
        });
        row[slot] = end;
        // The log was made anew or truncated: what was appended before is not there now.
        if end != NONE && row[..slot].iter().any(|earlier| *earlier > end) {
            row[..slot].fill(NONE);
        }
    }

    /// Drops what is too old, and then the slot that is missed least.
    fn make_room(&mut self, now: Moment) {
        while let Some(slot) = self.superfluous(now) {
            self.moments.remove(slot);
            for row in self.ends.values_mut().flat_map(BTreeMap::values_mut) {
                row.copy_within(slot + 1.., slot);
                row[SLOTS - 1] = GONE;
            }
        }
    }

    fn superfluous(&self, now: Moment) -> Option<usize> {
        // The second one must still be younger than the limit, or the first one is of use.
        let second = self.moments.get(1)?;
        if now.from.saturating_sub(second.from) > MAX_AGE_MILLIS {
            return Some(0);
        }
        if self.moments.len() < SLOTS {
            return None;
        }
        let gap = |slot: usize| {
            let (before, after) = (self.moments[slot - 1].from, self.moments[slot + 1].from);
            let age = now.from.saturating_sub(before).max(1);
            after.saturating_sub(before) as f64 / age as f64
        };
        // The oldest says how far back we see, the newest is the next one's beginning.
        (1..self.moments.len() - 1).min_by(|a, b| gap(*a).total_cmp(&gap(*b)))
    }

    /// Whether the partition is there, by the last sample.
    pub fn knows(&self, topic: &str, partition: i32) -> bool {
        let all = self.ends.get(topic);
        all.is_some_and(|all| all.contains_key(&partition))
    }

    /// Where the log ended when that was last known.
    pub fn end(&self, topic: &str, partition: i32) -> Option<i64> {
        let row = self.ends.get(topic)?.get(&partition)?;
        let ends = row.iter().take(self.moments.len()).rev();
        ends.copied().find(|end| *end >= 0)
    }

    /// When the record at `offset` was appended; nothing where it was there before the first sample,
    /// or is not there yet.
    pub fn appended(&self, topic: &str, partition: i32, offset: i64) -> Option<Span> {
        let row = self.ends.get(topic)?.get(&partition)?;
        let known = |slot: &usize| row[*slot] != NONE;
        let slots = || (0..self.moments.len()).filter(known);
        let above = slots().find(|slot| row[*slot] > offset)?;
        let below = slots().take_while(|slot| *slot < above).last()?;
        let (after, until) = (self.moments[below].from, self.moments[above].to);
        // As if the records between had come evenly: the middle of the record's own share.
        let share = (offset - row[below]) as f64 + 0.5;
        let part = share / (row[above] - row[below]) as f64;
        let at = after + ((until - after) as f64 * part).round() as i64;
        Some(Span {
            after,
            at: at.clamp(after, until),
            until,
        })
    }
}

/// A slot that was not written: nobody named the partition in that cycle.
const GONE: i64 = -2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lag::seconds::book::tests::Dice;

    const INTERVAL: i64 = 10_000;

    fn at(time: i64) -> Moment {
        Moment {
            from: time,
            to: time + 50,
        }
    }

    fn one(history: &mut History, time: i64, end: Option<i64>) {
        history.sample(at(time), [("t", 0, end)].into_iter());
    }

    #[test]
    fn a_record_was_appended_between_two_samples() {
        let mut history = History::default();
        for (cycle, end) in [(0, 100), (1, 100), (2, 110), (3, 110)] {
            one(&mut history, cycle * INTERVAL, Some(end));
        }
        assert_eq!(history.appended("t", 0, 99), None, "there before the first");
        assert_eq!(history.appended("t", 0, 110), None, "not there yet");
        let first = history.appended("t", 0, 100).unwrap();
        assert_eq!((first.after, first.until), (INTERVAL, 2 * INTERVAL + 50));
        let last = history.appended("t", 0, 109).unwrap();
        assert!(first.after <= first.at && first.at < last.at && last.at <= last.until);
        assert_eq!(history.appended("t", 1, 100), None);
    }

    #[test]
    fn records_between_two_samples_are_taken_to_have_come_evenly() {
        let mut history = History::default();
        one(&mut history, INTERVAL, Some(100));
        one(&mut history, 2 * INTERVAL, Some(105));
        let moments = [100, 102, 104].map(|offset| history.appended("t", 0, offset).unwrap().at);
        // The middles of five parts of the 10,050 ms until the second answer.
        assert_eq!(moments, [11_005, 15_025, 19_045]);
    }

    #[test]
    fn what_is_older_than_the_history_is_not_known() {
        let mut history = History::default();
        let hour = MAX_AGE_MILLIS / 6;
        for now in 0..=7 {
            one(&mut history, now * hour, Some(10 * now));
        }
        let first = history.appended("t", 0, 5).unwrap();
        assert_eq!((first.after, first.until), (0, hour + 50));
        one(&mut history, 7 * hour + 1_000, Some(80));
        assert_eq!(history.appended("t", 0, 5), None);
        assert_eq!(history.appended("t", 0, 10).unwrap().after, hour);
    }

    #[test]
    fn a_cycle_without_an_answer_widens_and_a_shorter_log_forgets() {
        let mut history = History::default();
        for (cycle, end) in [(0, Some(5)), (1, None), (2, Some(9))] {
            one(&mut history, cycle * INTERVAL, end);
        }
        let span = history.appended("t", 0, 7).unwrap();
        assert_eq!((span.after, span.until), (0, 2 * INTERVAL + 50));
        assert_eq!(history.end("t", 0), Some(9));
        one(&mut history, 3 * INTERVAL, Some(4));
        one(&mut history, 4 * INTERVAL, Some(8));
        one(&mut history, 5 * INTERVAL, None);
        assert_eq!(history.end("t", 0), Some(8), "as far as anybody knows");
        assert_eq!(history.end("t", 1), None);
        let span = history.appended("t", 0, 7).unwrap();
        assert_eq!(span.after, 3 * INTERVAL, "{span:?}");
        assert_eq!(history.appended("t", 0, 3), None);
    }

    #[test]
    fn a_clock_that_is_set_back_and_a_deleted_partition_leave_nothing() {
        let mut history = History::default();
        one(&mut history, 5 * INTERVAL, Some(1));
        one(&mut history, 6 * INTERVAL, Some(3));
        assert!(history.appended("t", 0, 2).is_some());
        one(&mut history, 2 * INTERVAL, Some(9));
        assert_eq!(history.appended("t", 0, 2), None);
        assert!(history.knows("t", 0) && !history.knows("t", 1));
        history.sample(at(3 * INTERVAL), std::iter::empty());
        assert!(history.ends.is_empty() && !history.knows("t", 0));
    }

    /// The truth lies within the bounds, and those are narrow in proportion to the age.
    #[test]
    fn whatever_the_rate_the_bounds_hold_and_memory_does_not_grow() {
        for seed in 0..20 {
            let mut dice = Dice(seed);
            let mut history = History::default();
            let (mut end, mut now) = (dice.below(1_000), 1_700_000_000_000);
            let first = end;
            // Cycle in which each record was appended: after the sample before, until that one's.
            let mut truth: Vec<(i64, i64)> = Vec::new();
            for cycle in 0..3_000 {
                let before = now;
                now += INTERVAL;
                let silent = dice.below(20) == 0;
                let count = if dice.below(3) == 0 {
                    dice.below(30)
                } else {
                    0
                };
                end += count;
                truth.extend((0..count).map(|_| (before, now + 50)));
                one(&mut history, now, (!silent || cycle == 0).then_some(end));
            }
            assert!(history.moments.len() <= SLOTS);
            for _ in 0..500 {
                let offset = first + dice.below(end - first);
                let (after, until) = truth[usize::try_from(offset - first).unwrap()];
                let Some(span) = history.appended("t", 0, offset) else {
                    continue;
                };
                assert!(span.after <= after && until <= span.until, "seed {seed}");
                assert!(
                    span.after <= span.at && span.at <= span.until,
                    "seed {seed}"
                );
                let width = span.until - span.after;
                let age = now - span.after;
                // A silent cycle may double a gap, and several may meet.
                assert!(
                    width <= 4 * INTERVAL || width <= age,
                    "{width} of {age}, seed {seed}"
                );
            }
            let deep = history.moments[0].from;
            assert!(now - deep >= MAX_AGE_MILLIS * 9 / 10, "{}", now - deep);
        }
    }
}
