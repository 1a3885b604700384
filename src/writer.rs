//! The one task between collectors and queue: enrich, refuse doubles, pack, append.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::clock::Millis;
use crate::collect::Batch;
use crate::enrich::{Agent, Encoded, Encoder, Origin};
use crate::identity::DocumentId;
use crate::ship::elasticsearch::bulk::add_lines;
use crate::spool::{Pack, Packer, Row, Spool};

/// Ticks whose documents are remembered: enough for targets of different phase and pace.
const TICKS_REMEMBERED: usize = 16;

/// Documents that are remembered beyond the newest ticks, half an id each: of a very large cluster fewer ticks are
/// remembered. Two targets that see the same thing do so within a tick or two.
const DOCUMENTS_REMEMBERED: usize = 50_000;

/// Ticks that are remembered however many documents they have.
const TICKS_ALWAYS_REMEMBERED: usize = 2;

/// Batches that may wait for the writer. It never waits for anything itself, so few suffice.
pub const CHANNEL_CAPACITY: usize = 32;

/// Text of a block before it is packed: four windows of DEFLATE, so that little is lost at its beginning, and what one
/// document that is held keeps in memory stays small.
const BLOCK_BYTES: usize = 128 << 10;

/// How often a full queue is said.
const LOSSES_SAID_EVERY: Duration = Duration::from_secs(60);

/// Documents between two looks at whether others have something to do.
const DOCUMENTS_AT_ONCE: usize = 512;

/// Takes batches until all senders are gone.
pub async fn run(mut batches: mpsc::Receiver<Batch>, agent: Arc<Agent>, spool: Arc<Spool>) {
    let mut writer = Writer {
        agent,
        spool,
        seen: Seen::default(),
        packer: Packer::default(),
        open: Vec::new(),
        losses: Losses::default(),
    };
    while let Some(batch) = batches.recv().await {
        writer.write(batch).await;
    }
    writer.losses.said = None;
    writer.losses.say();
}

/// Encodes the documents of a batch one by one until there are no more or they are not wanted.
pub fn encode(agent: &Agent, batch: Batch, mut take: impl FnMut(Encoded<'_>) -> bool) {
    let origin = origin(&batch);
    let mut encoder = Encoder::new(agent, &origin);
    for document in batch.into_documents() {
        if !take(encoder.encode(&document)) {
            return;
        }
    }
}

fn origin(batch: &Batch) -> Origin {
    let cluster = batch.cluster.as_ref();
    Origin {
        tick: batch.tick,
        read_at: batch.read_at,
        cluster: cluster.map(|cluster| (cluster.at(batch.tick), cluster.name().to_owned())),
        address: batch.address.clone(),
    }
}

/// The task's own.
struct Writer {
    agent: Arc<Agent>,
    spool: Arc<Spool>,
    seen: Seen,
    packer: Packer,
    /// Blocks in the making, one a stream.
    open: Vec<Open>,
    losses: Losses,
}

/// Documents that went because the queue was full, until they are said.
#[derive(Default)]
struct Losses {
    count: usize,
    said: Option<Instant>,
}

impl Losses {
    /// An output that is away for long is one line a minute.
    fn say(&mut self) {
        let lately = |said: Instant| said.elapsed() < LOSSES_SAID_EVERY;
        if self.count == 0 || self.said.is_some_and(lately) {
            return;
        }
        tracing::error!(
            documents = std::mem::take(&mut self.count),
            "queue full, oldest documents dropped"
        );
        self.said = Some(Instant::now());
    }
}

/// A block in the making.
struct Open {
    stream: Arc<str>,
    text: Vec<u8>,
    rows: Vec<Row>,
}

impl Writer {
    /// Nobody waits for all of it: records are appended block by block.
    async fn write(&mut self, batch: Batch) {
        let tick = batch.tick;
        let agent = Arc::clone(&self.agent);
        let origin = origin(&batch);
        let mut encoder = Encoder::new(&agent, &origin);
        for (count, document) in batch.into_documents().enumerate() {
            self.add(tick, &encoder.encode(&document));
            if count % DOCUMENTS_AT_ONCE == DOCUMENTS_AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
        }
        for at in 0..self.open.len() {
            self.append(tick, at);
        }
        self.open.clear();
        self.losses.say();
    }

    fn add(&mut self, tick: Millis, encoded: &Encoded<'_>) {
        // Events carry the moment and not a tick: two equal ones are two.
        if encoded.stream.starts_with("metrics-") && !self.seen.is_new(tick, encoded.id) {
            return refuse(&self.spool, encoded);
        }
        let same = |open: &Open| *open.stream == **encoded.stream;
        let at = self.open.iter().position(same).unwrap_or_else(|| {
            self.open.push(Open {
                stream: encoded.stream.clone(),
                text: Vec::new(),
                rows: Vec::new(),
            });
            self.open.len() - 1
        });
        let open = &mut self.open[at];
        add_lines(&mut open.text, &open.stream, encoded.id, encoded.body);
        let end = u32::try_from(open.text.len()).expect("a document is far below 4 GiB");
        open.rows.push(Row {
            end,
            id: encoded.id,
        });
        if open.text.len() >= BLOCK_BYTES {
            self.append(tick, at);
        }
    }

    /// Packs and appends a block; its buffers are for the next one of the stream.
    fn append(&mut self, tick: Millis, at: usize) {
        let open = &mut self.open[at];
        if open.rows.is_empty() {
            return;
        }
        let block = Arc::new(self.packer.pack(&open.text));
        let pack = Pack {
            stream: open.stream.clone(),
            timestamp: tick,
            rows: std::mem::take(&mut open.rows),
            block,
        };
        open.text.clear();
        self.losses.count += self.spool.append(pack);
    }
}

fn refuse(spool: &Spool, encoded: &Encoded<'_>) {
    spool.refuse(encoded.stream);
    let document = String::from_utf8_lossy(encoded.body);
    tracing::error!(stream = &**encoded.stream, %document, "second document of one series and tick refused");
    debug_assert!(false, "two documents of one series and tick: {document}");
}

/// Halves of ids: enough to tell documents apart.
type Ids = HashSet<u64, BuildHasherDefault<Hashed>>;

/// Ids of the last ticks, in the order in which the ticks came.
#[derive(Default)]
struct Seen {
    ticks: VecDeque<(Millis, Ids)>,
}

impl Seen {
    fn is_new(&mut self, tick: Millis, id: DocumentId) -> bool {
        // Newest last: nearly always the one.
        if let Some((_, ids)) = self.ticks.iter_mut().rev().find(|(of, _)| *of == tick) {
            return ids.insert(id.half());
        }
        self.forget();
        self.ticks.push_back((tick, Ids::from_iter([id.half()])));
        true
    }

    /// The tick that came first goes first, not the oldest: a slow target's tick is old when it comes.
    fn forget(&mut self) {
        let mut documents: usize = self.ticks.iter().map(|(_, ids)| ids.len()).sum();
        while self.ticks.len() >= TICKS_REMEMBERED
            || (self.ticks.len() >= TICKS_ALWAYS_REMEMBERED && documents > DOCUMENTS_REMEMBERED)
        {
            let gone = self.ticks.pop_front();
            documents -= gone.map_or(documents, |(_, ids)| ids.len());
        }
    }
}

/// Hashes what is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(tick: u64, series: &str) -> DocumentId {
        DocumentId::new(series, Millis(tick))
    }

    fn is_new(seen: &mut Seen, tick: u64, series: &str) -> bool {
        seen.is_new(Millis(tick), id(tick, series))
    }

    #[test]
    fn a_second_document_of_one_series_and_tick_is_seen_and_memory_is_bounded() {
        let mut seen = Seen::default();
        assert!(is_new(&mut seen, 1, "a"));
        assert!(is_new(&mut seen, 1, "b"));
        assert!(is_new(&mut seen, 2, "a"));
        assert!(!is_new(&mut seen, 1, "a"));
        for tick in 1_000..1_000 + TICKS_REMEMBERED as u64 {
            is_new(&mut seen, tick, "a");
        }
        assert!(
            is_new(&mut seen, 60, "slow"),
            "an old tick of a slow target"
        );
        assert!(!is_new(&mut seen, 60, "slow"));
        for tick in 0..100 {
            is_new(&mut seen, tick, "a");
        }
        assert!(seen.ticks.len() <= TICKS_REMEMBERED);
    }

    #[test]
    fn of_ticks_with_very_many_documents_fewer_are_remembered_but_never_only_one() {
        let mut seen = Seen::default();
        for tick in 0..5 {
            for number in 0..=DOCUMENTS_REMEMBERED {
                let mut half = [0; 16];
                half[..8].copy_from_slice(&(number as u64).to_be_bytes());
                assert!(seen.is_new(Millis(tick), DocumentId::from_bytes(half)));
            }
            assert!(seen.ticks.len() <= TICKS_ALWAYS_REMEMBERED);
        }
        let first = DocumentId::from_bytes([0; 16]);
        assert!(!seen.is_new(Millis(3), first) && !seen.is_new(Millis(4), first));
    }

    /// Small batches, large ones, and streams that take turns: each document is in the queue once, whole.
    #[tokio::test]
    async fn every_document_of_a_batch_is_in_the_queue_once() {
        use crate::document::Document;
        use crate::files::TestDirectory;

        let directory = TestDirectory::new();
        let spool = Arc::new(Spool::open(directory.path(), 1 << 30).unwrap().0);
        let agent = Agent {
            id: "a".into(),
            host_name: "h".into(),
            namespace: "default".into(),
            labels: Default::default(),
        };
        let (sender, receiver) = mpsc::channel(1);
        let task = tokio::spawn(run(receiver, Arc::new(agent), spool.clone()));
        const COUNT: usize = 2_000;
        let document = |n: usize| {
            let dataset = ["kafka.topic", "kafka.partition"][n % 2];
            Document::new(dataset, "topic").key("kafka.topic.name", format!("t{n}"))
        };
        let batch = Batch::own(Millis(1), (0..COUNT).map(document).collect());
        sender.send(batch).await.unwrap();
        drop(sender);
        task.await.unwrap();
        let mut names = HashSet::new();
        for record in spool.next(usize::MAX, usize::MAX, |_| true) {
            let text = record.entry.lines.block().unpack();
            let text = std::str::from_utf8(&text[record.entry.lines.range()]).unwrap();
            let (action, document) = text.trim_end().split_once('\n').unwrap();
            assert!(action.contains(&*record.entry.stream));
            let document: serde_json::Value = serde_json::from_str(document).unwrap();
            names.insert(document["kafka"]["topic"]["name"].to_string());
        }
        assert_eq!(names.len(), COUNT);
        assert_eq!(spool.queued(), COUNT as u64);
    }
}
