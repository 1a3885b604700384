//! The two roles, and the key: what they allow and what not. As docs/operations.md says.

use serde_json::json;
use stack::Elasticsearch;

use super::{Scene, config, setup};
use crate::agent::{Setting, search};
use crate::said::Said;
use crate::servers;
use crate::shipping::{stop_accounted, wait_for};

const USER: &str = "installer";
const PASSWORD: &str = "hunter2hunter2";
/// The two, as HTTP wants them.
const LOGIN: &str = "Basic aW5zdGFsbGVyOmh1bnRlcjJodW50ZXIy";

/// `setup` as a user with these roles.
fn setup_as(elasticsearch: &Elasticsearch, roles: &[&str], args: &[&str]) -> Said {
    let user = json!({"password": PASSWORD, "roles": roles});
    let path = format!("/_security/user/{USER}");
    elasticsearch.put(&path, &user).unwrap();
    let login = format!(", username: {USER}, password: {PASSWORD}");
    setup(&Setting::new(&config(&elasticsearch.url(), &login)), args)
}

#[test]
fn each_right_that_setup_needs_is_named_when_it_is_missing() {
    let scene = Scene::new();
    let as_one_with = |rights: &[&str]| {
        scene.put("/_security/role/installer", &json!({"cluster": rights}));
        setup_as(&scene.elasticsearch, &["installer"], &[])
    };
    // The test server lets everybody ask GET / and handle policies, which want `monitor` and `manage_ilm` elsewhere.
    let all = [
        "monitor",
        "manage_ilm",
        "manage_ingest_pipelines",
        "manage_index_templates",
    ];
    for (count, missing) in [
        (2, "cannot read /_ingest/pipeline/brokerbeat-*"),
        (3, "cannot install /_component_template/"),
    ] {
        let said = as_one_with(&all[..count]).ended(1);
        said.tells("answers 403");
        said.tells(missing);
    }
    as_one_with(&all)
        .ended(0)
        .tells("no roles: this user may not make any");
    scene
        .elasticsearch
        .delete("/_security/role/installer")
        .unwrap();
}

#[test]
fn the_role_for_setting_up_sets_up_and_reads_nothing() {
    let scene = Scene::set_up();
    let elasticsearch = &*scene.elasticsearch;
    setup_as(elasticsearch, &["brokerbeat_setup"], &[]).ended(0);
    assert!(scene.installed() > 0);
    // What wants more than the role has is refused, and not left out without a word.
    let refused = setup_as(elasticsearch, &["brokerbeat_setup"], &["--role"]).ended(1);
    refused.tells("manage_security");
    create(elasticsearch);
    let kept = setup_as(
        elasticsearch,
        &["brokerbeat_setup"],
        &["--clean", "--dry-run"],
    )
    .ended(0);
    assert!(
        kept.out.contains("stays   logs-brokerbeat.event-setup: "),
        "{}",
        kept.out
    );
    for (method, path) in [
        ("GET", "/logs-brokerbeat.event-setup/_search"),
        ("DELETE", "/_data_stream/logs-brokerbeat.event-setup"),
        ("PUT", "/another"),
        ("GET", "/_security/user"),
    ] {
        assert_eq!(
            status(elasticsearch, LOGIN, method, path),
            403,
            "{method} {path}"
        );
    }
}

#[test]
fn a_key_for_shipping_ships_and_can_do_nothing_else() {
    let scene = Scene::new();
    scene.setup(&[]).ended(0);
    let made = scene.setup(&["--role"]).ended(0);
    let key = made.out.trim_end().to_owned();
    assert!(
        !key.is_empty() && !made.err.contains(&key),
        "a secret is data"
    );
    let second = scene.setup(&["--role"]).ended(0);
    assert_eq!(second.out, "");
    second.tells("there is a key for shipping");
    let another = scene.setup(&["--api-key"]).ended(0).out;
    assert!(!another.trim_end().is_empty() && another.trim_end() != key);

    let elasticsearch = &*scene.elasticsearch;
    let agent = Setting::new(&format!(
        "clusters: [{{name: orders, zookeeper: {{hosts: [\"{}\"]}}}}]\nnamespace: setup\n\
         output.elasticsearch: {{hosts: [\"{}\"], api_key: \"{key}\"}}\n",
        servers::zookeeper().addr(),
        elasticsearch.url(),
    ))
    .run();
    let stream = "metrics-brokerbeat.zookeeper.server-setup";
    wait_for("documents arrive", &agent, || {
        !search(elasticsearch, stream).is_empty()
    });
    stop_accounted(&agent, elasticsearch, "setup");
    let log = agent.log();
    assert!(
        !log.contains("may not be written") && !log.contains("403"),
        "{log}"
    );
    assert!(!log.contains(&key), "{log}");

    for (method, path) in [
        ("GET", format!("/{stream}/_search")),
        ("DELETE", format!("/_data_stream/{stream}")),
        ("POST", format!("/{stream}/_rollover")),
        ("DELETE", format!("/{stream}/_doc/x")),
        ("PUT", "/another".to_owned()),
        ("POST", "/another/_doc".to_owned()),
        ("PUT", "/_ingest/pipeline/another".to_owned()),
        ("DELETE", "/_index_template/brokerbeat-jvm".to_owned()),
        ("DELETE", "/_component_template/brokerbeat-jvm".to_owned()),
        ("GET", "/_security/user".to_owned()),
    ] {
        let who = format!("ApiKey {key}");
        let status = status(elasticsearch, &who, method, &path);
        assert_eq!(status, 403, "{method} {path}");
    }
    // A key with the key's rights cannot make others.
    let setting = Setting::new(&config(
        &elasticsearch.url(),
        &format!(", api_key: \"{key}\""),
    ));
    setup(&setting, &["--api-key"]).ended(1);
}

/// A document in a stream of ours.
pub(super) fn create(elasticsearch: &Elasticsearch) {
    let document = json!({"@timestamp": "2026-01-01T00:00:00Z",
        "data_stream": {"type": "logs", "dataset": "brokerbeat.event", "namespace": "setup"}});
    let lines = format!("{{\"create\":{{}}}}\n{document}\n");
    let path = "/logs-brokerbeat.event-setup/_bulk?refresh=true";
    let (status, answer) = elasticsearch.request("POST", path, Some(lines)).unwrap();
    assert!(status == 200 && answer["errors"] == false, "{answer}");
}

/// The status of an answer to somebody.
fn status(elasticsearch: &Elasticsearch, who: &str, method: &str, path: &str) -> u16 {
    let body = matches!(method, "PUT" | "POST").then(|| "{}".to_owned());
    let answer = elasticsearch.request_as(who, method, path, body);
    answer.unwrap().0
}
