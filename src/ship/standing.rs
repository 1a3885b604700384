//! How the output is doing, for those who ask.

use std::error::Error;
use std::sync::{Mutex, PoisonError};

use crate::clock::Millis;

/// Shared by the shipper, which knows, and whoever asks.
#[derive(Debug, Default)]
pub struct Standing(Mutex<Option<Failing>>);

/// The output takes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// Since when.
    pub since: Millis,
    /// Why, in a sentence.
    pub why: String,
}

impl Standing {
    /// An attempt failed. Whether that is news: the first one, or another reason.
    pub fn failed(&self, why: &str) -> bool {
        let mut failing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = failing
            .as_ref()
            .map_or_else(Millis::now, |known| known.since);
        let why = why.to_owned();
        let new = Some(Failing { since, why });
        let is_news = *failing != new;
        *failing = new;
        is_news
    }

    /// As [`failed`](Self::failed), with all sentences of an error.
    pub fn failed_by(&self, error: &dyn Error) -> bool {
        let mut why = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            why.push_str(": ");
            why.push_str(&next.to_string());
            cause = next.source();
        }
        self.failed(&why)
    }

    /// An attempt succeeded. Whether that is news.
    pub fn succeeded(&self) -> bool {
        let mut failing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failing.take().is_some()
    }

    /// What is wrong now, if anything is.
    pub fn failing(&self) -> Option<Failing> {
        let failing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failing.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_news_once_and_the_beginning_is_kept() {
        let standing = Standing::default();
        assert!(!standing.succeeded());
        assert!(standing.failed("full"));
        let since = standing.failing().unwrap().since;
        assert!(!standing.failed("full"));
        assert!(standing.failed("gone"));
        assert_eq!(standing.failing().unwrap().since, since);
        assert!(standing.succeeded());
        assert_eq!(standing.failing(), None);
    }
}
