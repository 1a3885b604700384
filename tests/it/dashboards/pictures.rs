//! `make pictures`: the answers of a longer run, for pages that draw them, and a page of what was asked and answered.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use stack::{Connect, MirrorMaker, Options, wait_until};

use super::questions::{Asked, Moment, panels};
use super::scene::Scene;
use crate::agent::Agent;
use crate::servers;

const NAMESPACE: &str = "pictures";

/// The agent's default, for which the panels are made.
const PACE: Duration = Duration::from_secs(10);

/// A file that Connect reads into this topic.
const CONNECTED: &str = "lines";

/// Where the answers and the page go.
pub(super) struct Wanted {
    answers: PathBuf,
    page: Option<PathBuf>,
    time: Duration,
}

impl Wanted {
    /// Nothing where no answers are wanted.
    pub(super) fn from_environment() -> Option<Self> {
        let path = |name| std::env::var_os(name).map(PathBuf::from);
        let minutes = std::env::var("PICTURES_MINUTES").ok();
        let minutes = minutes.and_then(|text| text.parse().ok()).unwrap_or(10.0);
        Some(Self {
            answers: path("BROKERBEAT_ANSWERS")?,
            page: path("BROKERBEAT_DASHBOARDS_REPORT"),
            time: Duration::from_secs_f64(minutes * 60.0),
        })
    }

    /// Runs for the time, asks everything once, and writes both.
    pub(super) fn make(&self) {
        let scene = Scene::start();
        let connect = Connect::start(scene.kafka()).expect("Connect starts");
        connect
            .add_file_source("lines", CONNECTED)
            .expect("a connector");
        let kafka = scene.kafka();
        let mirror = MirrorMaker::start(kafka, kafka, CONNECTED, &Options::new());
        let mirror = mirror.expect("MirrorMaker starts");
        let more = format!(
            "- name: connect\n  jmx:\n  \
             - {{endpoint: \"{}\", presets: [kafka-connect, jvm]}}\n  \
             - {{endpoint: \"{}\", presets: [kafka-connect, mirrormaker, jvm]}}\n",
            connect.jmx(),
            mirror.jmx()
        );
        let agent = scene.watch(NAMESPACE, PACE, &more).run();
        self.wait(&agent);
        let panels = panels(NAMESPACE, None);
        let ask =
            |panel| super::questions::Panel::ask(panel, servers::elasticsearch(), &Moment::now());
        let asked: Vec<Asked> = panels.iter().map(ask).collect();
        agent.stop_clean();
        write(&self.answers, &lines(&asked));
        if let Some(page) = &self.page {
            write(page, &report(&asked, self.time));
        }
    }

    fn wait(&self, agent: &Agent) {
        let begin = Instant::now();
        let limit = self.time + Duration::from_secs(60);
        let over = wait_until("the run's end", limit, || {
            assert!(!agent.log().contains("panicked"), "{}", agent.log());
            (begin.elapsed() >= self.time).then_some(())
        });
        over.expect("time passes");
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn lines(asked: &[Asked]) -> String {
    let line = |one: &Asked| {
        let (dashboard, panel) = (&one.panel.dashboard, &one.panel.id);
        json!({"dashboard": dashboard, "panel": panel, "answer": one.answer}).to_string() + "\n"
    };
    asked.iter().map(line).collect()
}

fn report(asked: &[Asked], time: Duration) -> String {
    let answered = asked.iter().filter(|one| one.has_data()).count();
    let mut page = format!(
        "<!-- Made by `make pictures`. -->\n# Panels and what Elasticsearch answers\n\n\
         The question of every panel of `kibana/dashboards.ndjson`, as Lens would put it, asked of a real Elasticsearch after {} minutes of an agent beside \
         Kafka 2.8.2 with ZooKeeper, Kafka 4.2.0, clients and Connect, all real. Without a Kibana.\n\n\
         {} panels, all answered without an error, {answered} with data; the others have nothing to show there (no MirrorMaker, no error, no event).\n\
         `equivalent`: asked with another aggregation than Lens', which gives the same numbers.\n\n\
         | dashboard | panel | drawn as | documents | rows | equivalent |\n|---|---|---|---|---|---|\n",
        time.as_secs() / 60,
        asked.len(),
    );
    for one in asked {
        let panel = one.panel;
        let documents = &one.answer["hits"]["total"]["value"];
        let rows = if one.has_data() { one.rows.len() } else { 0 };
        let equivalent = panel.equivalent.join(", ");
        let (dashboard, title, chart) = (
            &panel.dashboard,
            panel.title.replace('|', "\\|"),
            &panel.chart,
        );
        let row =
            format!("| {dashboard} | {title} | {chart} | {documents} | {rows} | {equivalent} |");
        writeln!(page, "{row}").expect("a String takes everything");
    }
    page
}
