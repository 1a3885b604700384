//! Scale-out without a coordinator of our own: agents that share their work by Kafka's group protocol.
//!
//! Agents with the same `ha.group` join one consumer group on `ha.topic` in each cluster that has a
//! `kafka` section. They never read a record and commit nothing: of the protocol they want only who
//! has which partition. A consumer group and a remote target belong to a partition by the hash of
//! their name; what belongs to the cluster as a whole goes with partition 0.
//!
//! - [`config`]: the section `ha`
//! - [`scope`]: which part of the work is this agent's. Pure
//! - [`holding`]: what the protocol and the time say about that. Pure
//! - [`member`]: the consumer
//! - [`memberships`]: one for each cluster, over reloads

pub mod config;
pub mod holding;
pub mod member;
pub mod memberships;
pub mod scope;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

pub use self::config::{Ha, read};
use self::holding::{Holding, Standing};
pub use self::memberships::Memberships;
pub use self::scope::Scope;

/// One agent's place in one cluster's group, as its targets see it.
#[derive(Debug, Clone)]
pub struct Share {
    group: Arc<str>,
    holding: Arc<Mutex<Holding>>,
}

impl Share {
    fn new(ha: &Ha) -> Self {
        let holding = Holding::new(ha.session_timeout, Instant::now());
        Self {
            group: ha.group.as_str().into(),
            holding: Arc::new(Mutex::new(holding)),
        }
    }

    /// What to collect now, and the word for it.
    pub fn scope(&self) -> (Scope, &'static str) {
        let standing = self.standing();
        let word = standing.as_str();
        let shard = match standing {
            Standing::Joining => Some(scope::Shard {
                partitions: [].into(),
                count: 1,
            }),
            Standing::Sharing(shard) => Some(shard),
            Standing::Everything => None,
        };
        (Scope::new(Arc::clone(&self.group), shard), word)
    }

    fn standing(&self) -> Standing {
        self.with(|holding| holding.standing(Instant::now()))
    }

    fn with<T>(&self, what: impl FnOnce(&mut Holding) -> T) -> T {
        // Nothing in there panics half-way; what was written last is good.
        what(&mut self.holding.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
