//! The last stage of a cycle: how old the first unread records are.
//!
//! - [`reader`]: reads the records themselves, where `lag.read_records` allows it
//! - [`look_up`]: timestamps by ListOffsets
//! - [`ids`]: whether topics are still those of the last cycle, which is asked last of all
//! - [`crate::lag::seconds`]: what is known and what to ask. Pure
//!
//! What is found of an offset is remembered, so that a quiet cluster is asked nothing here.

mod ids;
mod look_up;
mod reader;
mod seen;

use tokio::time::Instant;

pub use self::reader::READER_PROPERTIES;
use self::reader::Reader;
pub use self::seen::Seen;
use super::client::Client;
use super::config::Config;
use super::snapshot::{Answer, ByPartition, Group, LogEnds};
use crate::clock::Millis;
use crate::lag::seconds::book::{Book, Want};
use crate::lag::seconds::history::Moment;

/// The part of the stage for finding ages, in percent; the rest is for the ids, without which they are not worth much.
const LOOK_PERCENT: u32 = 65;

/// Kept between cycles.
#[derive(Debug, Default)]
pub struct Times {
    book: Book,
    ids: ids::Ids,
    /// Made when there is first something to read.
    reader: Option<Reader>,
}

impl Times {
    /// Says good-bye to the brokers.
    pub fn close(&mut self) {
        self.reader = None;
    }
}

/// Takes this cycle's log ends, which were asked for at `began`, and finds how old the first unread
/// records are. Takes the time until `deadline` at most. `alive` is a broker that answers, if there is one.
///
/// # Cancel safety
/// May be dropped at any await: what was found until then is kept.
pub async fn look(
    times: &mut Times,
    client: &mut Client,
    config: &Config,
    (groups, logs): (&[Group], &ByPartition<LogEnds>),
    (began, alive): (Millis, Option<i32>),
    deadline: Instant,
) -> Seen {
    let moment = Moment {
        from: millis(began),
        to: millis(Millis::now()),
    };
    times.book.sample(moment, ends(logs));
    let wants = wants(groups, logs);
    times.book.want(&wants);
    let now = Instant::now();
    let until = now + deadline.saturating_duration_since(now) * LOOK_PERCENT / 100;
    let topics: Vec<&str> = logs.keys().map(String::as_str).collect();
    // So that there is something to compare with at the end.
    let told = ids::ask(client, alive, &times.ids.unknown(&topics), until).await;
    times.ids.meet(told);
    let mut unread = ByPartition::new();
    if config.read_records {
        unread = reader::read(&mut times.reader, &mut times.book, config, until).await;
    }
    look_up::look_up(client, &mut times.book, until).await;
    let told = ids::ask(client, alive, &topics, deadline).await;
    let renewed = times.ids.take(told, &topics);
    renewed.iter().for_each(|topic| times.book.forget(topic));
    let mut seen = Seen::new(&times.book, millis(Millis::now()), unread);
    let of_renewed = |want: &&Want<'_>| renewed.iter().any(|topic| topic == want.topic);
    wants
        .iter()
        .filter(of_renewed)
        .for_each(|want| seen.leave_open(want));
    seen
}

fn millis(moment: Millis) -> i64 {
    i64::try_from(moment.0).unwrap_or(i64::MAX)
}

fn ends(logs: &ByPartition<LogEnds>) -> impl Iterator<Item = (&str, i32, Option<i64>)> {
    logs.iter().flat_map(|(topic, all)| {
        let row = move |(id, ends): (&i32, &LogEnds)| {
            (topic.as_str(), *id, ends.latest.as_ref().ok().copied())
        };
        all.iter().map(row)
    })
}

/// Each offset once at which some group has something to read.
fn wants<'a>(groups: &'a [Group], logs: &ByPartition<LogEnds>) -> Vec<Want<'a>> {
    let committed = groups.iter().flat_map(|group| group.committed.iter());
    let mut wants: Vec<Want<'a>> = committed
        .flatten()
        .flat_map(|(topic, all)| {
            let ends = logs.get(topic);
            all.iter()
                .filter_map(move |(id, committed)| want(topic, *id, committed, ends?.get(id)?))
        })
        .collect();
    wants.sort_unstable();
    wants.dedup();
    wants
}

fn want<'a>(
    topic: &'a str,
    partition: i32,
    committed: &Answer<Option<i64>>,
    ends: &LogEnds,
) -> Option<Want<'a>> {
    let log_end = *ends.latest.as_ref().ok()?;
    let committed = committed.as_ref().ok().copied()??;
    let offset = first_unread(committed, ends)?;
    (offset < log_end).then_some(Want {
        topic,
        partition,
        offset,
        log_end,
    })
}

/// Not before the log's start: what retention has taken cannot be read any more. Without the start nobody knows.
fn first_unread(committed: i64, ends: &LogEnds) -> Option<i64> {
    let start = ends.earliest.as_ref().ok().copied()?;
    Some(committed.max(start))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::snapshot::{Missing, Reason, Store};
    use super::*;

    fn group(offsets: &[(i32, Option<i64>)]) -> Group {
        let all = offsets.iter().map(|(id, offset)| (*id, Ok(*offset)));
        Group {
            id: "g".into(),
            store: Store::Kafka,
            coordinator: None,
            listing: None,
            description: Err(Missing::new(Reason::Timeout, "")),
            committed: Ok(BTreeMap::from([("t".to_owned(), all.collect())])),
            last_partitions: BTreeMap::new(),
        }
    }

    #[test]
    fn only_what_is_behind_is_wanted_and_once_and_within_the_log() {
        let ends = |earliest, latest| LogEnds { earliest, latest };
        let no_leader = || Err(Missing::new(Reason::NoLeader, ""));
        let logs = BTreeMap::from([
            (0, ends(Ok(3), Ok(10))),
            (1, ends(Ok(3), Ok(10))),
            (2, ends(Ok(0), no_leader())),
            (3, ends(no_leader(), Ok(10))),
            // Everything is deleted.
            (5, ends(Ok(10), Ok(10))),
        ]);
        let logs = ByPartition::from([("t".to_owned(), logs)]);
        let groups = [
            group(&[
                (0, Some(1)),
                (1, Some(10)),
                (2, Some(1)),
                (3, Some(1)),
                (5, Some(1)),
            ]),
            group(&[(0, Some(3)), (1, None), (3, Some(7)), (4, Some(1))]),
        ];
        let found: Vec<(i32, i64)> = wants(&groups, &logs)
            .into_iter()
            .map(|want| (want.partition, want.offset))
            .collect();
        assert_eq!(found, [(0, 3)]);
    }
}
