//! One partition of a group over time: what has to be remembered to judge it.

use super::rates::{Point, Rates};
use super::rules::{MAX_RESIDUE, RETENTION_NEAR, Rules};
use super::sight::{Reader, Sample, Sight};
use super::status::{Cause, Status};
use super::window::Window;

/// What is remembered. A few hundred bytes, however long the window and however short the interval.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// The last sample.
    pub last: Option<Point>,
    /// The first sample since the last gap: no rate reaches beyond it.
    pub anchor: Option<Point>,
    /// Since when there has been lag and the same commit. A gap does not end it: where both are
    /// the same before and after, nothing was read in between.
    pub stuck_since: Option<u64>,
    /// The log end when the commit moved last, or at the first sample.
    pub end_at_advance: i64,
    /// Whether the commit was seen moving, or the partition without lag.
    pub proven: bool,
    /// Whether the commit was seen moving.
    pub advanced: bool,
    /// The last two pauses between commits in which there was something to read, in milliseconds.
    pub pauses: [u32; 2],
    /// When the commit went back, and from where.
    pub rewind: Option<(u64, i64)>,
    /// Since when somebody has the partition, or may have it: who has just come has its own time to commit.
    pub read_since: Option<u64>,
    /// The log's start as last known.
    pub log_start: Option<i64>,
    /// Whether what was left the last time is what nobody ever commits.
    pub resting: bool,
    /// Samples of the window.
    pub window: Window,
}

/// What is to be said of a partition in a cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// How it is doing.
    pub status: Status,
    /// Why.
    pub cause: Cause,
    /// For how long there has been lag without a commit, in milliseconds.
    pub stuck_for: Option<u64>,
    /// How fast it moves.
    pub rates: Option<Rates>,
    /// Seconds until the lag is worked off.
    pub catch_up: Option<f64>,
}

impl Judgement {
    fn plain(status: Status, cause: Cause) -> Self {
        Self {
            status,
            cause,
            stuck_for: None,
            rates: None,
            catch_up: None,
        }
    }
}

impl Series {
    /// Takes what a cycle saw, and judges.
    pub fn observe(&mut self, tick: u64, sight: Sight, reader: Reader, rules: &Rules) -> Judgement {
        match sight {
            Sight::Sample(sample) => {
                let lost = self.has_lost(&sample, reader);
                self.take(tick, &sample, rules);
                self.meet(tick, reader);
                let (status, cause) = match lost {
                    true => (Status::Truncated, Cause::BelowLogStart),
                    false => self.judge(tick, &sample, reader, rules),
                };
                self.resting = cause == Cause::Residue;
                let rates = self.rates(tick, rules);
                Judgement {
                    status,
                    cause,
                    stuck_for: self.stuck_since.map(|since| tick.saturating_sub(since)),
                    rates,
                    catch_up: rates.and_then(|rates| rates.catch_up(sample.lag())),
                }
            }
            Sight::NoCommit => {
                *self = Self::default();
                Judgement::plain(Status::NoCommit, Cause::NoCommit)
            }
            Sight::Unknown(word) => {
                self.leave_gap();
                Judgement::plain(Status::Unknown, Cause::Unanswered(word))
            }
        }
    }

    /// A cycle without an answer: no rate reaches across it.
    pub fn leave_gap(&mut self) {
        self.anchor = None;
    }

    /// Whether records were deleted before the group read them.
    ///
    /// The commit is read before the log's start. Kafka Streams commits and then deletes what it has
    /// read (KIP-204) in between; so it takes a log start from before the commit was read. Where
    /// nobody commits, this cycle's will do. Where that is not known, the one before stands: a log's
    /// start does not go back.
    fn has_lost(&self, sample: &Sample, reader: Reader) -> bool {
        let same_log = self.last.is_none_or(|last| sample.log_end >= last.log_end);
        let before = self.log_start.filter(|_| same_log);
        let (earlier, now) = match reader {
            Reader::Nobody => (sample.log_start.or(before), sample.log_start),
            _ => (before, sample.log_start),
        };
        let is_before = |start: i64| sample.committed < start;
        earlier.is_some_and(is_before) && now.is_none_or(is_before)
    }

    fn take(&mut self, tick: u64, sample: &Sample, rules: &Rules) {
        let point = Point {
            tick,
            committed: sample.committed,
            log_end: sample.log_end,
        };
        match self.last {
            // The log was made anew or lost its end, or the clock was set back: another story.
            Some(last) if sample.log_end < last.log_end || tick < last.tick => {
                *self = Self::default();
                self.begin(&point);
            }
            Some(last) => self.go_on(&last, &point, rules),
            None => self.begin(&point),
        }
        self.anchor.get_or_insert(point);
        self.last = Some(point);
        self.log_start = sample.log_start.or(self.log_start);
        if sample.raw_lag() < 0 {
            // The commit lies in a log that is no more: that is not caught up.
            self.stuck_since = None;
            return;
        }
        self.window.record(tick, sample, rules);
        if sample.lag() <= rules.allowed {
            self.proven = true;
            self.stuck_since = None;
            self.rewind = None;
        } else {
            self.stuck_since.get_or_insert(tick);
        }
    }

    fn meet(&mut self, tick: u64, reader: Reader) {
        match reader {
            Reader::Assigned | Reader::Unassigned | Reader::Members => {
                self.read_since.get_or_insert(tick);
            }
            Reader::Elsewhere | Reader::Nobody => self.read_since = None,
            Reader::Unknown => {}
        }
    }

    fn begin(&mut self, point: &Point) {
        self.end_at_advance = point.log_end;
    }

    fn go_on(&mut self, last: &Point, now: &Point, rules: &Rules) {
        if now.tick.saturating_sub(last.tick) > rules.gap {
            self.anchor = None;
        }
        // What comes now has its own time to be read.
        if self.resting && now.log_end > last.log_end {
            self.stuck_since = None;
        }
        if now.committed > last.committed {
            if let Some(since) = self.stuck_since.take() {
                let pause = now.tick.saturating_sub(since);
                self.pauses = [self.pauses[1], u32::try_from(pause).unwrap_or(u32::MAX)];
            }
            self.end_at_advance = now.log_end;
            self.advanced = true;
            self.proven = true;
            self.rewind.take_if(|(_, from)| now.committed >= *from);
        } else if now.committed < last.committed {
            self.go_back(last, now);
        }
    }

    /// A commit beyond the log's end that is corrected is no step back.
    fn go_back(&mut self, last: &Point, now: &Point) {
        if last.committed <= now.log_end {
            let from = self.rewind.map_or(last.committed, |(_, from)| from);
            self.rewind = Some((now.tick, from.max(last.committed)));
        }
        self.anchor = None;
        self.stuck_since = None;
        self.window.clear();
    }

    fn judge(&self, tick: u64, sample: &Sample, reader: Reader, rules: &Rules) -> (Status, Cause) {
        if sample.raw_lag() < 0 {
            return (Status::Truncated, Cause::AboveLogEnd);
        }
        let Some(since) = self.stuck_since else {
            return (Status::Ok, Cause::CaughtUp);
        };
        let within = |moment: u64| tick.saturating_sub(moment) < rules.window;
        if self.rewind.is_some_and(|(moment, _)| within(moment)) {
            return (Status::Rewind, Cause::CommitMovedBack);
        }
        if self.is_residue(sample, reader) {
            return (Status::Ok, Cause::Residue);
        }
        let patience = match reader {
            Reader::Nobody => rules.window,
            _ => rules.patience(u64::from(self.pauses[0].max(self.pauses[1]))),
        };
        match tick.saturating_sub(since) {
            // Whoever has just come cannot have committed yet.
            stuck if stuck >= patience && self.read_since.is_some_and(within) => {
                (Status::Unknown, Cause::WindowFilling)
            }
            stuck if stuck >= patience => standstill(reader),
            stuck if stuck >= rules.window => (Status::Ok, Cause::CommitsRarely),
            _ => self.judge_pace(sample, patience, rules),
        }
    }

    /// Of a partition with lag whose commit is not overdue.
    fn judge_pace(&self, sample: &Sample, patience: u64, rules: &Rules) -> (Status, Cause) {
        // Between rare commits a lag always grows.
        if patience <= rules.window && self.window.lag_grows(rules) {
            let left = sample.retention_left();
            return match left.is_some_and(|left| left < RETENTION_NEAR) {
                true => (Status::Err, Cause::Retention),
                false => (Status::Warn, Cause::LagGrows),
            };
        }
        if !self.proven {
            return (Status::Unknown, Cause::WindowFilling);
        }
        match self.window.low() {
            Some(low) if low <= rules.allowed => (Status::Ok, Cause::CaughtUpLately),
            _ => (Status::Ok, Cause::Advancing),
        }
    }

    /// Transaction markers take offsets, and compaction leaves empty ones; a consumer that
    /// commits the offset behind its last record never gets past those at the end of the log.
    /// They were there when it committed last. What came since is another matter.
    fn is_residue(&self, sample: &Sample, reader: Reader) -> bool {
        let read_before = self.advanced || matches!(reader, Reader::Assigned | Reader::Members);
        read_before && sample.lag() <= MAX_RESIDUE && sample.log_end == self.end_at_advance
    }

    fn rates(&self, tick: u64, rules: &Rules) -> Option<Rates> {
        let (now, anchor) = (self.last?, self.anchor?);
        let begin = tick.saturating_sub(rules.window);
        if anchor.tick >= begin {
            return Rates::between(&anchor, &now);
        }
        // The anchor is older than the window: every part since then is without a gap.
        let (tick, part) = self.window.oldest_since(begin, rules)?;
        let from = Point {
            tick,
            committed: part.committed,
            log_end: part.log_end,
        };
        Rates::between(&from, &now)
    }
}

/// No commit for longer than the patience lasts, and something to read.
fn standstill(reader: Reader) -> (Status, Cause) {
    match reader {
        Reader::Assigned | Reader::Members => (Status::Stall, Cause::NotAdvancing),
        Reader::Unassigned => (Status::Stall, Cause::Unassigned),
        Reader::Elsewhere => (Status::Warn, Cause::NotSubscribed),
        Reader::Nobody => (Status::Stop, Cause::NoMembers),
        Reader::Unknown => (Status::Stop, Cause::MembersUnknown),
    }
}
