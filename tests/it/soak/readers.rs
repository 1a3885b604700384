//! Who reads the broker, every second or so: an agent, and the library by itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use jmx_rmi::{Client, Endpoint, Error, Read, Timeouts};
use stack::{Kafka, Process, Signal, WorkDir, wait_until};

use super::sight;
use crate::agent::PATIENCE;
use crate::servers;

/// The agent of `make prove-soak`, which is optimised; otherwise the tests' own.
const AGENT: &str = "BROKERBEAT_SOAK_AGENT";

/// An agent that ships what it reads to Elasticsearch.
pub(super) struct AgentReader {
    process: Process,
    jmx: String,
    _work: WorkDir,
}

impl AgentReader {
    pub(super) fn start(kafka: &Kafka, every: Duration) -> Self {
        let work = WorkDir::new("soak").expect("a folder for the agent");
        let config = format!(
            "path.data: {}\nnamespace: soak\n\
             clusters:\n- name: soak\n  jmx: [{{endpoint: \"{}\", presets: [kafka-broker, kafka-controller, jvm], interval: {}s}}]\n\
             output.elasticsearch: {{hosts: [\"{}\"]}}\n",
            work.join("data").display(),
            kafka.jmx(),
            every.as_secs(),
            servers::elasticsearch().url(),
        );
        let config = work
            .write("brokerbeat.yml", &config)
            .expect("the folder is writable");
        let built = PathBuf::from(env!("CARGO_BIN_EXE_brokerbeat"));
        let binary = std::env::var_os(AGENT).map_or(built, PathBuf::from);
        let args = ["-c", &config.display().to_string(), "run"].map(str::to_owned);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let process =
            Process::program("brokerbeat", &binary, &args, &work).expect("the agent starts");
        Self {
            process,
            jmx: kafka.jmx(),
            _work: work,
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Waits until it has a connection to the broker that lives.
    pub(super) fn reads_again(&self, kafka: &Kafka) {
        let found = wait_until("the agent's connection", PATIENCE, || {
            (sight::connections(&self.jmx, self.pid()) > 0).then_some(())
        });
        found.unwrap_or_else(|error| {
            panic!("{error}\n{}\n{}", self.process.log_tail(20), kafka.jmx())
        });
    }

    pub(super) fn stop_clean(&self) {
        self.process.signal(Signal::Term);
        let status = self.process.wait(PATIENCE).expect("the agent ends");
        let log = std::fs::read_to_string(self.process.log()).unwrap_or_default();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(!log.contains("panicked"), "{log}");
    }
}

#[derive(Default)]
struct Counts {
    reads: AtomicU64,
    failures: AtomicU64,
    stop: AtomicBool,
}

/// A client that connects, reads all beans of Kafka every second, and connects anew when that fails.
pub(super) struct LibraryReader {
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

impl LibraryReader {
    pub(super) fn start(jmx: &str, every: Duration) -> Self {
        let (host, port) = jmx.rsplit_once(':').expect("host:port");
        let endpoint = Endpoint::new(host, port.parse().expect("a port"));
        let counts = Arc::new(Counts::default());
        let own = Arc::clone(&counts);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(read_on(&endpoint, every, &own));
        });
        Self {
            counts,
            thread: Some(thread),
        }
    }

    /// Waits for two more good reads: the first may have been under way.
    pub(super) fn reads_again(&self) {
        let before = self.counts.reads.load(Ordering::Relaxed);
        wait_until("good reads of the library", PATIENCE, || {
            (self.counts.reads.load(Ordering::Relaxed) > before + 1).then_some(())
        })
        .unwrap();
    }

    /// Closes the session; reads that went well, and those that did not.
    pub(super) fn stop(mut self) -> (u64, u64) {
        self.counts.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is stopped once");
        thread.join().expect("the reader does not panic");
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (count(&self.counts.reads), count(&self.counts.failures))
    }
}

async fn read_on(endpoint: &Endpoint, every: Duration, counts: &Counts) {
    let mut session: Option<(Client, Vec<Read>)> = None;
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !counts.stop.load(Ordering::Relaxed) {
        tick.tick().await;
        let read = match session.take() {
            Some((client, reads)) => once(client, reads).await,
            None => open(endpoint).await,
        };
        let counter = if read.is_ok() {
            &counts.reads
        } else {
            &counts.failures
        };
        counter.fetch_add(1, Ordering::Relaxed);
        session = read.ok();
    }
    if let Some((client, _)) = session {
        // Whether the JVM lost the session all the same is counted there.
        if let Err(error) = client.close().await {
            eprintln!("the library's good-bye: {error}");
        }
    }
}

async fn open(endpoint: &Endpoint) -> Result<(Client, Vec<Read>), Error> {
    let mut client = Client::connect(endpoint, Timeouts::default()).await?;
    let pattern = "kafka.*:*".parse().expect("a pattern");
    let names = client.query_names(Some(&pattern)).await?;
    let attributes = ["Value", "Count", "OneMinuteRate", "Mean"]
        .map(str::to_owned)
        .to_vec();
    let read = |name| Read {
        name,
        attributes: attributes.clone(),
    };
    once(client, names.into_iter().map(read).collect()).await
}

async fn once(mut client: Client, reads: Vec<Read>) -> Result<(Client, Vec<Read>), Error> {
    client.read(&reads).await?;
    Ok((client, reads))
}
