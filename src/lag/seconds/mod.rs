//! How old the first record is that a group has not read: seconds behind. Pure.
//!
//! Three sources, the best one that there is:
//! - the **record** itself was read: `exact`;
//! - **look-ups** by timestamp ([`search`]) have closed in on it: `estimated` by `timestamp`;
//! - the **history** of log ends ([`history`]) says between which two cycles it was appended:
//!   `estimated` by `append`, which is our clock and not the record's timestamp. It is used only
//!   while look-ups find that the two agree ([`book`]).
//!
//! Nothing is claimed beyond what is known: an estimate has its greatest error beside it, and one
//! that may be wrong by more than [`MAX_RELATIVE_ERROR`] of itself is no estimate. Once the time of
//! a record is found it stays, so that the age of an offset that does not move grows with the clock.

pub mod book;
pub mod history;
pub mod search;

use serde::{Deserialize, Serialize};

/// An estimate that may be off by more than this part of itself says nothing.
pub const MAX_RELATIVE_ERROR: f64 = 0.5;

/// … but one that is off by less than this is good however young the record is: two intervals of
/// the default, in which the history cannot tell records apart.
pub const ALWAYS_GOOD_MILLIS: i64 = 20_000;

/// Whether an age is known or closed in on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By the timestamp of the record itself.
    Exact,
    /// Within [`Age::error`].
    Estimated,
}

impl Method {
    /// The word in the documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Estimated => "estimated",
        }
    }
}

/// By whose time an age is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Timestamps of records: the producer's clock (`CreateTime`) or the broker's (`LogAppendTime`).
    Timestamp,
    /// When the record was appended, by the agent's clock.
    Append,
}

impl Basis {
    /// The word in the documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timestamp => "timestamp",
            Self::Append => "append",
        }
    }
}

/// Why there is no age where there is lag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// Look-ups are still at it: there is a bound of them in a cycle.
    Pending,
    /// The leader did not answer the look-ups.
    NotAnswered,
    /// The records have no timestamps, or one lies in the future, and the record is older than the history.
    NoTimestamp,
    /// The committed offset lies behind the log end.
    Truncated,
}

impl Unknown {
    /// The word in the documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::NotAnswered => "not_answered",
            Self::NoTimestamp => "no_timestamp",
            Self::Truncated => "truncated",
        }
    }
}

/// How old a record is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Age {
    /// Seconds; never negative: a timestamp in the future is 0.
    pub seconds: f64,
    /// By how many seconds it may be wrong at most; 0 where exact.
    pub error: f64,
    /// How it was found.
    pub method: Method,
    /// Whose time it is.
    pub basis: Basis,
}

impl Age {
    /// Nothing is unread.
    pub const NONE: Self = Self {
        seconds: 0.0,
        error: 0.0,
        method: Method::Exact,
        basis: Basis::Timestamp,
    };

    /// By the record's own timestamp, both in milliseconds since the epoch.
    fn exact(timestamp: i64, now: i64) -> Self {
        Self {
            seconds: seconds(now.saturating_sub(timestamp).max(0)),
            ..Self::NONE
        }
    }

    /// By the timestamp that a look-up found at the offset itself. It may be that of a transaction's
    /// marker, which nobody reads: so it is no more than an estimate.
    fn met(timestamp: i64, now: i64) -> Self {
        Self {
            method: Method::Estimated,
            ..Self::exact(timestamp, now)
        }
    }

    /// By what is known of the record's time; nothing where that is too little.
    fn estimated(span: Span, basis: Basis, now: i64) -> Option<Self> {
        let age = now.saturating_sub(span.at).max(0);
        let error = span.error();
        let good =
            error <= ALWAYS_GOOD_MILLIS || seconds(error) <= seconds(age) * MAX_RELATIVE_ERROR;
        good.then(|| Self {
            seconds: seconds(age),
            error: seconds(error),
            method: Method::Estimated,
            basis,
        })
    }
}

/// What is known of a moment, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Not before.
    pub after: i64,
    /// The likely moment.
    pub at: i64,
    /// Not later.
    pub until: i64,
}

impl Span {
    /// The most that `at` can be wrong by.
    fn error(self) -> i64 {
        let before = self.at.saturating_sub(self.after);
        before.max(self.until.saturating_sub(self.at)).max(0)
    }
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}

/// The oldest of several: that of a group is its worst partition's, never a sum.
pub fn worst<'a>(ages: impl IntoIterator<Item = &'a Age>) -> Option<&'a Age> {
    ages.into_iter()
        .max_by(|a, b| a.seconds.total_cmp(&b.seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Snapshots and documents use the same words.
    #[test]
    fn every_word_is_its_name() {
        let same = |word: &str, name: serde_json::Value| assert_eq!(name, word);
        for method in [Method::Exact, Method::Estimated] {
            same(method.as_str(), serde_json::to_value(method).unwrap());
        }
        for basis in [Basis::Timestamp, Basis::Append] {
            same(basis.as_str(), serde_json::to_value(basis).unwrap());
        }
        for unknown in [
            Unknown::Pending,
            Unknown::NotAnswered,
            Unknown::NoTimestamp,
            Unknown::Truncated,
        ] {
            same(unknown.as_str(), serde_json::to_value(unknown).unwrap());
        }
    }

    #[test]
    fn a_timestamp_in_the_future_is_no_negative_age() {
        assert_eq!(Age::exact(2_000, 1_000).seconds, 0.0);
        let span = Span {
            after: 1_500,
            at: 1_600,
            until: 1_700,
        };
        let age = Age::estimated(span, Basis::Append, 1_000).unwrap();
        assert_eq!((age.seconds, age.error), (0.0, 0.1));
        assert_eq!(
            Age::exact(i64::MIN, i64::MAX).seconds,
            i64::MAX as f64 / 1_000.0
        );
    }

    #[test]
    fn what_may_be_anything_is_no_estimate() {
        let span = |half: i64| Span {
            after: -half,
            at: 0,
            until: half,
        };
        let day = 86_400_000;
        assert!(Age::estimated(span(ALWAYS_GOOD_MILLIS), Basis::Append, 0).is_some());
        assert!(Age::estimated(span(ALWAYS_GOOD_MILLIS + 1), Basis::Append, 0).is_none());
        assert!(Age::estimated(span(day / 2), Basis::Append, day).is_some());
        assert!(Age::estimated(span(day / 2 + 1), Basis::Append, day).is_none());
    }

    #[test]
    fn the_worst_counts_and_one_that_is_missing_spoils_nothing() {
        let age = |seconds| Age {
            seconds,
            ..Age::NONE
        };
        let ages = [age(3.0), age(7.0), age(0.0)];
        assert_eq!(worst(&ages), Some(&ages[1]));
        assert_eq!(worst(&[]), None);
    }
}
