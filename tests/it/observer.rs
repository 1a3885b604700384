//! An agent whose documents come to us, and its cycles with their times.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use brokerbeat::assets;
use brokerbeat::clock::{Millis, Rhythm};
use serde_json::Value;
use stack::Sink;

use crate::agent::{Agent, Setting, field, text};

/// A moment, in microseconds since the epoch.
pub(crate) type Micros = i64;

pub(crate) fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_micros()).expect("a date")
}

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: Micros,
    pub(crate) to: Micros,
}

impl Window {
    pub(crate) fn meets(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

/// An agent and everything that it has shipped.
pub(crate) struct Observer {
    pub(crate) agent: Agent,
    interval: Duration,
    documents: Arc<Mutex<Vec<Value>>>,
}

impl Observer {
    /// `kafka`: what stands in the section of that name.
    pub(crate) fn start(interval: Duration, kafka: &str) -> Self {
        let documents = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&documents);
        let sink = Sink::start(Some(assets::VERSION), move |body| {
            let came = Sink::documents(body).expect("every document is JSON");
            let count = came.len();
            kept.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(came);
            count
        });
        let config = format!(
            "clusters:\n- name: model\n  kafka: {{{kafka}}}\n\
             output.elasticsearch: {{hosts: [\"{}\"]}}\nsetup.template.enabled: false\n",
            sink.expect("a sink").url()
        );
        Self {
            agent: Setting::every(interval, &config).run(),
            interval,
            documents,
        }
    }

    /// Looks at the cycles of everything that came so far, but for what was forgotten.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&[Cycle<'_>]) -> T) -> T {
        let documents = self.documents.lock();
        let documents = documents.unwrap_or_else(PoisonError::into_inner);
        at(&cycles(&documents, self.interval))
    }

    /// Forgets documents of ticks before that one.
    pub(crate) fn forget_before(&self, tick: &str) {
        let documents = self.documents.lock();
        let mut documents = documents.unwrap_or_else(PoisonError::into_inner);
        documents.retain(|one| text(one, "@timestamp") >= tick);
    }

    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }
}

/// What came of one collection.
pub(crate) struct Cycle<'a> {
    pub(crate) tick: &'a str,
    /// The document about the target.
    pub(crate) target: &'a Value,
    /// From before its first request to after its last answer.
    pub(crate) window: Window,
    pub(crate) faults: u64,
    pub(crate) documents: Vec<&'a Value>,
}

fn micros(date: &str) -> Micros {
    let moment: jiff::Timestamp = date.parse().expect("a date");
    moment.as_microsecond()
}

/// The cycles whose documents are all there: the target's is the last.
fn cycles(documents: &[Value], interval: Duration) -> Vec<Cycle<'_>> {
    let mut by_tick: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for document in documents {
        let dataset = text(document, "data_stream.dataset");
        if dataset.starts_with("brokerbeat.kafka.") || dataset == "brokerbeat.target" {
            let tick = text(document, "@timestamp");
            by_tick.entry(tick).or_default().push(document);
        }
    }
    let cycle = |(tick, documents): (_, Vec<_>)| cycle(tick, documents, interval);
    by_tick.into_iter().filter_map(cycle).collect()
}

fn cycle<'a>(tick: &'a str, documents: Vec<&'a Value>, interval: Duration) -> Option<Cycle<'a>> {
    let target = *documents
        .iter()
        .find(|one| text(one, "data_stream.dataset") == "brokerbeat.target")?;
    let rhythm = Rhythm::new(interval, text(target, "brokerbeat.target.name"));
    let at = u64::try_from(micros(tick) / 1_000).expect("a date");
    let began = Micros::try_from(rhythm.start_of(Millis(at)).0).expect("a date") * 1_000;
    // The millisecond is the one in which it ended.
    let ended = micros(text(target, "event.created")) + 999;
    Some(Cycle {
        tick,
        target,
        window: Window {
            from: began,
            to: ended,
        },
        faults: field(target, "brokerbeat.target.faults")?.as_u64()?,
        documents,
    })
}
