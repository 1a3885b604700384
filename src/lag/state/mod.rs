//! What outlives a restart: statuses and windows of all groups as bytes.
//!
//! ```text
//! magic · version · body · SHA-256 of all before
//! ```
//! The body is a sequence of variable-length numbers and texts; times count back from the last tick
//! and offsets from the last commit, so that a partition takes some 60 bytes. The file is
//! read whole or not at all: where a byte is wrong everything is forgotten, which costs a window.

mod bytes;
mod file;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use thiserror::Error;

use self::bytes::{Bytes, Sink};
use super::evaluator::Evaluator;
use super::group::{Entry, GroupState};
use super::rates::Point;
use super::rules::Rules;
use super::series::Series;
use super::standing::Standing;
use super::status::Status;
use super::window::{Part, Window};

pub use file::{StateError, StateFile};

/// First bytes of every version.
const MAGIC: &[u8] = b"brokerbeat lag\n";
/// Another version is not read: it would be forgotten for one window only.
const VERSION: u8 = 2;
/// Bytes of the hash at the end.
const HASH: usize = 32;

/// Why bytes are no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Damage {
    /// Something else, or not all of it.
    #[error("it is damaged")]
    Bytes,
    /// Written by another version of the agent.
    #[error("it has version {0}, and this agent reads version {VERSION}")]
    Version(u8),
}

/// Everything that is remembered.
pub fn encode(evaluator: &Evaluator) -> Vec<u8> {
    let mut sink = Sink::new(evaluator.tick);
    sink.raw(MAGIC);
    sink.raw(&[VERSION]);
    sink.number(evaluator.tick);
    sink.moment(evaluator.before);
    sink.number(evaluator.rules.part);
    sink.text(evaluator.cluster.as_deref().unwrap_or_default());
    sink.count(evaluator.groups.len());
    for (id, group) in &evaluator.groups {
        sink.text(id);
        put_group(&mut sink, group);
    }
    let mut bytes = sink.into_bytes();
    let hash = Sha256::digest(&bytes);
    bytes.extend_from_slice(&hash);
    bytes
}

/// What was remembered. A window of other parts than these rules have is left out.
pub fn decode(bytes: &[u8], rules: Rules) -> Result<Evaluator, Damage> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(Damage::Bytes)?;
    let (version, _) = rest.split_first().ok_or(Damage::Bytes)?;
    if *version != VERSION {
        return Err(Damage::Version(*version));
    }
    let end = bytes.len().checked_sub(HASH).ok_or(Damage::Bytes)?;
    let (hashed, hash) = bytes.split_at(end);
    let body = hashed.get(MAGIC.len() + 1..).ok_or(Damage::Bytes)?;
    if Sha256::digest(hashed).as_slice() != hash {
        return Err(Damage::Bytes);
    }
    take_all(&mut Bytes::new(body), rules).ok_or(Damage::Bytes)
}

fn take_all(bytes: &mut Bytes<'_>, rules: Rules) -> Option<Evaluator> {
    let tick = bytes.number()?;
    bytes.origin(tick);
    let before = bytes.moment()?;
    let same_parts = bytes.number()? == rules.part;
    let cluster = bytes.text()?;
    let mut groups = BTreeMap::new();
    for _ in 0..bytes.count()? {
        let id = bytes.text()?;
        groups.insert(id, take_group(bytes, same_parts)?);
    }
    bytes.is_empty().then(|| Evaluator {
        rules,
        cluster: (!cluster.is_empty()).then_some(cluster),
        tick,
        before,
        groups,
    })
}

fn put_group(sink: &mut Sink, group: &GroupState) {
    sink.moment(group.seen);
    put_standing(sink, &group.standing);
    sink.count(group.topics.len());
    for (topic, entries) in &group.topics {
        sink.text(topic);
        sink.count(entries.len());
        for entry in entries {
            sink.signed(i64::from(entry.partition));
            sink.moment(entry.seen);
            put_standing(sink, &entry.standing);
            put_series(sink, &entry.series);
        }
    }
}

fn take_group(bytes: &mut Bytes<'_>, same_parts: bool) -> Option<GroupState> {
    let mut group = GroupState {
        seen: bytes.moment()?,
        standing: take_standing(bytes)?,
        topics: BTreeMap::new(),
    };
    for _ in 0..bytes.count()? {
        let topic = bytes.text()?;
        let count = bytes.count()?;
        let entries = (0..count).map(|_| take_entry(bytes, same_parts));
        let mut entries: Vec<Entry> = entries.collect::<Option<_>>()?;
        entries.sort_by_key(|entry| entry.partition);
        entries.shrink_to_fit();
        group.topics.insert(topic, entries);
    }
    Some(group)
}

fn take_entry(bytes: &mut Bytes<'_>, same_parts: bool) -> Option<Entry> {
    Some(Entry {
        partition: i32::try_from(bytes.signed()?).ok()?,
        seen: bytes.moment()?,
        standing: take_standing(bytes)?,
        series: take_series(bytes, same_parts)?,
    })
}

fn put_standing(sink: &mut Sink, standing: &Standing) {
    sink.some(standing.told, |sink, (status, since)| {
        sink.raw(&[status.code()]);
        sink.moment(since);
    });
    sink.some(standing.unknown_since, Sink::moment);
}

fn take_standing(bytes: &mut Bytes<'_>) -> Option<Standing> {
    Some(Standing {
        told: bytes.some(|bytes| Some((Status::of_code(bytes.byte()?)?, bytes.moment()?)))?,
        unknown_since: bytes.some(Bytes::moment)?,
    })
}

fn put_series(sink: &mut Sink, series: &Series) {
    sink.offsets_from(series.last.map_or(0, |point| point.committed));
    sink.signed(series.last.map_or(0, |point| point.committed));
    sink.some(series.last, put_point);
    sink.some(series.anchor, put_point);
    sink.some(series.stuck_since, Sink::moment);
    sink.offset(series.end_at_advance);
    let flags = [series.proven, series.advanced, series.resting];
    sink.raw(&flags.map(u8::from));
    series
        .pauses
        .iter()
        .for_each(|pause| sink.number(u64::from(*pause)));
    sink.some(series.rewind, |sink, (moment, from)| {
        sink.moment(moment);
        sink.offset(from);
    });
    sink.some(series.read_since, Sink::moment);
    sink.some(series.log_start, Sink::offset);
    let (newest, parts) = series.window.save();
    sink.number(newest);
    sink.count(parts.len());
    for (age, at, part) in parts {
        sink.raw(&[age]);
        sink.number(u64::from(at));
        sink.offset(part.committed);
        sink.offset(part.log_end);
        sink.signed(part.low);
    }
}

fn take_series(bytes: &mut Bytes<'_>, same_parts: bool) -> Option<Series> {
    let base = bytes.signed()?;
    bytes.offsets_from(base);
    let mut series = Series {
        last: bytes.some(take_point)?,
        anchor: bytes.some(take_point)?,
        stuck_since: bytes.some(Bytes::moment)?,
        end_at_advance: bytes.offset()?,
        proven: bytes.flag()?,
        advanced: bytes.flag()?,
        resting: bytes.flag()?,
        pauses: [bytes.small()?, bytes.small()?],
        rewind: bytes.some(|bytes| Some((bytes.moment()?, bytes.offset()?)))?,
        read_since: bytes.some(Bytes::moment)?,
        log_start: bytes.some(Bytes::offset)?,
        window: Window::default(),
    };
    let newest = bytes.number()?;
    let count = bytes.count()?;
    let parts: Option<Vec<_>> = (0..count).map(|_| take_part(bytes)).collect();
    let window = Window::restore(newest, &parts?)?;
    if same_parts {
        series.window = window;
    }
    Some(series)
}

fn put_point(sink: &mut Sink, point: Point) {
    sink.moment(point.tick);
    sink.offset(point.committed);
    sink.offset(point.log_end);
}

fn take_point(bytes: &mut Bytes<'_>) -> Option<Point> {
    Some(Point {
        tick: bytes.moment()?,
        committed: bytes.offset()?,
        log_end: bytes.offset()?,
    })
}

fn take_part(bytes: &mut Bytes<'_>) -> Option<(u8, u32, Part)> {
    let (age, at) = (bytes.byte()?, bytes.small()?);
    let part = Part {
        committed: bytes.offset()?,
        log_end: bytes.offset()?,
        low: bytes.signed()?,
    };
    Some((age, at, part))
}
