//! One membership for each cluster that can have one; kept over reloads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::holding::Standing;
use super::member::{Change, run};
use super::{Ha, Share};
use crate::collect::kafka::config::Config as Kafka;
use crate::config::ClusterPlan;
use crate::document::Document;
use crate::event::event;

/// Changes that wait for the agent to say them; more are only logged.
const EVENTS: usize = 64;

/// The memberships of an agent; nobody's where it is alone.
pub struct Memberships {
    ha: Option<Ha>,
    /// By the cluster's name.
    running: BTreeMap<String, Membership>,
    events: mpsc::Sender<Document>,
}

struct Membership {
    kafka: Arc<Kafka>,
    share: Share,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Memberships {
    /// None yet; what is worth a line comes out of the channel.
    pub fn new(ha: Option<Ha>) -> (Self, mpsc::Receiver<Document>) {
        let (events, said) = mpsc::channel(EVENTS);
        let memberships = Self {
            ha,
            running: BTreeMap::new(),
            events,
        };
        (memberships, said)
    }

    /// Joins and leaves, as the clusters want it. A group whose cluster is reached as before goes on.
    pub async fn keep(&mut self, clusters: &[ClusterPlan]) {
        let Some(ha) = &self.ha else {
            return;
        };
        let mut before = std::mem::take(&mut self.running);
        for plan in clusters {
            let Some(kafka) = plan.kafka() else {
                continue;
            };
            let membership = match before.remove(&plan.name) {
                Some(old) if old.kafka.reaches_like(kafka) => old,
                old => {
                    leave(old).await;
                    Membership::start(ha, &plan.name, kafka, self.events.clone())
                }
            };
            self.running.insert(plan.name.clone(), membership);
        }
        for membership in before.into_values() {
            leave(Some(membership)).await;
        }
    }

    /// The agent's place in a cluster's group. A cluster without Kafka goes by the first one that has it.
    pub fn share(&self, clusters: &[ClusterPlan], cluster: &ClusterPlan) -> Option<Share> {
        let mut with_kafka = clusters.iter().filter(|plan| plan.kafka().is_some());
        let name = match cluster.kafka() {
            Some(_) => &cluster.name,
            None => &with_kafka.next()?.name,
        };
        self.running.get(name).map(|one| one.share.clone())
    }

    /// Says to all threads that it is over, and waits until the groups are left.
    pub async fn leave(&mut self) {
        for membership in self.running.values() {
            membership.stop.store(true, Ordering::Relaxed);
        }
        while let Some((_, membership)) = self.running.pop_first() {
            leave(Some(membership)).await;
        }
    }
}

async fn leave(membership: Option<Membership>) {
    let Some(membership) = membership else {
        return;
    };
    membership.stop.store(true, Ordering::Relaxed);
    if let Err(error) = membership.task.await {
        tracing::error!(%error, "a member of the agents' group failed");
    }
}

impl Membership {
    fn start(ha: &Ha, cluster: &str, kafka: &Arc<Kafka>, events: mpsc::Sender<Document>) -> Self {
        let share = Share::new(ha);
        let stop = Arc::new(AtomicBool::new(false));
        let (ha, cluster, kafka) = (ha.clone(), cluster.to_owned(), Arc::clone(kafka));
        let (thread_kafka, thread_share, thread_stop) =
            (Arc::clone(&kafka), share.clone(), Arc::clone(&stop));
        let task = tokio::task::spawn_blocking(move || {
            let say = |change: &Change<'_>| {
                if let Some(event) = describe(&ha, &cluster, change)
                    && events.try_send(event).is_err()
                {
                    tracing::debug!("nobody to say it to");
                }
            };
            run(&ha, &thread_kafka, &thread_share, &thread_stop, &say);
        });
        Self {
            kafka,
            share,
            stop,
            task,
        }
    }
}

/// A change as log line and event.
fn describe(ha: &Ha, cluster: &str, change: &Change<'_>) -> Option<Document> {
    let (group, topic) = (&ha.group, &ha.topic);
    match change.standing {
        Standing::Joining => None,
        Standing::Sharing(shard) => {
            let message = format!(
                "the agents of {group} share the cluster {cluster}: this one has {} of {} partitions of {topic}",
                shard.partitions.len(),
                shard.count
            );
            tracing::info!("{message}");
            Some(event("ha-sharing", "info", &message))
        }
        Standing::Everything => {
            let why = change.trouble.as_deref().unwrap_or("Kafka says nothing");
            let message = format!(
                "no assignment of {topic} to this agent of {group} in the cluster {cluster} for {:?}: it collects everything ({why})",
                ha.session_timeout
            );
            tracing::warn!("{message}");
            Some(event("ha-everything", "warning", &message))
        }
    }
}
