//! What a cycle saw of one partition of a group.

/// Offsets that were read in one cycle, the commit before the log's ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Committed offset: the next record that the group wants.
    pub committed: i64,
    /// First offset that can still be read, where it is known.
    pub log_start: Option<i64>,
    /// Offset that the next record will get.
    pub log_end: i64,
}

impl Sample {
    /// Log end − committed; negative where the log ends before the commit.
    pub fn raw_lag(&self) -> i64 {
        self.log_end.saturating_sub(self.committed)
    }

    /// The lag, not below 0.
    pub fn lag(&self) -> i64 {
        self.raw_lag().max(0)
    }

    /// Records that were deleted before they were read.
    pub fn lost(&self) -> Option<i64> {
        let lost = self.log_start?.saturating_sub(self.committed);
        (lost > 0).then_some(lost)
    }

    /// Place of the commit in the log: 0 at its start, 1 at its end.
    ///
    /// Only where records have been deleted before (the log starts above 0): in a log that has
    /// never lost a record nobody can tell from its offsets when it will lose the first.
    pub fn retention_left(&self) -> Option<f64> {
        let start = self.log_start.filter(|start| *start > 0)?;
        let kept = self.log_end.saturating_sub(start);
        let ahead = self.committed.saturating_sub(start);
        let inside = kept > 0 && (0..=kept).contains(&ahead);
        inside.then(|| ahead as f64 / kept as f64)
    }
}

/// What is known of a partition in a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// All of it.
    Sample(Sample),
    /// That nothing is committed.
    NoCommit,
    /// Not enough; the word of `lag.unknown_reason`.
    Unknown(&'static str),
}

/// Who would read a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A member has it.
    Assigned,
    /// The group's members have partitions of the topic, but nobody has this one.
    Unassigned,
    /// The group's members have partitions, but none of the topic.
    Elsewhere,
    /// The group has members, and nobody knows what they have: it rebalances, or is of a
    /// kind whose assignments cannot be read.
    Members,
    /// The group has no members.
    Nobody,
    /// The group could not be described.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(log_start: i64, committed: i64, log_end: i64) -> Sample {
        Sample {
            committed,
            log_start: Some(log_start),
            log_end,
        }
    }

    #[test]
    fn the_share_of_retention_is_known_only_where_something_was_deleted_before() {
        assert_eq!(sample(100, 150, 200).retention_left(), Some(0.5));
        assert_eq!(sample(100, 200, 200).retention_left(), Some(1.0));
        assert_eq!(sample(100, 100, 200).retention_left(), Some(0.0));
        for unknown in [
            sample(0, 5, 200),
            sample(100, 50, 200),
            sample(100, 250, 200),
            sample(200, 200, 200),
        ] {
            assert_eq!(unknown.retention_left(), None, "{unknown:?}");
        }
    }

    #[test]
    fn what_was_deleted_unread_is_lost_and_nothing_else() {
        assert_eq!(sample(100, 90, 200).lost(), Some(10));
        assert_eq!(sample(100, 100, 200).lost(), None);
        assert_eq!(sample(100, 90, 100).lost(), Some(10), "all of it");
    }
}
