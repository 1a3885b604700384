//! `setup --clean`: what goes and what stays.

use serde_json::json;

use super::{Scene, foreign, rights};

#[test]
fn clean_asks_first_and_removes_what_is_ours_and_nothing_else() {
    let scene = Scene::set_up();
    scene.setup(&["--api-key"]).ended(0);
    let custom = json!({"template": {"mappings": {"properties": {"x": {"type": "long"}}}}});
    scene.put("/_component_template/brokerbeat-jvm@custom", &custom);
    scene.put("/_index_template/mine", &foreign("metrics-mine-*", 501));
    let theirs = json!({"processors": []});
    scene.put("/_ingest/pipeline/brokerbeat-mine", &theirs);
    scene.put("/_security/role/mine", &json!({"cluster": ["monitor"]}));
    let there = scene.installed();

    // Nobody is there to say yes.
    scene.setup(&["--clean"]).ended(2).tells("--yes");
    let dry = scene.setup(&["--clean", "--dry-run"]).ended(0);
    assert!(
        dry.out
            .contains("remove  /_index_template/brokerbeat-jvm\n")
    );
    assert!(
        !dry.out.contains("mine") && !dry.out.contains("@custom"),
        "{}",
        dry.out
    );
    assert_eq!(scene.installed(), there, "something was removed");

    scene.setup(&["--clean", "--yes"]).ended(0).tells(" key");
    assert_eq!(scene.installed(), 2, "the user's component and pipeline");
    for gone in [
        "/_ilm/policy/brokerbeat-logs",
        "/_security/role/brokerbeat_ship",
    ] {
        let (status, _) = scene.elasticsearch.request("GET", gone, None).unwrap();
        assert_eq!(status, 404, "{gone}");
    }
    let theirs = [
        "/_component_template/brokerbeat-jvm@custom",
        "/_index_template/mine",
        "/_ingest/pipeline/brokerbeat-mine",
        "/_security/role/mine",
    ];
    for path in theirs {
        scene.elasticsearch.get(path).unwrap();
    }
    scene
        .setup(&["--clean", "--yes"])
        .ended(0)
        .tells("nothing of setup's");
    for path in theirs {
        scene.elasticsearch.delete(path).unwrap();
    }
}

#[test]
fn templates_whose_streams_hold_data_stay_with_all_that_they_need() {
    let scene = Scene::set_up();
    rights::create(&scene.elasticsearch);
    let kept = scene.setup(&["--clean", "--yes"]).ended(0);
    kept.tells("logs-brokerbeat.event-setup: 1 documents, ");
    for path in [
        "/_index_template/brokerbeat-event",
        "/_component_template/brokerbeat-event",
        "/_component_template/brokerbeat-base",
        "/_ingest/pipeline/brokerbeat-final",
        "/_ilm/policy/brokerbeat-logs",
    ] {
        kept.tells(&format!("keep    {path}\n"));
        scene.elasticsearch.get(path).unwrap();
    }
    for path in [
        "/_index_template/brokerbeat-jvm",
        "/_ilm/policy/brokerbeat-metrics",
    ] {
        let (status, _) = scene.elasticsearch.request("GET", path, None).unwrap();
        assert_eq!(status, 404, "{path}");
    }
    // What has stayed still takes documents.
    rights::create(&scene.elasticsearch);
    assert_eq!(
        scene
            .elasticsearch
            .count("logs-brokerbeat.event-setup")
            .unwrap(),
        2
    );

    scene
        .setup(&["--clean", "--yes", "--with-data"])
        .ended(0)
        .tells("data    logs-brokerbeat.event-setup: 2 documents");
    assert_eq!(scene.installed(), 0);
    assert_eq!(
        scene.elasticsearch.data_streams("*-brokerbeat.*").unwrap(),
        [""; 0]
    );
}

#[test]
fn a_stream_that_another_template_has_made_stays_with_its_documents() {
    let scene = Scene::new();
    let stream = "metrics-brokerbeat.jvm-before";
    scene.put(
        "/_index_template/mine",
        &foreign("metrics-brokerbeat.jvm-*", 400),
    );
    let document = json!({"@timestamp": "2026-11-22T19:20:00Z"}).to_string();
    let path = format!("/{stream}/_doc?refresh=true");
    let (status, answer) = scene
        .elasticsearch
        .request("POST", &path, Some(document))
        .unwrap();
    assert_eq!(status, 201, "{answer}");
    scene.setup(&[]).ended(0);
    let clean = scene.setup(&["--clean", "--yes", "--with-data"]).ended(0);
    clean.tells(&format!("stays   {stream}: 1 documents"));
    clean.tells("keep    /_index_template/brokerbeat-jvm\n");
    assert_eq!(scene.elasticsearch.count(stream).unwrap(), 1);

    let path = format!("/_data_stream/{stream}");
    scene.elasticsearch.delete(&path).unwrap();
    scene.elasticsearch.delete("/_index_template/mine").unwrap();
    scene.setup(&["--clean", "--yes"]).ended(0);
    assert_eq!(scene.installed(), 0);
}

#[test]
fn what_an_index_still_uses_is_named_and_everything_else_goes() {
    let scene = Scene::set_up();
    let uses = json!({"settings": {"index.lifecycle.name": "brokerbeat-metrics"}});
    scene.put("/uses-a-policy", &uses);
    let clean = scene.setup(&["--clean", "--yes"]).ended(1);
    clean.tells("/_ilm/policy/brokerbeat-metrics");
    clean.tells("1 could not be removed");
    assert_eq!(scene.installed(), 0);
    scene.elasticsearch.delete("/uses-a-policy").unwrap();
    scene.setup(&["--clean", "--yes"]).ended(0);
}
