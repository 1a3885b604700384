//! What this agent holds of the shared work, by what the group's protocol says and by the time. Pure.
//!
//! ```text
//!            assigned                    not confirmed for `patience`, or lost
//! joining ────────────► sharing ───────────────────────────────────────► everything
//!    │                     ▲                                                  │
//!    │                     └────────────────── assigned ──────────────────────┘
//!    └── nothing for `patience` ──► everything
//! ```
//!
//! What is taken away stays for a while: the next owner begins only after another round of the
//! protocol, and a document that two agents make is one in the index.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::scope::Shard;

/// The state of one agent in one group.
#[derive(Debug)]
pub struct Holding {
    /// One session time-out.
    patience: Duration,
    /// Nothing before the first assignment and after a loss; an empty set is an assignment, too.
    assigned: Option<BTreeSet<i32>>,
    /// Taken away lately: until when they are kept.
    kept: BTreeMap<i32, Instant>,
    /// Partitions of the topic.
    count: Option<i32>,
    /// When the group was last known to be in order, with us in it.
    confirmed: Instant,
    lost: bool,
}

/// What follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Waiting for the first assignment: nothing shared is collected.
    Joining,
    /// The agents share the work.
    Sharing(Shard),
    /// There is no assignment to go by: better twice than not at all.
    Everything,
}

impl Standing {
    /// The word in the documents.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Sharing(_) => "sharing",
            Self::Everything => "everything",
        }
    }
}

impl Holding {
    /// Nothing yet. `patience`: how long to do without an assignment.
    pub fn new(patience: Duration, now: Instant) -> Self {
        Self {
            patience,
            assigned: None,
            kept: BTreeMap::new(),
            count: None,
            confirmed: now,
            lost: false,
        }
    }

    /// More partitions are ours.
    pub fn assign(&mut self, partitions: impl IntoIterator<Item = i32>, now: Instant) {
        self.lost = false;
        let all = self.assigned.get_or_insert_default();
        for partition in partitions {
            self.kept.remove(&partition);
            all.insert(partition);
        }
        self.confirm(now);
    }

    /// Partitions are no longer ours; somebody else will have them soon.
    pub fn revoke(&mut self, partitions: impl IntoIterator<Item = i32>, now: Instant) {
        self.forget(now);
        let Some(all) = &mut self.assigned else {
            return;
        };
        for partition in partitions {
            if all.remove(&partition) {
                self.kept.insert(partition, now + self.patience);
            }
        }
    }

    /// The group has gone on without us, or nobody knows: a session time-out has passed already.
    pub fn lose(&mut self) {
        self.assigned = None;
        self.kept.clear();
        self.lost = true;
    }

    /// How many partitions the topic has. Without any there is nothing to share by.
    ///
    /// The topic says nothing of the group: only where the number was what lacked is the group in order by it.
    pub fn set_count(&mut self, count: Option<i32>, now: Instant) {
        let lacked = self.count.is_none();
        self.count = count.filter(|count| *count > 0);
        if lacked {
            self.confirm(now);
        }
    }

    /// Whether the number of partitions is wanted.
    pub fn needs_count(&self) -> bool {
        self.assigned.is_some() && self.count.is_none()
    }

    /// The group is in order, with us in it.
    pub fn confirm(&mut self, now: Instant) {
        if self.assigned.is_some() && self.count.is_some() {
            self.confirmed = now;
        }
    }

    /// What to collect now.
    pub fn standing(&self, now: Instant) -> Standing {
        if self.lost || now.saturating_duration_since(self.confirmed) >= self.patience {
            return Standing::Everything;
        }
        let (Some(assigned), Some(count)) = (&self.assigned, self.count) else {
            return Standing::Joining;
        };
        let kept = self.kept.iter().filter(|(_, until)| now < **until);
        let partitions = assigned.iter().chain(kept.map(|(id, _)| id)).copied();
        Standing::Sharing(Shard {
            partitions: partitions.collect(),
            count,
        })
    }

    fn forget(&mut self, now: Instant) {
        self.kept.retain(|_, until| now < *until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn shard(standing: &Standing) -> Vec<i32> {
        match standing {
            Standing::Sharing(shard) => shard.partitions.iter().copied().collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_is_collected_for_a_session_time_out_and_everything_from_then_on() {
        let start = Instant::now();
        let mut holding = Holding::new(PATIENCE, start);
        let before = start + PATIENCE - Duration::from_millis(1);
        assert_eq!(holding.standing(before), Standing::Joining);
        assert_eq!(holding.standing(start + PATIENCE), Standing::Everything);
        // An assignment by which nobody can tell what is whose changes nothing.
        holding.assign([1], start + PATIENCE);
        assert_eq!(holding.standing(start + PATIENCE), Standing::Everything);
        holding.set_count(Some(0), start + PATIENCE);
        assert_eq!(holding.standing(start + PATIENCE), Standing::Everything);
        holding.set_count(Some(3), start + PATIENCE);
        assert_eq!(shard(&holding.standing(start + PATIENCE)), [1]);
    }

    /// The number of partitions is looked up every minute, also while the group has no coordinator.
    #[test]
    fn the_number_of_partitions_does_not_stand_for_the_group() {
        let start = Instant::now();
        let mut holding = Holding::new(PATIENCE, start);
        holding.assign([1], start);
        holding.set_count(Some(3), start);
        assert_eq!(shard(&holding.standing(start)), [1]);
        let later = start + PATIENCE;
        holding.set_count(Some(3), later);
        assert_eq!(holding.standing(later), Standing::Everything);
    }

    #[test]
    fn what_is_taken_away_is_kept_until_the_next_owner_has_begun() {
        let start = Instant::now();
        let mut holding = Holding::new(PATIENCE, start);
        holding.set_count(Some(6), start);
        holding.assign([0, 1, 2], start);
        holding.revoke([1, 2, 5], start);
        assert_eq!(shard(&holding.standing(start)), [0, 1, 2]);
        let later = start + PATIENCE;
        holding.assign([2], later);
        assert_eq!(shard(&holding.standing(later)), [0, 2]);
        holding.revoke([0, 2], later);
        holding.confirm(later + PATIENCE);
        // Nothing is a share, too: there are more agents than partitions.
        assert_eq!(shard(&holding.standing(later + PATIENCE)), [0_i32; 0]);
    }

    #[test]
    fn a_loss_or_a_silent_group_means_everything_until_the_next_assignment() {
        let start = Instant::now();
        let mut holding = Holding::new(PATIENCE, start);
        holding.set_count(Some(6), start);
        holding.assign([0, 1, 2], start);
        holding.lose();
        assert_eq!(holding.standing(start), Standing::Everything);
        holding.assign([4], start);
        assert_eq!(shard(&holding.standing(start)), [4]);
        assert_eq!(holding.standing(start + PATIENCE), Standing::Everything);
        holding.confirm(start + PATIENCE);
        assert_eq!(shard(&holding.standing(start + PATIENCE)), [4]);
    }

    /// Agents whose assignments follow the protocol (nobody is given what another one has not
    /// given up) never leave a partition to nobody, whatever the order of joining and leaving.
    #[test]
    fn no_partition_is_ever_nobodys_while_agents_come_and_go_in_order() {
        const COUNT: i32 = 12;
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let start = Instant::now();
        let mut agents: Vec<Holding> = (0..4).map(|_| Holding::new(PATIENCE, start)).collect();
        for agent in &mut agents {
            agent.set_count(Some(COUNT), start);
            agent.assign([], start);
        }
        let mut owner: Vec<usize> = vec![0; COUNT as usize];
        agents[0].assign(0..COUNT, start);
        for step in 1..2_000_u32 {
            let now = start + step * Duration::from_millis(700);
            let partition = random.i32(0..COUNT);
            let (from, to) = (owner[partition as usize], random.usize(0..4));
            // The second round of the protocol takes less than the time that things are kept.
            agents[from].revoke([partition], now);
            assert_covered(&agents, now);
            agents[to].assign([partition], now + Duration::from_millis(600));
            owner[partition as usize] = to;
            agents.iter_mut().for_each(|agent| agent.confirm(now));
            assert_covered(&agents, now + Duration::from_millis(600));
        }
    }

    fn assert_covered(agents: &[Holding], now: Instant) {
        let held: BTreeSet<i32> = agents
            .iter()
            .flat_map(|agent| shard(&agent.standing(now)))
            .collect();
        assert_eq!(held.len(), 12);
    }
}
