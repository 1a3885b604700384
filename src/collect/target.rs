//! A target's task: wait for the tick, collect within the budget, hand over, again.
//!
//! A failed cycle is data: every tick has its `brokerbeat.target` document, whatever happened.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use super::{
    Batch, BuildCollector, Collected, Collector, Cycle, Fault, FaultKind, Sharing, TargetPlan,
};
use crate::clock::{Millis, Rhythm};
use crate::derive::Derivations;
use crate::document::Document;
use crate::ha::{Scope, Share};
use crate::identity::{ClusterIdentity, IdentityStore, Reported};

/// How long a collector may take to say good-bye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A collector answers before its deadline with what it has; only one that does not is cut off, this much later.
const LENIENCE: Duration = Duration::from_millis(200);

/// A target at work.
pub struct Target {
    name: String,
    address: String,
    agent_id: Arc<str>,
    cluster: Arc<ClusterIdentity>,
    store: Option<IdentityStore>,
    rhythm: Rhythm,
    collector: Box<dyn Collector>,
    /// Makes the collector anew after it has panicked.
    build: BuildCollector,
    sharing: Sharing,
    /// The agent's place among others, where it has one.
    share: Option<Share>,
    missed: u64,
    /// What its counters said last.
    derivations: Derivations,
    /// The error of the last cycle, so that it is logged when it changes and not at every tick.
    last_error: Option<String>,
}

impl Target {
    /// A target of a plan. `store`: where a learnt cluster id is kept.
    pub fn new(
        plan: &TargetPlan,
        interval: Duration,
        agent_id: Arc<str>,
        cluster: Arc<ClusterIdentity>,
        store: Option<IdentityStore>,
    ) -> Self {
        Self {
            name: plan.name.clone(),
            address: plan.address.clone(),
            agent_id,
            cluster,
            store,
            rhythm: Rhythm::new(
                plan.interval.unwrap_or(interval),
                plan.phase.as_ref().unwrap_or(&plan.name),
            ),
            collector: (plan.build)(),
            build: plan.build.clone(),
            sharing: plan.sharing.clone(),
            share: None,
            missed: 0,
            derivations: Derivations::default(),
            last_error: None,
        }
    }

    /// Shares its work with other agents, unless it is this machine's own.
    pub fn shared(mut self, share: Option<Share>) -> Self {
        self.share = share.filter(|_| !matches!(self.sharing, Sharing::Own));
        self
    }

    /// Collects at every tick until told to stop, then says good-bye to the server.
    pub async fn run(mut self, out: mpsc::Sender<Batch>, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.collect_for_ever(out) => {}
        }
        self.close().await;
    }

    /// Says good-bye to the server.
    pub async fn close(&mut self) {
        if tokio::time::timeout(CLOSE_TIMEOUT, self.collector.close())
            .await
            .is_err()
        {
            tracing::debug!(target_name = self.name, "no good-bye in time");
        }
    }

    async fn collect_for_ever(&mut self, out: mpsc::Sender<Batch>) {
        let mut last = None;
        let first = self.rhythm.next(None, Millis::now());
        self.learn_cluster(&out, first).await;
        loop {
            let tick = match last {
                None => first,
                Some(_) => self.rhythm.next(last, Millis::now()),
            };
            if let Some(last) = last {
                self.missed += self.rhythm.missed(last, tick);
            }
            sleep_until(self.rhythm.start_of(tick)).await;
            last = Some(tick);
            if !self.is_ours() {
                // Another agent asks now: a session of ours would only be a burden for the server.
                self.close().await;
                self.derivations.forget();
                continue;
            }
            let batch = self.cycle(tick).await;
            if out.send(batch).await.is_err() {
                return;
            }
        }
    }

    /// Before the first tick there is time: a cluster that is not known yet is asked who it is, so
    /// that not even the first documents carry a provisional identity. What else it says is not kept.
    async fn learn_cluster(&mut self, out: &mpsc::Sender<Batch>, first: Millis) {
        if self.cluster.is_known() || !self.is_ours() {
            return;
        }
        let deadline = Instant::now() + Millis::now().until(first).min(self.rhythm.budget());
        let cycle = Cycle::until(deadline);
        let collected = self.collect(&cycle).await;
        let mut events = Vec::new();
        if let Some(id) = &collected.cluster_id {
            self.report(id, &mut events).await;
        }
        if !events.is_empty() {
            let now = Millis::now();
            let batch = self.batch(now, now, events);
            if out.send(batch).await.is_err() {
                tracing::debug!("the writer has ended");
            }
        }
    }

    /// One collection with everything that is said about it.
    pub async fn cycle(&mut self, tick: Millis) -> Batch {
        let started = Instant::now();
        let (scope, standing) = self.scope();
        let cycle = Cycle {
            deadline: started + self.rhythm.budget(),
            scope,
            tick: Some(tick),
            keep: self.store.is_some(),
        };
        let mut collected = self.collect(&cycle).await;
        let duration = started.elapsed();
        if let Some(id) = collected.cluster_id.take()
            && let Some(fault) = self.report(&id, &mut collected.documents).await
        {
            // Figures of another cluster must not continue this one's series.
            collected.forget_documents();
            collected.faults.insert(0, fault);
        }
        self.derivations.add(&mut collected.documents, collected.up);
        self.log_change(collected.faults.first());
        let summary = self
            .target_document(&collected, duration)
            .with_some("brokerbeat.target.ha.state", standing)
            .with_some("brokerbeat.target.ha.partitions", cycle.scope.partitions());
        Batch {
            summary: Some(summary),
            later: collected.later,
            faults: collected.faults,
            ..self.batch(tick, Millis::now(), collected.documents)
        }
    }

    /// What to collect now, and the word for it where the work is shared.
    fn scope(&self) -> (Scope, Option<&'static str>) {
        let share = self.share.as_ref().map(Share::scope);
        share.map_or_else(Default::default, |(scope, word)| (scope, Some(word)))
    }

    /// Whether this agent has anything to ask here.
    fn is_ours(&self) -> bool {
        match &self.sharing {
            Sharing::ByName => self.scope().0.has_name(&self.name),
            Sharing::With(name) => self.scope().0.has_name(name),
            Sharing::Own | Sharing::Parts(_) => true,
        }
    }

    /// Asks the collector. Neither a hang nor a panic in there ends more than this cycle.
    async fn collect(&mut self, cycle: &Cycle) -> Collected {
        let asked = AssertUnwindSafe(self.collector.collect(cycle)).catch_unwind();
        match timeout_at(cycle.deadline + LENIENCE, asked).await {
            Ok(Ok(collected)) => collected,
            Ok(Err(_)) => {
                self.collector = (self.build)();
                let message = format!(
                    "the collector of {} panicked, see the log; please report it",
                    self.name
                );
                Collected::down(Fault::new(FaultKind::Internal, message))
            }
            Err(_) => {
                let message = format!(
                    "{} did not answer within {:?}",
                    self.name,
                    self.rhythm.budget()
                );
                Collected::down(Fault::new(FaultKind::Timeout, message))
            }
        }
    }

    fn batch(&self, tick: Millis, read_at: Millis, documents: Vec<Document>) -> Batch {
        Batch {
            tick,
            read_at,
            cluster: Some(self.cluster.clone()),
            address: Some(self.address.clone()),
            documents,
            later: None,
            summary: None,
            faults: Vec::new(),
        }
    }

    async fn report(&mut self, id: &str, documents: &mut Vec<Document>) -> Option<Fault> {
        match self.cluster.report(id, Millis::now()) {
            Ok(Reported::Same) => None,
            Ok(Reported::Confirmed) => {
                self.save().await;
                None
            }
            Ok(Reported::Learnt { before, after }) => {
                let message = format!(
                    "the cluster {} is {after} (until now {before})",
                    self.cluster.name()
                );
                tracing::info!("{message}");
                documents.push(crate::event::event(
                    "cluster-identity-changed",
                    "info",
                    &message,
                ));
                self.save().await;
                None
            }
            Err(error) => Some(Fault::new(FaultKind::Identity, error.to_string())),
        }
    }

    async fn save(&mut self) {
        let Some(store) = self.store.clone() else {
            return;
        };
        let cluster = self.cluster.clone();
        let saved = tokio::task::spawn_blocking(move || store.save([&*cluster].into_iter())).await;
        if let Ok(Err(error)) = saved {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "cluster id not stored"
            );
        }
    }

    fn log_change(&mut self, fault: Option<&Fault>) {
        let error = fault.map(|fault| fault.message.clone());
        if error == self.last_error {
            return;
        }
        match fault {
            Some(fault) => {
                tracing::warn!(
                    target_name = self.name,
                    kind = fault.kind.as_str(),
                    "{}",
                    fault.message
                );
            }
            None => tracing::info!(target_name = self.name, "complete again"),
        }
        self.last_error = error;
    }

    fn target_document(&self, collected: &Collected, duration: Duration) -> Document {
        let first = collected.faults.first();
        let document = Document::new("target", "target")
            .key("agent.id", &*self.agent_id)
            .key("brokerbeat.target.name", self.name.as_str())
            .with("brokerbeat.target.up", u64::from(collected.up))
            .with("brokerbeat.target.duration", duration.as_secs_f64() * 1e3)
            .with("brokerbeat.target.missed", self.missed)
            .with("brokerbeat.target.faults", collected.faults.len())
            .with_some(
                "brokerbeat.target.error.kind",
                first.map(|fault| fault.kind.as_str()),
            )
            .with_some(
                "brokerbeat.target.error.message",
                first.map(|fault| fault.message.as_str()),
            );
        let figures = collected.figures.iter();
        figures.fold(document, |document, (field, figure)| {
            document.with(*field, *figure)
        })
    }
}

/// Sleeps until a moment of the machine's clock; looks again after waking, as the clock may have been set.
pub async fn sleep_until(moment: Millis) {
    loop {
        let wait = Millis::now().until(moment);
        if wait.is_zero() {
            return;
        }
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::Pending;

    /// Misbehaves at its first collection.
    enum Rude {
        Panics,
        Hangs,
    }

    impl Collector for Rude {
        fn collect<'a>(&'a mut self, _: &'a Cycle) -> Pending<'a, Collected> {
            Box::pin(async move {
                match self {
                    Self::Panics => panic!("a bug in a collector"),
                    Self::Hangs => std::future::pending().await,
                }
            })
        }
    }

    async fn fault_of(build: fn() -> Rude) -> String {
        let plan = TargetPlan {
            name: "rude".into(),
            address: "here:1".into(),
            interval: None,
            phase: None,
            sharing: Sharing::Own,
            build: Arc::new(move || Box::new(build())),
        };
        let cluster = Arc::new(ClusterIdentity::new("orders".into(), None, None));
        let mut target = Target::new(
            &plan,
            Duration::from_millis(200),
            "a1".into(),
            cluster,
            None,
        );
        let batch = target.cycle(Millis(200)).await;
        let document = batch.summary.expect("a target document");
        assert_eq!(document.get("brokerbeat.target.up").unwrap(), 0);
        document
            .get("brokerbeat.target.error.kind")
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[tokio::test]
    async fn neither_a_panic_nor_a_hang_ends_more_than_its_cycle() {
        assert_eq!(fault_of(|| Rude::Panics).await, "internal");
        assert_eq!(fault_of(|| Rude::Hangs).await, "timeout");
    }
}
