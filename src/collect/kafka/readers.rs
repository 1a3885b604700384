//! Who would read a partition, by what a group's coordinator says of its members. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::Row;
use super::snapshot::{Group, Member};
use crate::lag::Reader;

/// State in which the assignments of the members are those that they read by.
const STABLE: &str = "Stable";

/// What is known of who reads.
pub(super) enum Readers<'a> {
    /// The same for all partitions.
    All(Reader),
    /// Topics of which any member has a partition.
    Topics(BTreeSet<&'a str>),
}

impl<'a> Readers<'a> {
    /// By the group's description.
    pub(super) fn of(group: &Group, members: &BTreeMap<(&'a str, i32), &'a Member>) -> Self {
        match &group.description {
            Err(_) => Self::All(Reader::Unknown),
            Ok(description) if description.members.is_empty() => Self::All(Reader::Nobody),
            // While a group rebalances nobody has anything, and that means nothing.
            Ok(description) if members.is_empty() || description.state != STABLE => {
                Self::All(Reader::Members)
            }
            Ok(_) => Self::Topics(members.keys().map(|(topic, _)| *topic).collect()),
        }
    }

    /// Who would read a partition.
    pub(super) fn reader(&self, row: &Row<'_>) -> Reader {
        match (self, row.member) {
            (Self::All(reader), _) => *reader,
            (Self::Topics(_), Some(_)) => Reader::Assigned,
            (Self::Topics(topics), None) if topics.contains(row.topic) => Reader::Unassigned,
            (Self::Topics(_), None) => Reader::Elsewhere,
        }
    }
}
