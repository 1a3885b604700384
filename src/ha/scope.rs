//! Which part of the work is this agent's. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::collect::kafka::memory::hash_partition;

/// The partition whose owner also has what belongs to the cluster as a whole.
const CLUSTER_PARTITION: i32 = 0;

/// Partitions of `ha.topic` that are this agent's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Their numbers.
    pub partitions: BTreeSet<i32>,
    /// How many partitions the topic has; above 0.
    pub count: i32,
}

impl Shard {
    fn has(&self, name: &str) -> bool {
        hash_partition(name, self.count).is_some_and(|id| self.partitions.contains(&id))
    }
}

/// What a cycle is to collect. The default is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The agents' own group, which is no consumer.
    own_group: Option<Arc<str>>,
    /// Nothing where there is nobody to share with.
    shard: Option<Arc<Shard>>,
}

impl Scope {
    /// What the shard says, or everything without one; never the agents' own group.
    pub fn new(own_group: Arc<str>, shard: Option<Shard>) -> Self {
        Self {
            own_group: Some(own_group),
            shard: shard.map(Arc::new),
        }
    }

    /// Whether a consumer group is this agent's.
    pub fn has_group(&self, id: &str) -> bool {
        self.own_group.as_deref() != Some(id) && self.has_name(id)
    }

    /// Whether something is this agent's that any agent could ask, by its name.
    pub fn has_name(&self, name: &str) -> bool {
        self.shard.as_ref().is_none_or(|shard| shard.has(name))
    }

    /// Whether topics, partitions, brokers and the cluster itself are this agent's.
    pub fn has_cluster(&self) -> bool {
        let shard = self.shard.as_ref();
        shard.is_none_or(|shard| shard.partitions.contains(&CLUSTER_PARTITION))
    }

    /// How many partitions are this agent's, where agents share.
    pub fn partitions(&self) -> Option<usize> {
        self.shard.as_ref().map(|shard| shard.partitions.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(partitions: &[i32], count: i32) -> Scope {
        let partitions = partitions.iter().copied().collect();
        Scope::new("agents".into(), Some(Shard { partitions, count }))
    }

    #[test]
    fn shards_that_cover_the_topic_share_every_name_between_them_once() {
        let shards = [scope(&[0, 3], 5), scope(&[1, 4], 5), scope(&[2], 5)];
        for number in 0..1_000 {
            let name = format!("group-{number}");
            let owners = shards.iter().filter(|shard| shard.has_group(&name));
            assert_eq!(owners.count(), 1, "{name}");
        }
        assert_eq!(shards.iter().filter(|shard| shard.has_cluster()).count(), 1);
    }

    #[test]
    fn the_agents_own_group_is_nobodys() {
        let alone = Scope::new("agents".into(), None);
        assert!(alone.has_group("billing") && alone.has_cluster());
        assert!(!alone.has_group("agents"));
        assert!(Scope::default().has_group("agents"));
        let nothing = scope(&[], 5);
        assert!(!nothing.has_group("billing") && !nothing.has_cluster());
    }
}
