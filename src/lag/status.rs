//! The words for how a consumer group is doing.

/// How a partition of a group, or a group, is doing. The names are part of the documents, the
/// numbers part of the state file; neither ever changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nothing to worry about: no lag, or it is being worked off.
    Ok,
    /// Nobody has committed anything.
    NoCommit,
    /// It cannot be told; the reason says why.
    Unknown,
    /// The consumer works, but falls behind.
    Warn,
    /// The commit went back and has not been made up for.
    Rewind,
    /// The group has members, but the commit does not move although there is something to read.
    Stall,
    /// The group has no members and there is something to read.
    Stop,
    /// The consumer falls behind, and what it has not read is deleted soon.
    Err,
    /// The committed offset lies outside of the log: records are lost to it.
    Truncated,
}

/// From harmless to worst, with the word and the number in the state file.
const STATUSES: &[(Status, &str, u8)] = &[
    (Status::Ok, "OK", 1),
    (Status::NoCommit, "NO_COMMIT", 2),
    (Status::Unknown, "UNKNOWN", 3),
    (Status::Warn, "WARN", 4),
    (Status::Rewind, "REWIND", 5),
    (Status::Stall, "STALL", 6),
    (Status::Stop, "STOP", 7),
    (Status::Err, "ERR", 8),
    (Status::Truncated, "TRUNCATED", 9),
];

impl Status {
    /// The word in the documents.
    pub fn as_str(self) -> &'static str {
        self.line().1
    }

    /// The number in the state file.
    pub fn code(self) -> u8 {
        self.line().2
    }

    /// The status of a number in the state file.
    pub fn of_code(code: u8) -> Option<Self> {
        let line = STATUSES.iter().find(|(.., own)| *own == code)?;
        Some(line.0)
    }

    /// Higher is worse; a group is as bad as its worst partition.
    pub fn severity(self) -> usize {
        let place = STATUSES.iter().position(|(status, ..)| *status == self);
        place.expect("every status has its line, a test says so")
    }

    /// Whether somebody should look.
    pub fn is_alarm(self) -> bool {
        self.severity() >= Self::Warn.severity()
    }

    fn line(self) -> &'static (Self, &'static str, u8) {
        &STATUSES[self.severity()]
    }
}

/// Why a status is what it is: `…lag.reason`. The words are part of the documents and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// OK: no lag, or not more than `lag.allowed`.
    CaughtUp,
    /// OK: there was no lag within the window; what came since has time until its end.
    CaughtUpLately,
    /// OK: the commit moved within the window, and the lag does not grow.
    Advancing,
    /// OK: the commit has not moved for a window, but this consumer always commits as rarely.
    CommitsRarely,
    /// OK: the few offsets left were there when the commit moved last, and nothing has come since.
    Residue,
    /// UNKNOWN: there is lag, and it has not been watched for long enough.
    WindowFilling,
    /// UNKNOWN: an answer is missing; the word of `lag.unknown_reason`.
    Unanswered(&'static str),
    /// NO_COMMIT.
    NoCommit,
    /// WARN, ERR: the lag has not fallen within the window, and has grown.
    LagGrows,
    /// WARN: no commit for a window on a topic that none of the group's members reads any more.
    NotSubscribed,
    /// REWIND.
    CommitMovedBack,
    /// STALL: the member that has the partition, or the group's members, do not commit.
    NotAdvancing,
    /// STALL: the group has members, the topic is theirs, but nobody has the partition.
    Unassigned,
    /// STOP: the group has no members.
    NoMembers,
    /// STOP: nothing is committed, and nobody knows whether there are members.
    MembersUnknown,
    /// ERR: the lag grows, and the unread records are the next to be deleted.
    Retention,
    /// TRUNCATED: what was to be read next has been deleted.
    BelowLogStart,
    /// TRUNCATED: the log ends before the commit: it was made anew or lost its end.
    AboveLogEnd,
}

impl Cause {
    /// The word in the documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CaughtUp => "caught_up",
            Self::CaughtUpLately => "caught_up_lately",
            Self::Advancing => "advancing",
            Self::CommitsRarely => "commits_rarely",
            Self::Residue => "residue",
            Self::WindowFilling => "window_filling",
            Self::Unanswered(word) => word,
            Self::NoCommit => "no_commit",
            Self::LagGrows => "lag_grows",
            Self::NotSubscribed => "not_subscribed",
            Self::CommitMovedBack => "commit_moved_back",
            Self::NotAdvancing => "not_advancing",
            Self::Unassigned => "unassigned",
            Self::NoMembers => "no_members",
            Self::MembersUnknown => "members_unknown",
            Self::Retention => "retention",
            Self::BelowLogStart => "below_log_start",
            Self::AboveLogEnd => "above_log_end",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_line_one_word_and_one_number() {
        let all = [
            Status::Ok,
            Status::NoCommit,
            Status::Unknown,
            Status::Warn,
            Status::Rewind,
            Status::Stall,
            Status::Stop,
            Status::Err,
            Status::Truncated,
        ];
        assert_eq!(all.len(), STATUSES.len());
        for (severity, status) in all.into_iter().enumerate() {
            assert_eq!(status.severity(), severity);
            assert_eq!(Status::of_code(status.code()), Some(status));
            let same = STATUSES
                .iter()
                .filter(|(_, word, _)| *word == status.as_str());
            assert_eq!(same.count(), 1);
        }
        assert_eq!(Status::of_code(0), None);
        assert!(Status::Warn.is_alarm() && !Status::Unknown.is_alarm());
    }
}
