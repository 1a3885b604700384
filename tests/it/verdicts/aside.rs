//! Answers of success to documents that are not in the index.

use serde_json::json;

use super::{
    INTERVAL, account, assert_all_there, config, dead_letter, letters, mapped, mend, put_template,
    set_up, stream, ticks, wait_for,
};
use crate::agent::{Setting, assert_no_gap, search, text};
use crate::servers;

/// A pipeline that is missing holds the documents; one that drops them has its way, and every document of it is counted.
#[test]
fn what_a_pipeline_drops_is_counted_and_what_comes_after_it_is_indexed() {
    let elasticsearch = servers::elasticsearch();
    let stream = stream("pipeline");
    let agent = Setting::every(INTERVAL, &config(&elasticsearch.url(), "pipeline", "")).run();
    let count = |name: &str| account(&agent.setting, &stream, name);
    let pipeline = |name: Option<&str>| {
        let settings = json!({"index.default_pipeline": name});
        elasticsearch
            .put(&format!("/{stream}/_settings"), &settings)
            .unwrap();
    };
    wait_for("a document", &agent, || count("indexed") > 0);
    pipeline(Some("all-away"));
    agent.says("pipeline with id [all-away] does not exist");
    wait_for("documents wait for it", &agent, || count("queued") >= 2);
    assert_eq!((count("dropped"), count("dead_lettered")), (0, 0));

    let all_away = json!({"processors": [{"drop": {}}]});
    elasticsearch
        .put("/_ingest/pipeline/all-away", &all_away)
        .unwrap();
    agent.says("dropped by an ingest pipeline");
    wait_for("they are dropped", &agent, || {
        count("dropped") >= 2 && count("queued") == 0
    });
    let before = count("indexed");
    pipeline(None);
    wait_for("documents without it", &agent, || {
        count("indexed") >= before + 2
    });

    agent.stop();
    let found = search(elasticsearch, &stream);
    let [collected, indexed, dropped] = ["collected", "indexed", "dropped"].map(count);
    assert_eq!(indexed, found.len() as u64);
    assert_eq!(collected, indexed + dropped, "nothing else became of one");
    let ticks = ticks(&found);
    let first_after = ticks.len() - usize::try_from(indexed - before).unwrap();
    let moment = |tick: &str| tick.parse::<jiff::Timestamp>().unwrap();
    let away = moment(&ticks[first_after]) - moment(&ticks[first_after - 1]);
    let away = away.total(jiff::Unit::Second).unwrap() - INTERVAL.as_secs_f64();
    assert!(
        (away - dropped as f64).abs() < 0.01,
        "dropped {dropped}, but {away} s are missing in {ticks:?}"
    );
    assert_eq!(
        letters(&agent.setting, &stream),
        [] as [serde_json::Value; 0]
    );
}

/// Elasticsearch has taken the document, but where no search of the stream finds it.
#[test]
fn a_failure_store_is_not_the_index() {
    let elasticsearch = servers::elasticsearch();
    let stream = stream("aside");
    let setting = Setting::every(INTERVAL, &config(&elasticsearch.url(), "aside", ""));
    set_up(&setting);
    put_template(elasticsearch, "aside", |template| {
        let template = &mut template["template"];
        let mapped = mapped(&json!({"type": "long"}));
        template["mappings"]["properties"] = mapped["properties"].clone();
        template["data_stream_options"] = json!({"failure_store": {"enabled": true}});
    });
    let agent = setting.run();
    let count = |name: &str| account(&agent.setting, &stream, name);
    agent.says("documents refused for good");
    wait_for("two dead letters", &agent, || count("dead_lettered") >= 2);
    assert_eq!(count("indexed"), 0);
    let listed = dead_letter(&agent.setting, &["list"]);
    assert!(
        listed.contains("failure_store") && listed.contains(&stream),
        "{listed}"
    );
    let letter = &letters(&agent.setting, &stream)[0];
    assert_eq!(text(letter, "error_type"), "failure_store", "{letter}");
    assert_eq!(letter["status"], 201, "{letter}");
    assert_eq!(text(letter, "document.zookeeper.server.mode"), "standalone");

    mend(elasticsearch, &agent, &stream);
    let refused = count("dead_lettered");
    // Where the reason says, there they are.
    let aside = elasticsearch.count(&format!("{stream}::failures"));
    assert_eq!(aside.unwrap(), refused);
    dead_letter(&agent.setting, &["replay", "--stream", &stream]);
    wait_for("all of them are indexed", &agent, || {
        count("replayed") == refused && count("queued") == 0
    });
    let found = assert_all_there(&agent, elasticsearch, &stream);
    assert_no_gap(&ticks(&found), INTERVAL);
}
