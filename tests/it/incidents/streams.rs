//! What happens to the agent's documents, and to the agent.

use std::thread;

use serde_json::json;

use super::full::WAITING;
use super::rule::EVERYTHING;
use super::stage::Stage;
use crate::agent::{Agent, Setting};
use crate::servers;

/// Documents that are held, dropped and refused on their way in; no rule is about them.
pub(super) fn play(stage: &Stage<'_>) {
    let elasticsearch = servers::elasticsearch();
    for (name, processor) in [
        ("drops", json!({"drop": {}})),
        // An object cannot be a text.
        (
            "spoils",
            json!({"script": {"source": "ctx.keySet().removeIf(k -> k.startsWith('kafka')); ctx.kafka = 'no object'"}}),
        ),
    ] {
        let pipeline = json!({"processors": [processor]});
        let path = format!("/_ingest/pipeline/{name}");
        elasticsearch.put(&path, &pipeline).expect("a pipeline");
    }
    thread::scope(|scope| {
        for (incident, rule, dataset, pipeline) in [
            (
                "a pipeline that is missing",
                WAITING.0,
                "kafka.partition",
                "missing",
            ),
            (
                "a pipeline that drops documents",
                "documents-dropped",
                "kafka.group_topic",
                "drops",
            ),
            (
                "a document that Elasticsearch refuses",
                "documents-dead-lettered",
                "kafka.consumergroup",
                "spoils",
            ),
        ] {
            scope.spawn(move || through(stage, incident, rule, dataset, pipeline));
        }
    });
}

/// Sends a stream through a pipeline, and then through none.
fn through(stage: &Stage<'_>, incident: &str, rule: &'static str, dataset: &str, name: &str) {
    let stream = format!("metrics-brokerbeat.{dataset}-{}", stage.namespace);
    let send = |name: Option<&str>| {
        let settings = json!({"index.default_pipeline": name});
        let path = format!("/{stream}/_settings");
        let done = servers::elasticsearch().put(&path, &settings);
        done.expect("the settings are taken");
    };
    let expected = [(rule, dataset)];
    stage.incident(incident, &expected, || send(Some(name)), || send(None));
}

/// Ends the agent, and starts it again with what it had.
pub(super) fn play_agent(stage: &Stage<'_>, agent: Agent) {
    agent.stop();
    let mut setting = Some(agent.killed());
    let mut again = None;
    let end = || again = setting.take().map(Setting::run);
    let expected = [("agent-silent", EVERYTHING), ("agent-gone", "")];
    stage.incident("agent stopped", &expected, || {}, end);
    again.expect("it was started").stop();
}
