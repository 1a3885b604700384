//! The sliding window of one partition of a group: a few parts, each with its last offsets and its
//! least lag.
//!
//! Parts are cut by the clock (tick ÷ length), so that a window of five minutes costs the same
//! memory for a tick of one second as for one of a minute. A part in which nothing was known is
//! not there. The least lag of a part is what is left when the sawtooth of commits is taken away:
//! a consumer that commits every five seconds is never seen at 0 by chance only.

use super::rules::{MIN_GROWTH, PARTS, Rules};
use super::sight::Sample;

/// The whole parts of a window and the one that is being filled.
const SLOTS: usize = PARTS as usize + 1;
/// A bit for each.
const ALL: u8 = (1 << SLOTS) - 1;

/// The window.
#[derive(Debug, Clone, Default)]
pub struct Window {
    /// Number of the newest part: tick ÷ length of a part.
    newest: u64,
    /// Bit 0 for the newest part, bit 1 for the one before …: whether anything is known of it.
    known: u8,
    /// The last sample of a part, in milliseconds after its beginning.
    at: [u32; SLOTS],
    parts: Parts,
}

/// What the known parts hold. Of very many groups most partitions stand still at any moment; they take little.
#[derive(Debug, Clone)]
enum Parts {
    /// All of them the same.
    Same(Part),
    /// By slot.
    Each(Box<[Part; SLOTS]>),
}

impl Default for Parts {
    fn default() -> Self {
        Self::Same(Part::default())
    }
}

/// What is out of the window makes no difference.
impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        self.save() == other.save()
    }
}

/// A part of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part {
    /// The last committed offset.
    pub committed: i64,
    /// The last log end.
    pub log_end: i64,
    /// The least lag.
    pub low: i64,
}

impl Window {
    /// Takes a sample; what is older than the window goes.
    pub fn record(&mut self, tick: u64, sample: &Sample, rules: &Rules) {
        let number = tick / rules.part;
        if self.known == 0 || number < self.newest {
            self.known = 0;
            self.newest = number;
        }
        self.advance(number);
        let low = match self.known & 1 {
            0 => sample.lag(),
            _ => self.part(number).low.min(sample.lag()),
        };
        self.put(
            number,
            Part {
                committed: sample.committed,
                log_end: sample.log_end,
                low,
            },
        );
        self.at[slot(number)] = u32::try_from(tick % rules.part).unwrap_or(u32::MAX);
    }

    fn part(&self, number: u64) -> Part {
        match &self.parts {
            Parts::Same(part) => *part,
            Parts::Each(parts) => parts[slot(number)],
        }
    }

    /// Keeps the newest part.
    fn put(&mut self, number: u64, part: Part) {
        self.known |= 1;
        let before = self.known >> 1 > 0;
        match &mut self.parts {
            Parts::Each(parts) => parts[slot(number)] = part,
            Parts::Same(same) if !before => *same = part,
            Parts::Same(same) if *same == part => {}
            Parts::Same(same) => {
                let mut parts = Box::new([*same; SLOTS]);
                parts[slot(number)] = part;
                self.parts = Parts::Each(parts);
            }
        }
        let same = |(_, other)| other == part;
        if matches!(self.parts, Parts::Each(_)) && self.parts().all(same) {
            self.parts = Parts::Same(part);
        }
    }

    fn advance(&mut self, number: u64) {
        let shift = u32::try_from(number - self.newest).unwrap_or(u32::MAX);
        self.known = self.known.checked_shl(shift).unwrap_or(0) & ALL;
        self.newest = number;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.known = 0;
    }

    /// The oldest part whose last sample is not older than this tick, with the tick of that sample.
    pub fn oldest_since(&self, tick: u64, rules: &Rules) -> Option<(u64, Part)> {
        let mut parts = self
            .parts()
            .map(|(age, part)| (self.tick(age, rules), part));
        parts.find(|(at, _)| *at >= tick)
    }

    /// Whether the lag has not fallen from part to part of a full window although there were commits,
    /// and has grown by more than comes and goes between two of them.
    pub fn lag_grows(&self, rules: &Rules) -> bool {
        let whole = rules.window / rules.part;
        let mut parts = self.parts().peekable();
        let full = parts
            .peek()
            .is_some_and(|(age, _)| *age as u64 + 1 >= whole);
        if !full {
            return false;
        }
        let lows: Vec<(usize, Part)> = parts.collect();
        let behind = lows.iter().all(|(_, part)| part.low > rules.allowed);
        let falls = lows.windows(2).any(|two| two[1].1.low < two[0].1.low);
        // The part that has just begun may have seen nothing but the top of the sawtooth.
        let last = lows.iter().rev().find(|(age, _)| *age > 0);
        let (Some((_, first)), Some((_, last))) = (lows.first(), last) else {
            return false;
        };
        let grown = last.low.saturating_sub(first.low);
        let produced = last.log_end.saturating_sub(first.log_end);
        // Without a commit nobody falls behind: it stands still, which is another matter.
        let works = last.committed > first.committed;
        works && behind && !falls && grown > 0 && grown as f64 >= MIN_GROWTH * produced as f64
    }

    /// The least lag within the window.
    pub fn low(&self) -> Option<i64> {
        self.parts().map(|(_, part)| part.low).min()
    }

    /// Known parts from the oldest to the newest, with their age in parts.
    fn parts(&self) -> impl Iterator<Item = (usize, Part)> {
        let ages = (0..SLOTS).rev().filter(|age| self.known >> age & 1 == 1);
        ages.map(|age| (age, self.part(self.newest - age as u64)))
    }

    fn tick(&self, age: usize, rules: &Rules) -> u64 {
        let number = self.newest - age as u64;
        number * rules.part + u64::from(self.at[slot(number)])
    }

    /// What the state file keeps: number of the newest part, and each known part with its age.
    pub fn save(&self) -> (u64, Vec<(u8, u32, Part)>) {
        let parts = self.parts().map(|(age, part)| {
            let at = self.at[slot(self.newest - age as u64)];
            (age as u8, at, part)
        });
        (self.newest, parts.collect())
    }

    /// The window of what was saved; nothing if it cannot be one.
    pub fn restore(newest: u64, saved: &[(u8, u32, Part)]) -> Option<Self> {
        let mut window = Self {
            newest,
            ..Self::default()
        };
        let mut parts = Box::new([Part::default(); SLOTS]);
        for (age, at, part) in saved {
            let number = newest.checked_sub(u64::from(*age))?;
            if usize::from(*age) >= SLOTS {
                return None;
            }
            window.known |= 1 << age;
            window.at[slot(number)] = *at;
            parts[slot(number)] = *part;
        }
        let mut known = saved.iter().map(|(_, _, part)| *part);
        let first = known.next().unwrap_or_default();
        window.parts = match known.all(|part| part == first) {
            true => Parts::Same(first),
            false => Parts::Each(parts),
        };
        Some(window)
    }
}

fn slot(number: u64) -> usize {
    (number % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::collection;
    use proptest::prelude::*;

    use super::*;
    use crate::lag::rules::Settings;

    const MINUTE: u64 = 60_000;

    /// Parts of a minute, six of them.
    fn rules() -> Rules {
        let settings = Settings {
            window: Duration::from_secs(360),
            allowed: 0,
        };
        Rules::new(&settings, Duration::from_secs(10))
    }

    fn window(lags: &[i64]) -> Window {
        let mut window = Window::default();
        for (minute, lag) in (0..).zip(lags) {
            let sample = Sample {
                committed: 1_000 + minute,
                log_start: None,
                log_end: 1_000 + minute + lag,
            };
            window.record(minute as u64 * MINUTE, &sample, &rules());
        }
        window
    }

    #[test]
    fn lag_grows_only_over_a_full_window_and_without_a_fall() {
        assert!(window(&[1, 2, 3, 4, 5, 6]).lag_grows(&rules()));
        assert!(!window(&[1, 2, 3, 4, 5]).lag_grows(&rules()), "not full");
        assert!(!window(&[1, 2, 3, 4, 3, 6, 7]).lag_grows(&rules()), "fell");
        assert!(!window(&[0, 2, 3, 4, 5, 6]).lag_grows(&rules()), "was 0");
        assert!(!window(&[5; 7]).lag_grows(&rules()), "keeps pace");
        assert!(
            window(&[0, 1, 2, 3, 4, 5, 6, 7]).lag_grows(&rules()),
            "the 0 is over"
        );
    }

    #[test]
    fn a_part_keeps_its_least_lag_and_its_last_offsets() {
        let mut window = Window::default();
        for (second, lag) in [(0, 7), (10, 3), (20, 9)] {
            let sample = Sample {
                committed: second,
                log_start: None,
                log_end: second + lag,
            };
            window.record(second as u64 * 1_000, &sample, &rules());
        }
        let part = Part {
            committed: 20,
            log_end: 29,
            low: 3,
        };
        assert_eq!(window.oldest_since(0, &rules()), Some((20_000, part)));
        assert_eq!(window.oldest_since(20_001, &rules()), None);
    }

    #[test]
    fn what_is_older_than_the_window_is_gone_also_after_any_pause() {
        for later in [7, 8, 63, 64, 65, 1_000_000] {
            let mut window = window(&[5, 6]);
            let sample = Sample {
                committed: 0,
                log_start: None,
                log_end: 9,
            };
            window.record((1 + later) * MINUTE, &sample, &rules());
            assert_eq!(window.low(), Some(9), "{later}");
        }
    }

    #[test]
    fn what_is_saved_comes_back() {
        let window = window(&[1, 2, 3, 4, 5, 6, 7, 8]);
        let (newest, parts) = window.save();
        let back = Window::restore(newest, &parts).unwrap();
        assert_eq!(back.save(), (newest, parts));
        assert_eq!(back.lag_grows(&rules()), window.lag_grows(&rules()));
        let part = Part::default();
        assert_eq!(Window::restore(9, &[(7, 0, part)]), None);
        assert_eq!(Window::restore(0, &[(1, 0, part)]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        /// Beside one that keeps every part by its number. Steps of 0 stay in a part; offsets often stand still.
        #[test]
        fn a_window_is_what_its_last_parts_say(
            samples in collection::vec((0_u64..3, 0_i64..3, 0_i64..3), 1..40)
        ) {
            let (rules, mut window, mut model) = (rules(), Window::default(), BTreeMap::new());
            let (mut tick, mut committed, mut log_end) = (0, 100, 100);
            for (minutes, read, written) in samples {
                tick += minutes * MINUTE + 1_000;
                committed += read;
                log_end += written;
                let sample = Sample { committed, log_start: None, log_end };
                window.record(tick, &sample, &rules);
                let number = tick / rules.part;
                let low = model.get(&number).map_or(sample.lag(), |(_, part): &(u32, Part)| part.low.min(sample.lag()));
                model.insert(number, ((tick % rules.part) as u32, Part { committed, log_end, low }));
                let expected = model.range(number.saturating_sub(SLOTS as u64 - 1)..);
                let expected: Vec<_> = expected.map(|(of, (at, part))| ((number - of) as u8, *at, *part)).collect();
                prop_assert_eq!(window.save(), (number, expected.clone()));
                prop_assert_eq!(Window::restore(number, &expected).unwrap(), window.clone());
            }
        }
    }
}
