//! What becomes of documents that a real Elasticsearch does not simply take.

mod aside;
mod limits;
mod rights;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use stack::{Elasticsearch, wait_until};

use crate::agent::{Agent, PATIENCE, Setting, search, text};
use crate::servers;

pub(super) const INTERVAL: Duration = Duration::from_secs(1);

pub(super) fn config(elasticsearch: &str, namespace: &str, more: &str) -> String {
    format!(
        "clusters: [{{name: orders, zookeeper: {{hosts: [\"{}\"]}}}}]\nnamespace: {namespace}\n\
         output.elasticsearch: {{hosts: [\"{elasticsearch}\"]{more}}}\n",
        servers::zookeeper().addr(),
    )
}

pub(super) fn stream(namespace: &str) -> String {
    format!("metrics-brokerbeat.zookeeper.server-{namespace}")
}

/// Waits for something that the agent must bring about.
pub(super) fn wait_for(what: &str, agent: &Agent, mut check: impl FnMut() -> bool) {
    if wait_until(what, PATIENCE, || check().then_some(())).is_err() {
        let status = agent.setting.command(&["queue", "status"]);
        let status = String::from_utf8_lossy(&status.stdout);
        panic!("{what}: never;\n{status}\nthe agent says:\n{}", agent.log());
    }
}

/// Puts a copy of the stream's index template with changes, which stands before the template itself.
pub(super) fn put_template(
    elasticsearch: &Elasticsearch,
    namespace: &str,
    change: impl Fn(&mut Value),
) {
    let path = "/_index_template/brokerbeat-zookeeper.server";
    let mut template =
        elasticsearch.get(path).unwrap()["index_templates"][0]["index_template"].take();
    template["index_patterns"] = json!([stream(namespace)]);
    template["priority"] = json!(900);
    // What Elasticsearch adds it does not take.
    let fields = template.as_object_mut().unwrap();
    fields
        .retain(|name, _| !name.starts_with("created_date") && !name.starts_with("modified_date"));
    change(&mut template);
    let path = format!("/_index_template/test-{namespace}");
    elasticsearch.put(&path, &template).unwrap();
}

pub(super) fn set_up(setting: &Setting) {
    let output = setting.command(&["setup"]);
    assert!(output.status.success(), "{output:?}");
}

/// `queue dead-letter` with these arguments.
pub(super) fn dead_letter(setting: &Setting, args: &[&str]) -> String {
    let output = setting.command(&[&["queue", "dead-letter"], args].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

pub(super) fn letters(setting: &Setting, stream: &str) -> Vec<Value> {
    let lines = dead_letter(setting, &["list", "--json", "--stream", stream]);
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A number of the stream's account; 0 if there is none yet.
pub(super) fn account(setting: &Setting, stream: &str, name: &str) -> u64 {
    let output = setting.command(&["queue", "status", "--json"]);
    let status: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    status["streams"][stream][name].as_u64().unwrap_or(0)
}

/// The times of documents.
pub(super) fn ticks(found: &[Value]) -> Vec<String> {
    let tick = |document| text(document, "@timestamp").to_owned();
    found.iter().map(tick).collect()
}

/// Ends the agent: nothing waits, each document of the stream is there once, and the account says so.
pub(super) fn assert_all_there(
    agent: &Agent,
    elasticsearch: &Elasticsearch,
    stream: &str,
) -> Vec<Value> {
    agent.stop();
    let status = agent.setting.queue_status();
    let account = &status["streams"][stream];
    let number = |name: &str| account[name].as_u64().unwrap();
    let found = search(elasticsearch, stream);
    let ids: BTreeSet<&str> = found
        .iter()
        .map(|document| text(document, "@timestamp"))
        .collect();
    assert_eq!(ids.len(), found.len(), "a document is there twice");
    assert_eq!(number("indexed"), found.len() as u64, "{account}");
    assert_eq!(
        number("collected") + number("replayed"),
        number("indexed") + number("duplicate") + number("dead_lettered"),
        "{account}"
    );
    assert_eq!(
        (number("queued"), number("dropped"), number("collision")),
        (0, 0, 0),
        "{account}"
    );
    assert!(found.len() > 2, "{:?}", ticks(&found));
    found
}

/// Gives the agent a queue whose dead letter cannot be made, for a file that is in the way.
fn in_the_way(setting: &Setting) -> PathBuf {
    let queue = PathBuf::from(setting.file("beside", "")).with_file_name("queue");
    setting.append(&format!("spool.path: {}\n", queue.display()));
    std::fs::create_dir(&queue).unwrap();
    let file = queue.join("dead-letter");
    std::fs::write(&file, "").unwrap();
    file
}

/// A mapping of the field `zookeeper.server.mode`, which is a word.
pub(super) fn mapped(mode: &Value) -> Value {
    json!({"properties": {"zookeeper": {"properties": {"server": {"properties": {"mode": mode}}}}}})
}

/// Lets the field take words; then a document is indexed. A rollover would not do: documents of this time belong to this index.
pub(super) fn mend(elasticsearch: &Elasticsearch, agent: &Agent, stream: &str) {
    let mended = mapped(&json!({"type": "long", "ignore_malformed": true}));
    elasticsearch
        .put(&format!("/{stream}/_mapping"), &mended)
        .unwrap();
    wait_for("a document with the mended mapping", agent, || {
        account(&agent.setting, stream, "indexed") > 0
    });
}

/// A field is mapped as another type: the document is refused, kept, and indexed once the mapping is mended.
#[test]
fn a_document_that_is_refused_is_kept_and_comes_back_when_the_mapping_is_mended() {
    let elasticsearch = servers::elasticsearch();
    let stream = stream("refused");
    let setting = Setting::every(INTERVAL, &config(&elasticsearch.url(), "refused", ""));
    set_up(&setting);
    let wrong = mapped(&json!({"type": "long"}));
    put_template(elasticsearch, "refused", |template| {
        template["template"]["mappings"]["properties"] = wrong["properties"].clone();
    });
    let in_the_way = in_the_way(&setting);
    let agent = setting.run();
    let count = |name: &str| account(&agent.setting, &stream, name);
    agent.says("the dead letter cannot be written");
    wait_for("documents stay in the queue", &agent, || {
        count("queued") >= 2
    });
    assert_eq!((count("dead_lettered"), count("dropped")), (0, 0));
    let said = agent.log();
    assert_eq!(
        said.matches("the dead letter cannot be written").count(),
        1,
        "{said}"
    );
    assert!(!said.contains("documents refused for good"), "{said}");
    std::fs::remove_file(in_the_way).unwrap();
    agent.says("documents refused for good");
    wait_for("two dead letters", &agent, || count("dead_lettered") >= 2);
    wait_for("other streams go on", &agent, || {
        account(
            &agent.setting,
            "metrics-brokerbeat.zookeeper.mntr-refused",
            "indexed",
        ) >= 2
    });
    let listed = dead_letter(&agent.setting, &["list"]);
    assert!(
        listed.contains("document_parsing_exception") && listed.contains(&stream),
        "{listed}"
    );
    let letter = &letters(&agent.setting, &stream)[0];
    assert_eq!(letter["status"], 400, "{letter}");
    assert_eq!(text(letter, "document.zookeeper.server.mode"), "standalone");
    assert_eq!(
        text(letter, "timestamp"),
        text(letter, "document.@timestamp")
    );
    assert!(
        text(letter, "reason").contains("zookeeper.server.mode"),
        "{letter}"
    );

    mend(elasticsearch, &agent, &stream);
    let refused = count("dead_lettered");
    let said = dead_letter(
        &agent.setting,
        &["replay", "--stream", "*zookeeper.server-*"],
    );
    assert!(said.contains("will be shipped again"), "{said}");
    wait_for("all of them are indexed", &agent, || {
        let status = agent.setting.queue_status();
        status["dead_letter"]["documents"] == 0
            && count("replayed") >= refused
            && count("queued") == 0
    });
    let found = assert_all_there(&agent, elasticsearch, &stream);
    crate::agent::assert_no_gap(&ticks(&found), INTERVAL);
    assert_eq!(
        dead_letter(&agent.setting, &["list"]).trim(),
        "nothing was refused for good"
    );
}

fn moment(seconds: i64) -> String {
    let moment = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    format!("{moment:.3}")
}

/// What is older than the stream's time goes to the dead letter, what is newer waits until the time has come, and neither stops what is
/// within.
#[test]
fn the_time_of_a_stream_decides_and_its_end_may_move() {
    let elasticsearch = servers::elasticsearch();
    let stream = stream("window");
    let nowhere = config("http://127.0.0.1:1", "window", "");
    let right = config(&elasticsearch.url(), "window", "");
    let setting = Setting::every(INTERVAL, &right);
    set_up(&setting);
    setting.write(&nowhere);
    let agent = setting.run();
    let count = |agent: &Agent, name: &str| account(&agent.setting, &stream, name);
    wait_for("documents of the past", &agent, || {
        count(&agent, "queued") >= 3
    });
    let setting = agent.killed();

    let (start, end) = (moment(0), moment(4));
    put_template(elasticsearch, "window", |template| {
        let index = &mut template["template"]["settings"]["index"];
        index["time_series"] = json!({"start_time": start, "end_time": end});
    });
    setting.write(&right);
    let agent = setting.run();
    wait_for("documents of the past are refused", &agent, || {
        count(&agent, "dead_lettered") >= 3
    });
    wait_for("documents of the time are indexed", &agent, || {
        count(&agent, "indexed") >= 1
    });
    agent.says("documents are newer than what the stream takes now");
    let old = letters(&agent.setting, &stream);
    for letter in &old {
        assert_eq!(text(letter, "error_type"), "too_old", "{letter}");
        assert!(text(letter, "timestamp") < start.as_str(), "{letter}");
    }
    wait_for("documents ahead wait", &agent, || {
        count(&agent, "queued") >= 2
    });
    // Documents of the past get their answer all the same.
    dead_letter(&agent.setting, &["replay"]);
    wait_for("they are refused again", &agent, || {
        count(&agent, "dead_lettered") >= 2 * old.len() as u64
    });
    assert_eq!(letters(&agent.setting, &stream).len(), old.len());
    assert!(count(&agent, "queued") >= 2, "those ahead still wait");

    let settings = json!({"index.time_series.end_time": moment(3_600)});
    elasticsearch
        .put(&format!("/{stream}/_settings"), &settings)
        .unwrap();
    wait_for("documents ahead are indexed", &agent, || {
        search(elasticsearch, &stream)
            .iter()
            .any(|one| text(one, "@timestamp") >= end.as_str())
            && count(&agent, "queued") == 0
    });
    let found = assert_all_there(&agent, elasticsearch, &stream);
    let ticks = ticks(&found);
    assert!(ticks[0].as_str() >= start.as_str() && ticks.last().unwrap().as_str() >= end.as_str());
}

/// A stream that somebody made read-only holds its documents; the others go on.
#[test]
fn a_read_only_index_is_no_reason_to_refuse_anything() {
    let elasticsearch = servers::elasticsearch();
    let stream = stream("readonly");
    let agent = Setting::every(INTERVAL, &config(&elasticsearch.url(), "readonly", "")).run();
    let count = |name: &str| account(&agent.setting, &stream, name);
    wait_for("a document", &agent, || count("indexed") > 0);
    let block = |is_on: bool| {
        let settings = json!({"index.blocks.write": is_on});
        elasticsearch
            .put(&format!("/{stream}/_settings"), &settings)
            .unwrap();
    };
    block(true);
    agent.says("documents not taken now, will retry");
    wait_for("documents wait", &agent, || count("queued") >= 2);
    assert!(agent.log().contains("cluster_block_exception"));
    block(false);
    wait_for("they are indexed", &agent, || count("queued") == 0);
    let found = assert_all_there(&agent, elasticsearch, &stream);
    crate::agent::assert_no_gap(&ticks(&found), INTERVAL);
    assert_eq!(account(&agent.setting, &stream, "dead_lettered"), 0);
}
