//! The way into a real Elasticsearch, and everything that may stand in it.

use std::collections::BTreeSet;
use std::time::Duration;

use brokerbeat::catalogue::Catalogue;
use serde_json::{Value, json};
use stack::{Elasticsearch, wait_until};

use crate::agent::{Agent, PATIENCE, Setting, field, search, text};
use crate::servers;

fn zookeeper_config(elasticsearch: &Elasticsearch, namespace: &str, more: &str) -> String {
    format!(
        "clusters: [{{name: orders, zookeeper: {{hosts: [\"{}\"]}}}}]\n\
         namespace: {namespace}\nlabels: {{env: test}}\n\
         output.elasticsearch: {{hosts: [\"{}\"]{more}}}\n",
        servers::zookeeper().addr(),
        elasticsearch.url(),
    )
}

fn basic() -> String {
    format!(", username: elastic, password: {}", servers::PASSWORD)
}

pub(crate) fn wait_for(what: &str, agent: &Agent, mut check: impl FnMut() -> bool) {
    if wait_until(what, PATIENCE, || check().then_some(())).is_err() {
        panic!("{what}: never; the agent says:\n{}", agent.log());
    }
}

/// All leaves of a mapping, by dotted name.
fn mapped(prefix: &str, properties: &Value, found: &mut BTreeSet<String>) {
    for (name, mapping) in properties.as_object().into_iter().flatten() {
        let name = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match mapping.get("properties") {
            Some(below) => mapped(&name, below, found),
            None => {
                found.insert(name);
            }
        }
    }
}

/// No field of the streams was made by Elasticsearch itself, and none of them was ignored.
pub(crate) fn assert_nothing_dynamic(elasticsearch: &Elasticsearch, namespace: &str) {
    let pattern = format!("*-brokerbeat.*-{namespace}");
    for stream in elasticsearch.data_streams(&pattern).unwrap() {
        let dataset = stream
            .split("-brokerbeat.")
            .nth(1)
            .and_then(|s| s.rsplit_once('-'))
            .unwrap()
            .0
            .to_owned();
        let dataset = Catalogue::get()
            .dataset(&dataset)
            .expect("a stream of the catalogue");
        let known = Catalogue::get().known(dataset);
        let mappings = elasticsearch.get(&format!("/{stream}/_mapping")).unwrap();
        let mut found = BTreeSet::new();
        for (_, index) in mappings.as_object().unwrap() {
            mapped("", &index["mappings"]["properties"], &mut found);
        }
        let dynamic: Vec<_> = found
            .iter()
            .filter(|name| !known.contains_key(name.as_str()) && !name.starts_with("labels"))
            .collect();
        assert!(
            dynamic.is_empty(),
            "{stream}: made by Elasticsearch: {dynamic:?}"
        );
    }
    let ignored = elasticsearch
        .post(
            &format!("/{pattern}/_search"),
            &json!({"size": 1, "query": {"exists": {"field": "_ignored"}}}),
        )
        .unwrap();
    assert_eq!(ignored["hits"]["hits"], json!([]), "a value was ignored");
}

/// Ends the agent once it has accounted for its streams: every account balances and counts no collision and nothing dropped.
pub(crate) fn stop_accounted(agent: &Agent, elasticsearch: &Elasticsearch, namespace: &str) {
    let stream = format!("metrics-brokerbeat.agent-{namespace}");
    // They come a tick after what they are about, so from an agent that still runs.
    wait_for("accounts are shipped, too", agent, || {
        !search(elasticsearch, &stream).is_empty()
    });
    agent.stop_clean();
    for account in search(elasticsearch, &stream) {
        let count = |name: &str| {
            field(&account, &format!("brokerbeat.stream.{name}"))
                .and_then(Value::as_u64)
                .unwrap()
        };
        let gone: u64 = [
            "indexed",
            "duplicate",
            "collision",
            "dead_lettered",
            "dropped",
            "queued",
        ]
        .map(count)
        .iter()
        .sum();
        assert_eq!(count("collected") + count("replayed"), gone, "{account}");
        assert_eq!((count("collision"), count("dropped")), (0, 0), "{account}");
    }
}

#[test]
fn documents_arrive_in_time_series_streams_without_a_dynamic_field() {
    let elasticsearch = servers::elasticsearch();
    let setting = Setting::new(&zookeeper_config(elasticsearch, "arrive", ""));
    let set_up = setting.command(&["setup"]);
    assert_eq!(
        set_up.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&set_up.stderr)
    );
    let agent = setting.run();
    let stream = "metrics-brokerbeat.zookeeper.server-arrive";
    wait_for("three ticks", &agent, || {
        search(elasticsearch, stream).len() >= 3
    });
    stop_accounted(&agent, elasticsearch, "arrive");
    let settings = elasticsearch.get(&format!("/{stream}/_settings")).unwrap();
    assert!(
        settings.to_string().contains("\"time_series\""),
        "{settings}"
    );
    for document in search(elasticsearch, stream) {
        assert_eq!(text(&document, "zookeeper.server.mode"), "standalone");
        assert_eq!(text(&document, "labels.env"), "test");
        let tick = text(&document, "@timestamp");
        assert!(tick.ends_with(".000Z"), "{tick} is no tick");
    }
    assert_nothing_dynamic(elasticsearch, "arrive");
}

#[test]
fn nothing_is_shipped_where_the_template_is_missing_or_foreign() {
    // A server of its own: no other test's templates.
    let elasticsearch = Elasticsearch::start().expect("Elasticsearch starts");
    let foreign = |priority: u32| {
        json!({"index_patterns": ["metrics-*-*"], "priority": priority, "data_stream": {},
               "template": {"mappings": {"properties": {"a": {"type": "keyword"}}}}})
    };
    elasticsearch
        .put("/_index_template/foreign", &foreign(100))
        .unwrap();
    let config = zookeeper_config(&elasticsearch, "gate", "");
    let agent = Setting::new(&format!("{config}setup.template.enabled: false\n")).run();
    agent.says("the template of metrics-brokerbeat.zookeeper.server-gate is missing");
    agent.says("brokerbeat setup");
    assert!(
        elasticsearch
            .data_streams("*brokerbeat*")
            .unwrap()
            .is_empty(),
        "something was shipped"
    );

    // With the template there the held documents go, the first tick's among them.
    let set_up = agent.setting.command(&["setup"]);
    assert_eq!(
        set_up.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&set_up.stderr)
    );
    let stream = "metrics-brokerbeat.zookeeper.server-gate";
    wait_for("held documents arrive", &agent, || {
        !search(&elasticsearch, stream).is_empty()
    });
    agent.stop_clean();
    assert_nothing_dynamic(&elasticsearch, "gate");

    // Somebody else's template of a higher priority.
    elasticsearch
        .put("/_index_template/foreign", &foreign(900))
        .unwrap();
    let agent = Setting::new(&zookeeper_config(&elasticsearch, "above", "")).run();
    agent.says("metrics-brokerbeat.zookeeper.server-above is not ours");
    assert!(
        elasticsearch
            .data_streams("*brokerbeat*-above")
            .unwrap()
            .is_empty()
    );
    agent.stop_clean();
}

#[test]
fn a_missing_template_is_installed_where_the_agent_may() {
    let elasticsearch = Elasticsearch::start().expect("Elasticsearch starts");
    let agent = Setting::new(&zookeeper_config(&elasticsearch, "auto", "")).run();
    agent.says("template installed");
    let stream = "metrics-brokerbeat.zookeeper.mntr-auto";
    wait_for("documents arrive", &agent, || {
        !search(&elasticsearch, stream).is_empty()
    });
    agent.stop_clean();
    assert_nothing_dynamic(&elasticsearch, "auto");
}

#[test]
fn a_401_is_said_with_its_place_and_ends_nothing() {
    let elasticsearch = servers::secured();
    let setting = Setting::new(&zookeeper_config(
        &elasticsearch,
        "nokey",
        ", api_key: \"wrong:hunter2\"",
    ));
    let set_up = setting.command(&["setup"]);
    let said = String::from_utf8_lossy(&set_up.stderr).into_owned();
    assert_eq!(set_up.status.code(), Some(1), "{said}");
    assert!(
        said.contains("answers 401") && said.contains(&elasticsearch.url().replace("http://", "")),
        "{said}"
    );
    assert!(
        said.contains("output.elasticsearch.api_key") && !said.contains("hunter2"),
        "{said}"
    );
    let agent = setting.run();
    agent.says("answers 401");
    agent.stop_clean();
    assert!(!agent.log().contains("hunter2"));
}

#[test]
fn what_was_collected_while_elasticsearch_was_away_arrives_with_its_tick() {
    let elasticsearch = servers::secured();
    let config = zookeeper_config(&elasticsearch, "away", &basic());
    let agent = Setting::every(Duration::from_secs(5), &config).run();
    let stream = "metrics-brokerbeat.zookeeper.server-away";
    wait_for("a first document", &agent, || {
        !search(&elasticsearch, stream).is_empty()
    });
    elasticsearch.kill();
    agent.says("nothing shipped, will retry");
    elasticsearch.restart().unwrap();
    agent.says("Elasticsearch takes documents again");
    stop_accounted(&agent, &elasticsearch, "away");
    let ticks: Vec<String> = search(&elasticsearch, stream)
        .iter()
        .map(|d| text(d, "@timestamp").to_owned())
        .collect();
    crate::agent::assert_no_gap(&ticks, Duration::from_secs(5));
}
