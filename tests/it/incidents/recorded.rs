//! Incidents that would hurt the machine: documents of servers that are well, put in again as another server's, with one
//! number changed.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use stack::wait_until;

use super::book::Seen;
use super::stage::{Stage, Told};
use crate::servers;

const INTERVAL: Duration = Duration::from_secs(10);
/// Ticks in which all is well.
const WELL: u32 = 3;

struct Record {
    rule: &'static str,
    incident: &'static str,
    of: &'static str,
    kind: &'static str,
    /// Whose it is, instead of a real server's.
    key: (&'static str, Stranger),
    field: &'static str,
    number: Number,
}

/// What it is while all is well, and while it is not.
#[derive(Clone, Copy)]
enum Number {
    /// A part of the time.
    Share(f64, f64),
    /// So many.
    Count(u64, u64),
}

impl Number {
    fn at(self, is_ill: bool) -> Value {
        match self {
            Self::Share(well, ill) => json!(if is_ill { ill } else { well }),
            Self::Count(well, ill) => json!(if is_ill { ill } else { well }),
        }
    }
}

/// A server that is not there.
#[derive(Clone, Copy)]
enum Stranger {
    Id(u32),
    Address,
}

const ADDRESS: &str = "recorded:9999";

const RECORDS: [Record; 13] = [
    Record {
        rule: "jvm-busy",
        incident: "a document with a high load",
        of: "jvm",
        kind: "os",
        key: ("service.address", Stranger::Address),
        field: "jvm.os.process.cpu.load",
        number: Number::Share(0.3, 0.97),
    },
    Record {
        rule: "metadata-errors",
        incident: "a document with one error more",
        of: "kafka.controller",
        kind: "health",
        key: ("kafka.broker.id", Stranger::Id(901)),
        field: "kafka.controller.metadata_errors_increase",
        number: Number::Count(0, 1),
    },
    Record {
        rule: "request-handlers-busy",
        incident: "a document with busy handlers",
        of: "kafka.broker",
        kind: "network",
        key: ("kafka.broker.id", Stranger::Id(902)),
        field: "kafka.broker.request.handler.idle",
        number: Number::Share(0.9, 0.05),
    },
    Record {
        rule: "network-threads-busy",
        incident: "a document with busy threads",
        of: "kafka.broker",
        kind: "network",
        key: ("kafka.broker.id", Stranger::Id(903)),
        field: "kafka.broker.network.idle",
        number: Number::Share(0.9, 0.05),
    },
    Record {
        rule: "zookeeper-slow",
        incident: "a document with requests that wait",
        of: "zookeeper.server",
        kind: "srvr",
        key: ("zookeeper.server.id", Stranger::Id(904)),
        field: "zookeeper.server.outstanding",
        number: Number::Count(0, 50),
    },
    Record {
        rule: "zookeeper-slow-fsync",
        incident: "a document with one slow fsync more",
        of: "zookeeper.server",
        kind: "jmx",
        key: ("zookeeper.server.id", Stranger::Id(905)),
        field: "zookeeper.jmx.fsync.threshold_exceeded_increase",
        number: Number::Count(0, 1),
    },
    Record {
        rule: "metadata-not-applied",
        incident: "a document with one error more",
        of: "kafka.broker",
        kind: "metadata_log",
        key: ("kafka.broker.id", Stranger::Id(906)),
        field: "kafka.broker.metadata.apply_errors_increase",
        number: Number::Count(0, 1),
    },
    Record {
        rule: "produce-fails",
        incident: "a document with one failed request more",
        of: "kafka.broker",
        kind: "traffic",
        key: ("kafka.broker.id", Stranger::Id(909)),
        field: "kafka.broker.request.produce.failed_increase",
        number: Number::Count(0, 1),
    },
    Record {
        rule: "heartbeats-late",
        incident: "a document with one late heartbeat more",
        of: "kafka.controller",
        kind: "health",
        key: ("kafka.broker.id", Stranger::Id(910)),
        field: "kafka.controller.timed_out_heartbeats_increase",
        number: Number::Count(0, 1),
    },
    Record {
        rule: "fetch-fails",
        incident: "a document with one failed fetch more",
        of: "kafka.broker",
        kind: "traffic",
        key: ("kafka.broker.id", Stranger::Id(907)),
        field: "kafka.broker.request.fetch.failed_increase",
        number: Number::Count(0, 1),
    },
    Record {
        rule: "disk-full",
        incident: "a document with a full disk",
        of: "kafka.broker",
        kind: "disk",
        key: ("kafka.broker.id", Stranger::Id(908)),
        field: "kafka.broker.log.directory.disk.used.pct",
        number: Number::Share(0.5, 0.97),
    },
    Record {
        rule: "heap-full",
        incident: "a document with a full heap",
        of: "jvm",
        kind: "memory",
        key: ("service.address", Stranger::Address),
        field: "jvm.memory.heap.used_share",
        number: Number::Share(0.4, 0.97),
    },
    Record {
        rule: "file-descriptors",
        incident: "a document with many open files",
        of: "jvm",
        kind: "os",
        key: ("service.address", Stranger::Address),
        field: "jvm.os.process.file_descriptors.open_share",
        number: Number::Share(0.1, 0.9),
    },
];

pub(super) fn play(stage: &Stage<'_>) {
    thread::scope(|scope| {
        for record in &RECORDS {
            scope.spawn(|| record.play(stage));
        }
    });
}

impl Record {
    fn play(&self, stage: &Stage<'_>) {
        let stream = format!("metrics-brokerbeat.{}-{}", self.of, stage.namespace);
        let document = self.changed(original(&stream, self.kind));
        let [is_ill, ends] = [AtomicBool::new(false), AtomicBool::new(false)];
        let ticks = AtomicU32::new(0);
        let whom = match self.key.1 {
            Stranger::Id(id) => id.to_string(),
            Stranger::Address => ADDRESS.to_owned(),
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                while !ends.load(Ordering::Relaxed) {
                    put(
                        &stream,
                        self.at_present(&document, is_ill.load(Ordering::Relaxed)),
                    );
                    ticks.fetch_add(1, Ordering::Relaxed);
                    thread::park_timeout(INTERVAL);
                }
            });
            let begin = wait_until("ticks that are well", INTERVAL * WELL * 3, || {
                (ticks.load(Ordering::Relaxed) >= WELL).then_some(())
            });
            begin.expect("they are put in");
            let told = Told {
                incident: self.incident,
                seen: Seen::Recorded,
                is_slow: false,
            };
            let begin = || is_ill.store(true, Ordering::Relaxed);
            let end = || is_ill.store(false, Ordering::Relaxed);
            stage.told(&told, &[(self.rule, &whom)], begin, end);
            ends.store(true, Ordering::Relaxed);
        });
    }

    fn changed(&self, mut document: Value) -> Value {
        let (name, stranger) = self.key;
        let key = match stranger {
            Stranger::Id(id) => json!(id),
            Stranger::Address => json!(ADDRESS),
        };
        set(&mut document, name, key);
        set(&mut document, "brokerbeat.series", json!(self.incident));
        document
    }

    fn at_present(&self, document: &Value, is_ill: bool) -> Value {
        let mut document = document.clone();
        set(&mut document, self.field, self.number.at(is_ill));
        let now = jiff::Timestamp::now().to_string();
        set(&mut document, "@timestamp", json!(now));
        document
    }
}

/// The last document of a kind.
fn original(stream: &str, kind: &str) -> Value {
    let body = json!({
        "size": 1, "sort": [{"@timestamp": "desc"}], "query": {"term": {"brokerbeat.kind": kind}},
    });
    let path = format!("/{stream}/_search");
    let found = servers::elasticsearch().post(&path, &body);
    let mut found = found.expect("Elasticsearch answers");
    let document = found["hits"]["hits"]
        .get_mut(0)
        .map(|hit| hit["_source"].take())
        .unwrap_or_default();
    assert!(document.is_object(), "{stream} has no {kind}");
    document
}

fn put(stream: &str, document: Value) {
    let path = format!("/{stream}/_doc?refresh=true");
    let put = servers::elasticsearch().post(&path, &document);
    put.expect("the document is taken");
}

/// Sets a dotted field, in nested JSON.
fn set(document: &mut Value, name: &str, value: Value) {
    let place = name
        .split('.')
        .fold(document, |inner, part| &mut inner[part]);
    *place = value;
}
