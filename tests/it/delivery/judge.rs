//! What Elasticsearch has at the end, beside what the agent says of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stack::Elasticsearch;

use crate::agent::{Setting, field, text};
use crate::proof::Checks;

/// Documents of a page: as many as Elasticsearch gives at once.
const PAGE: usize = 10_000;

/// What was found.
#[derive(Default)]
pub(crate) struct Sums {
    pub(crate) checks: Checks,
    pub(crate) documents: u64,
    /// Cycles whose own document is there: it says how many others there were.
    pub(crate) cycles: usize,
    /// Cycles in whose middle the agent died.
    pub(crate) parts: usize,
    /// Attempts of which the answer was lost, and that had arrived.
    pub(crate) duplicates: u64,
}

/// A document, as far as it matters here.
struct Seen {
    series: String,
    tick: String,
    /// Of a cycle's own document: how many others there were.
    others: Option<u64>,
}

pub(crate) fn judge(elasticsearch: &Elasticsearch, setting: &Setting, namespace: &str) -> Sums {
    let mut sums = Sums::default();
    let accounts = setting.accounts();
    let mut cycles: BTreeMap<String, (u64, Option<u64>)> = BTreeMap::new();
    let pattern = format!("*-brokerbeat.*-{namespace}");
    let streams = elasticsearch.data_streams(&pattern).expect("it answers");
    let known: BTreeSet<&String> = accounts.keys().collect();
    sums.checks.good(
        known == streams.iter().collect(),
        "other streams than accounts",
        &json!(streams),
    );
    // Events last: those of a cycle count for it, those of the agent itself are of no cycle.
    let is_event = |stream: &&String| stream.starts_with("logs-");
    let (events, metrics): (Vec<&String>, Vec<&String>) = streams.iter().partition(is_event);
    for stream in metrics.into_iter().chain(events) {
        let found = all(elasticsearch, stream);
        account(&mut sums, &accounts[stream], &found, stream);
        for one in &found {
            let cycle = match stream {
                stream if stream.starts_with("logs-") => cycles.get_mut(&one.tick),
                stream if stream.contains("brokerbeat.agent-") => None,
                _ => Some(cycles.entry(one.tick.clone()).or_default()),
            };
            match (cycle, one.others) {
                (Some(cycle), Some(others)) => cycle.1 = Some(others),
                (Some(cycle), None) => cycle.0 += 1,
                (None, _) => {}
            }
        }
    }
    for (tick, (found, expected)) in &cycles {
        match expected {
            None => sums.parts += 1,
            Some(expected) => {
                sums.cycles += 1;
                let what = format!("{tick}: {found} documents of {expected}");
                sums.checks.good(found == expected, &what, &Value::Null);
            }
        }
    }
    sums
}

/// Everything that was collected is there, once, and everything that is there was collected.
fn account(sums: &mut Sums, account: &Value, found: &[Seen], stream: &str) {
    let number = |name: &str| account[name].as_u64().expect("a number");
    let there = found.len() as u64;
    let different: BTreeSet<(&str, &str)> =
        found.iter().map(|one| (&*one.series, &*one.tick)).collect();
    let checks = [
        (
            "a document is there twice",
            stream.starts_with("logs-") || different.len() == found.len(),
        ),
        (
            "not everything that was collected is there",
            number("collected") == there,
        ),
        (
            "the account does not add up",
            number("indexed") + number("duplicate") == there,
        ),
        (
            "something was lost or waits",
            ["collision", "dead_lettered", "dropped", "queued"]
                .into_iter()
                .all(|name| number(name) == 0),
        ),
    ];
    for (what, good) in checks {
        let what = format!("{stream}: {what}: {there} there");
        sums.checks.good(good, &what, account);
    }
    sums.documents += there;
    sums.duplicates += number("duplicate");
}

/// All documents of a stream, page by page.
fn all(elasticsearch: &Elasticsearch, stream: &str) -> Vec<Seen> {
    let post = |path: &str, body: &Value| elasticsearch.post(path, body).expect("it answers");
    elasticsearch
        .request("POST", &format!("/{stream}/_refresh"), None)
        .expect("it answers");
    let first = json!({
        "size": PAGE,
        "sort": ["_doc"],
        "_source": ["@timestamp", "brokerbeat.series", "brokerbeat.target.documents"],
    });
    let mut page = post(&format!("/{stream}/_search?scroll=1m"), &first);
    let mut found = Vec::new();
    loop {
        let hits = page["hits"]["hits"].as_array().expect("hits");
        if hits.is_empty() {
            return found;
        }
        found.extend(hits.iter().map(|hit| seen(&hit["_source"])));
        let next = json!({"scroll": "1m", "scroll_id": page["_scroll_id"]});
        page = post("/_search/scroll", &next);
    }
}

fn seen(document: &Value) -> Seen {
    Seen {
        series: text(document, "brokerbeat.series").to_owned(),
        tick: text(document, "@timestamp").to_owned(),
        others: field(document, "brokerbeat.target.documents").and_then(Value::as_u64),
    }
}
