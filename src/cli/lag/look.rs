//! One look at all clusters of the configuration.

use std::sync::Arc;

use futures_util::future::join_all;

use super::table::CLUSTER;
use crate::cli::show::printable;
use crate::clock::Millis;
use crate::collect::kafka::gone;
use crate::collect::{Batch, Sharing, Target};
use crate::config::Config;
use crate::document::Document;
use crate::identity::ClusterIdentity;

/// Datasets that are about groups.
const DATASETS: [&str; 2] = ["kafka.consumergroup", "kafka.group"];

/// All Kafka clusters of a configuration, by name.
pub(super) struct Clusters(Vec<(String, Target)>);

impl Clusters {
    /// Nothing is asked yet.
    pub(super) fn of(config: &Config) -> Self {
        let mut all = Vec::new();
        let nobody: Arc<str> = "".into();
        for plan in &config.clusters {
            let name = plan.name.clone();
            let cluster = Arc::new(ClusterIdentity::new(name.clone(), plan.id.clone(), None));
            let kafka = plan.targets.iter();
            let kafka = kafka.filter(|target| matches!(target.sharing, Sharing::Parts(_)));
            let target = |one| {
                let (agent, cluster) = (Arc::clone(&nobody), Arc::clone(&cluster));
                let target = Target::new(one, config.interval, agent, cluster, None);
                (name.clone(), target)
            };
            all.extend(kafka.map(target));
        }
        Self(all)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Asks all of them at once: one that does not answer costs the others nothing.
    pub(super) async fn look(&mut self, tick: Millis) -> Seen {
        let several = self.0.len() > 1;
        let looks = self.0.iter_mut();
        let looks = looks.map(async |(name, target)| (name.as_str(), target.cycle(tick).await));
        let mut seen = Seen {
            tick,
            documents: Vec::new(),
            faults: Vec::new(),
        };
        for (name, batch) in join_all(looks).await {
            seen.add(name, batch, several);
        }
        seen
    }

    /// Says good-bye to the servers.
    pub(super) async fn close(&mut self) {
        join_all(self.0.iter_mut().map(|(_, target)| target.close())).await;
    }
}

/// What a look has seen.
pub(super) struct Seen {
    pub(super) tick: Millis,
    /// About groups.
    pub(super) documents: Vec<Document>,
    /// Parts that are missing, in sentences.
    pub(super) faults: Vec<String>,
}

impl Seen {
    fn add(&mut self, cluster: &str, mut batch: Batch, several: bool) {
        let faults = std::mem::take(&mut batch.faults);
        self.faults.extend(faults.iter().map(|fault| match several {
            true => format!("{cluster}: {}", fault.message),
            false => fault.message.clone(),
        }));
        let documents = batch.into_documents();
        let is_meant = |one: &Document| DATASETS.contains(&&*one.dataset) && !gone::is_gone(one);
        let documents = documents.filter(is_meant);
        self.documents
            .extend(documents.map(|document| document.with(CLUSTER, cluster)));
    }

    /// On stderr, below all the rest: there it is seen.
    pub(super) fn say_missing(&self) {
        for fault in &self.faults {
            super::super::remark(&format!("Missing: {}", printable(fault)));
        }
    }
}
