//! Indexing in both modes, and what it takes on disk.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::iter::Sum;
use std::thread;
use std::time::Duration;

use brokerbeat::assets::{self, Lifecycle, Product, Server};
use brokerbeat::catalogue::Catalogue;
use brokerbeat::clock::Millis;
use brokerbeat::identity::DocumentId;
use serde_json::{Value, json};
use stack::{Elasticsearch, wait_until};

use super::INTERVAL;
use super::evolve::Moving;

/// Documents of one request.
const BULK: usize = 2_000;
/// A force-merge of millions of documents, on a busy machine.
const MERGED: Duration = Duration::from_secs(900);

/// What the templates are made for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Series,
    Plain,
}

/// Documents and their bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Room {
    pub(crate) documents: u64,
    pub(crate) bytes: u64,
}

impl Room {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub(crate) fn each(self) -> f64 {
        self.bytes as f64 / self.documents as f64
    }
}

impl Sum for Room {
    fn sum<I: Iterator<Item = Self>>(rooms: I) -> Self {
        rooms.fold(Self::default(), |all, room| Self {
            documents: all.documents + room.documents,
            bytes: all.bytes + room.bytes,
        })
    }
}

impl Mode {
    pub(crate) const ALL: [Self; 2] = [Self::Series, Self::Plain];

    fn namespace(self) -> &'static str {
        match self {
            Self::Series => "series",
            Self::Plain => "plain",
        }
    }

    /// Installs the templates for a server with time-series mode, or without.
    pub(crate) fn install(self, elasticsearch: &Elasticsearch) {
        let server = match self {
            Self::Series => Server::newest(),
            Self::Plain => Server {
                product: Product::Elasticsearch,
                version: (7, 17),
            },
        };
        for asset in assets::all(Catalogue::get(), &server, Lifecycle::None) {
            elasticsearch.put(&asset.path(), &asset.body).unwrap();
        }
    }

    fn add(self, lines: &mut String, stream: &str, tick: Millis, document: &Value) {
        let series = document["brokerbeat"]["series"].as_str().unwrap();
        let id = DocumentId::new(series, tick).to_hex();
        let action = match self {
            Self::Series => json!({"create": {"_index": stream}}),
            Self::Plain => json!({"create": {"_index": stream, "_id": id}}),
        };
        writeln!(lines, "{action}\n{document}").unwrap();
    }
}

/// Makes the streams by their first documents: later templates do not change them.
pub(crate) fn open(elasticsearch: &Elasticsearch, mode: Mode, tick: &[Value]) {
    let mut moving: Vec<Moving> = tick.iter().map(Moving::new).collect();
    index_tick(elasticsearch, mode, &mut moving, start(1));
}

/// Indexes so many ticks in both modes at once, all but the first one, up to now.
pub(crate) fn fill(elasticsearch: &Elasticsearch, tick: &[Value], ticks: u64) {
    thread::scope(|scope| {
        for mode in Mode::ALL {
            scope.spawn(move || {
                let mut moving: Vec<Moving> = tick.iter().map(Moving::new).collect();
                for back in (2..=ticks).rev() {
                    index_tick(elasticsearch, mode, &mut moving, start(back));
                }
            });
        }
    });
}

/// The tick so many intervals before the first one that was asked for, which is the newest.
fn start(back: u64) -> Millis {
    static NEWEST: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let interval = INTERVAL * 1_000;
    let newest = NEWEST.get_or_init(|| Millis::now().0 / interval * interval);
    Millis(newest - (back - 1) * interval)
}

fn index_tick(elasticsearch: &Elasticsearch, mode: Mode, moving: &mut [Moving], tick: Millis) {
    let namespace = mode.namespace();
    for some in moving.chunks_mut(BULK) {
        let mut lines = String::new();
        for moving in some {
            let stream = moving.stream(namespace);
            mode.add(&mut lines, &stream, tick, moving.next(tick, namespace));
        }
        let path = "/_bulk?filter_path=errors,items.*.error";
        let (status, answer) = elasticsearch.request("POST", path, Some(lines)).unwrap();
        assert!(status == 200 && answer["errors"] == false, "{answer}");
    }
}

/// What each dataset takes, merged.
pub(crate) fn measure(elasticsearch: &Elasticsearch, mode: Mode) -> BTreeMap<String, Room> {
    let pattern = format!("metrics-brokerbeat.*-{}", mode.namespace());
    let streams = elasticsearch.data_streams(&pattern).unwrap();
    let rooms = streams.into_iter().map(|stream| {
        let dataset = stream.trim_start_matches("metrics-brokerbeat.");
        let (dataset, _) = dataset.rsplit_once('-').unwrap();
        (dataset.to_owned(), room(elasticsearch, &stream))
    });
    rooms.collect()
}

fn room(elasticsearch: &Elasticsearch, stream: &str) -> Room {
    let order = |what: &str| {
        elasticsearch
            .request("POST", &format!("/{stream}/{what}"), None)
            .ok()
    };
    // A long merge goes on after its request has timed out, and is looked for.
    order("_forcemerge?max_num_segments=1");
    let merged = wait_until("one segment", MERGED, || {
        // What was merged is there until then.
        order("_flush?force=true")?;
        order("_refresh")?;
        let stats = format!("/{stream}/_stats/docs,store,segments,merge");
        let primaries = elasticsearch.get(&stats).ok()?["_all"]["primaries"].take();
        let is_one = primaries["segments"]["count"] == 1 && primaries["merges"]["current"] == 0;
        is_one.then_some(primaries)
    });
    let primaries = merged.unwrap();
    Room {
        documents: primaries["docs"]["count"].as_u64().unwrap(),
        bytes: primaries["store"]["size_in_bytes"].as_u64().unwrap(),
    }
}
