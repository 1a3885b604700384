//! Versions and products of which there is no real server here: what is asked of them, and what is left out.

use serde_json::{Value, json};

use super::answers::{Kind, Server};
use super::{config, setup};
use crate::agent::Setting;

fn kind(number: &str, flavor: &str) -> Kind {
    Kind {
        version: json!({"number": number, "build_flavor": flavor}),
        unknown: &["/_security"],
        refused: &[],
    }
}

fn opensearch() -> Kind {
    Kind {
        version: json!({"number": "3.8.0", "distribution": "opensearch"}),
        unknown: &["/_security", "/_ilm"],
        refused: &[
            "time_series",
            "\"lifecycle\"",
            "failure_store",
            "ignore_missing_component_templates",
        ],
    }
}

/// What is put on such a server, and what is said. The second time nothing is.
fn installed(kind: Kind) -> (Server, Vec<String>, String) {
    let server = Server::start(kind);
    let setting = Setting::new(&config(&server.url(), ""));
    let said = setup(&setting, &[]).ended(0);
    let puts = server.puts();
    let again = setup(&setting, &[]).ended(0);
    assert_eq!(server.puts(), [""; 0], "{}", again.err);
    (server, puts, said.err)
}

fn count(puts: &[String], beginning: &str) -> usize {
    puts.iter()
        .filter(|path| path.starts_with(beginning))
        .count()
}

/// The settings of the component and of the template of a metrics stream.
fn settings(server: &Server) -> (Value, Value) {
    let of = |path: &str| server.body(path)["template"]["settings"]["index"].clone();
    (
        of("/_component_template/brokerbeat-jvm"),
        of("/_index_template/brokerbeat-jvm"),
    )
}

#[test]
fn each_version_gets_what_it_has_and_is_told_what_it_has_not() {
    let (server, puts, said) = installed(Kind {
        refused: &[
            "time_series",
            "failure_store",
            "look_back_time",
            "downsample",
            "ignore_missing_component_templates",
        ],
        ..kind("7.17.29", "default")
    });
    assert!(count(&puts, "/_ilm/policy/brokerbeat-") >= 2, "{puts:?}");
    assert!(
        count(&puts, "/_component_template/brokerbeat-jvm@custom") == 1,
        "it must be there"
    );
    assert_eq!(
        settings(&server).0["lifecycle"]["name"],
        "brokerbeat-metrics"
    );
    assert!(
        said.contains("Elasticsearch 7.17 has no time-series mode"),
        "{said}"
    );
    assert!(said.contains("security is off"), "{said}");

    let (server, puts, said) = installed(Kind {
        refused: &["failure_store"],
        ..kind("8.15.3", "default")
    });
    assert_eq!(settings(&server).1["mode"], "time_series");
    assert!(count(&puts, "/_ilm/policy/brokerbeat-") >= 2, "{puts:?}");
    assert!(!said.contains("has no"), "{said}");
}

#[test]
fn serverless_keeps_its_own_lifecycle_and_has_no_policies() {
    let (server, puts, said) = installed(Kind {
        unknown: &["/_security", "/_ilm"],
        ..kind("8.11.0", "serverless")
    });
    assert_eq!(count(&puts, "/_ilm"), 0);
    let template = server.body("/_component_template/brokerbeat-jvm");
    assert!(
        template["template"]["lifecycle"]["data_retention"].is_string(),
        "{template}"
    );
    assert!(
        !said.contains("policies"),
        "there is something better: {said}"
    );
}

#[test]
fn opensearch_gets_plain_streams_and_a_word_about_its_roles() {
    let (server, puts, said) = installed(opensearch());
    assert_eq!(settings(&server).1, Value::Null);
    assert!(count(&puts, "/_index_template/") > 20);
    assert!(
        said.contains("OpenSearch 3.8 has no time-series mode"),
        "{said}"
    );
    assert!(
        said.contains("OpenSearch has security of its own"),
        "{said}"
    );
}

#[test]
fn a_server_that_is_too_old_or_no_elasticsearch_is_refused_before_anything_is_put() {
    for (kind, why) in [
        (kind("7.10.2", "default"), "Elasticsearch 7.10 is too old"),
        (kind("6.8.23", "default"), "Elasticsearch 6.8 is too old"),
        (kind("new", "default"), "does not answer like Elasticsearch"),
    ] {
        let server = Server::start(kind);
        let setting = Setting::new(&config(&server.url(), ""));
        for args in [&[][..], &["--dry-run"], &["--clean", "--yes"]] {
            setup(&setting, args).ended(1).tells(why);
        }
        assert_eq!(server.puts(), [""; 0]);
    }
}

#[test]
fn another_lifecycle_is_a_wish() {
    let server = Server::start(kind("9.4.0", "default"));
    let url = server.url();
    let with =
        |word: &str| Setting::new(&(config(&url, "") + &format!("setup.lifecycle: {word}\n")));
    setup(&with("data_stream"), &[]).ended(0);
    assert_eq!(count(&server.puts(), "/_ilm"), 0);
    let (component, _) = settings(&server);
    assert_eq!(component["lifecycle"], Value::Null);
    let changed = setup(&with("policies"), &["--dry-run"]).ended(0);
    let place = "template.settings.index.lifecycle.name: nothing → \"brokerbeat-metrics\"";
    assert!(changed.out.contains(place), "{}", changed.out);
    setup(&with("forever"), &[])
        .ended(2)
        .tells("auto, policies, data_stream, none");
}

#[test]
fn export_writes_what_setup_would_put_there() {
    let setting = Setting::new(&config("http://localhost:9", ""));
    let work = stack::WorkDir::new("exported").unwrap();
    let folder = |name: &str, args: &[&str]| {
        let dir = work.join(name);
        let dir_text = dir.display().to_string();
        let args = [&["export", "assets", "--dir", &dir_text], args].concat();
        let done = setting.command(&args);
        assert_eq!(done.status.code(), Some(0), "{done:?}");
        dir
    };
    let newest = folder("newest", &[]);
    for file in [
        "ilm-policy/brokerbeat-metrics.json",
        "ingest-pipeline/brokerbeat-final.json",
        "component-template/brokerbeat-jvm.json",
        "index-template/brokerbeat-jvm.json",
        "security-role/brokerbeat_ship.json",
    ] {
        assert!(newest.join(file).is_file(), "{file}");
    }
    let serverless = folder("serverless", &["--product", "serverless"]);
    assert!(!serverless.join("ilm-policy").exists());
    let opensearch = folder(
        "opensearch",
        &["--product", "opensearch", "--es-version", "3.8"],
    );
    assert!(!opensearch.join("security-role").exists());
    let text = std::fs::read_to_string(opensearch.join("index-template/brokerbeat-jvm.json"));
    assert!(!text.unwrap().contains("time_series"));
    for (version, code) in [("7.10", 1), ("new", 2), ("7.17", 0)] {
        let done = setting.command(&["export", "ilm", "--es-version", version]);
        assert_eq!(done.status.code(), Some(code), "{version}: {done:?}");
    }
}
