//! The command line and what it says about bad input: one sentence that names the place, and the exit code.

use std::collections::BTreeSet;

use crate::agent::{Setting, text};
use crate::servers;

const ZOOKEEPER: &str = "clusters: [{name: a, zookeeper: {hosts: [\"localhost:2181\"]}}]\n";

/// Runs `test config` and gives exit code and stderr.
fn test_config(text: &str) -> (i32, String) {
    let output = Setting::new(text).command(&["test", "config"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code().unwrap_or(-1), said)
}

#[test]
fn a_good_configuration_is_ok() {
    let output = Setting::new(ZOOKEEPER).command(&["test", "config"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "config OK\n");
}

#[test]
fn bad_input_ends_with_2_and_a_sentence_that_names_the_place() {
    let cases: &[(&str, &[&str])] = &[
        (
            "clusters: [{name: a, zookeper: {hosts: [a]}}]\n",
            &["line 3", "zookeper", "did you mean `zookeeper`?"],
        ),
        ("interval: 5\n", &["interval", "written a second time"]),
        (
            "shutdown_timeout: soon\n",
            &["line 3", "shutdown_timeout", "`soon` is not a duration"],
        ),
        (
            "labels: {env: \"${NOT_SET_ANYWHERE}\"}\n",
            &["line 3", "labels.env", "NOT_SET_ANYWHERE is not set"],
        ),
        (
            "clusters: [{name: a, zookeeper: {hosts: []}}]\n",
            &["line 3", "clusters[0].zookeeper.hosts", "is empty"],
        ),
        (
            "clusters: [{kafka: {bootstrap: []}}]\n",
            &["line 3", "clusters[0].kafka.bootstrap", "is empty"],
        ),
        (
            "clusters: [{kafka: {bootstrap: [\"b:70000\"]}}]\n",
            &["`b:70000`", "a port is a number from 1 to 65535"],
        ),
        (
            "clusters: [{name: a, jmx: [{endpoint: \"b:9999\", presets: [kafka-brokr]}]}]\n",
            &["kafka-brokr", "kafka-broker"],
        ),
        (
            "output.elasticsearch: {hosts: []}\n",
            &["output.elasticsearch.hosts", "is empty"],
        ),
        (
            "output.elasticsearch: {hosts: [\"ftp://es\"]}\n",
            &["`ftp://es` is not an http or https address"],
        ),
        ("clusters: [\n", &["line "]),
    ];
    for (text, sentences) in cases {
        let (code, said) = test_config(text);
        assert_eq!(code, 2, "{text}: {said}");
        for sentence in *sentences {
            assert!(
                said.contains(sentence),
                "{text:?}: no `{sentence}` in\n{said}"
            );
        }
    }
}

#[test]
fn a_missing_file_and_a_wrong_flag_end_with_2() {
    let setting = Setting::new(ZOOKEEPER);
    let output = setting.command_with("/nowhere/brokerbeat.yml", &["test", "config"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("/nowhere/brokerbeat.yml") && said.contains("No such file"),
        "{said}"
    );
    assert_eq!(setting.command(&["run", "--fast"]).status.code(), Some(2));
}

#[test]
fn settings_of_the_command_line_are_exported_and_secrets_hidden() {
    let text =
        format!("{ZOOKEEPER}output.elasticsearch: {{hosts: [es], api_key: \"id:hunter2\"}}\n");
    let output = Setting::new(&text).command(&["-E", "labels.env=prod", "export", "config"]);
    let exported = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        exported.contains("env: \"prod\"") && exported.contains("(hidden)"),
        "{exported}"
    );
    assert!(!exported.contains("hunter2"), "{exported}");
}

#[test]
fn run_ends_with_2_before_it_starts_without_an_output_or_a_data_directory() {
    let setting = Setting::new(ZOOKEEPER);
    let output = setting.command(&["run"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("has no output"), "{said}");
    let hosts = "output.elasticsearch.hosts=[es]";
    let output = setting.command(&["-E", hosts, "-E", "path.data=/dev/null/x", "run"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("path.data /dev/null/x"), "{said}");
}

#[test]
fn all_documents_of_a_first_once_carry_one_agent_id() {
    let zookeeper = servers::zookeeper().addr();
    let config = format!("clusters: [{{name: a, zookeeper: {{hosts: [\"{zookeeper}\"]}}}}]\n");
    let (code, documents, said) = Setting::new(&config).once();
    assert_eq!(code, 0, "{said}");
    let ids: BTreeSet<&str> = documents.iter().map(|d| text(d, "agent.id")).collect();
    assert!(
        documents.len() > 3,
        "server, families of mntr and target: {documents:?}"
    );
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[test]
fn version_and_exports_need_no_configuration() {
    let setting = Setting::new("nonsense: [");
    for args in [
        &["version"][..],
        &["export", "fields"],
        &["export", "template"],
    ] {
        let output = setting.command(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!output.stdout.is_empty());
    }
}

/// The sample is valid as shipped, and says the defaults: with its commented keys taken in, nothing changes.
#[test]
fn the_sample_configuration_is_valid_and_its_comments_are_the_defaults() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let sample = std::fs::read_to_string(root.join("brokerbeat.yml")).unwrap();
    let key = |line: &&str| {
        line.trim_start()
            .strip_prefix('#')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    let uncommented: Vec<String> = sample
        .lines()
        .map(|line| {
            if key(&line) {
                line.replacen('#', "", 1)
            } else {
                line.to_owned()
            }
        })
        .collect();
    let setting = Setting::new(ZOOKEEPER);
    let export = |name: &str, text: &str| {
        let file = setting.file(name, text);
        let output = setting.command_with(&file, &["export", "config"]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let (shipped, all) = (
        export("shipped.yml", &sample),
        export("all.yml", &uncommented.join("\n")),
    );
    assert!(
        uncommented.join("\n") != sample.trim_end(),
        "nothing was uncommented"
    );
    // What a target without its own interval or patterns inherits is not among the settings in force.
    let inherited = [
        "interval: \"10s\"",
        "include: [\"*\"]",
        "groups:",
        "topics:",
        // A section that is not written is no TLS; written, it says so and has its other defaults.
        "ssl:",
        "enabled: false",
        "registry: \"automatic\"",
        "verification_mode: \"full\"",
    ];
    let lines = |text: &str| -> BTreeSet<String> {
        text.lines().map(|line| line.trim().to_owned()).collect()
    };
    let (shipped, all) = (lines(&shipped), lines(&all));
    let changed: Vec<_> = all
        .symmetric_difference(&shipped)
        .filter(|line| !inherited.contains(&line.as_str()))
        .collect();
    assert!(changed.is_empty(), "{changed:?}");
}

/// Generated files in the repository are what the binary generates.
#[test]
fn generated_files_have_not_drifted() {
    let setting = Setting::new(ZOOKEEPER);
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let fields = setting.command(&["export", "fields"]);
    let kept = std::fs::read(root.join("docs/fields.md")).unwrap();
    assert!(
        fields.stdout == kept,
        "docs/fields.md has drifted; run `make generate`"
    );
    let fresh = stack::WorkDir::new("generated").unwrap();
    let fresh = fresh.join("templates");
    let dir = fresh.display().to_string();
    for what in ["template", "ilm"] {
        let exported = setting.command(&["export", what, "--dir", &dir]);
        assert_eq!(exported.status.code(), Some(0), "{exported:?}");
    }
    let same = tree(&fresh) == tree(&root.join("elasticsearch-templates"));
    assert!(
        same,
        "elasticsearch-templates has drifted; run `make generate`"
    );
}

/// Relative path and content of every file below a folder.
fn tree(folder: &std::path::Path) -> std::collections::BTreeMap<std::path::PathBuf, String> {
    let mut found = std::collections::BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                found.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}
