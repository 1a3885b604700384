//! `kibana/queries.ndjson`: what panels ask, and what Elasticsearch answers.

use serde_json::Value;
use stack::Elasticsearch;

use super::rows::{Row, rows};
use crate::agent::text;

const QUERIES: &str = include_str!("../../../kibana/queries.ndjson");

/// Buckets of time as the file has them; Lens chooses them by the width of the panel.
const STEP: &str = "\"30s\"";

/// The end of the time that is asked for.
pub(crate) struct Moment {
    /// As Elasticsearch's date arithmetic has it before `-1m`: `now`, or `<date>||`.
    anchor: String,
}

impl Moment {
    /// Elasticsearch's own clock.
    pub(crate) fn now() -> Self {
        Self {
            anchor: "now".to_owned(),
        }
    }

    /// This date.
    pub(crate) fn at(date: &str) -> Self {
        Self {
            anchor: format!("{date}||"),
        }
    }

    /// The date, or nothing where it is now.
    pub(crate) fn date(&self) -> Option<&str> {
        self.anchor.strip_suffix("||")
    }

    /// The body with this moment as its `now`.
    pub(crate) fn within(&self, body: &Value) -> String {
        let text = body.to_string();
        match self.date() {
            None => text,
            Some(date) => text
                .replace("\"now-", &format!("\"{}-", self.anchor))
                .replace("\"now\"", &format!("\"{date}\"")),
        }
    }
}

/// A panel of a dashboard and its question.
pub(crate) struct Panel {
    pub(crate) dashboard: String,
    pub(crate) id: String,
    pub(crate) title: String,
    /// Lens' word for what it is drawn as.
    pub(crate) chart: String,
    pub(crate) index: String,
    pub(crate) body: Value,
    /// Aggregations that stand for ones that the server lacks.
    pub(crate) equivalent: Vec<String>,
    /// Which column is the growth in a second of which.
    rates: Vec<(String, String)>,
}

/// All panels, asked of one namespace, with buckets of time of their own or of this length.
pub(crate) fn panels(namespace: &str, step: Option<&str>) -> Vec<Panel> {
    let lines = QUERIES.lines();
    lines
        .map(|line| {
            let line = match step {
                Some(step) => line.replace(STEP, &format!("\"{step}\"")),
                None => line.to_owned(),
            };
            panel(
                &serde_json::from_str(&line).expect("a question a line"),
                namespace,
            )
        })
        .collect()
}

fn panel(line: &Value, namespace: &str) -> Panel {
    let word = |name: &str| text(line, name).to_owned();
    let rates = line["rates"].as_object().into_iter().flatten();
    let equivalent = line["equivalent"].as_array().into_iter().flatten();
    let of = |value: &Value| value.as_str().expect("a word").to_owned();
    Panel {
        dashboard: word("dashboard"),
        id: word("panel"),
        title: word("title"),
        chart: word("chart"),
        index: format!("{}-{namespace}", text(line, "index")),
        body: line["body"].clone(),
        equivalent: equivalent.map(of).collect(),
        rates: rates
            .map(|(id, counter)| (id.clone(), of(counter)))
            .collect(),
    }
}

impl Panel {
    /// For people.
    pub(crate) fn name(&self) -> String {
        format!("{} {} “{}”", self.dashboard, self.id, self.title)
    }

    /// Puts the question, once all streams can be searched. Any error is one of the question, and fails the test.
    pub(crate) fn ask<'a>(&'a self, elasticsearch: &Elasticsearch, moment: &Moment) -> Asked<'a> {
        let asked = self.attempt(elasticsearch, moment);
        asked.unwrap_or_else(|| panic!("{}: not all shards are there", self.name()))
    }

    /// Puts the question; nothing while a stream is just being made.
    pub(crate) fn attempt<'a>(
        &'a self,
        elasticsearch: &Elasticsearch,
        moment: &Moment,
    ) -> Option<Asked<'a>> {
        let path = format!("/{}/_search", self.index);
        let answer = elasticsearch.request("POST", &path, Some(moment.within(&self.body)));
        let (status, answer) = answer.expect("Elasticsearch answers");
        if answer.to_string().contains("no_shard_available") {
            return None;
        }
        assert_eq!(status, 200, "{}: {answer}", self.name());
        assert_eq!(answer["_shards"]["failed"], 0, "{}: {answer}", self.name());
        Some(Asked {
            rows: rows(&answer["aggregations"], &self.rates),
            panel: self,
            answer,
        })
    }
}

/// A panel's answer.
pub(crate) struct Asked<'a> {
    pub(crate) panel: &'a Panel,
    pub(crate) answer: Value,
    /// One for each leaf of the buckets.
    pub(crate) rows: Vec<Row>,
}

impl Asked<'_> {
    /// Whether there were documents, and a value came out of them.
    pub(crate) fn has_data(&self) -> bool {
        let hits = self.answer["hits"]["total"]["value"].as_u64();
        let is_anything = |row: &Row| row.values.values().any(|value| !value.is_null());
        hits > Some(0) && self.rows.iter().any(is_anything)
    }
}
