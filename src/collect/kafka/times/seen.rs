//! The ages of one cycle, plain: part of the snapshot.

use serde::{Deserialize, Serialize};

use super::super::snapshot::{ByPartition, LogEnds, Missing};
use super::first_unread;
use crate::lag::seconds::book::{Ages, Book, Want};
use crate::lag::seconds::{Age, Unknown};

/// How old the first unread records are, by where they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// By offset.
    ages: ByPartition<Ages>,
    /// Partitions whose records should have been read and could not be.
    pub unread: ByPartition<Missing>,
}

impl Seen {
    pub(super) fn new(book: &Book, now: i64, unread: ByPartition<Missing>) -> Self {
        let mut ages = ByPartition::<Ages>::new();
        for (topic, partition, all) in book.ages(now) {
            if !ages.contains_key(topic) {
                ages.insert(topic.to_owned(), Default::default());
            }
            if let Some(partitions) = ages.get_mut(topic) {
                partitions.insert(partition, all);
            }
        }
        Self { ages, unread }
    }

    /// The age at an offset is not known yet. Called in the order of offsets.
    pub(super) fn leave_open(&mut self, want: &Want<'_>) {
        let topic = self.ages.entry(want.topic.to_owned()).or_default();
        let ages = topic.entry(want.partition).or_default();
        ages.push((want.offset, Err(Unknown::Pending)));
    }

    /// Whether there is nothing: nobody lags behind, or nobody looked.
    pub fn is_empty(&self) -> bool {
        self.ages.is_empty() && self.unread.is_empty()
    }

    /// How old the first record is that a group with this commit has not read; nothing where a part
    /// of the answer is missing.
    pub fn age(
        &self,
        (topic, partition): (&str, i32),
        committed: i64,
        ends: &LogEnds,
    ) -> Option<Result<Age, Unknown>> {
        let log_end = *ends.latest.as_ref().ok()?;
        if committed >= log_end {
            return Some(match committed == log_end {
                true => Ok(Age::NONE),
                false => Err(Unknown::Truncated),
            });
        }
        let Some(offset) = first_unread(committed, ends) else {
            return Some(Err(Unknown::NotAnswered));
        };
        // Everything that was not read is deleted: nothing is left to wait for.
        if offset >= log_end {
            return Some(Ok(Age::NONE));
        }
        let ages = self.ages.get(topic)?.get(&partition)?;
        let at = ages.binary_search_by_key(&offset, |(offset, _)| *offset);
        at.ok().map(|index| ages[index].1)
    }
}
