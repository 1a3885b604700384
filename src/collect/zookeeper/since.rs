//! Since when the counters of a server grow: at that moment they began anew. Pure.
//!
//! A server that tells its uptime says it itself. Its counters tell it of those that do not (up to 3.5, and any that is just
//! starting: its metrics are there before its uptime is), and of `srst`, which sets back everything but the uptime.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::Value;

use crate::catalogue::{Catalogue, Metric};
use crate::clock::Millis;
use crate::document::{Document, Field, text};

/// The datasets whose counters are a server's.
const DATASETS: [&str; 2] = ["zookeeper.server", "zookeeper.mntr"];

/// Where the uptime stands, in milliseconds.
const UPTIME: &str = "zookeeper.mntr.uptime";

/// The fields of those that only fall when counters begin anew.
static COUNTERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let datasets = DATASETS.iter();
    let datasets = datasets.filter_map(|name| Catalogue::get().dataset(name));
    datasets
        .flat_map(|dataset| &dataset.fields)
        .filter(|field| field.metric == Some(Metric::Counter))
        .map(|field| field.name.as_str())
        .collect()
});

/// A field, and the learner or namespace whose it is. The words are not of one moment, so each is compared with itself.
type Key = (Cow<'static, str>, Option<String>);
type Counters = HashMap<Key, i64>;

/// What one server has said so far.
#[derive(Debug, Default)]
pub(super) struct Since {
    /// The counters of each dataset as it had them last.
    last: [Counters; DATASETS.len()],
    uptime: Option<u64>,
    /// The last tick at which it told its uptime.
    seen: Option<Millis>,
    at: Option<Millis>,
}

impl Since {
    /// The moment, after what was said at this tick; `None` as long as nobody knows it.
    pub(super) fn take(&mut self, documents: &[Document], tick: Millis) -> Option<Millis> {
        let now = DATASETS.map(|dataset| counters(documents, dataset));
        let fell = now
            .iter()
            .zip(&self.last)
            .any(|(now, last)| is_less(now, last));
        let begins = self.start(documents, tick).or(fell.then_some(tick));
        if begins.is_some() {
            self.at = begins;
            // What was not said at this tick has begun anew as well: less of it later is no other beginning.
            self.last = now;
        } else {
            let told = self.last.iter_mut().zip(now);
            told.filter(|(_, now)| !now.is_empty())
                .for_each(|(last, now)| *last = now);
        }
        self.at
    }

    /// When it began, if it tells that it began anew.
    fn start(&mut self, documents: &[Document], tick: Millis) -> Option<Millis> {
        let uptime = documents.iter().find_map(|document| document.get(UPTIME));
        let uptime = uptime.and_then(Value::as_u64)?;
        let start = before(tick, uptime)?;
        let is_less = self
            .uptime
            .replace(uptime)
            .is_some_and(|last| uptime < last);
        let seen = self.seen.replace(tick);
        // A server that is away for longer than it had run before may tell more than the last time.
        let is_later = seen.is_none_or(|seen| start > seen);
        // Its counters may have told it before its uptime did.
        let is_known = self.at.is_some_and(|at| start <= at);
        ((is_less || is_later) && !is_known).then_some(start)
    }
}

fn is_less(now: &Counters, last: &Counters) -> bool {
    let mut now = now.iter();
    now.any(|(key, now)| last.get(key).is_some_and(|last| now < last))
}

/// The counters of a dataset.
fn counters(documents: &[Document], dataset: &str) -> Counters {
    let documents = documents.iter();
    documents
        .filter(|document| document.dataset == dataset)
        .flat_map(counters_of)
        .collect()
}

fn counters_of(document: &Document) -> impl Iterator<Item = (Key, i64)> {
    let is_member = |field: &&Field| field.is_key && field.name != "zookeeper.server.id";
    let member = document.flat().iter().find(is_member);
    let member = member.map(|field| text(&field.value).into_owned());
    let counters = document.flat().iter();
    counters
        .filter(|field| COUNTERS.contains(&*field.name))
        .filter_map(move |field| {
            let key = (field.name.clone(), member.clone());
            Some((key, field.value.as_i64()?))
        })
}

/// So many milliseconds before a tick.
fn before(tick: Millis, uptime: u64) -> Option<Millis> {
    tick.0.checked_sub(uptime).map(Millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of these ticks of ten seconds each, in seconds. A tick: the fields of the server, of its metrics; whole
    /// numbers as `uptime 60000`.
    fn moments(ticks: &[[&str; 2]]) -> Vec<Option<u64>> {
        let mut since = Since::default();
        let take = |(index, fields): (u64, &[&str; 2])| {
            let documents: Vec<Document> = DATASETS
                .iter()
                .zip(fields)
                .map(|(dataset, fields)| document(dataset, fields))
                .collect();
            let tick = Millis(1_000_000 + 10_000 * index);
            let moment = since.take(&documents, tick);
            moment.map(|moment| moment.0 / 1_000)
        };
        (0..).zip(ticks).map(take).collect()
    }

    fn document(dataset: &'static str, fields: &str) -> Document {
        let document = Document::new(dataset, "test").key("zookeeper.server.id", "1");
        let mut words = fields.split_whitespace();
        let pairs = std::iter::from_fn(|| Some((words.next()?, words.next()?)));
        pairs.fold(document, |document, (name, value)| {
            let value: i64 = value.parse().expect("a number");
            document.with(format!("{dataset}.{name}"), value)
        })
    }

    #[test]
    fn the_uptime_says_it_once_and_again_after_a_restart() {
        let ticks = [
            ["received 500", "uptime 60000 packets.received 500"],
            ["received 510", "uptime 70003 packets.received 510"],
            ["", ""],
            ["received 2", "uptime 4000 packets.received 2"],
            ["received 9", "uptime 13999 packets.received 9"],
        ];
        let told = [940, 940, 940, 1_026, 1_026].map(Some);
        assert_eq!(moments(&ticks), told);
    }

    #[test]
    fn a_restart_is_one_although_the_server_has_run_for_longer_than_it_had_when_it_was_seen_last() {
        let ticks = [["", "uptime 2000"], ["", ""], ["", ""], ["", "uptime 5000"]];
        assert_eq!(moments(&ticks), [998, 998, 998, 1_025].map(Some));
    }

    #[test]
    fn less_of_a_counter_is_a_new_beginning_with_and_without_an_uptime() {
        let old = [
            ["received 500", "packets.received 500"],
            ["received 600", "packets.received 9"],
        ];
        assert_eq!(moments(&old), [None, Some(1_010)]);
        let reset = [
            ["sent 500", "uptime 60000"],
            ["sent 501", "uptime 70000"],
            ["sent 9", "uptime 80000"],
        ];
        assert_eq!(moments(&reset), [940, 940, 1_020].map(Some));
    }

    #[test]
    fn a_server_that_just_starts_has_metrics_before_its_uptime_and_is_marked_once() {
        let ticks = [
            [
                "received 500",
                "uptime 60000 packets.received 500 quorum.commits 388",
            ],
            ["", "quorum.commits 0"],
            ["", "uptime 11000 packets.received 3 quorum.commits 1"],
            ["received 9", "uptime 21000 packets.received 9"],
        ];
        assert!(COUNTERS.contains("zookeeper.mntr.quorum.commits"));
        let told = [940, 1_010, 1_010, 1_010].map(Some);
        assert_eq!(moments(&ticks), told);
    }

    #[test]
    fn counters_that_told_it_are_not_corrected_by_an_uptime_that_means_the_same() {
        let ticks = [
            ["received 500", ""],
            ["received 3", ""],
            ["received 9", "uptime 15000"],
        ];
        assert_eq!(moments(&ticks), [None, Some(1_010), Some(1_010)]);
    }

    #[test]
    fn what_was_not_told_when_it_began_is_no_second_beginning() {
        let ticks = [
            ["received 500", "uptime 60000"],
            ["", "uptime 1000"],
            ["received 3", "uptime 11000"],
        ];
        assert_eq!(moments(&ticks), [940, 1_009, 1_009].map(Some));
    }

    #[test]
    fn an_uptime_that_cannot_be_says_nothing() {
        assert_eq!(moments(&[["", "uptime 1000000000000000"]]), [None]);
    }
}
