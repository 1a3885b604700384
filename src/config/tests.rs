//! Sentences about configurations, good and bad.

use super::*;

fn load(text: &str) -> Result<Config, Vec<String>> {
    load_with(text, &[])
}

fn load_with(text: &str, overrides: &[&str]) -> Result<Config, Vec<String>> {
    let source = Source {
        path: "brokerbeat.yml".into(),
        overrides: overrides.iter().map(|&s| s.to_owned()).collect(),
        only_groups: Vec::new(),
    };
    let variables = |name: &str| match name {
        "ZK" => Some("zk1:2181".to_owned()),
        "KEY" => Some("id:hunter2".to_owned()),
        _ => None,
    };
    source.parse(text, &variables).map_err(|error| match error {
        ConfigError::Wrong { problems, .. } => problems.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    })
}

fn problems(text: &str) -> Vec<String> {
    match load(text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    }
}

const SMALL: &str = "clusters: [{name: a, zookeeper: {hosts: [zk1:2181]}}]\n";

#[test]
fn a_small_configuration_is_complete() {
    let config = load(SMALL).ok().unwrap();
    assert_eq!(config.interval, DEFAULT_INTERVAL);
    assert_eq!(config.clusters[0].targets[0].name, "zookeeper zk1:2181");
    assert!(config.output.is_none());
}

#[test]
fn every_mistake_is_said_at_once_with_line_value_and_nearest_key() {
    let found = problems(
        "intervall: 10s\n\
         clusters:\n\
         - name: a\n  \
           zookeeper: {hosts: [\"zk1:99999\"], interval: fast}\n\
         output.elasticsearch: {hosts: []}\n\
         namespace: Prod\n",
    );
    let expected = [
        ("line 1: intervall", "did you mean `interval`?"),
        (
            "line 4: clusters[0].zookeeper.hosts",
            "`zk1:99999` has the port `99999`; a port is a number from 1 to 65535",
        ),
        (
            "line 4: clusters[0].zookeeper.interval",
            "`fast` is not a duration",
        ),
        ("line 5: output.elasticsearch.hosts", "is empty"),
        ("line 6: namespace", "`Prod`"),
    ];
    for (place, sentence) in expected {
        let hit = found
            .iter()
            .any(|problem| problem.starts_with(place) && problem.contains(sentence));
        assert!(hit, "no `{place} … {sentence}` in {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn dotted_and_nested_keys_are_the_same_and_twice_is_a_mistake() {
    let dotted = load(&format!("{SMALL}output.elasticsearch.hosts: [\"es:9200\"]\noutput:\n  elasticsearch:\n    timeout: 5s\n"))
        .ok()
        .unwrap();
    let Some(OutputConfig::Elasticsearch(output)) = dotted.output else {
        panic!("another output");
    };
    assert_eq!(
        (output.hosts, output.timeout),
        (vec!["http://es:9200/".to_owned()], Duration::from_secs(5))
    );
    let twice = problems(&format!("{SMALL}path.data: /a\npath: {{data: /b}}\n"));
    assert_eq!(
        twice,
        ["line 3: path.data: written a second time; it stands on line 2 already"]
    );
}

#[test]
fn two_outputs_are_a_mistake_on_both_lines() {
    let twice = problems(&format!(
        "{SMALL}output.elasticsearch.hosts: [\"es:9200\"]\noutput.console: {{pretty: true}}\n"
    ));
    let ends = "several outputs are not combined, leave one";
    assert_eq!(
        twice,
        [
            format!("line 2: output.elasticsearch: stands beside output.console: {ends}"),
            format!("line 3: output.console: stands beside output.elasticsearch: {ends}"),
        ]
    );
    let file = |text: &str| problems(&format!("{SMALL}output.file: {text}\n"));
    assert!(file("{path: /tmp}").is_empty());
    assert!(file("{filename: a}")[0].contains("path: is missing"));
    assert!(file("{path: a, permissions: 0444}")[0].contains("`0444` is not a mode"));
    assert!(file("{path: a, filename: a/b}")[0].contains("`a/b` is not the name"));
}

#[test]
fn health_is_off_unless_it_is_written() {
    let http = |text: &str| load(&format!("{SMALL}{text}\n")).ok().unwrap().http;
    assert_eq!(http(""), None);
    assert_eq!(http("http: {enabled: false, port: 80}"), None);
    let shown = |text: &str| http(text).map(|http| http.shown());
    assert_eq!(shown("http: {}").as_deref(), Some("127.0.0.1:9000"));
    assert_eq!(
        shown("http: {host: \"::1\", port: 80}").as_deref(),
        Some("[::1]:80")
    );
    assert_eq!(problems(&format!("{SMALL}http: {{port: 0}}\n")).len(), 1);
}

#[test]
fn variables_have_defaults_and_a_missing_one_is_named() {
    let text = "clusters: [{name: a, zookeeper: {hosts: [\"${ZK}\", \"${ZK2:zk2:2182}\"]}}]\n";
    let config = load(text).ok().unwrap();
    let names: Vec<_> = config.clusters[0]
        .targets
        .iter()
        .map(|t| t.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "zookeeper zk1:2181",
            "zookeeper zk2:2182",
            "zookeeper ensemble zk1:2181,zk2:2182"
        ]
    );
    let missing = problems(&format!("{SMALL}labels:\n  env: ${{ENVIRONMENT}}\n"));
    assert_eq!(missing.len(), 1);
    assert!(
        missing[0].starts_with("line 3: labels.env: the variable ENVIRONMENT is not set"),
        "{missing:?}"
    );
}

#[test]
fn agents_that_share_need_a_group_and_a_kafka_to_meet_in() {
    let kafka = "clusters: [{kafka: {bootstrap: [\"b1:9092\"]}}]\n";
    let ha = load(&format!("{kafka}ha.group: agents\n")).ok().unwrap().ha;
    let ha = ha.unwrap();
    assert_eq!(ha.topic, "__consumer_offsets");
    assert_eq!(ha.session_timeout, Duration::from_secs(10));
    assert!(load(kafka).ok().unwrap().ha.is_none());
    for (text, sentence) in [
        (format!("{kafka}ha: {{topic: t}}\n"), "ha.group: is missing"),
        (
            format!("{SMALL}ha.group: agents\n"),
            "ha: needs a cluster with `kafka`",
        ),
        (
            format!("{kafka}ha: {{group: agents, session_timeout: 5s}}\n"),
            "ha.session_timeout: `5s`",
        ),
    ] {
        let found = problems(&text);
        assert!(found.len() == 1 && found[0].contains(sentence), "{found:?}");
    }
}

#[test]
fn settings_of_the_command_line_win() {
    let config = load_with(
        SMALL,
        &[
            "interval=30s",
            "labels.env=prod",
            "clusters=[{name: b, zookeeper: {hosts: [\"zk2\"]}}]",
        ],
    )
    .ok()
    .unwrap();
    assert_eq!(config.interval, Duration::from_secs(30));
    assert_eq!(config.labels["env"], "prod");
    assert_eq!(config.clusters[0].name, "b");
    let wrong = load_with(SMALL, &["interval"]).err().unwrap();
    assert!(wrong[0].contains("key=value"), "{wrong:?}");
}

#[test]
fn wrong_shapes_are_said() {
    for (text, sentence) in [
        (
            "clusters: 5\n",
            "clusters: is a value, but should be a list",
        ),
        ("- a\n", "is a list, but should be a section"),
        (
            "clusters: [{name: a, zookeeper: [x]}]\n",
            "should be a section",
        ),
        ("clusters: []\n", "is empty"),
        ("clusters: [{name: a}]\n", "has nothing to collect"),
        (
            "clusters: [{zookeeper: {hosts: [a]}}]\n",
            "name: is missing",
        ),
        ("", "clusters: is empty"),
        ("a: [1\n", "line"),
    ] {
        let found = problems(text);
        assert!(
            found.iter().any(|problem| problem.contains(sentence)),
            "{text:?}: {found:?}"
        );
    }
}

#[test]
fn secrets_are_in_neither_errors_nor_the_export() {
    let text = format!(
        "{SMALL}output.elasticsearch: {{hosts: [\"http://me:hunter2@es\"], api_key: \"${{KEY}}\"}}\n"
    );
    let found = problems(&text);
    assert!(
        !found.is_empty() && found.iter().all(|problem| !problem.contains("hunter2")),
        "{found:?}"
    );
    let text = format!("{SMALL}output.elasticsearch: {{hosts: [es], api_key: \"${{KEY}}\"}}\n");
    let config = load(&text).ok().unwrap();
    let export = to_yaml(&config.effective);
    assert!(
        export.contains("${KEY}") && !export.contains("hunter2"),
        "{export}"
    );
    for wrong in [
        "password: \"hunter2${et\", username: u",
        "hosts: [\"me:hunter2@es:9200\"]",
    ] {
        let found = problems(&format!("{SMALL}output.elasticsearch: {{{wrong}}}\n"));
        let silent = found.iter().all(|problem| !problem.contains("hunter2"));
        assert!(!found.is_empty() && silent, "{found:?}");
    }
    for hidden in ["${NONE:hunter2}", "hunter2${KEY}"] {
        let text = format!(
            "{SMALL}output.elasticsearch: {{hosts: [es], username: u, password: \"{hidden}\"}}\n"
        );
        let export = to_yaml(&load(&text).ok().unwrap().effective);
        assert!(
            export.contains("(hidden)") && !export.contains("hunter2"),
            "{export}"
        );
    }
    let text =
        format!("{SMALL}output.elasticsearch: {{hosts: [es], username: u, password: hunter2}}\n");
    let export = to_yaml(&load(&text).ok().unwrap().effective);
    assert!(
        export.contains("(hidden)") && !export.contains("hunter2"),
        "{export}"
    );
}

#[test]
fn a_kibana_has_a_host_with_its_port_and_what_is_wrong_with_it_is_said() {
    let kibana = |text: &str| load(&format!("{SMALL}setup.kibana: {{{text}}}\n"));
    assert!(load(SMALL).ok().unwrap().kibana.is_none());
    let config = kibana("host: kb, username: u, password: hunter2")
        .ok()
        .unwrap();
    assert!(!to_yaml(&config.effective).contains("hunter2"));
    let read = config.kibana.unwrap();
    assert_eq!(
        (read.base.as_str(), read.space.as_str()),
        ("http://kb:5601", "default")
    );
    let with_path = kibana("host: \"https://kb/base/\", space: ops")
        .ok()
        .unwrap();
    assert_eq!(with_path.kibana.unwrap().base, "https://kb:5601/base");
    for (text, said) in [
        ("space: ops", "setup.kibana.host: is missing"),
        ("host: kb, space: Ops", "is no space's identifier"),
        ("host: kb, username: u", "has no `password` beside it"),
        (
            "host: \"http://u:hunter2@kb\"",
            "carries a user or password",
        ),
        ("host: kb, ssl: {}", "has no use for an address without TLS"),
        ("host: kb, hots: 1", "hots"),
    ] {
        let found = kibana(text).err().unwrap_or_default();
        let is_said = found.iter().any(|problem| problem.contains(said));
        let is_safe = found.iter().all(|problem| !problem.contains("hunter2"));
        assert!(is_said && is_safe, "{text}: {found:?}");
    }
}

#[test]
fn two_targets_of_one_name_are_a_mistake() {
    let found = problems("clusters: [{name: a, zookeeper: {hosts: [zk1, \"zk1:2181\"]}}]\n");
    assert!(
        found[0].contains("has the target `zookeeper zk1:2181` twice"),
        "{found:?}"
    );
}

#[test]
fn the_export_reads_back_as_the_same_settings() {
    let text = format!(
        "{SMALL}interval: 30s\nlabels: {{env: prod, team: c}}\noutput.elasticsearch: {{hosts: [es]}}\n"
    );
    let one = load(&text).ok().unwrap().effective;
    let two = load(&to_yaml(&one)).ok().unwrap().effective;
    assert_eq!(one, two);
}
