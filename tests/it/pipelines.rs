//! Ingest pipelines, case by case, in a real Elasticsearch.
//!
//! `tests/data/pipelines/<pipeline>/<case>.json` is a list of documents as a shipper sends them, and
//! `<case>-expected.json` what the pipeline makes of them. `BROKERBEAT_REWRITE_GOLDEN=1` writes the latter anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use brokerbeat::catalogue::Catalogue;
use serde_json::{Value, json};
use stack::Elasticsearch;

use crate::agent::{Setting, search};
use crate::servers;
use crate::shipping::assert_nothing_dynamic;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/pipelines");
const PAGE: &str = include_str!("../../docs/pipelines.md");
const REWRITE: &str = "BROKERBEAT_REWRITE_GOLDEN";
const EXPECTED: &str = "-expected";
/// The pipelines that templates name, and the streams that they are of.
const STREAMS: [(&str, &str); 3] = [
    ("brokerbeat-final", "logs-brokerbeat.event-"),
    ("brokerbeat-import", "metrics-brokerbeat.import-"),
    ("brokerbeat-logs", "logs-brokerbeat.kafka-"),
];
/// The namespace of documents that are what they should be, and that of the others.
const GOOD: &str = "pipelines";
const BAD: &str = "unreadable";

/// Documents of one file.
struct Case {
    name: String,
    documents: Vec<Value>,
    expected: PathBuf,
}

impl Case {
    fn all_of(pipeline: &str) -> Vec<Self> {
        let folder = Path::new(CASES).join(pipeline);
        let mut names: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
            .filter(|name| !name.ends_with(EXPECTED))
            .collect();
        names.sort();
        let case = |name: String| Self {
            documents: documents(&folder.join(format!("{name}.json"))),
            expected: folder.join(format!("{name}{EXPECTED}.json")),
            name,
        };
        names.into_iter().map(case).collect()
    }

    fn is_bad(&self) -> bool {
        self.name.starts_with("not-") || self.name.starts_with("missing-")
    }

    fn namespace(&self) -> &'static str {
        if self.is_bad() { BAD } else { GOOD }
    }

    /// What `_simulate` makes of the documents.
    fn simulated(&self, elasticsearch: &Elasticsearch, pipeline: &str, stream: &str) -> Vec<Value> {
        let documents = self.documents.iter();
        let documents: Vec<Value> = documents
            .map(|source| json!({"_index": stream, "_source": source}))
            .collect();
        let path = format!("/_ingest/pipeline/{pipeline}/_simulate");
        let answer = elasticsearch
            .post(&path, &json!({"docs": documents}))
            .unwrap();
        let docs = answer["docs"].as_array().unwrap().iter();
        docs.map(|doc| settled(doc["doc"]["_source"].clone(), &doc.to_string()))
            .collect()
    }

    fn compare(&self, simulated: &[Value]) {
        if std::env::var_os(REWRITE).is_some() {
            let text = serde_json::to_string_pretty(simulated).unwrap() + "\n";
            fs::write(&self.expected, text).unwrap();
        }
        let expected = documents(&self.expected);
        assert_eq!(expected.len(), simulated.len(), "{}", self.name);
        for (number, (expected, simulated)) in expected.iter().zip(simulated).enumerate() {
            let place = self.expected.display();
            assert_eq!(simulated, expected, "document {number} of {place}");
        }
    }

    /// Ships the documents as their shipper would: to the stream, and no word of a pipeline.
    fn index(&self, elasticsearch: &Elasticsearch, stream: &str) {
        let lines = self.documents.iter();
        let body: String = lines
            .map(|document| format!("{{\"create\":{{}}}}\n{document}\n"))
            .collect();
        let path = format!("/{stream}/_bulk?refresh=true");
        let (status, answer) = elasticsearch.request("POST", &path, Some(body)).unwrap();
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["errors"], false, "{}: {answer:#}", self.name);
    }
}

fn documents(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; {REWRITE}=1 writes what is expected",
            file.display()
        )
    });
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The moment of the test is none of the document's.
fn settled(mut document: Value, answer: &str) -> Value {
    assert!(document.is_object(), "refused: {answer}");
    let now = document["event"]["ingested"].clone();
    if now.is_string() {
        document["event"]["ingested"] = "now".into();
        if document["@timestamp"] == now {
            document["@timestamp"] = "now".into();
        }
    }
    document
}

/// A setting whose output is that server, with everything installed.
fn set_up(elasticsearch: &Elasticsearch) {
    let config = format!(
        "clusters: [{{kafka: {{bootstrap: [\"localhost:9\"]}}}}]\noutput.elasticsearch: {{hosts: [\"{}\"]}}\n",
        elasticsearch.url()
    );
    let done = Setting::new(&config).command(&["setup"]);
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{said}");
}

#[test]
fn every_case_comes_out_as_expected_and_fits_its_template() {
    let elasticsearch = servers::elasticsearch();
    set_up(elasticsearch);
    for (pipeline, stream) in STREAMS {
        let cases = Case::all_of(pipeline);
        assert!(cases.iter().any(Case::is_bad), "{pipeline}: none is bad");
        for case in cases {
            let stream = format!("{stream}{}", case.namespace());
            case.compare(&case.simulated(elasticsearch, pipeline, &stream));
            case.index(elasticsearch, &stream);
        }
    }
    assert_nothing_dynamic(elasticsearch, GOOD);
    for (_, stream) in STREAMS {
        for namespace in [GOOD, BAD] {
            let stream = format!("{stream}{namespace}");
            let late =
                json!({"query": {"bool": {"must_not": {"exists": {"field": "event.ingested"}}}}});
            let found = elasticsearch
                .post(&format!("/{stream}/_search"), &late)
                .unwrap();
            assert_eq!(found["hits"]["hits"], json!([]), "{stream}: no last step");
        }
    }
    the_users_own_pipeline_names_the_cluster(elasticsearch);
}

/// In this test and not beside it: the user's pipeline is one for all streams of the server.
fn the_users_own_pipeline_names_the_cluster(elasticsearch: &Elasticsearch) {
    let own = "/_ingest/pipeline/metrics-brokerbeat.import@custom";
    let name = json!({"set": {"if": "ctx.data_stream.namespace == 'orders'", "field": "kafka.cluster.name", "value": "orders"}});
    elasticsearch
        .put(own, &json!({"processors": [name]}))
        .unwrap();
    // As the next version would.
    set_up(elasticsearch);
    let cases = Case::all_of("brokerbeat-import");
    let case = cases
        .iter()
        .find(|case| case.name == "logstash-jmx")
        .unwrap();
    let stream = "metrics-brokerbeat.import-orders";
    case.index(elasticsearch, stream);
    for document in search(elasticsearch, stream) {
        assert_eq!(
            document["kafka"]["cluster"]["name"], "orders",
            "{document:#}"
        );
        assert_eq!(document["tags"], Value::Null, "{document:#}");
    }
    elasticsearch.delete(own).unwrap();
}

/// The page claims a field for a neighbour if, and only if, a case shows it; and each has the type of the agent's own.
#[test]
fn the_page_lists_what_the_cases_show() {
    let catalogue = Catalogue::get();
    let known = catalogue.known(catalogue.dataset("import").unwrap());
    for (sender, heading) in [
        ("metricbeat-", "### From Metricbeat"),
        ("logstash-", "### From Logstash"),
    ] {
        let mut shown = BTreeSet::new();
        for case in Case::all_of("brokerbeat-import") {
            if !case.name.starts_with(sender) {
                continue;
            }
            for document in documents(&case.expected) {
                leaves("", &document, &mut |name, value| {
                    let Some(field) = known.get(name) else { return };
                    assert!(field.field_type.accepts(value), "{name}: {value}");
                    let is_base = catalogue.base.iter().any(|base| base.name == name);
                    if name.starts_with("kafka.") && !is_base
                        || name.starts_with("zookeeper.")
                        || name.starts_with("jvm.")
                    {
                        shown.insert(name.to_owned());
                    }
                });
            }
        }
        assert_eq!(claimed(heading), shown, "docs/pipelines.md, {heading}");
    }
}

fn leaves(prefix: &str, value: &Value, take: &mut impl FnMut(&str, &Value)) {
    match value.as_object() {
        None => take(prefix, value),
        Some(fields) => {
            for (name, below) in fields {
                let dot = if prefix.is_empty() { "" } else { "." };
                leaves(&format!("{prefix}{dot}{name}"), below, take);
            }
        }
    }
}

/// The first cells of the table below a heading.
fn claimed(heading: &str) -> BTreeSet<String> {
    let (_, rest) = PAGE.split_once(heading).expect("the page has the heading");
    let section = rest.split("\n#").next().unwrap_or(rest);
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
        .collect()
}
