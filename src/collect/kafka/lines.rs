//! The lines of the event stream that a cycle makes, in a number that is bounded: an outage is no storm. Pure.

use std::collections::BTreeMap;

use super::standing::{group_line, level, partition_line};
use crate::document::Document;
use crate::event::event;
use crate::lag::{GroupVerdict, Status};

/// Groups with lines of their own in one cycle, the worst first; the rest is counted in one more for each status.
const GROUPS: usize = 100;
/// Lines about partitions for one group in one cycle; the rest is counted in one more.
const PARTITIONS: usize = 10;
/// Lines about partitions for all groups in one cycle.
const ALL_PARTITIONS: usize = 100;

/// `event.action` of a line about partitions of a group, and about groups, that have no line of their own.
const MORE_PARTITIONS: &str = "consumer-partitions-status-changed";
const MORE_GROUPS: &str = "consumer-groups-status-changed";

/// Lines of a cycle.
#[derive(Debug, Default)]
pub struct Lines {
    groups: Vec<Changed>,
    /// What has no line of its own, by the severity of the group's new status.
    left_out: BTreeMap<usize, LeftOut>,
}

/// A group that has changed, or partitions of it.
#[derive(Debug)]
struct Changed {
    group: String,
    status: Status,
    line: Option<Document>,
    /// The worst of them.
    partitions: Vec<Document>,
    /// How many there are.
    all: usize,
}

/// How much has changed in groups that have one status now.
#[derive(Debug)]
struct LeftOut {
    status: Status,
    groups: usize,
    partitions: usize,
}

impl Lines {
    /// Adds what has changed about a group.
    pub fn add(&mut self, group: &str, verdict: &GroupVerdict) {
        let (status, all) = (verdict.status, verdict.changes.len());
        if verdict.before.is_none() && all == 0 {
            return;
        }
        if self.groups.len() >= GROUPS {
            let groups = self.groups.iter().enumerate().rev();
            let mildest = groups.min_by_key(|(_, one)| one.status.severity());
            let (place, mildest) = mildest.expect("it is full");
            if mildest.status.severity() >= status.severity() {
                self.leave_out(status, verdict.before.is_some(), all);
                return;
            }
            let one = self.groups.remove(place);
            self.leave_out(one.status, one.line.is_some(), one.all);
        }
        let line = verdict
            .before
            .map(|before| group_line(group, before, verdict));
        let changes = verdict.changes.iter().take(PARTITIONS);
        self.groups.push(Changed {
            group: group.to_owned(),
            status,
            line,
            partitions: changes
                .map(|change| partition_line(group, change))
                .collect(),
            all,
        });
    }

    fn leave_out(&mut self, status: Status, is_changed: bool, partitions: usize) {
        let none = LeftOut {
            status,
            groups: 0,
            partitions: 0,
        };
        let left_out = self.left_out.entry(status.severity()).or_insert(none);
        left_out.groups += usize::from(is_changed);
        left_out.partitions += partitions;
    }

    /// All of them, the worst first.
    pub fn into_documents(mut self) -> Vec<Document> {
        self.groups
            .sort_by_key(|one| std::cmp::Reverse(one.status.severity()));
        let mut lines = Vec::new();
        let mut left = ALL_PARTITIONS;
        for mut one in self.groups {
            one.partitions.truncate(left);
            left -= one.partitions.len();
            let more = one.all - one.partitions.len();
            lines.extend(one.line);
            lines.extend(one.partitions);
            if more > 0 {
                lines.push(more_partitions(&one.group, one.status, more));
            }
        }
        let left_out = self.left_out.into_values().rev();
        lines.extend(left_out.map(|left_out| more_groups(&left_out)));
        lines
    }
}

fn more_partitions(group: &str, status: Status, more: usize) -> Document {
    let message = format!("group {group}: the lag status of {more} more partitions changed");
    let line = event(MORE_PARTITIONS, level(status), &message);
    line.with("kafka.consumergroup.id", group)
}

fn more_groups(left_out: &LeftOut) -> Document {
    let LeftOut {
        status,
        groups,
        partitions,
    } = left_out;
    let word = status.as_str();
    let message = format!(
        "the lag status of {groups} more groups changed to {word}, and that of {partitions} partitions of theirs and others \
         with that status"
    );
    let line = event(MORE_GROUPS, level(*status), &message);
    line.with("kafka.consumergroup.lag.status", word)
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::{lines, messages, stopped};
    use super::*;
    use crate::catalogue::Catalogue;

    fn many(count: usize, verdict: &GroupVerdict) -> Vec<(String, GroupVerdict)> {
        let names = (0..count).map(|n| format!("g{n}"));
        names.map(|name| (name, verdict.clone())).collect()
    }

    fn of(verdicts: &[(String, GroupVerdict)]) -> Vec<Document> {
        let verdicts = verdicts.iter();
        let verdicts = verdicts.map(|(name, one)| (name.as_str(), one.clone()));
        lines(&verdicts.collect::<Vec<_>>())
    }

    #[test]
    fn a_thousand_partitions_at_once_are_a_few_lines() {
        let one = lines(&[("g", stopped(1_000))]);
        assert_eq!(one.len(), 1 + PARTITIONS + 1);
        assert_eq!(
            messages(&one).last(),
            Some(&"group g: the lag status of 990 more partitions changed")
        );
        let lines = of(&many(50, &stopped(20)));
        assert_eq!(lines.len(), 50 + ALL_PARTITIONS + 50);
    }

    #[test]
    fn a_thousand_groups_at_once_are_a_few_lines_and_the_worst_have_theirs() {
        let mut verdicts = many(1_000, &stopped(2));
        let worst = GroupVerdict {
            status: Status::Truncated,
            ..stopped(2)
        };
        verdicts.push(("zz".to_owned(), worst));
        let lines = of(&verdicts);
        // 50 have room for both of their partitions, the others say how many changed.
        assert_eq!(lines.len(), GROUPS + ALL_PARTITIONS + (GROUPS - 50) + 1);
        let messages = messages(&lines);
        assert!(messages[0].starts_with("group zz: "), "{}", messages[0]);
        assert_eq!(
            messages.last(),
            Some(
                &"the lag status of 901 more groups changed to STOP, and that of 1802 partitions of theirs and others with that status"
            )
        );
        for line in &lines {
            let strangers = Catalogue::get().strangers("event", &line.fields());
            assert!(strangers.is_empty(), "{strangers:?}");
        }
    }

    #[test]
    fn no_change_is_no_line() {
        let verdict = GroupVerdict {
            before: None,
            changes: vec![],
            ..stopped(1)
        };
        assert!(of(&many(1_000, &verdict)).is_empty());
    }
}
