//! What a time-series stream says about a document whose time it does not take. Pure.
//!
//! Such a stream takes documents only for the time of its writable indices. The end of the newest one moves on while
//! Elasticsearch runs, every few minutes; time before it, and between two indices, never comes back. (There is a cluster setting by which
//! Elasticsearch makes indices for the past; it makes them with the request, so that what it refuses then it refuses for good.)
//!
//! Sources: `DataStream.getWriteIndex` of Elasticsearch 8 and 9 for the ranges (type `illegal_argument_exception`, since
//! 9.x `timestamp_error`; `null` bounds for an index that is none of time series), `DataStreamTimestampFieldMapper` and
//! `TimestampBounds` for a document that met an index whose bounds had just moved.

use crate::clock::Millis;

/// In the reason, followed by the ranges.
const RANGES: &str = "outside of ranges of currently writable indices";
/// In the reason of a single index.
const OF_INDEX: &str = "time series index @timestamp value [";
/// A document without a place whose ranges cannot be read is kept while it is younger than this; the longest `look_ahead_time` by
/// which anybody should need to wait is less.
const YOUNG: u64 = 3_600_000;

/// Where a document lies that a stream does not take for its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Behind the newest index: its end moves.
    Ahead,
    /// Within an index by now.
    Within,
    /// Before the oldest index, or between two: never.
    Past,
}

/// Judges by Elasticsearch's words; nothing if they are about something else.
pub(super) fn place(words: &str, timestamp: Millis, now: Millis) -> Option<Place> {
    if let Some((_, ranges)) = words.split_once(RANGES) {
        return Some(by_ranges(&read_ranges(ranges), timestamp, now));
    }
    let (_, of_index) = words.split_once(OF_INDEX)?;
    match of_index {
        _ if of_index.contains("must be smaller than") => Some(Place::Ahead),
        _ if of_index.contains("must be larger than") => Some(Place::Past),
        _ => None,
    }
}

fn by_ranges(ranges: &[(Millis, Millis)], timestamp: Millis, now: Millis) -> Place {
    let Some(end) = ranges.iter().map(|(_, end)| *end).max() else {
        let is_young = timestamp.0 >= now.0.saturating_sub(YOUNG);
        return if is_young { Place::Ahead } else { Place::Past };
    };
    let within = |(start, end): &(Millis, Millis)| (*start..*end).contains(&timestamp);
    match timestamp {
        _ if timestamp >= end => Place::Ahead,
        _ if ranges.iter().any(within) => Place::Within,
        _ => Place::Past,
    }
}

/// ` [[start,end][start,end]]`; what is no pair of dates is left out.
fn read_ranges(text: &str) -> Vec<(Millis, Millis)> {
    let pairs = text
        .split(['[', ']'])
        .filter_map(|part| part.split_once(','));
    pairs
        .filter_map(|(start, end)| Some((date(start)?, date(end)?)))
        .collect()
}

fn date(text: &str) -> Option<Millis> {
    let moment: jiff::Timestamp = text.trim().parse().ok()?;
    // Before 1970 is before everything.
    Some(Millis(u64::try_from(moment.as_millisecond()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;
    /// 2026-03-15, midnight.
    const DAY: u64 = 1_773_532_800_000;
    const WORDS: &str = "the document timestamp [x] is outside of ranges of currently writable indices \
        [[2026-03-15T06:00:00.000Z,2026-03-15T10:00:00.000Z][null,null][2026-03-15T11:00:00.000Z,2026-03-15T12:00:00.000Z]]";

    fn at(words: &str, hour: u64) -> Option<Place> {
        place(words, Millis(DAY + hour * HOUR), Millis(DAY + 12 * HOUR))
    }

    #[test]
    fn a_document_is_ahead_within_or_past() {
        let cases = [
            (0, Place::Past),
            (5, Place::Past),
            (6, Place::Within),
            (10, Place::Past),
            (11, Place::Within),
            (12, Place::Ahead),
            (100, Place::Ahead),
        ];
        for (hour, expected) in cases {
            assert_eq!(at(WORDS, hour), Some(expected), "{hour}:00");
        }
    }

    #[test]
    fn one_index_says_it_in_other_words() {
        let words =
            "failed to parse: time series index @timestamp value [2026-03-15T12:00:00Z] must be ";
        assert_eq!(
            at(&format!("{words}larger than 2026-03-15T14:00:00Z"), 0),
            Some(Place::Past)
        );
        assert_eq!(
            at(&format!("{words}smaller than 2026-03-15T10:00:00Z"), 0),
            Some(Place::Ahead)
        );
        assert_eq!(at(&format!("{words}something else"), 0), None);
        assert_eq!(at("failed to parse field [a] of type [long]", 0), None);
    }

    #[test]
    fn words_without_ranges_keep_a_young_document_and_only_that() {
        for words in [
            RANGES.to_owned(),
            format!("{RANGES} [[null,null]]"),
            format!("{RANGES} in words"),
        ] {
            assert_eq!(at(&words, 10), Some(Place::Past));
            assert_eq!(at(&words, 11), Some(Place::Ahead));
            assert_eq!(at(&words, 13), Some(Place::Ahead));
        }
    }
}
