//! How old the first unread record was, against when it was sent and acknowledged.

use super::history::Log;
use super::judge::{Model, Row};
use super::tally::Tally;
use crate::agent::{field, text};
use crate::observer::{Micros, Window};

/// Timestamps and ages are in whole milliseconds, at both ends.
const ROUNDING: f64 = 0.002;

const SECONDS: &str = "kafka.consumergroup.lag.seconds";
const ERROR: &str = "kafka.consumergroup.lag.seconds_error";
const METHOD: &str = "kafka.consumergroup.lag.seconds_method";
const BASIS: &str = "kafka.consumergroup.lag.seconds_basis";
const UNKNOWN: &str = "kafka.consumergroup.lag.seconds_unknown_reason";

pub(super) fn check(row: &Row<'_>, model: &Model<'_>, window: Window, tally: &mut Tally) {
    let document = row.document;
    let (Some(committed), Some(end)) = (row.committed, row.end) else {
        return;
    };
    let seconds = field(document, SECONDS).and_then(serde_json::Value::as_f64);
    let unknown = text(document, UNKNOWN);
    if committed >= end {
        let zero = committed == end && seconds == Some(0.0);
        let gone = committed > end && seconds.is_none() && unknown == "truncated";
        tally.good(zero || gone, "an age where nothing is unread", document);
        return;
    }
    let (_, topic, partition) = &row.place;
    let logs = model.logs(topic, *partition, window);
    let Some(seconds) = seconds else {
        // All records, or the whole topic, may have been deleted while it was looked for one.
        let emptied = |log: &&Log| log.start.possible(window).iter().any(|start| *start >= end);
        let said = matches!(unknown, "pending" | "not_answered")
            || unknown == "no_timestamp"
                && (logs.iter().any(emptied) || !model.rests(topic, window));
        tally.good(said, "no age and no reason", document);
        tally.ages_unknown += 1;
        return;
    };
    let error = field(document, ERROR).and_then(serde_json::Value::as_f64);
    let error = error.unwrap_or(0.0);
    let appended = text(document, BASIS) == "append";
    let spans = logs
        .iter()
        .map(|log| span(log, committed, appended, window));
    let ranges: Vec<(f64, f64)> = spans.map(|span| range(span, window, error)).collect();
    tally.age(seconds, error, text(document, METHOD), &ranges, document);
}

/// Between which two moments the record came that is the first unread one, at some moment of the window.
fn span(log: &Log, committed: i64, appended: bool, window: Window) -> Window {
    let starts = log.start.possible(window);
    let first = |start: Option<&i64>| committed.max(start.copied().unwrap_or(0));
    let (first, last) = (first(starts.iter().min()), first(starts.iter().max()));
    let (first, last) = (log.times(first), log.times(last));
    match appended {
        true => Window {
            from: first.from,
            to: last.to,
        },
        // Its timestamp is the moment of sending.
        false => Window {
            from: first.from,
            to: last.from,
        },
    }
}

fn range(span: Window, window: Window, error: f64) -> (f64, f64) {
    let seconds = |from: Micros, to: Micros| to.saturating_sub(from).max(0) as f64 / 1e6;
    let least = seconds(span.to, window.from) - error - ROUNDING;
    let most = seconds(span.from, window.to) + error + ROUNDING;
    (least.max(0.0), most)
}
