//! Bounds of an Elasticsearch that a document, a request or a stream is beyond.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};
use stack::{Elasticsearch, Options};

use super::{
    INTERVAL, account, assert_all_there, config, letters, set_up, stream, ticks, wait_for,
};
use crate::agent::{Setting, assert_no_gap, search, text};
use crate::pressure::fill;
use crate::servers;

/// The largest template has 37 kB.
const LIMIT: usize = 64 << 10;
const DOCUMENTS: usize = 2_000;
/// Which of them are larger than the limit: among the others, and two side by side.
const LARGE: [usize; 4] = [0, 700, 701, 1_999];
const LARGE_BYTES: usize = 100_000;
/// Some 1 MB in all: the first request is eight times too large.
const SMALL_BYTES: usize = 400;

/// Letters that do not pack well, so that little is left of a body that is packed to the limit.
fn messages() -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(413);
    let mut message = |bytes: usize| {
        let mut text = String::new();
        text.extend((0..bytes).map(|_| random.alphanumeric()));
        text
    };
    let bytes = |number| match LARGE.contains(&number) {
        true => LARGE_BYTES,
        false => SMALL_BYTES,
    };
    (0..DOCUMENTS)
        .map(|number| message(bytes(number)))
        .collect()
}

/// Elasticsearch counts what it has unpacked: Netty's decompressor stands before the limit. The agent counts the same, and so
/// halves what Elasticsearch has measured.
#[test]
fn requests_shrink_to_the_limit_and_only_a_document_beyond_it_is_refused() {
    let limit = LIMIT.to_string() + "b";
    let options = Options::new().set("http.max_content_length", &limit);
    let elasticsearch = Elasticsearch::start_with(&options).expect("Elasticsearch starts");
    let setting = Setting::every(INTERVAL, &config(&elasticsearch.url(), "limit", ""));
    set_up(&setting);
    let queue = PathBuf::from(setting.file("beside", "")).with_file_name("queue");
    setting.append(&format!("spool.path: {}\n", queue.display()));
    let stream = "logs-brokerbeat.event-limit";
    let messages = messages();
    fill(&queue, stream, &messages);

    let agent = setting.run();
    let count = |name: &str| account(&agent.setting, stream, name);
    wait_for("every document has its verdict", &agent, || {
        count("indexed") + count("dead_lettered") == DOCUMENTS as u64
    });
    agent.stop();
    assert_eq!(count("dead_lettered"), LARGE.len() as u64);
    assert_eq!(
        [count("queued"), count("dropped"), count("duplicate")],
        [0; 3]
    );

    let letters = letters(&agent.setting, stream);
    let refused = letters
        .iter()
        .map(|letter| text(letter, "document.message"));
    // Several requests are on their way at a time: which of them is answered first is not said.
    let refused: BTreeSet<&str> = refused.collect();
    let large = LARGE.iter().map(|number| messages[*number].as_str());
    assert!(refused.into_iter().eq(large.collect::<BTreeSet<_>>()));
    assert_eq!(letters.len(), LARGE.len());
    for letter in &letters {
        assert_eq!(text(letter, "error_type"), "too_large");
        assert_eq!(letter["status"], 413);
    }
    let found = search(&elasticsearch, stream);
    let indexed = found.iter().map(|document| text(document, "message"));
    let small = messages
        .iter()
        .filter(|message| message.len() == SMALL_BYTES);
    assert!(indexed.eq(small), "{} documents", found.len());

    let log = agent.log();
    let halved = log.matches("bulk request too large").count();
    assert!((3..40).contains(&halved), "{halved} times:\n{log}");
    // What is taken in the end is not smaller than it has to be.
    let least = log.lines().filter_map(|line| {
        line.split_once(" limit=")?
            .1
            .split(' ')
            .next()?
            .parse()
            .ok()
    });
    let least: usize = least.min().unwrap();
    assert!((LIMIT / 2..=LIMIT).contains(&least), "{least}");
}

/// A cluster without room for another shard, until this ends.
struct NoRoom<'e>(&'e Elasticsearch);

impl<'e> NoRoom<'e> {
    fn new(elasticsearch: &'e Elasticsearch) -> Self {
        put_most_shards(elasticsearch, &json!(1));
        Self(elasticsearch)
    }
}

impl Drop for NoRoom<'_> {
    fn drop(&mut self) {
        put_most_shards(self.0, &Value::Null);
    }
}

fn put_most_shards(elasticsearch: &Elasticsearch, most: &Value) {
    let settings = json!({"persistent": {"cluster.max_shards_per_node": most}});
    elasticsearch.put("/_cluster/settings", &settings).unwrap();
}

/// A stream that may not be made, for want of shards, keeps its documents: somebody may make room.
#[test]
fn a_cluster_without_room_for_a_shard_is_no_reason_to_refuse_anything() {
    let elasticsearch = servers::secured();
    let basic = format!(", username: elastic, password: {}", servers::PASSWORD);
    let setting = Setting::every(INTERVAL, &config(&elasticsearch.url(), "shards", &basic));
    set_up(&setting);
    // A shard that takes the room.
    elasticsearch.put("/full", &json!({})).unwrap();
    let no_room = NoRoom::new(&elasticsearch);
    let stream = stream("shards");
    let agent = setting.run();
    let count = |name: &str| account(&agent.setting, &stream, name);
    agent.says("this action would add [");
    wait_for("documents wait", &agent, || count("queued") >= 3);
    assert_eq!(
        [count("indexed"), count("dead_lettered"), count("dropped")],
        [0; 3]
    );
    drop(no_room);
    wait_for("they are indexed", &agent, || {
        count("indexed") >= 3 && count("queued") == 0
    });
    let found = assert_all_there(&agent, &elasticsearch, &stream);
    assert_no_gap(&ticks(&found), INTERVAL);
    assert_eq!(count("dead_lettered"), 0);
    assert!(!agent.log().contains("refused for good"), "{}", agent.log());
    elasticsearch.delete("/full").unwrap();
}
