//! What is known of the offsets of one partition. Pure.

use super::{Ages, Question, SLACK_MILLIS, TRUST_MILLIS, Want};
use crate::lag::seconds::search::{Found, Point, Search};
use crate::lag::seconds::{Age, Basis, Span, Unknown};

/// For how many cycles offsets are kept that cannot be read: a coordinator that moves.
const KEPT_CYCLES: u8 = 6;

/// What reading at an offset gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// The first record there or behind has this timestamp; it may have none.
    Record(Option<i64>),
    /// There is none before this log end: only markers of transactions, or gaps of compaction.
    NothingBefore(i64),
}

fn is_believed(since: i64, now: i64) -> bool {
    (since..since.saturating_add(TRUST_MILLIS)).contains(&now)
}

/// Whether timestamps agree with when records are appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Agree,
    Differ,
}

/// An offset that a group stands at.
#[derive(Debug)]
struct Mark {
    offset: i64,
    /// Fixed when first seen: the history grows coarser, an age must not change with it.
    appended: Option<Span>,
    search: Search,
    read: Option<Read>,
    /// A look-up of this cycle failed: not asked again in it.
    failed: bool,
}

/// What a look-up is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Nothing else can tell.
    Search,
    /// To know whether the history can.
    Proof,
}

/// A look-up for an offset of the partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    offset: i64,
    time: i64,
}

impl Asked {
    pub(super) fn at(self, topic: &str, partition: i32) -> Question {
        Question {
            topic: topic.to_owned(),
            partition,
            offset: self.offset,
            time: self.time,
        }
    }
}

/// A partition that is lagged behind, or was.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// By offset.
    marks: Vec<Mark>,
    log_end: i64,
    /// Cycles since anybody lagged behind.
    idle: u8,
    /// Since when which.
    trust: Option<(Trust, i64)>,
    /// Since when no record has a timestamp: appending is all there is.
    timeless: Option<i64>,
    /// The log end up to which there was no record with a timestamp: the format has none, or all were deleted just then.
    bare_until: Option<i64>,
}

impl Notes {
    /// The same partition with the offsets of another cycle.
    pub(super) fn turned(self, wants: &[Want<'_>], appended: impl Fn(i64) -> Option<Span>) -> Self {
        let log_end = wants[0].log_end;
        // Made anew or truncated: nothing is known of what lies there now.
        let old = if log_end < self.log_end {
            Self::default()
        } else {
            self
        };
        let mut kept = old.marks.into_iter().peekable();
        let mut left: Option<Mark> = None;
        let mut marks = Vec::with_capacity(wants.len());
        for want in wants {
            while let Some(mark) = kept.next_if(|mark| mark.offset < want.offset) {
                left = Some(mark);
            }
            let mark = kept.next_if(|mark| mark.offset == want.offset);
            let again = |mark| Mark {
                failed: false,
                ..mark
            };
            marks.push(mark.map(again).unwrap_or_else(|| {
                let lefts = [left.as_ref(), marks.last()].into_iter().flatten();
                let left = lefts.max_by_key(|mark| mark.offset);
                Mark::new(want.offset, appended(want.offset), left, kept.peek())
            }));
        }
        Self {
            marks,
            log_end,
            idle: 0,
            ..old
        }
    }

    /// A cycle begins. Offsets outlive one that could not read them; whether timestamps can be
    /// trusted is remembered longer than a group keeps up. Nothing outlives its log, which may be made
    /// anew while nobody lags behind.
    pub(super) fn rest(&mut self, log_end: Option<i64>) {
        if log_end.is_some_and(|end| end < self.log_end) {
            *self = Self::default();
        }
        self.idle = self.idle.saturating_add(1);
        if self.idle > KEPT_CYCLES {
            self.marks = Vec::new();
        }
    }

    /// The clock was set back: what it said of moments is worth nothing now.
    pub(super) fn forget_moments(&mut self) {
        for mark in &mut self.marks {
            mark.appended = None;
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.idle == 0
    }

    pub(super) fn unread(&self) -> impl Iterator<Item = (i64, i64)> {
        let unread = |mark: &&Mark| mark.is_unread(self.log_end);
        let marks = self.marks.iter().filter(unread);
        marks.map(|mark| (mark.offset, self.log_end))
    }

    pub(super) fn ages(&self, now: i64) -> Ages {
        let age = |mark: &Mark| (mark.offset, self.age(mark, now));
        self.marks.iter().map(age).collect()
    }

    pub(super) fn read(&mut self, offset: i64, read: Read) {
        if let Some(mark) = self.mark(offset) {
            mark.read = Some(read);
        }
    }

    fn mark(&mut self, offset: i64) -> Option<&mut Mark> {
        let at = self.marks.binary_search_by_key(&offset, |mark| mark.offset);
        at.ok().map(|index| &mut self.marks[index])
    }

    /// When the record was appended, if that stands for its timestamp: by what is known of itself,
    /// else of its partition.
    fn believed(&self, mark: &Mark) -> Option<Span> {
        let known = |span: &Span| mark.trust(*span).or(self.trust.map(|(trust, _)| trust));
        mark.appended
            .filter(|span| known(span) != Some(Trust::Differ))
    }

    fn is_timeless(&self, now: i64) -> bool {
        // New records may have one.
        self.bare_until == Some(self.log_end)
            || self.timeless.is_some_and(|since| is_believed(since, now))
    }

    pub(super) fn questions(&self, now: i64) -> Vec<(Asked, Sort)> {
        if self.is_timeless(now) {
            return Vec::new();
        }
        let mut doubtful = self.trust.is_none_or(|(_, since)| !is_believed(since, now));
        let unread = self
            .marks
            .iter()
            .filter(|mark| mark.is_unread(self.log_end));
        let question = |mark: &Mark| {
            let offset = Some(mark.offset).filter(|_| !mark.failed)?;
            let proof = mark.appended.and_then(|span| mark.proof(span));
            if let Some(time) = proof.filter(|_| doubtful) {
                // One record stands for its partition.
                doubtful = false;
                return Some((Asked { offset, time }, Sort::Proof));
            }
            if self.believed(mark).is_some() {
                return None;
            }
            let time = mark.search.next(offset, now, self.log_end)?;
            Some((Asked { offset, time }, Sort::Search))
        };
        unread.filter_map(question).collect()
    }

    pub(super) fn answer(&mut self, question: &Question, found: Found, now: i64) {
        let log_end = self.log_end;
        // With time 0 the log's first record is asked for: here there is none with a timestamp.
        if question.time <= 0 && found == Found::Nothing {
            self.bare_until = Some(log_end);
        }
        if found == Found::NoTimestamps {
            self.timeless = Some(now);
        }
        let Some(mark) = self.mark(question.offset) else {
            return;
        };
        mark.failed = found == Found::Failed;
        if mark.failed {
            return;
        }
        mark.search
            .learn(question.offset, question.time, log_end, found);
        let trust = mark.appended.and_then(|span| mark.trust(span));
        if let Some(trust) = trust {
            self.trust = Some((trust, now));
        }
    }

    fn age(&self, mark: &Mark, now: i64) -> Result<Age, Unknown> {
        match mark.read {
            Some(Read::Record(Some(time))) => return Ok(Age::exact(time, now)),
            Some(Read::NothingBefore(end)) if end >= self.log_end => return Ok(Age::NONE),
            _ => {}
        }
        if let Some(time) = mark.search.hit(mark.offset) {
            return Ok(Age::met(time, now));
        }
        let stampless = mark.read == Some(Read::Record(None));
        let misled = stampless || self.is_timeless(now) || mark.search.is_misled(now);
        let appended = match misled {
            true => mark.appended,
            false => self.believed(mark),
        };
        if let Some(age) = appended.and_then(|span| Age::estimated(span, Basis::Append, now)) {
            return Ok(age);
        }
        if misled {
            return Err(Unknown::NoTimestamp);
        }
        let looked_up = mark.looked_up();
        let age = looked_up.and_then(|span| Age::estimated(span, Basis::Timestamp, now));
        age.ok_or(match mark.failed {
            true => Unknown::NotAnswered,
            false => Unknown::Pending,
        })
    }
}

impl Mark {
    /// A new one between two that are known.
    fn new(offset: i64, appended: Option<Span>, left: Option<&Self>, right: Option<&Self>) -> Self {
        let behind = |point: &Point| point.offset > offset;
        let ceiling = left.and_then(|mark| mark.search.ceiling).filter(behind);
        let floor = right.and_then(|mark| mark.search.floor);
        let floor = floor.filter(|point| !behind(point));
        Self {
            offset,
            appended,
            search: Search::between(
                floor.or(left.and_then(|mark| mark.search.floor)),
                ceiling.or(right.and_then(|mark| mark.search.ceiling)),
            ),
            read: None,
            failed: false,
        }
    }

    fn is_unread(&self, log_end: i64) -> bool {
        match self.read {
            Some(Read::Record(_)) => false,
            Some(Read::NothingBefore(end)) => end < log_end,
            None => true,
        }
    }

    /// The next look-up that shows whether the timestamp lies where the record was appended.
    fn proof(&self, span: Span) -> Option<i64> {
        if self.trust(span).is_some() {
            // Shown once already, and the record still stands there: a newer one shows it again.
            return None;
        }
        let earliest = span.after.saturating_sub(SLACK_MILLIS);
        let latest = span.until.saturating_add(SLACK_MILLIS);
        let risen = self
            .search
            .floor
            .is_some_and(|floor| floor.time >= earliest);
        Some(if risen { latest } else { earliest })
    }

    /// What the look-ups so far say about it.
    fn trust(&self, span: Span) -> Option<Trust> {
        let earliest = span.after.saturating_sub(SLACK_MILLIS);
        let latest = span.until.saturating_add(SLACK_MILLIS);
        let (floor, ceiling) = (self.search.floor, self.search.ceiling);
        let late = floor.is_some_and(|floor| floor.time >= latest);
        let early = ceiling.is_some_and(|ceiling| ceiling.time <= earliest);
        if late || early {
            return Some(Trust::Differ);
        }
        let risen = floor.is_some_and(|floor| floor.time >= earliest);
        let fallen = ceiling.is_some_and(|ceiling| ceiling.time <= latest);
        (risen && fallen).then_some(Trust::Agree)
    }

    fn looked_up(&self) -> Option<Span> {
        let (floor, ceiling) = (self.search.floor?, self.search.ceiling?);
        Some(Span {
            after: floor.time,
            at: floor.time + ceiling.time.saturating_sub(floor.time) / 2,
            until: ceiling.time,
        })
    }
}
