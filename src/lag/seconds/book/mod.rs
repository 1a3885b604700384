//! What is known of each offset that a group stands at, and what to look up next. Pure.
//!
//! The history knows when a record was appended; the documents want its timestamp. Whether the two
//! agree is asked for each partition at first and every [`TRUST_MILLIS`] with two look-ups around
//! one record: if its timestamp lies further than [`SLACK_MILLIS`] from when it was appended (data
//! copied from elsewhere, a clock that is wrong), the history is not used for that partition.

mod notes;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

pub use self::notes::Read;
use self::notes::{Notes, Sort};
use super::history::{History, Moment};
use super::search::Found;
use super::{Age, Unknown};

/// How far a timestamp may lie from the moment of appending: a producer's linger and batching, and
/// clocks that are kept by NTP.
pub const SLACK_MILLIS: i64 = 5_000;

/// How long it is believed that timestamps agree with appending, or that they do not.
pub const TRUST_MILLIS: i64 = 600_000;

/// An offset whose age is wanted: there is lag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Want<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Number of the partition.
    pub partition: i32,
    /// The first offset that is not read, not before the log's start.
    pub offset: i64,
    /// Log end of the partition.
    pub log_end: i64,
}

/// A look-up to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Topic.
    pub topic: String,
    /// Number of the partition.
    pub partition: i32,
    /// The offset that it is about.
    pub offset: i64,
    /// Milliseconds since the epoch: which is the first record that is not older?
    pub time: i64,
}

/// All that is known. Bounded by the partitions of the cluster and the offsets of this cycle.
#[derive(Debug, Default)]
pub struct Book {
    history: History,
    partitions: BTreeMap<String, BTreeMap<i32, Notes>>,
    /// Where the last round of questions ended: everybody's turn comes.
    turn: (String, i32),
}

impl Book {
    /// Takes a cycle's log ends, `None` where unknown.
    pub fn sample<'a>(
        &mut self,
        moment: Moment,
        ends: impl Iterator<Item = (&'a str, i32, Option<i64>)>,
    ) {
        if self.history.sample(moment, ends) {
            let all = self.partitions.values_mut().flat_map(BTreeMap::values_mut);
            all.for_each(Notes::forget_moments);
        }
    }

    /// A topic was made anew: nothing is known of what lies there now.
    pub fn forget(&mut self, topic: &str) {
        self.history.forget(topic);
        self.partitions.remove(topic);
    }

    /// Takes the offsets of this cycle, sorted.
    pub fn want(&mut self, wants: &[Want<'_>]) {
        let history = &self.history;
        for (topic, all) in &mut self.partitions {
            all.retain(|id, notes| {
                notes.rest(history.end(topic, *id));
                history.knows(topic, *id)
            });
        }
        self.partitions.retain(|_, all| !all.is_empty());
        let same = |a: &Want<'_>, b: &Want<'_>| (a.topic, a.partition) == (b.topic, b.partition);
        for wants in wants.chunk_by(same) {
            let (topic, partition) = (wants[0].topic, wants[0].partition);
            let appended = |offset| history.appended(topic, partition, offset);
            if !self.partitions.contains_key(topic) {
                self.partitions.insert(topic.to_owned(), BTreeMap::new());
            }
            if let Some(all) = self.partitions.get_mut(topic) {
                let before = all.remove(&partition).unwrap_or_default();
                all.insert(partition, before.turned(wants, appended));
            }
        }
    }

    /// Up to `limit` look-ups. Those without which nothing is known come first.
    pub fn questions(&mut self, now: i64, limit: usize) -> Vec<Question> {
        let (mut urgent, mut trusting) = (Vec::new(), Vec::new());
        let turn = std::mem::take(&mut self.turn);
        let place = |topic: &str, id| (topic, id) > (turn.0.as_str(), turn.1);
        let (behind, before): (Vec<_>, Vec<_>) =
            self.wanted().partition(|(topic, id, _)| place(topic, *id));
        for (topic, partition, notes) in behind.into_iter().chain(before) {
            for (asked, sort) in notes.questions(now) {
                let all = match sort {
                    Sort::Search => &mut urgent,
                    Sort::Proof => &mut trusting,
                };
                if all.len() < limit {
                    all.push(asked.at(topic, partition));
                }
            }
            if urgent.len() >= limit {
                break;
            }
        }
        urgent.extend(trusting);
        urgent.truncate(limit);
        if let Some(last) = urgent.last().filter(|_| urgent.len() == limit) {
            self.turn = (last.topic.clone(), last.partition);
        }
        urgent
    }

    /// Partitions with an offset of this cycle.
    fn wanted(&self) -> impl Iterator<Item = (&str, i32, &Notes)> {
        let all = self.partitions.iter().flat_map(|(topic, all)| {
            let row = move |(id, notes): (&i32, _)| (topic.as_str(), *id, notes);
            all.iter().map(row)
        });
        all.filter(|(_, _, notes)| notes.is_wanted())
    }

    /// Takes the answer to a question.
    pub fn answer(&mut self, question: &Question, found: Found, now: i64) {
        let all = self.partitions.get_mut(&question.topic);
        if let Some(notes) = all.and_then(|all| all.get_mut(&question.partition)) {
            notes.answer(question, found, now);
        }
    }

    /// Takes what reading at an offset gave.
    pub fn read(&mut self, topic: &str, partition: i32, offset: i64, read: Read) {
        let all = self.partitions.get_mut(topic);
        if let Some(notes) = all.and_then(|all| all.get_mut(&partition)) {
            notes.read(offset, read);
        }
    }

    /// Offsets whose record was not read, with their log ends.
    pub fn unread(&self) -> impl Iterator<Item = Want<'_>> {
        self.wanted().flat_map(|(topic, partition, notes)| {
            notes.unread().map(move |(offset, log_end)| Want {
                topic,
                partition,
                offset,
                log_end,
            })
        })
    }

    /// The ages of all offsets of this cycle.
    pub fn ages(&self, now: i64) -> impl Iterator<Item = (&str, i32, Ages)> {
        let row =
            move |(topic, partition, notes): (_, _, &Notes)| (topic, partition, notes.ages(now));
        self.wanted().map(row)
    }
}

/// The age at each offset of a partition, by offset.
pub type Ages = Vec<(i64, Result<Age, Unknown>)>;
