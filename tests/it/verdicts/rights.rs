//! Rights that are taken away in mid-run.

use serde_json::{Value, json};

use super::{INTERVAL, account, assert_all_there, config, stream, ticks, wait_for};
use crate::agent::Setting;
use crate::servers;

/// What the user `shipper` may do.
fn role() -> Value {
    let cluster = [
        "monitor",
        "manage_ingest_pipelines",
        "manage_ilm",
        "manage_index_templates",
    ];
    json!({"cluster": cluster, "indices": [{
        "names": ["metrics-brokerbeat.*", "logs-brokerbeat.*"],
        "privileges": ["view_index_metadata", "create_doc", "auto_configure"]}]})
}

/// A right that is taken away in mid-run costs time and nothing else: with the role 403, with the user 401.
#[test]
fn a_right_that_is_taken_away_and_given_back_costs_no_document() {
    let elasticsearch = servers::secured();
    let user = |roles: &[&str]| {
        let body = json!({"password": "hunter2hunter2", "roles": roles});
        elasticsearch.put("/_security/user/shipper", &body).unwrap();
    };
    elasticsearch
        .put("/_security/role/shipper", &role())
        .unwrap();
    user(&["shipper"]);
    let switch = |what: &str| {
        let path = format!("/_security/user/shipper/{what}");
        assert_eq!(elasticsearch.request("PUT", &path, None).unwrap().0, 200);
    };
    let basic = ", username: shipper, password: hunter2hunter2";
    let agent = Setting::every(INTERVAL, &config(&elasticsearch.url(), "rights", basic)).run();
    let stream = stream("rights");
    let count = |name: &str| account(&agent.setting, &stream, name);
    wait_for("a document", &agent, || count("indexed") > 0);

    user(&[]);
    agent.says("answers 403");
    wait_for("documents wait", &agent, || count("queued") >= 2);
    user(&["shipper"]);
    wait_for("they are indexed", &agent, || count("queued") == 0);

    switch("_disable");
    agent.says("answers 401");
    wait_for("documents wait again", &agent, || count("queued") >= 2);
    switch("_enable");
    wait_for("they are indexed, too", &agent, || count("queued") == 0);

    let found = assert_all_there(&agent, &elasticsearch, &stream);
    crate::agent::assert_no_gap(&ticks(&found), INTERVAL);
    let log = agent.log();
    for (status, most) in [("answers 403", 2), ("answers 401", 1)] {
        let said = log.lines().filter(|line| line.contains(status)).count();
        assert!(said <= most, "{status} is said {said} times:\n{log}");
    }
    assert!(!log.contains("hunter2"));
}

/// A key that is invalidated does not come back: another one by configuration and restart, and everything is there.
#[test]
fn a_key_that_is_invalidated_and_replaced_costs_no_document() {
    let elasticsearch = servers::secured();
    let key = || {
        let body = json!({"name": "brokerbeat", "role_descriptors": {"brokerbeat": role()}});
        let key = elasticsearch.post("/_security/api_key", &body).unwrap();
        let id = key["id"].as_str().unwrap().to_owned();
        let shown = format!("{id}:{}", key["api_key"].as_str().unwrap());
        (
            id,
            config(
                &elasticsearch.url(),
                "key",
                &format!(", api_key: \"{shown}\""),
            ),
        )
    };
    let (id, first) = key();
    let agent = Setting::every(INTERVAL, &first).run();
    let stream = stream("key");
    wait_for("a document", &agent, || {
        account(&agent.setting, &stream, "indexed") > 0
    });
    let body = json!({"ids": [id]}).to_string();
    let (status, _) = elasticsearch
        .request("DELETE", "/_security/api_key", Some(body))
        .unwrap();
    assert_eq!(status, 200);
    agent.says("answers 401");
    agent.says("output.elasticsearch.api_key");
    wait_for("documents wait", &agent, || {
        account(&agent.setting, &stream, "queued") >= 2
    });
    agent.stop();
    let before = account(&agent.setting, &stream, "collected");
    let setting = agent.killed();
    setting.write(&key().1);
    let agent = setting.run();
    wait_for("they are indexed", &agent, || {
        account(&agent.setting, &stream, "queued") == 0
            && account(&agent.setting, &stream, "indexed") >= before
    });
    assert_all_there(&agent, &elasticsearch, &stream);
}
