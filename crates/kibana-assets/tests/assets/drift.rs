//! What is committed is what is made, and nothing is wrong with it.

use kibana_assets::validate;

use super::{read, root};

#[test]
fn nothing_is_wrong_with_the_source() {
    let (source, catalogue) = read();
    let problems = validate::source(&source, &catalogue);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_is_committed_is_what_is_made() {
    let (source, catalogue) = read();
    for (path, made) in kibana_assets::generate(&source, &catalogue).unwrap() {
        let committed = std::fs::read_to_string(root().join(path)).unwrap_or_default();
        assert!(committed == made, "{path} has drifted: run `make generate`");
    }
}

#[test]
fn nothing_is_wrong_with_what_is_committed() {
    let (_, catalogue) = read();
    let text = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let mut problems = validate::ndjson(&text("kibana/dashboards.ndjson"), &catalogue);
    problems.extend(validate::rules_ndjson(
        &text("kibana/rules.ndjson"),
        &catalogue,
    ));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn there_are_all_dashboards_and_each_panel_has_its_question_to_elasticsearch() {
    let (source, catalogue) = read();
    let titles: Vec<_> = source
        .dashboards
        .iter()
        .map(|one| one.title.as_str())
        .collect();
    let expected = [
        "Overview",
        "Consumer lag",
        "Topics & partitions",
        "Brokers",
        "Controller & KRaft",
        "Producers",
        "Consumers",
        "ZooKeeper ensemble",
        "JVM",
        "Connect & MirrorMaker",
        "Too-large messages",
        "brokerbeat itself",
    ];
    assert_eq!(titles, expected);
    let objects = kibana_assets::objects::saved_objects(&source, &catalogue);
    let queries = kibana_assets::query::queries(&objects).unwrap();
    let rows = source.dashboards.iter().flat_map(|one| &one.rows);
    let panels = rows
        .flat_map(|row| &row.panels)
        .filter(|panel| panel.text.is_none());
    assert_eq!(queries.len(), panels.count());
    assert!(
        queries
            .iter()
            .all(|query| query["body"]["aggs"].is_object())
    );
}
