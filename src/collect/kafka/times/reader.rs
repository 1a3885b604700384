//! Reading the first unread record for its timestamp: `lag.read_records`, which wants a right to Read.
//!
//! A client of its own, made when it is first needed, with small queues: a broker gives at least one
//! batch of records for each partition asked, so that a record costs up to [`FETCH_BYTES`], or a whole
//! batch where that is larger. It has no group: see [`Tap`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::super::client::GRACE;
use super::super::config::Config;
use super::super::rdkafka::{Failure, Handle, Record, Tap};
use super::super::snapshot::{ByPartition, Missing, Reason};
use crate::lag::seconds::book::{Book, Read, Want};

/// Bytes of one partition in an answer, unless its first batch is larger.
const FETCH_BYTES: usize = 65_536;

/// Bytes read in one cycle, counted by [`FETCH_BYTES`] or the record's size where that is more.
const BYTES_PER_CYCLE: usize = 8 << 20;

/// Partitions read at the same time: what lies in memory is this many batches at most.
const AT_ONCE: usize = 16;

/// How long a batch of partitions may take. The first one begins with a connection.
const MAX_BATCH: Duration = Duration::from_secs(5);

/// Properties of the reader, over the user's own.
pub const READER_PROPERTIES: &[(&str, &str)] = &[
    // Records of open and aborted transactions count as lag, so they count here, too.
    ("isolation.level", "read_uncommitted"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // An offset that is gone is said, not replaced.
    ("auto.offset.reset", "error"),
    ("enable.partition.eof", "true"),
    // One record is enough: nothing is fetched ahead.
    ("queued.min.messages", "1"),
    ("queued.max.messages.kbytes", "1024"),
    ("fetch.message.max.bytes", "65536"),
    ("fetch.max.bytes", "1048576"),
    // Raises the one above where it is larger.
    ("message.max.bytes", "1000000"),
    // The largest batch that is still read.
    ("receive.message.max.bytes", "16777216"),
    // How long a broker keeps an answer without records back.
    ("fetch.wait.max.ms", "50"),
    ("fetch.error.backoff.ms", "100"),
];

/// Reads records, one batch of partitions at a time.
#[derive(Debug)]
pub(super) struct Reader {
    client: Arc<Client>,
    /// How many were read at, for everybody's turn to come where there are too many.
    turn: usize,
}

/// librdkafka's part.
struct Client(Handle);

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Client")
    }
}

/// An offset to read at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    topic: String,
    partition: i32,
    offset: i64,
}

/// What reading there gave.
type Outcome = Result<(Read, usize), Missing>;

/// Reads at the offsets whose record is not known yet, as far as bytes and time go. Returns what
/// could not be read, by partition.
pub(super) async fn read(
    reader: &mut Option<Reader>,
    book: &mut Book,
    config: &Config,
    deadline: Instant,
) -> ByPartition<Missing> {
    let mut unread = ByPartition::new();
    let mut turn = reader.as_ref().map_or(0, |reader| reader.turn);
    let places = places(book, &mut turn);
    let Some(first) = places.first() else {
        if let Some(reader) = reader {
            reader.client.drain();
        }
        return unread;
    };
    let client = match client(reader, config, turn) {
        Ok(client) => client,
        Err(why) => {
            note(&mut unread, first, Missing::new(Reason::Error, why));
            return unread;
        }
    };
    let mut left = BYTES_PER_CYCLE;
    for batch in batches(places) {
        let rest = deadline.saturating_duration_since(Instant::now());
        // Half of the rest stays for look-ups.
        let time = (rest / 2).min(MAX_BATCH);
        if left < batch.len() * FETCH_BYTES || time <= GRACE {
            break;
        }
        // The last one, given up in an earlier cycle, may still be at work.
        if Arc::strong_count(&client) > 2 {
            break;
        }
        let in_time = batch_of(&client, batch, time, |place, outcome| match outcome {
            Ok((read, size)) => {
                left = left.saturating_sub(size.max(FETCH_BYTES));
                book.read(&place.topic, place.partition, place.offset, read);
            }
            Err(missing) => note(&mut unread, place, missing),
        });
        if !in_time.await {
            break;
        }
    }
    unread
}

fn note(unread: &mut ByPartition<Missing>, place: &Place, missing: Missing) {
    let all: &mut BTreeMap<i32, Missing> = unread.entry(place.topic.clone()).or_default();
    all.insert(place.partition, missing);
}

fn client(
    reader: &mut Option<Reader>,
    config: &Config,
    turn: usize,
) -> Result<Arc<Client>, String> {
    if let Some(reader) = reader {
        reader.turn = turn;
        return Ok(Arc::clone(&reader.client));
    }
    let handle = Handle::new_reader(config.reader_properties(READER_PROPERTIES)?)?;
    let client = Arc::new(Client(handle));
    *reader = Some(Reader {
        client: Arc::clone(&client),
        turn,
    });
    Ok(client)
}

/// The offsets of a cycle. More than the bytes allow have their turn in the next ones.
fn places(book: &Book, turn: &mut usize) -> Vec<Place> {
    let all: Vec<Want<'_>> = book.unread().collect();
    let place = |want: &Want<'_>| Place {
        topic: want.topic.to_owned(),
        partition: want.partition,
        offset: want.offset,
    };
    let most = all.len().min(BYTES_PER_CYCLE / FETCH_BYTES);
    let start = *turn % all.len().max(1);
    *turn = start + most;
    let round = all[start..].iter().chain(&all[..start]);
    round.take(most).map(place).collect()
}

/// Each partition once in a batch.
fn batches(places: Vec<Place>) -> Vec<Vec<Place>> {
    let mut batches: Vec<Vec<Place>> = Vec::new();
    for place in places {
        let same =
            |other: &Place| (&other.topic, other.partition) == (&place.topic, place.partition);
        let free = |batch: &&mut Vec<Place>| batch.len() < AT_ONCE && !batch.iter().any(same);
        match batches.iter_mut().find(free) {
            Some(batch) => batch.push(place),
            None => batches.push(vec![place]),
        }
    }
    batches
}

/// Whether the batch ended in time.
async fn batch_of(
    client: &Arc<Client>,
    batch: Vec<Place>,
    time: Duration,
    mut take: impl FnMut(&Place, Outcome),
) -> bool {
    let at_work = Arc::clone(client);
    let until = std::time::Instant::now() + time;
    let task = tokio::task::spawn_blocking(move || at_work.read(&batch, until));
    // librdkafka's thread answers at once; should it not, the cycle goes on without.
    match timeout_at(Instant::from_std(until) + GRACE, task).await {
        Ok(Ok(outcomes)) => {
            for (place, outcome) in &outcomes {
                take(place, outcome.clone());
            }
            true
        }
        Ok(Err(error)) => {
            debug!(%error, "reading records ended");
            false
        }
        Err(_) => false,
    }
}

impl Client {
    /// Log lines and connection errors: what matters is said per partition.
    fn drain(&self) {
        while self.0.poll().is_some() {}
    }

    /// Reads at each place until the time is over. Blocks the thread.
    fn read(&self, batch: &[Place], until: std::time::Instant) -> Vec<(Place, Outcome)> {
        self.drain();
        let mut outcomes: Vec<(Place, Outcome)> = Vec::with_capacity(batch.len());
        let mut open: Vec<&Place> = Vec::with_capacity(batch.len());
        let mut tap = match Tap::new(&self.0) {
            Ok(tap) => tap,
            Err(failure) => return vec![(batch[0].clone(), Err(failure.into()))],
        };
        for place in batch {
            match tap.open(&place.topic, place.partition, place.offset) {
                Ok(()) => open.push(place),
                Err(failure) => outcomes.push((place.clone(), Err(failure.into()))),
            }
        }
        while !open.is_empty() {
            let rest = until.saturating_duration_since(std::time::Instant::now());
            if rest.is_zero() {
                break;
            }
            let Some(record) = tap.next(rest) else {
                continue;
            };
            let is_it =
                |place: &&Place| place.partition == record.partition && place.topic == record.topic;
            if let Some(index) = open.iter().position(is_it)
                && let Some(outcome) = outcome(open[index], &record)
            {
                outcomes.push((open.swap_remove(index).clone(), outcome));
            }
        }
        let late = Missing::from(Failure::of_code(Failure::TIMED_OUT));
        outcomes.extend(
            open.into_iter()
                .map(|place| (place.clone(), Err(late.clone()))),
        );
        outcomes
    }
}

/// A batch starts before the offset that is asked for: what comes first need not be it.
fn outcome(place: &Place, record: &Record) -> Option<Outcome> {
    match record.code {
        0 if record.offset < place.offset => None,
        0 => Some(Ok((Read::Record(record.timestamp), record.size))),
        Record::LOG_END => Some(Ok((Read::NothingBefore(record.offset), 0))),
        code => Some(Err(Failure::of_code(code).into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(partition: i32, offset: i64) -> Place {
        Place {
            topic: "t".into(),
            partition,
            offset,
        }
    }

    #[test]
    fn a_batch_has_each_partition_once() {
        let places = (0..40).map(|id| place(id / 2, i64::from(id))).collect();
        let batches = batches(places);
        let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!(sizes, [16, 16, 4, 4]);
        for batch in batches {
            let mut ids: Vec<i32> = batch.iter().map(|place| place.partition).collect();
            ids.dedup();
            assert_eq!(ids.len(), batch.len());
        }
    }

    #[test]
    fn the_next_record_counts_where_the_offset_has_none() {
        let record = |offset, timestamp, code| Record {
            topic: "t".into(),
            partition: 0,
            offset,
            timestamp,
            size: 10,
            code,
        };
        let at = place(0, 5);
        assert_eq!(outcome(&at, &record(4, Some(1), 0)), None);
        let found = outcome(&at, &record(7, Some(3), 0));
        assert_eq!(found, Some(Ok((Read::Record(Some(3)), 10))));
        let found = outcome(&at, &record(5, None, 0));
        assert_eq!(found, Some(Ok((Read::Record(None), 10))));
        let found = outcome(&at, &record(9, None, Record::LOG_END));
        assert_eq!(found, Some(Ok((Read::NothingBefore(9), 0))));
        let refused = outcome(&at, &record(0, None, 29)).unwrap().unwrap_err();
        assert_eq!(refused.reason, Reason::NotAuthorized);
    }
}
