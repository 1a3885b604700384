//! Golden pairs of the tests: what a real server said → the documents that it must become.
//!
//! Every file with the suffix in `tests/data/<folder>` is a case. `BROKERBEAT_REWRITE_GOLDEN=1`
//! writes the expected files anew; the diff is then read by a person.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::collect::Collected;
use crate::document::{Document, leaves};

/// Says that expected files are to be written instead of compared.
const REWRITE: &str = "BROKERBEAT_REWRITE_GOLDEN";

/// One case.
pub(crate) struct Case {
    /// File name without the suffix.
    pub(crate) name: String,
    directory: PathBuf,
}

impl Case {
    /// Text of a file beside it.
    pub(crate) fn file(&self, name: &str) -> String {
        let path = self.directory.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// Runs all cases of a folder. What is collected must be as expected; every field must be in the catalogue,
/// every key a dimension, every document there once.
pub(crate) fn cases(folder: &str, suffix: &str, run: impl Fn(&Case) -> Collected) {
    let directory = directory(folder);
    let mut names: Vec<String> = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(suffix)?.to_owned()))
        .filter(|name| !name.ends_with("-expected"))
        .collect();
    names.sort();
    assert!(
        !names.is_empty(),
        "no case *{suffix} in {}",
        directory.display()
    );
    for name in names {
        let case = Case {
            name,
            directory: directory.clone(),
        };
        let mut collected = run(&case);
        collected.gather();
        check_documented(&collected.documents);
        check_single(&collected.documents);
        compare(&case, &collected);
    }
}

/// The folder with the captures of a collector.
pub(crate) fn directory(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(folder)
}

fn check_documented(documents: &[Document]) {
    for document in documents {
        let strangers = Catalogue::get().strangers(&document.dataset, &document.fields());
        assert!(strangers.is_empty(), "{strangers:#?}");
        let dataset = Catalogue::get()
            .dataset(&document.dataset)
            .expect("no stranger");
        let known = Catalogue::get().known(dataset);
        for (key, _) in document.keys() {
            assert!(
                known[key.as_str()].dimension,
                "{}: {key} is a key but no dimension",
                document.dataset
            );
        }
    }
}

fn check_single(documents: &[Document]) {
    let mut seen = BTreeSet::new();
    for document in documents {
        let mut keys = document.keys();
        keys.sort();
        assert!(
            seen.insert((&document.dataset, &document.kind, keys)),
            "twice: {document:?}"
        );
    }
}

fn compare(case: &Case, collected: &Collected) {
    let faults = collected
        .faults
        .iter()
        .map(|f| format!("{}: {}", f.kind.as_str(), f.message));
    let documents: Vec<Value> = collected.documents.iter().map(to_json).collect();
    let found = json!({
        "cluster_id": collected.cluster_id,
        "faults": faults.collect::<Vec<_>>(),
        "documents": documents,
    });
    let file = format!("{}-expected.json", case.name);
    if std::env::var_os(REWRITE).is_some() {
        let text = serde_json::to_string_pretty(&found).expect("JSON is JSON");
        std::fs::write(case.directory.join(&file), text + "\n")
            .expect("the test data can be written");
    }
    let expected: Value =
        serde_json::from_str(&case.file(&file)).expect("the expected file is JSON");
    // Document by document first: the difference of one is readable.
    for (index, (found, expected)) in documents
        .iter()
        .zip(expected["documents"].as_array().into_iter().flatten())
        .enumerate()
    {
        assert_eq!(found, expected, "{}: document {index}", case.name);
    }
    assert_eq!(found, expected, "{}", case.name);
}

/// Flat, so that a line is a field.
fn to_json(document: &Document) -> Value {
    let keys: Vec<String> = document
        .keys()
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    let fields: serde_json::Map<String, Value> = leaves(&document.fields())
        .into_iter()
        .map(|(name, value)| (name, value.clone()))
        .collect();
    json!({"dataset": document.dataset, "kind": document.kind, "keys": keys, "fields": fields})
}
