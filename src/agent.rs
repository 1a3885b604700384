//! The agent: the only file that knows every task — start, reload, drain.
//!
//! ```text
//! targets ──Batch──► writer ──Entry──► Spool ──Record──► shipper ──► output
//! ```
//! Each target is a task of its own, so that a slow one delays no other. A changed configuration
//! ends all targets and starts new ones; writer, queue and shipper go on.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, timeout_at};

use crate::clock::{Millis, Rhythm};
use crate::collect::{Batch, Target, sleep_until};
use crate::config::{ClusterPlan, Config, Source};
use crate::data_directory::DataDirectory;
use crate::derive::Derivations;
use crate::document::Document;
use crate::enrich;
use crate::event::event;
use crate::ha::Memberships;
use crate::health::{Server, Subject};
use crate::identity::{ClusterIdentity, IdentityStore};
use crate::lag::state::StateFile;
use crate::reload::Changes;
use crate::ship::{OutputConfig, OutputEnded, Shipper};
use crate::spool::Spool;
use crate::writer;

/// Targets may take this long to end: their collectors say good-bye to the servers.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// What the memberships had to say when they ended is passed on within this time.
const LAST_EVENTS: Duration = Duration::from_secs(1);

/// A machine that dies loses what came since the queue was synced last; so much of it.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// A disk that has not answered by then will not.
const LAST_KEEP: Duration = Duration::from_secs(30);

/// Settings that a reload takes up; all others wait for a restart.
const RELOADED: &[&str] = &["clusters", "interval"];

/// What the agent takes of the machine before it starts.
pub struct Resources {
    /// `path.data`.
    pub directory: DataDirectory,
    /// The queue.
    pub spool: Arc<Spool>,
    /// The way out of it.
    pub shipper: Shipper,
    /// Where it says how it is doing.
    pub http: Option<Server>,
}

/// A task that goes with whoever holds it.
struct UntilDropped(JoinHandle<()>);

impl Drop for UntilDropped {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why the agent stops.
enum End {
    Signal,
    /// Nothing can be shipped any more.
    Output(OutputEnded),
    /// A task failed.
    Failure(anyhow::Error),
}

/// Runs until `signal` is ready. An error is an inner failure, or an output that has gone for good: servers never end the
/// agent.
pub async fn run(
    source: Source,
    config: Config,
    resources: Resources,
    signal: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let Resources {
        directory,
        spool,
        shipper,
        http,
    } = resources;
    let agent_id = directory.agent_id.clone();
    let store = IdentityStore::new(&config.path_data);
    forget_other_clusters(&config);
    let identity = Arc::new(enrich::Agent::of(&config, agent_id.clone()));
    let (batches, received) = mpsc::channel(writer::CHANNEL_CAPACITY);
    let health = http.map(|server| {
        let subject = Subject {
            agent_id: agent_id.clone(),
            output: config.output.as_ref().map_or("none", OutputConfig::name),
            standing: shipper.standing(),
            spool: spool.clone(),
            started: std::time::Instant::now(),
        };
        // It ends with the agent, whatever the agent ends by.
        UntilDropped(tokio::spawn(server.run(subject)))
    });
    let (memberships, events) = Memberships::new(config.ha.clone());
    let (drain, drained) = watch::channel(None);
    let mut inner = Inner {
        writer: tokio::spawn(writer::run(received, identity, spool.clone())),
        shipper: Some(tokio::spawn(shipper.run(drained))),
        keeper: tokio::spawn(keep_for_ever(spool.clone())),
    };
    let mut collectors = Collectors {
        agent_id: agent_id.into(),
        batches,
        store,
        clusters: BTreeMap::new(),
        memberships,
        derivations: Arc::default(),
        running: None,
    };
    collectors.start(&config, &spool).await;
    let mut telling = tokio::spawn(tell(events, collectors.batches.clone()));
    let shutdown_timeout = config.shutdown_timeout;
    let end = tokio::select! {
        () = signal => End::Signal,
        end = inner.first_end() => end,
        () = reload_for_ever(source, config, &mut collectors, &spool) => End::Signal,
    };
    let gone = match end {
        End::Signal => None,
        End::Output(error) => Some(error),
        End::Failure(error) => return Err(error),
    };
    collectors.leave().await;
    // The last sender to it has gone with the memberships, unless one of them hangs.
    if timeout_at(Instant::now() + LAST_EVENTS, &mut telling)
        .await
        .is_err()
    {
        telling.abort();
    }
    // With the last sender gone the writer ends, and only then is the queue's end known to the shipper.
    drop(collectors);
    inner.finish(drain, shutdown_timeout, &spool).await?;
    drop(health);
    gone.map_or(Ok(()), |error| Err(error.into()))
}

fn forget_other_clusters(config: &Config) {
    let clusters = config.clusters.iter();
    // A single cluster may be without a name.
    let names: Vec<&str> = clusters
        .map(|plan| plan.name.as_str())
        .chain([""])
        .collect();
    StateFile::remove_left_over(&config.path_data, &names, std::time::SystemTime::now());
}

/// The tasks behind the collectors. None of them ends by itself while the agent runs.
struct Inner {
    writer: JoinHandle<()>,
    /// Nothing once it has ended.
    shipper: Option<JoinHandle<Result<(), OutputEnded>>>,
    keeper: JoinHandle<()>,
}

impl Inner {
    async fn first_end(&mut self) -> End {
        let (name, ended) = tokio::select! {
            ended = &mut self.writer => ("writer", ended),
            ended = &mut self.keeper => ("keeper of the queue", ended),
            ended = end_of(&mut self.shipper) => match ended {
                Ok(Err(gone)) => return End::Output(gone),
                Ok(Ok(())) => ("shipper", Ok(())),
                Err(error) => ("shipper", Err(error)),
            },
        };
        End::Failure(match ended {
            Err(error) => anyhow::Error::new(error).context(format!("the {name} failed")),
            Ok(()) => anyhow::anyhow!("the {name} ended by itself"),
        })
    }

    /// Waits for the writer, gives the shipper its grace period, and says what became of the rest.
    async fn finish(
        self,
        drain: watch::Sender<Option<Instant>>,
        grace: Duration,
        spool: &Arc<Spool>,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + grace;
        timeout_at(deadline + STOP_TIMEOUT, self.writer)
            .await
            .context("the writer did not end")?
            .context("the writer failed while the agent stopped")?;
        drain.send_replace(Some(deadline));
        let mut gone = Ok(());
        if let Some(shipper) = self.shipper {
            gone = timeout_at(deadline + STOP_TIMEOUT, shipper)
                .await
                .context("the shipper did not end")?
                .context("the shipper failed while the agent stopped")?;
        }
        self.keeper.abort();
        tokio::time::timeout(LAST_KEEP, keep(spool))
            .await
            .context("the queue's disk does not answer; what was shipped last is shipped again")?
            .context(
                "the queue's cursor cannot be written; what was shipped last is shipped again",
            )?;
        match spool.queued() {
            0 => tracing::info!("stopped, everything is shipped"),
            documents => tracing::info!(documents, "stopped, the rest waits in the queue"),
        }
        Ok(gone?)
    }
}

/// The end of a task, which is then taken away.
async fn end_of<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    let Some(running) = task else {
        return std::future::pending().await;
    };
    let ended = running.await;
    *task = None;
    ended
}

/// Targets and what outlives a reload.
struct Collectors {
    agent_id: Arc<str>,
    batches: mpsc::Sender<Batch>,
    store: IdentityStore,
    clusters: BTreeMap<String, Arc<ClusterIdentity>>,
    memberships: Memberships,
    /// Of the agent's own accounts, which go on over a reload.
    derivations: Arc<Mutex<Derivations>>,
    running: Option<Running>,
}

struct Running {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Collectors {
    /// Starts a task for every target of the configuration, and one for the agent's own figures.
    async fn start(&mut self, config: &Config, spool: &Arc<Spool>) {
        self.memberships.keep(&config.clusters).await;
        let stored = self.store.load().unwrap_or_else(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "stored cluster ids not read"
            );
            BTreeMap::new()
        });
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut clusters = BTreeMap::new();
        for plan in &config.clusters {
            let cluster = self.cluster(plan, stored.get(&plan.name));
            let share = self.memberships.share(&config.clusters, plan);
            for target in &plan.targets {
                let target = Target::new(
                    target,
                    config.interval,
                    self.agent_id.clone(),
                    cluster.clone(),
                    Some(self.store.clone()),
                )
                .shared(share.clone());
                tasks.spawn(target.run(self.batches.clone(), stopped.clone()));
            }
            clusters.insert(plan.name.clone(), cluster);
        }
        let own = report_agent(
            self.agent_id.clone(),
            config.interval,
            spool.clone(),
            self.batches.clone(),
            Arc::clone(&self.derivations),
        );
        tasks.spawn(until_stopped(own, stopped));
        tracing::info!(
            targets = tasks.len() - 1,
            clusters = clusters.len(),
            "collecting"
        );
        self.clusters = clusters;
        self.running = Some(Running { stop, tasks });
    }

    /// The identity of a cluster; one that is known already is kept over a reload.
    fn cluster(&self, plan: &ClusterPlan, stored: Option<&String>) -> Arc<ClusterIdentity> {
        match (&plan.id, self.clusters.get(&plan.name)) {
            (None, Some(cluster)) if !cluster.is_configured() => cluster.clone(),
            _ => Arc::new(ClusterIdentity::new(
                plan.name.clone(),
                plan.id.clone(),
                stored.cloned(),
            )),
        }
    }

    async fn stop(&mut self) {
        let Some(Running { stop, mut tasks }) = self.running.take() else {
            return;
        };
        stop.send_replace(true);
        let all = async {
            while let Some(ended) = tasks.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "a target's task failed");
                }
            }
        };
        if tokio::time::timeout(STOP_TIMEOUT, all).await.is_err() {
            tracing::warn!("targets did not end in time and were cut off");
        }
    }

    /// Ends targets and memberships at once: other agents take over while targets say good-bye.
    async fn leave(&mut self) {
        let mut memberships = std::mem::replace(&mut self.memberships, Memberships::new(None).0);
        let left = tokio::time::timeout(STOP_TIMEOUT, memberships.leave());
        let ((), left) = tokio::join!(self.stop(), left);
        if left.is_err() {
            tracing::warn!(
                "the agents' group was not left in time: the others wait for the session's end"
            );
        }
    }

    async fn say(&self, document: Document) {
        say(&self.batches, document).await;
    }
}

async fn say(batches: &mpsc::Sender<Batch>, document: Document) {
    let batch = Batch::own(Millis::now(), vec![document]);
    if batches.send(batch).await.is_err() {
        tracing::debug!("the writer has ended");
    }
}

/// Passes on what the memberships have to say, until all of them have ended.
async fn tell(mut events: mpsc::Receiver<Document>, batches: mpsc::Sender<Batch>) {
    while let Some(event) = events.recv().await {
        say(&batches, event).await;
    }
}

async fn until_stopped(work: impl Future<Output = ()>, mut stopped: watch::Receiver<bool>) {
    tokio::select! {
        _ = stopped.wait_for(|stop| *stop) => {}
        () = work => {}
    }
}

/// Syncs the queue every [`KEEP_EVERY`]; what goes wrong is said when it begins.
async fn keep_for_ever(spool: Arc<Spool>) {
    let (mut fails, mut replay_fails) = (false, false);
    loop {
        let failed = keep(&spool).await.err();
        if let Some(error) = failed.as_ref().filter(|_| !fails) {
            tracing::error!(%error, "the queue's cursor cannot be written; until it is, a restart ships documents again");
        }
        fails = failed.is_some();
        let not_replayed = replay(&spool).await.err();
        if let Some(error) = not_replayed.as_ref().filter(|_| !replay_fails) {
            tracing::error!(%error, "documents of the dead letter cannot be taken back, will retry");
        }
        replay_fails = not_replayed.is_some();
        tokio::time::sleep(KEEP_EVERY).await;
    }
}

/// Takes back what was asked for, on a thread that may wait for the disk.
async fn replay(spool: &Arc<Spool>) -> std::io::Result<()> {
    let spool = Arc::clone(spool);
    tokio::task::spawn_blocking(move || spool.replay()).await?
}

/// Waits for the disk on a thread for that.
async fn keep(spool: &Arc<Spool>) -> std::io::Result<()> {
    let spool = Arc::clone(spool);
    tokio::task::spawn_blocking(move || spool.keep()).await?
}

/// One document per data stream and tick: the equation of the accounting.
async fn report_agent(
    agent_id: Arc<str>,
    interval: Duration,
    spool: Arc<Spool>,
    batches: mpsc::Sender<Batch>,
    derivations: Arc<Mutex<Derivations>>,
) {
    let rhythm = Rhythm::new(interval, "agent");
    let mut last = None;
    loop {
        let tick = rhythm.next(last, Millis::now());
        last = Some(tick);
        sleep_until(rhythm.start_of(tick)).await;
        let mut documents = accounts(&agent_id, &spool);
        derivations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(&mut documents, true);
        if batches.send(Batch::own(tick, documents)).await.is_err() {
            return;
        }
    }
}

fn accounts(agent_id: &str, spool: &Spool) -> Vec<Document> {
    let ledger = spool.ledger();
    let documents = ledger.accounts().iter().map(|(stream, account)| {
        Document::new("agent", "stream")
            .key("agent.id", agent_id)
            .key("brokerbeat.stream.name", &**stream)
            .with("brokerbeat.stream.collected", account.collected)
            .with("brokerbeat.stream.replayed", account.replayed)
            .with("brokerbeat.stream.indexed", account.indexed)
            .with("brokerbeat.stream.duplicate", account.duplicate)
            .with("brokerbeat.stream.collision", account.collision)
            .with("brokerbeat.stream.dead_lettered", account.dead_lettered)
            .with("brokerbeat.stream.dropped", account.dropped)
            .with("brokerbeat.stream.queued", account.queued)
            .with("brokerbeat.stream.given_up", account.given_up)
    });
    documents.collect()
}

/// Takes up every changed configuration; a bad one is refused with its errors while the old one goes on.
async fn reload_for_ever(
    source: Source,
    started: Config,
    collectors: &mut Collectors,
    spool: &Arc<Spool>,
) {
    let mut changes = match Changes::watch(&source.path) {
        Ok(changes) => changes,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "changes of the configuration are not noticed"
            );
            return std::future::pending().await;
        }
    };
    loop {
        changes.next().await;
        match source.load() {
            Ok(new) => {
                name_what_waits(&started, &new);
                collectors.stop().await;
                collectors.start(&new, spool).await;
                collectors
                    .say(event(
                        "config-reloaded",
                        "info",
                        "the configuration was reloaded",
                    ))
                    .await;
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "changed configuration refused, the old one goes on"
                );
                let message = format!("a changed configuration was refused: {error}");
                collectors
                    .say(event("config-refused", "error", &message))
                    .await;
            }
        }
    }
}

/// Says which settings differ from those in force and are not taken up by a reload.
fn name_what_waits(started: &Config, new: &Config) {
    let (old, new) = (&started.fingerprints, &new.fingerprints);
    let keys: BTreeSet<&str> = old.keys().chain(new.keys()).map(String::as_str).collect();
    let waiting: Vec<&str> = keys
        .into_iter()
        .filter(|key| old.get(*key) != new.get(*key) && !RELOADED.contains(key))
        .collect();
    if !waiting.is_empty() {
        tracing::warn!(
            settings = waiting.join(", "),
            "these changes take effect at the next restart"
        );
    }
}
