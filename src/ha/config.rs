//! `ha`: agents that share their work.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::Section;

/// Every cluster with consumer groups has it, and its partitions spread them already.
const DEFAULT_TOPIC: &str = "__consumer_offsets";

/// As long as Java's consumers waited for years: a pause is no death, and a death costs one tick or two.
const DEFAULT_SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// The brokers' `group.min.session.timeout.ms` and `group.max.session.timeout.ms`, if nobody has changed them.
const SESSION_TIMEOUTS: RangeInclusive<Duration> =
    Duration::from_secs(6)..=Duration::from_secs(1_800);

/// How this agent shares its work with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ha {
    /// The consumer group that the agents make.
    pub group: String,
    /// The topic whose partitions are the shards.
    pub topic: String,
    /// How long a dead agent's part goes uncollected, and how long one does without an assignment.
    pub session_timeout: Duration,
}

/// Reads the section; nothing without it.
pub fn read(root: &mut Section<'_>) -> Option<Ha> {
    let mut section = root.section("ha")?;
    let group = section.text("group").filter(|group| !group.is_empty());
    if group.is_none() {
        section.problem(
            "group",
            "is missing; agents with the same name here share their work",
        );
    }
    Some(Ha {
        group: group.unwrap_or_default(),
        topic: section.text_or("topic", DEFAULT_TOPIC),
        session_timeout: section.duration_or(
            "session_timeout",
            DEFAULT_SESSION_TIMEOUT,
            SESSION_TIMEOUTS,
        ),
    })
}
