//! A group: its partitions together.

use std::collections::BTreeMap;

use super::rates::{Rates, skew};
use super::rules::Rules;
use super::series::{Judgement, Series};
use super::sight::{Reader, Sample, Sight};
use super::standing::Standing;
use super::status::{Cause, Status};

/// A partition of a group, remembered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entry {
    /// Number of the partition.
    pub partition: i32,
    /// Its offsets over time.
    pub series: Series,
    /// Its status over time.
    pub standing: Standing,
    /// The last cycle that it was part of.
    pub seen: u64,
}

/// A group, remembered.
#[derive(Debug, Default, PartialEq)]
pub struct GroupState {
    /// Its partitions by topic, sorted by number.
    pub topics: BTreeMap<String, Vec<Entry>>,
    /// Its status over time.
    pub standing: Standing,
    /// The last cycle that it was part of.
    pub seen: u64,
}

impl GroupState {
    /// How many partitions are remembered.
    pub fn count(&self) -> usize {
        self.topics.values().map(Vec::len).sum()
    }

    /// Numbers of its partitions by topic.
    pub fn partitions(&self) -> BTreeMap<String, Vec<i32>> {
        let topics = self.topics.iter();
        let numbers = |entries: &Vec<Entry>| entries.iter().map(|one| one.partition).collect();
        topics
            .map(|(topic, entries)| (topic.clone(), numbers(entries)))
            .collect()
    }

    fn entry(&mut self, topic: &str, partition: i32) -> &mut Entry {
        if !self.topics.contains_key(topic) {
            self.topics.insert(topic.to_owned(), Vec::new());
        }
        let entries = self.topics.get_mut(topic).expect("it was put there");
        match entries.binary_search_by_key(&partition, |entry| entry.partition) {
            Ok(place) => &mut entries[place],
            Err(place) => {
                let entry = Entry {
                    partition,
                    ..Entry::default()
                };
                entries.insert(place, entry);
                &mut entries[place]
            }
        }
    }
}

/// A group in a cycle.
pub struct GroupCycle<'a> {
    state: &'a mut GroupState,
    /// The cycle before this one.
    before: u64,
    tick: u64,
    rules: &'a Rules,
    sum: Sum,
    changes: Vec<Change>,
}

/// What is said of a partition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// How it is doing, and how fast.
    pub judgement: Judgement,
    /// Since when the status holds, in milliseconds since the epoch.
    pub since: u64,
    /// The offsets, where they are known.
    pub sample: Option<Sample>,
}

/// What is said of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupVerdict {
    /// The status of its worst partition.
    pub status: Status,
    /// Its cause.
    pub cause: Cause,
    /// Since when the status holds, in milliseconds since the epoch.
    pub since: u64,
    /// The partition that makes it, where it is not OK.
    pub worst: Option<(String, i32)>,
    /// Sums of the partitions' rates, where all partitions with offsets have them.
    pub rates: Option<Rates>,
    /// Seconds until the last of them has caught up, where all do.
    pub catch_up: Option<f64>,
    /// The greatest skew of its topics.
    pub skew: Option<f64>,
    /// The least share of retention that any partition has left.
    pub retention_left: Option<f64>,
    /// The status that was told before, where the change is worth a line.
    pub before: Option<Status>,
    /// Partitions whose change is worth a line.
    pub changes: Vec<Change>,
}

/// A partition whose status has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
    /// The status that was told before.
    pub before: Status,
    /// What is said of it now.
    pub verdict: Verdict,
}

/// What is summed up over partitions.
#[derive(Default)]
struct Sum {
    worst: Option<Worst>,
    lags: BTreeMap<String, Vec<i64>>,
    rates: Option<Rates>,
    rates_missing: bool,
    catch_up: f64,
    catch_up_missing: bool,
    retention_left: Option<f64>,
}

/// The worst partition so far.
struct Worst {
    status: Status,
    cause: Cause,
    lag: i64,
    at: (String, i32),
}

impl<'a> GroupCycle<'a> {
    pub(super) fn new(
        state: &'a mut GroupState,
        (before, tick): (u64, u64),
        rules: &'a Rules,
    ) -> Self {
        state.seen = tick;
        Self {
            state,
            before,
            tick,
            rules,
            sum: Sum::default(),
            changes: Vec::new(),
        }
    }

    /// Takes what is known of a partition.
    pub fn partition(
        &mut self,
        topic: &str,
        partition: i32,
        sight: Sight,
        reader: Reader,
    ) -> Verdict {
        let (before, tick, rules) = (self.before, self.tick, self.rules);
        let entry = self.state.entry(topic, partition);
        if entry.seen != before {
            entry.series.leave_gap();
        }
        entry.seen = tick;
        let judgement = entry.series.observe(tick, sight, reader, rules);
        let before = entry
            .standing
            .update(tick, judgement.status, judgement.cause, rules);
        let verdict = Verdict {
            judgement,
            since: entry.standing.since(tick),
            sample: match sight {
                Sight::Sample(sample) => Some(sample),
                Sight::NoCommit | Sight::Unknown(_) => None,
            },
        };
        if let Some(before) = before {
            self.changes.push(Change {
                topic: topic.to_owned(),
                partition,
                before,
                verdict,
            });
        }
        self.sum.add(topic, partition, &verdict);
        verdict
    }

    /// The group as a whole. `unread`: why its commits are not known; then its partitions are what they
    /// were, and none of them is forgotten.
    pub fn finish(mut self, unread: Option<&'static str>) -> GroupVerdict {
        if unread.is_none() {
            self.forget_gone();
        }
        let (status, cause, at) = match (self.sum.worst.take(), unread) {
            (Some(worst), _) => (worst.status, worst.cause, Some(worst.at)),
            (None, Some(word)) => (Status::Unknown, Cause::Unanswered(word), None),
            (None, None) => (Status::NoCommit, Cause::NoCommit, None),
        };
        let standing = &mut self.state.standing;
        let before = standing.update(self.tick, status, cause, self.rules);
        let since = standing.since(self.tick);
        self.changes.sort_by(|a, b| {
            let lag = |change: &Change| change.verdict.sample.map_or(0, |sample| sample.lag());
            let severity = |change: &Change| change.verdict.judgement.status.severity();
            (severity(b), lag(b), &a.topic, a.partition).cmp(&(
                severity(a),
                lag(a),
                &b.topic,
                b.partition,
            ))
        });
        GroupVerdict {
            status,
            cause,
            since,
            worst: at.filter(|_| status != Status::Ok),
            rates: self.sum.rates.filter(|_| !self.sum.rates_missing),
            catch_up: self.sum.catch_up(),
            skew: self.sum.skew(),
            retention_left: self.sum.retention_left,
            before,
            changes: self.changes,
        }
    }

    fn forget_gone(&mut self) {
        for entries in self.state.topics.values_mut() {
            entries.retain(|entry| entry.seen == self.tick);
            // One that grew by doubling holds up to twice of what it needs.
            entries.shrink_to_fit();
        }
        self.state.topics.retain(|_, entries| !entries.is_empty());
    }
}

impl Sum {
    fn add(&mut self, topic: &str, partition: i32, verdict: &Verdict) {
        let lag = verdict.sample.map(|sample| sample.lag());
        self.compare(topic, partition, &verdict.judgement, lag.unwrap_or(0));
        let Some(sample) = &verdict.sample else {
            // Without a commit there is nothing to move and nothing to catch up with.
            let unknown = verdict.judgement.status == Status::Unknown;
            self.rates_missing |= unknown;
            self.catch_up_missing |= unknown;
            return;
        };
        match self.lags.get_mut(topic) {
            Some(lags) => lags.push(sample.lag()),
            None => _ = self.lags.insert(topic.to_owned(), vec![sample.lag()]),
        }
        match verdict.judgement.rates {
            Some(rates) => self.rates = Some(self.rates.map_or(rates, |sum| plus(&sum, &rates))),
            None => self.rates_missing = true,
        }
        match verdict.judgement.catch_up {
            Some(seconds) => self.catch_up = self.catch_up.max(seconds),
            None => self.catch_up_missing = true,
        }
        if let Some(left) = sample.retention_left() {
            let least = self.retention_left.map_or(left, |least| least.min(left));
            self.retention_left = Some(least);
        }
    }

    /// Worse is the severer status, then the greater lag, then the first by name.
    fn compare(&mut self, topic: &str, partition: i32, judgement: &Judgement, lag: i64) {
        let rank = (judgement.status.severity(), lag);
        let beaten = self.worst.as_ref().is_none_or(|worst| {
            let before = (worst.status.severity(), worst.lag);
            let first = (topic, partition) < (worst.at.0.as_str(), worst.at.1);
            rank > before || (rank == before && first)
        });
        if beaten {
            self.worst = Some(Worst {
                status: judgement.status,
                cause: judgement.cause,
                lag,
                at: (topic.to_owned(), partition),
            });
        }
    }

    fn catch_up(&self) -> Option<f64> {
        (!self.catch_up_missing && !self.lags.is_empty()).then_some(self.catch_up)
    }

    fn skew(&self) -> Option<f64> {
        let skews = self.lags.values().filter_map(|lags| skew(lags));
        skews.reduce(f64::max)
    }
}

/// The sum of rates; the time is the shortest that any of them is taken over.
fn plus(one: &Rates, other: &Rates) -> Rates {
    Rates {
        committed: one.committed + other.committed,
        log_end: one.log_end + other.log_end,
        lag: one.lag + other.lag,
        seconds: one.seconds.min(other.seconds),
    }
}
