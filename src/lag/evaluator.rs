//! All groups of a cluster: a cycle goes in, judgements and changes come out.
//!
//! ```text
//! begin(tick) → for each group: group(id) → partition(…) … → finish() → end()
//! ```
//! The order of groups and partitions makes no difference.

use std::collections::BTreeMap;

use super::group::{GroupCycle, GroupState};
use super::rules::Rules;

/// How long a group that nobody lists is remembered while a broker that may have it is silent.
const KEEP_ABSENT_MILLIS: u64 = 24 * 3_600 * 1_000;

/// What is remembered of a cluster's groups.
#[derive(Debug, PartialEq)]
pub struct Evaluator {
    pub(super) rules: Rules,
    /// The cluster that it is about, once that is known.
    pub(super) cluster: Option<String>,
    pub(super) tick: u64,
    /// The cycle before: what was not part of it has a gap.
    pub(super) before: u64,
    pub(super) groups: BTreeMap<String, GroupState>,
}

impl Evaluator {
    /// Remembers nothing yet.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            cluster: None,
            tick: 0,
            before: 0,
            groups: BTreeMap::new(),
        }
    }

    /// Begins a cycle. Groups of another cluster are forgotten.
    pub fn begin(&mut self, tick: u64, cluster: Option<&str>) {
        self.before = std::mem::replace(&mut self.tick, tick);
        let Some(cluster) = cluster else {
            return;
        };
        let before = self.cluster.replace(cluster.to_owned());
        if before.is_some_and(|before| before != cluster) {
            self.groups.clear();
        }
    }

    /// One group of the cycle; its partitions are given to what comes back.
    pub fn group(&mut self, id: &str) -> GroupCycle<'_> {
        if !self.groups.contains_key(id) {
            self.groups.insert(id.to_owned(), GroupState::default());
        }
        let state = self.groups.get_mut(id).expect("it was put there");
        GroupCycle::new(state, (self.before, self.tick), &self.rules)
    }

    /// Ends the cycle. A group that was not in it is forgotten: at once if the list of groups was
    /// complete, after a day if a silent broker may still have it.
    pub fn end(&mut self, complete: bool) {
        let tick = self.tick;
        self.groups.retain(|_, state| {
            let absent = tick.saturating_sub(state.seen);
            absent == 0 || (!complete && absent < KEEP_ABSENT_MILLIS)
        });
    }

    /// The groups that are remembered with partitions, by topic: others may be no consumer groups at all.
    pub fn groups(&self) -> impl Iterator<Item = (String, BTreeMap<String, Vec<i32>>)> {
        let groups = self.groups.iter().filter(|(_, state)| state.count() > 0);
        groups.map(|(id, state)| (id.clone(), state.partitions()))
    }

    /// How many partitions of groups are remembered.
    pub fn len(&self) -> usize {
        self.groups.values().map(GroupState::count).sum()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
