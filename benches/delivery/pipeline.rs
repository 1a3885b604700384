//! Writer, queue and shipper as the agent runs them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brokerbeat::collect::Batch;
use brokerbeat::config::SetupConfig;
use brokerbeat::config::{Config, Source};
use brokerbeat::enrich::Agent;
use brokerbeat::ship::OutputConfig;
use brokerbeat::ship::elasticsearch::{ElasticsearchConfig, Shipper, bulk};
use brokerbeat::spool::{Record, Spool};
use brokerbeat::writer;
use stack::WorkDir;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use super::plain::Bodies;
use super::process;
use super::sink::Sink;

/// Larger than all that a round has.
const QUEUE_BYTES: u64 = 4 << 30;
/// As the agent does it.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked at whether all is done.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What a round showed.
pub(crate) struct Figures {
    /// Documents a second.
    pub(crate) rate: f64,
    /// Of this process, without the sink.
    pub(crate) cpu: Duration,
    /// Bytes of bodies.
    pub(crate) wire: u64,
    /// Bytes of segments, where all documents were on disk before they were shipped.
    pub(crate) disk: u64,
}

/// What is the same in all rounds.
pub(crate) struct Pipeline {
    config: Config,
}

/// As the agent's.
pub(crate) fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

impl Pipeline {
    pub(crate) fn new(url: &str) -> Self {
        let text = format!(
            "clusters: [{{kafka: {{bootstrap: [localhost:9092]}}}}]\noutput.elasticsearch: {{hosts: [\"{url}\"]}}\n"
        );
        let source = Source {
            path: "benchmark".into(),
            overrides: Vec::new(),
            only_groups: Vec::new(),
        };
        let config = source.parse(&text, &|_| None).unwrap();
        Self { config }
    }

    /// The requests that the documents make.
    pub(crate) fn bodies(&self, batches: Vec<Batch>) -> Bodies {
        let directory = WorkDir::new("bodies").unwrap();
        let spool = open(&directory);
        runtime().block_on(self.write(batches, &spool));
        let (max_bytes, max_items) = self.limits();
        let (mut bodies, mut documents, mut json) = (Vec::new(), 0, 0);
        loop {
            let records = spool.next(max_bytes, max_items, |_| true);
            if records.is_empty() {
                break;
            }
            documents += records.len();
            json += records.iter().map(json_bytes).sum::<usize>();
            bodies.push(bulk::encode(&records, |_| false));
        }
        Bodies {
            bodies: Arc::new(bodies),
            documents,
            json,
        }
    }

    fn output(&self) -> &ElasticsearchConfig {
        match &self.config.output {
            Some(OutputConfig::Elasticsearch(output)) => output,
            other => panic!("{other:?} is not what is measured"),
        }
    }

    fn limits(&self) -> (usize, usize) {
        let output = self.output();
        (output.bulk_max_bytes, output.bulk_max_items)
    }

    /// From the channel until all is acknowledged, and the cursor says so.
    pub(crate) fn run(&self, batches: Vec<Batch>, sink: &mut Sink) -> Figures {
        let directory = WorkDir::new("queue").unwrap();
        self.deliver(&directory, batches, sink)
    }

    /// The same of documents that have waited on disk since another process put them there.
    pub(crate) fn catch_up(&self, batches: Vec<Batch>, sink: &mut Sink) -> Figures {
        let directory = WorkDir::new("queue").unwrap();
        let spool = open(&directory);
        runtime().block_on(self.write(batches, &spool));
        spool.keep().unwrap();
        drop(spool);
        let disk = bytes(&directory);
        Figures {
            disk,
            ..self.deliver(&directory, Vec::new(), sink)
        }
    }

    fn deliver(&self, directory: &WorkDir, batches: Vec<Batch>, sink: &mut Sink) -> Figures {
        let spool = open(directory);
        let count =
            spool.queued() as usize + batches.iter().map(|one| one.documents.len()).sum::<usize>();
        let (received, this) = (sink.received(), std::process::id());
        let (cpu, begin) = (process::cpu(this), Instant::now());
        runtime().block_on(async {
            let (_stop, stopped) = watch::channel(None);
            let shipper = Shipper::new(
                spool.clone(),
                self.output(),
                SetupConfig::installing(false),
                false,
            )
            .unwrap();
            let shipper = tokio::spawn(shipper.run(stopped));
            let keeper = tokio::spawn(keep(spool.clone()));
            self.write(batches, &spool).await;
            while spool.queued() > 0 {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            keeper.abort();
            shipper.abort();
            spool.keep().unwrap();
        });
        Figures {
            rate: count as f64 / begin.elapsed().as_secs_f64(),
            cpu: process::cpu(this) - cpu,
            wire: sink.received() - received,
            disk: 0,
        }
    }

    /// Through the channel, until the writer has appended all of them.
    async fn write(&self, batches: Vec<Batch>, spool: &Arc<Spool>) {
        let agent = Arc::new(Agent::of(&self.config, "delivery".to_owned()));
        let (sender, receiver) = mpsc::channel(writer::CHANNEL_CAPACITY);
        let writer = tokio::spawn(writer::run(receiver, agent, spool.clone()));
        for batch in batches {
            sender.send(batch).await.unwrap();
        }
        drop(sender);
        writer.await.unwrap();
    }
}

async fn keep(spool: Arc<Spool>) {
    loop {
        tokio::time::sleep(KEEP_EVERY).await;
        let spool = spool.clone();
        let kept = tokio::task::spawn_blocking(move || spool.keep());
        kept.await.unwrap().unwrap();
    }
}

fn open(directory: &WorkDir) -> Arc<Spool> {
    Arc::new(Spool::open(directory.path(), QUEUE_BYTES).unwrap().0)
}

/// What the queue's files take.
fn bytes(directory: &WorkDir) -> u64 {
    let files = std::fs::read_dir(directory.path()).unwrap();
    files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum()
}

fn json_bytes(record: &Record) -> usize {
    let lines = &record.entry.lines;
    let text = lines.block().unpack();
    let text = &text[lines.range()];
    text.len() - 2 - text.iter().position(|byte| *byte == b'\n').unwrap()
}
