//! `setup`: what it installs, what it leaves alone, what it refuses, and what it takes away again.
//!
//! The tests share one secured server, one at a time: each begins by removing what the last one left.

mod answers;
mod contract;
mod kept;
mod rights;

use std::sync::MutexGuard;

use brokerbeat::assets::VERSION;
use serde_json::{Value, json};
use stack::Elasticsearch;

use crate::agent::Setting;
use crate::said::Said;
use crate::servers;

/// A server with nothing of ours in it, and a user who may do everything.
struct Scene {
    elasticsearch: MutexGuard<'static, Elasticsearch>,
    setting: Setting,
}

/// A configuration with that login.
fn config(url: &str, login: &str) -> String {
    format!(
        "clusters: [{{kafka: {{bootstrap: [\"localhost:9\"]}}}}]\nnamespace: setup\n\
         output.elasticsearch: {{hosts: [\"{url}\"]{login}}}\n"
    )
}

fn setup(setting: &Setting, args: &[&str]) -> Said {
    Said::of(&setting.command(&[&["setup"], args].concat()))
}

impl Scene {
    /// With nothing of ours in it.
    fn new() -> Self {
        let scene = Self::as_it_is();
        scene.setup(&["--clean", "--yes", "--with-data"]).ended(0);
        scene
    }

    /// With everything installed, for tests that do not begin at the beginning: most of the time goes into requests.
    fn set_up() -> Self {
        let scene = Self::as_it_is();
        scene.setup(&["--downgrade"]).ended(0);
        scene
    }

    fn as_it_is() -> Self {
        let elasticsearch = servers::secured();
        for path in [
            "/_index_template/mine",
            "/_component_template/brokerbeat@custom",
            "/_component_template/brokerbeat-jvm@custom",
            "/_ingest/pipeline/brokerbeat-mine",
        ] {
            elasticsearch.request("DELETE", path, None).unwrap();
        }
        let path = "/_index_template/brokerbeat-jvm";
        let (_, answer) = elasticsearch.request("GET", path, None).unwrap();
        if answer.to_string().contains("something-*") {
            elasticsearch.delete(path).unwrap();
        }
        let login = format!(", username: elastic, password: {}", servers::PASSWORD);
        let setting = Setting::new(&config(&elasticsearch.url(), &login));
        Self {
            elasticsearch,
            setting,
        }
    }

    fn setup(&self, args: &[&str]) -> Said {
        setup(&self.setting, args)
    }

    /// How many of ours there are.
    fn installed(&self) -> usize {
        let names = |path: &str, list: &str| {
            let (_, answer) = self.elasticsearch.request("GET", path, None).unwrap();
            answer[list].as_array().map_or(0, Vec::len)
        };
        names("/_index_template/brokerbeat-*", "index_templates")
            + names("/_component_template/brokerbeat*", "component_templates")
            + self.pipelines()
    }

    fn pipelines(&self) -> usize {
        let answer = self.elasticsearch.request("GET", "/_ingest/pipeline", None);
        let (_, answer) = answer.unwrap();
        let names = answer.as_object().unwrap().keys();
        names.filter(|name| name.starts_with("brokerbeat-")).count()
    }

    /// The policies are counted anew each time that they are put.
    fn policy_puts(&self) -> u64 {
        let answer = self.elasticsearch.get("/_ilm/policy/brokerbeat-*").unwrap();
        let policies = answer.as_object().unwrap().values();
        policies
            .map(|policy| policy["version"].as_u64().unwrap())
            .sum()
    }

    fn put(&self, path: &str, body: &Value) {
        self.elasticsearch.put(path, body).unwrap();
    }

    /// The body of what is there under a path, as it could be put.
    fn body(&self, path: &str) -> Value {
        let answer = self.elasticsearch.get(path).unwrap();
        let found = answer
            .pointer("/index_templates/0/index_template")
            .or_else(|| answer.pointer("/component_templates/0/component_template"))
            .or_else(|| answer.as_object()?.values().next());
        let mut body = found.unwrap_or_else(|| panic!("{path}: {answer}")).clone();
        let fields = body.as_object_mut().unwrap();
        fields.retain(|name, _| !name.ends_with("_date") && !name.ends_with("_date_millis"));
        body
    }
}

/// What somebody else's template looks like.
fn foreign(pattern: &str, priority: u64) -> Value {
    json!({"index_patterns": [pattern], "priority": priority, "data_stream": {}})
}

#[test]
fn the_second_time_nothing_is_put_and_a_dry_run_never_puts() {
    let scene = Scene::new();
    let before = scene.setup(&["--dry-run"]).ended(0);
    assert!(
        before.out.lines().all(|line| line.starts_with("new ")),
        "{}",
        before.out
    );
    assert!(before.out.contains("/_security/role/brokerbeat_ship"));
    assert_eq!(scene.installed(), 0, "a dry run has installed something");
    let first = scene.setup(&[]).ended(0);
    first.tells(" new\n");
    assert_eq!(first.out, "", "a key is made only where one is asked for");
    let puts = scene.policy_puts();
    let dry = scene.setup(&["--dry-run"]).ended(0);
    assert!(
        dry.out.lines().all(|line| line.starts_with("unchanged ")),
        "{}",
        dry.out
    );
    assert_eq!(dry.out.lines().count(), before.out.lines().count());
    let second = scene.setup(&[]).ended(0);
    second.tells(&format!(
        "version {VERSION}: {} unchanged\n",
        dry.out.lines().count()
    ));
    assert_eq!(scene.policy_puts(), puts, "put again");
}

#[test]
fn a_part_is_installed_alone() {
    let scene = Scene::new();
    scene.setup(&["--pipelines"]).ended(0);
    assert!(scene.pipelines() > 0);
    assert_eq!(scene.installed(), scene.pipelines());
    let templates = scene.setup(&["--templates"]).ended(0);
    templates.tells("setup --pipelines --ilm");
    assert!(scene.installed() > scene.pipelines());
}

#[test]
fn an_older_version_is_upgraded_and_what_the_user_wrote_survives() {
    let scene = Scene::set_up();
    let custom = json!({"template": {"settings": {"index": {"number_of_replicas": "2"}}}});
    scene.put("/_component_template/brokerbeat@custom", &custom);
    let own_pipeline = json!({"processors": []});
    scene.put(
        "/_ingest/pipeline/metrics-brokerbeat.import@custom",
        &own_pipeline,
    );
    let pipeline = "/_ingest/pipeline/brokerbeat-final";
    let template = "/_index_template/brokerbeat-jvm";
    let component = "/_component_template/brokerbeat-jvm";
    for path in [pipeline, component, template] {
        let mut body = scene.body(path);
        body["version"] = json!(1);
        body["_meta"]["version"] = json!(1);
        if path == template {
            body["priority"] = json!(400);
        }
        scene.put(path, &body);
    }
    let dry = scene.setup(&["--dry-run"]).ended(0);
    for path in [pipeline, component, template] {
        let line = format!("changed    {path} (version 1 → {VERSION})");
        assert!(dry.out.contains(&line), "{line} is not in\n{}", dry.out);
    }
    assert!(dry.out.contains(" priority: 400 → 501\n"), "{}", dry.out);
    assert_eq!(
        scene.body(template)["priority"],
        400,
        "a dry run has put something"
    );
    scene.setup(&[]).ended(0).tells("3 changed");
    for path in [pipeline, component, template] {
        assert_eq!(scene.body(path)["version"], VERSION, "{path}");
    }
    assert_eq!(scene.body("/_component_template/brokerbeat@custom"), custom);
    let own = "/_ingest/pipeline/metrics-brokerbeat.import@custom";
    assert_eq!(scene.body(own)["processors"], json!([]));
    // And it is in force.
    let path = "/_index_template/_simulate_index/metrics-brokerbeat.jvm-x";
    let simulated = scene.elasticsearch.request("POST", path, None).unwrap().1;
    let replicas = &simulated["template"]["settings"]["index"]["number_of_replicas"];
    assert_eq!(replicas, "2", "{simulated}");
    for path in ["/_component_template/brokerbeat@custom", own] {
        scene.elasticsearch.delete(path).unwrap();
    }
}

#[test]
fn what_is_newer_is_not_overwritten_unless_that_is_wished() {
    let scene = Scene::set_up();
    let path = "/_ingest/pipeline/brokerbeat-final";
    let newer = json!({"version": VERSION + 1, "processors": [],
        "_meta": {"managed_by": "brokerbeat", "version": VERSION + 1}});
    scene.put(path, &newer);
    let refused = scene.setup(&[]).ended(1);
    refused.tells(&format!("{path}: version {}", VERSION + 1));
    refused.tells("setup --downgrade");
    let dry = scene.setup(&["--dry-run"]).ended(1);
    assert!(
        dry.out.contains(&format!("newer      {path}")),
        "{}",
        dry.out
    );
    assert_eq!(scene.body(path)["version"], VERSION + 1);
    scene.setup(&["--downgrade"]).ended(0);
    assert_eq!(scene.body(path)["version"], VERSION);
}

#[test]
fn a_policy_that_its_user_has_changed_stays_until_it_is_wished_away() {
    let scene = Scene::set_up();
    let path = "/_ilm/policy/brokerbeat-metrics";
    let retention = || {
        let body = scene.body(path);
        body["policy"]["phases"]["delete"]["min_age"].clone()
    };
    let ours = retention();
    let mut theirs = json!({"policy": scene.body(path)["policy"]});
    theirs["policy"]["phases"]["delete"]["min_age"] = json!("365d");
    // As if an older agent had put what its user changed then.
    theirs["policy"]["_meta"]["version"] = json!(1);
    scene.put(path, &theirs);
    let dry = scene.setup(&["--dry-run"]).ended(0);
    let line = format!("edited     {path} (version 1 → {VERSION})");
    assert!(dry.out.contains(&line), "{line} is not in\n{}", dry.out);
    let sentence = format!("{path} was changed by somebody and stays as it is");
    scene.setup(&[]).ended(0).tells(&sentence);
    assert_eq!(retention(), "365d");
    scene.setup(&["--ilm", "--overwrite"]).ended(0);
    assert_eq!(retention(), ours);
    scene.setup(&[]).ended(0).tells("unchanged");
}

#[test]
fn a_conflict_is_explained_and_then_nothing_at_all_is_installed() {
    let scene = Scene::new();
    scene.put(
        "/_index_template/mine",
        &foreign("metrics-brokerbeat.*", 501),
    );
    let same = scene.setup(&[]).ended(1);
    same.tells("`mine` (metrics-brokerbeat.*) has the priority 501");
    same.tells("another priority");
    same.tells("nothing is installed");
    // Elasticsearch would have refused it.
    let refused = scene
        .elasticsearch
        .request(
            "PUT",
            "/_index_template/brokerbeat-jvm",
            Some(foreign("metrics-brokerbeat.jvm-*", 501).to_string()),
        )
        .unwrap();
    assert!(
        refused.0 == 400 && refused.1.to_string().contains("same priority"),
        "{refused:?}"
    );

    scene.put("/_index_template/mine", &foreign("metrics-*-*", 900));
    let above = scene.setup(&["--dry-run"]).ended(1);
    above.tells("it would make metrics-brokerbeat.");
    above.tells("-setup");

    scene.elasticsearch.delete("/_index_template/mine").unwrap();
    scene.put(
        "/_index_template/brokerbeat-jvm",
        &foreign("something-*", 1),
    );
    scene
        .setup(&[])
        .ended(1)
        .tells("/_index_template/brokerbeat-jvm is there and is not the agent's");
    assert_eq!(scene.installed(), 1, "theirs alone");
    scene
        .elasticsearch
        .delete("/_index_template/brokerbeat-jvm")
        .unwrap();

    // One for another namespace is its owner's business.
    scene.put(
        "/_index_template/mine",
        &foreign("metrics-*-elsewhere", 900),
    );
    scene.setup(&["--dry-run"]).ended(0);
    scene.elasticsearch.delete("/_index_template/mine").unwrap();
}
