//! What bulk requests say about the ticks that they belong to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use stack::Sink;

/// One tick of all targets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tick {
    /// How long the collection of each server took, by its target's document.
    collected: Vec<Duration>,
    /// The same of the ensemble, which waits for all of them: the tick as it is.
    ensemble: Option<Duration>,
    /// Documents, those about the targets too.
    pub(crate) documents: usize,
    /// Sessions that the servers have told of.
    pub(crate) sessions: usize,
    /// What the targets' documents count as missing.
    pub(crate) faults: u64,
}

impl Tick {
    pub(crate) fn longest(&self) -> Duration {
        self.collected.iter().copied().max().unwrap_or_default()
    }

    pub(crate) fn added(&self) -> Duration {
        self.collected.iter().sum()
    }

    pub(crate) fn whole(&self) -> Duration {
        self.ensemble.unwrap_or_default()
    }
}

/// Counts up to the end of each tick.
pub(crate) struct Counter {
    servers: usize,
    open: BTreeMap<String, Tick>,
}

impl Counter {
    pub(crate) fn new(servers: usize) -> Self {
        Self {
            servers,
            open: BTreeMap::new(),
        }
    }

    /// How many documents the body has, and the ticks that it ends: the document about a target is its last.
    pub(crate) fn take(&mut self, body: &[u8]) -> (usize, Vec<Tick>) {
        let documents = Sink::documents(body).unwrap();
        let mut ended = Vec::new();
        for document in &documents {
            ended.extend(self.count(document));
        }
        (documents.len(), ended)
    }

    fn count(&mut self, document: &Value) -> Option<Tick> {
        let at = document["@timestamp"].as_str().unwrap();
        let tick = self.open.entry(at.to_owned()).or_default();
        let sessions = &document["zookeeper"]["connections"]["sessions"];
        tick.sessions += sessions
            .as_u64()
            .map_or(0, |count| usize::try_from(count).unwrap());
        tick.documents += 1;
        let target = &document["brokerbeat"]["target"];
        let duration = target["duration"].as_f64()?;
        let duration = Duration::from_secs_f64(duration / 1e3);
        match target["name"].as_str().unwrap().contains(" ensemble ") {
            true => tick.ensemble = Some(duration),
            false => tick.collected.push(duration),
        }
        tick.faults += target["faults"].as_u64().unwrap();
        let has_all = tick.collected.len() == self.servers && tick.ensemble.is_some();
        has_all.then(|| self.open.remove(at))?
    }
}
