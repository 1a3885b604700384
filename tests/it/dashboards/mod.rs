//! Every panel's question, put to a real Elasticsearch with documents of real servers: it is answered without an error, there
//! is something in the answer, and the numbers are those of the documents.
//!
//! The small form is a test of some seconds. With `BROKERBEAT_ANSWERS` it runs for `PICTURES_MINUTES` at the default pace,
//! and keeps the answers for pictures and a page: `make pictures`.

mod numbers;
mod pictures;
mod questions;
pub(crate) mod rows;
mod scene;

use std::collections::BTreeSet;
use std::time::Duration;

use stack::wait_until;

use crate::agent::{Agent, PATIENCE, search, text};
use crate::servers;
use numbers::CHECKS;
use questions::{Asked, Moment, Panel, panels};
use scene::Scene;

const NAMESPACE: &str = "dashboards";

/// The agent's pace and the buckets of time of the small form: rates need two of them, and a first tick its time.
const QUICK: Duration = Duration::from_secs(4);
const QUICK_STEP: &str = "8s";
/// Three ticks lie in two buckets.
const TICKS: usize = 3;

/// What the small form has no documents of, and why.
const ABSENT: &[(&str, &str)] = &[
    ("brokerbeat.kafka.connect", "no Connect runs"),
    ("brokerbeat.kafka.mirrormaker", "no MirrorMaker runs"),
];

/// Panels that show what does not happen in the small form; their questions are asked all the same.
const QUIET: &[(&str, &str, &str)] = &[
    ("lag", "Headroom of retention", "nothing was deleted yet"),
    ("lag", "Why lag is unknown", "it is known"),
    ("topics", "Failed produce requests per second", "none fails"),
    ("topics", "Failed fetch requests per second", "none fails"),
    ("too-large", "Refused bytes per second", "none is refused"),
    ("too-large", "Refusals per second", "none is refused"),
    ("zookeeper", "Behind the leader", "a single server"),
    ("zookeeper", "Slow fsyncs per second", "none is slow"),
];

/// Asks until every panel whose data is there has been answered with something; gives those that never were.
fn without_data(agent: &Agent, panels: &[Panel]) -> Vec<String> {
    let mut open: Vec<&Panel> = panels
        .iter()
        .filter(|panel| absent(panel).is_none())
        .collect();
    let answered = wait_until("every panel has data", PATIENCE, || {
        let now = Moment::now();
        open.retain(|panel| {
            let asked = panel.attempt(servers::elasticsearch(), &now);
            !asked.is_some_and(|asked| asked.has_data())
        });
        open.is_empty().then_some(())
    });
    if answered.is_err() {
        eprintln!("the agent says:\n{}", agent.log());
    }
    open.iter().map(|panel| panel.name()).collect()
}

/// Waits for some ticks by a question that costs nothing.
fn wait_for_ticks(agent: &Agent) {
    let stream = format!("metrics-brokerbeat.target-{NAMESPACE}");
    crate::shipping::wait_for("some ticks", agent, || {
        let documents = search(servers::elasticsearch(), &stream);
        let ticks = documents.iter().map(|one| text(one, "@timestamp"));
        ticks.collect::<BTreeSet<_>>().len() > TICKS
    });
}

/// Why there is nothing to show.
fn absent(panel: &Panel) -> Option<&'static str> {
    let query = panel.body["query"].to_string();
    let dataset = ABSENT
        .iter()
        .find(|(dataset, _)| query.contains(&format!("\"{dataset}\"")));
    let quiet = QUIET.iter().find(|(dashboard, title, _)| {
        panel.dashboard == format!("brokerbeat-{dashboard}") && panel.title == *title
    });
    dataset.map(|(_, why)| *why).or(quiet.map(|(.., why)| *why))
}

#[test]
fn every_panels_question_is_answered_with_the_numbers_of_the_documents() {
    if let Some(wanted) = pictures::Wanted::from_environment() {
        return wanted.make();
    }
    let panels = panels(NAMESPACE, Some(QUICK_STEP));
    assert!(panels.len() > 150, "{} panels only", panels.len());
    let scene = Scene::start();
    let agent = scene.watch(NAMESPACE, QUICK, "").run();
    wait_for_ticks(&agent);
    let empty = without_data(&agent, &panels);
    agent.stop_clean();
    assert!(empty.is_empty(), "no data for {empty:#?}");

    let moment = numbers::last_tick(NAMESPACE);
    let asked: Vec<Asked> = panels
        .iter()
        .map(|panel| panel.ask(servers::elasticsearch(), &moment))
        .collect();
    for check in CHECKS {
        check.judge(NAMESPACE, &moment, &asked);
    }
    crate::shipping::assert_nothing_dynamic(servers::elasticsearch(), NAMESPACE);
}
