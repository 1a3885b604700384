//! An Elasticsearch that can take little at once, while others write to it, too.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brokerbeat::clock::Millis;
use brokerbeat::identity::DocumentId;
use brokerbeat::ship::elasticsearch::bulk;
use brokerbeat::spool::{Pack, Packer, Row, Spool};
use serde_json::{Value, json};
use stack::{Elasticsearch, Options};

use crate::agent::{PATIENCE, Setting};
use crate::servers;
use crate::shipping::{stop_accounted, wait_for};

const STREAM: &str = "logs-brokerbeat.event-pressure";
const DOCUMENTS: usize = 20_000;

/// A queue as an agent leaves it that has not shipped anything.
pub(crate) fn fill(directory: &Path, stream: &str, messages: &[String]) {
    let (spool, _) = Spool::open(directory, 1 << 30).unwrap();
    let mut packer = Packer::default();
    let mut timestamps = (1_770_000_000_000..).map(Millis);
    for messages in messages.chunks(200) {
        let (mut text, mut rows) = (Vec::new(), Vec::new());
        for (message, timestamp) in messages.iter().zip(&mut timestamps) {
            let id = DocumentId::new(stream, timestamp);
            let document = json!({"@timestamp": timestamp.to_rfc3339(), "message": message});
            bulk::add_lines(&mut text, stream, id, document.to_string().as_bytes());
            let end = u32::try_from(text.len()).unwrap();
            rows.push(Row { end, id });
        }
        spool.append(Pack {
            stream: stream.into(),
            timestamp: Millis(1_770_000_000_000),
            rows,
            block: Arc::new(packer.pack(&text)),
        });
    }
    spool.keep().unwrap();
}

/// Another client: small bulk requests one after the other.
fn write_until(stop: &AtomicBool, elasticsearch: &Elasticsearch) {
    let line = json!({"text": "x".repeat(1000)}).to_string();
    let body = format!("{{\"index\":{{}}}}\n{line}\n").repeat(100);
    while !stop.load(Ordering::Relaxed) {
        let (status, _) = elasticsearch
            .request("POST", "/others/_bulk", Some(body.clone()))
            .unwrap();
        assert!(matches!(status, 200 | 429), "{status}");
    }
}

/// Ends the other clients, also where the test fails: a scope waits for them.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Refusals that Elasticsearch counts itself: of whole requests, and of parts of them.
fn rejections(elasticsearch: &Elasticsearch) -> [u64; 2] {
    let stats = elasticsearch
        .get("/_nodes/stats/indexing_pressure,thread_pool")
        .unwrap();
    let node = stats["nodes"].as_object().unwrap().values().next().unwrap();
    let count = |path: &str| node.pointer(path).and_then(Value::as_u64).unwrap();
    [
        count("/indexing_pressure/memory/total/coordinating_rejections"),
        count("/thread_pool/write/rejected"),
    ]
}

#[test]
fn an_elasticsearch_under_pressure_gets_every_document_once() {
    let options = Options::new()
        .set("indexing_pressure.memory.limit", "900kb")
        .set("thread_pool.write.queue_size", "1");
    let elasticsearch = Elasticsearch::start_with(&options).expect("Elasticsearch starts");
    let setting = Setting::new("");
    let queue = PathBuf::from(setting.file("beside", "")).with_file_name("queue");
    let message = "a line as long as lines are ".repeat(12);
    fill(&queue, STREAM, &vec![message; DOCUMENTS]);
    setting.append(&format!(
        "clusters: [{{name: orders, zookeeper: {{hosts: [\"{}\"]}}}}]\nnamespace: pressure\n\
         spool.path: {}\n\
         output.elasticsearch:\n  hosts: [\"{}\"]\n  bulk_max_bytes: 256KiB\n  max_concurrency: 16\n",
        servers::zookeeper().addr(),
        queue.display(),
        elasticsearch.url(),
    ));
    let set_up = setting.command(&["setup"]);
    assert!(
        set_up.status.success(),
        "{}",
        String::from_utf8_lossy(&set_up.stderr)
    );

    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let others = Stop(&stop);
        for _ in 0..2 {
            scope.spawn(|| write_until(&stop, &elasticsearch));
        }
        let agent = setting.run();
        wait_for("every document", &agent, || {
            elasticsearch
                .count(STREAM)
                .is_ok_and(|count| count >= DOCUMENTS as u64)
        });
        drop(others);
        stop_accounted(&agent, &elasticsearch, "pressure");
        assert!(
            agent.log().contains("429"),
            "the agent itself was not refused"
        );
    });
    assert_eq!(elasticsearch.count(STREAM).unwrap(), DOCUMENTS as u64);
    let [whole, parts] = rejections(&elasticsearch);
    println!("refused {whole} requests and {parts} parts, within {PATIENCE:?}");
    assert!(whole > 0, "no pressure");
}
