//! Every golden document of every collector, in a real Elasticsearch: what the templates say is all that it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use brokerbeat::catalogue::{Catalogue, Dataset};
use brokerbeat::clock::Millis;
use brokerbeat::document::{Document, leaves};
use brokerbeat::enrich::{Agent, Encoder, Origin};
use serde_json::{Map, Value, json};
use stack::Elasticsearch;

use crate::agent::Setting;
use crate::servers;

const NAMESPACE: &str = "goldens";
const FOLDERS: [&str; 3] = ["jmx", "kafka", "zookeeper"];
const SUFFIX: &str = "-expected.json";
/// What no collector makes: the agent's own accounts, and what neighbours ship. Other tests look at these.
const NO_GOLDENS: [&str; 4] = ["agent", "target", "import", "kafka"];
/// Documents of one request.
const BULK: usize = 2_000;

/// The documents of one file, as the agent would make them of a cluster of that name.
struct Golden {
    name: String,
    documents: Vec<Document>,
}

fn goldens() -> Vec<Golden> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let files = FOLDERS.iter().flat_map(|folder| {
        let entries = fs::read_dir(data.join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path())
    });
    let expected = files.filter(|path| path.to_string_lossy().ends_with(SUFFIX));
    let mut paths: Vec<PathBuf> = expected.collect();
    paths.sort();
    paths.iter().map(|path| golden(path)).collect()
}

fn golden(path: &Path) -> Golden {
    let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let documents = file["documents"].as_array().unwrap();
    Golden {
        name: path.display().to_string(),
        documents: documents.iter().map(document).collect(),
    }
}

fn document(golden: &Value) -> Document {
    let word = |name: &str| golden[name].as_str().unwrap().to_owned();
    let mut document = Document::new(word("dataset"), word("kind"));
    let mut fields = golden["fields"].as_object().unwrap().clone();
    for key in golden["keys"].as_array().unwrap() {
        let name = key.as_str().unwrap().split_once('=').unwrap().0.to_owned();
        let value = fields.remove(&name).unwrap();
        document = document.key(name, value);
    }
    for (name, value) in fields {
        document.set(name, value);
    }
    document
}

/// What goes to a stream.
#[derive(Default)]
struct Sent {
    documents: u64,
    /// The fields of all of them.
    fields: BTreeSet<String>,
}

/// The lines of bulk requests, and what they send.
fn encode(goldens: &[Golden]) -> (Vec<String>, BTreeMap<String, Sent>) {
    let agent = Agent {
        id: "0".repeat(32),
        host_name: "watcher".to_owned(),
        namespace: NAMESPACE.to_owned(),
        labels: [("env".to_owned(), "test".to_owned())].into(),
    };
    let tick = Millis::now();
    let (mut lines, mut all) = (Vec::new(), BTreeMap::<String, Sent>::new());
    for golden in goldens {
        let origin = Origin {
            tick,
            read_at: tick,
            cluster: Some((golden.name.clone(), "orders".to_owned())),
            address: Some("kafka01:9999".to_owned()),
        };
        let mut encoder = Encoder::new(&agent, &origin);
        for document in &golden.documents {
            let encoded = encoder.encode(document);
            let stream = encoded.stream.to_string();
            let body = std::str::from_utf8(encoded.body).unwrap();
            lines.push(format!(
                "{{\"create\":{{\"_index\":\"{stream}\"}}}}\n{body}\n"
            ));
            let fields: Map<String, Value> = serde_json::from_slice(encoded.body).unwrap();
            let sent = all.entry(stream).or_default();
            sent.documents += 1;
            let names = leaves(&fields).into_iter().map(|(name, _)| name);
            sent.fields.extend(names);
        }
    }
    (lines, all)
}

fn index(elasticsearch: &Elasticsearch, lines: &[String]) {
    for some in lines.chunks(BULK) {
        let (status, answer) = elasticsearch
            .request("POST", "/_bulk", Some(some.concat()))
            .unwrap();
        assert_eq!(status, 200, "{answer}");
        let items = answer["items"].as_array().unwrap().iter();
        let refused = items
            .zip(some)
            .find(|(item, _)| item["create"]["status"] != 201);
        assert_eq!(refused, None);
    }
}

/// Dotted name and definition of all that a mapping has.
fn flat(prefix: &str, properties: &Value, found: &mut BTreeMap<String, Value>) {
    for (name, mapping) in properties.as_object().into_iter().flatten() {
        let name = format!("{prefix}{name}");
        match mapping.get("properties") {
            Some(below) => flat(&format!("{name}."), below, found),
            None => drop(found.insert(name, mapping.clone())),
        }
    }
}

fn flat_mapping(mappings: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    flat("", &mappings["properties"], &mut found);
    // Objects that nothing stood in yet.
    found.retain(|_, mapping| mapping["type"] != "object");
    found
}

fn dataset_of(stream: &str) -> &'static Dataset {
    let name = stream.split_once("-brokerbeat.").unwrap().1;
    let name = name.rsplit_once('-').unwrap().0;
    Catalogue::get().dataset(name).unwrap()
}

/// What the template says, before there is an index.
fn planned(elasticsearch: &Elasticsearch, stream: &str) -> BTreeMap<String, Value> {
    let path = format!("/_index_template/_simulate_index/{stream}");
    let (status, simulated) = elasticsearch.request("POST", &path, None).unwrap();
    assert_eq!(status, 200, "{simulated}");
    flat_mapping(&simulated["template"]["mappings"])
}

/// What the index has.
fn present(elasticsearch: &Elasticsearch, stream: &str) -> BTreeMap<String, Value> {
    let indices = elasticsearch.get(&format!("/{stream}/_mapping")).unwrap();
    let (_, index) = indices.as_object().unwrap().iter().next().unwrap();
    let mut fields = flat_mapping(&index["mappings"]);
    fields.retain(|name, _| !is_users(stream, name));
    fields
}

/// Whether a field may be made in the index: users choose the name.
fn is_users(stream: &str, field: &str) -> bool {
    let dynamic = dataset_of(stream).dynamic.iter();
    let mut objects = dynamic.map(|object| object.name.as_str()).chain(["labels"]);
    objects.any(|object| field.starts_with(&format!("{object}.")))
}

#[test]
fn every_golden_document_is_taken_without_a_new_or_an_ignored_field() {
    let elasticsearch = servers::elasticsearch();
    let output = format!(
        "output.elasticsearch: {{hosts: [\"{}\"]}}\n",
        elasticsearch.url()
    );
    let clusters = "clusters: [{name: orders, zookeeper: {hosts: [\"127.0.0.1:1\"]}}]\n";
    let set_up = Setting::new(&(clusters.to_owned() + &output)).command(&["setup"]);
    assert_eq!(set_up.status.code(), Some(0), "{set_up:?}");

    let (lines, sent) = encode(&goldens());
    let seen: BTreeSet<&str> = sent
        .keys()
        .map(|stream| &*dataset_of(stream).name)
        .collect();
    let all = Catalogue::get()
        .datasets
        .iter()
        .map(|dataset| &*dataset.name);
    let without: Vec<&str> = all.filter(|name| !seen.contains(name)).collect();
    assert_eq!(without, NO_GOLDENS, "datasets without a golden document");

    let before: BTreeMap<&String, _> = sent
        .keys()
        .map(|stream| (stream, planned(elasticsearch, stream)))
        .collect();
    index(elasticsearch, &lines);
    for (stream, fields) in before {
        let sent = &sent[stream];
        assert_eq!(
            elasticsearch.count(stream).unwrap(),
            sent.documents,
            "{stream}"
        );
        assert_eq!(present(elasticsearch, stream), fields, "{stream}");
        let unknown: Vec<_> = sent
            .fields
            .iter()
            .filter(|name| !fields.contains_key(*name) && !is_users(stream, name))
            .collect();
        assert!(
            unknown.is_empty(),
            "{stream}: not in its template: {unknown:?}"
        );
    }
    let ignored = json!({"size": 1, "query": {"exists": {"field": "_ignored"}}});
    let path = format!("/*-brokerbeat.*-{NAMESPACE}/_search");
    let found = elasticsearch.post(&path, &ignored).unwrap();
    assert_eq!(found["hits"]["hits"], json!([]), "a value was ignored");
}
