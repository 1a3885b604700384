//! Golden pairs of the tests: what a real server said → the documents that it must become.
//!
//! Every file with the suffix in `tests/data/<folder>` is a case. `BROKERBEAT_REWRITE_GOLDEN=1`
//! writes the expected files anew; the diff is then read by a person.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::document::Document;

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

/// Runs all cases of a folder. Documents must be as expected and in the catalogue, field by field.
pub(crate) fn cases(folder: &str, suffix: &str, run: impl Fn(&Case) -> Vec<Document>) {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(folder);
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
        let documents = run(&case);
        check_documented(&documents);
        compare(&case, &documents);
    }
}

fn check_documented(documents: &[Document]) {
    for document in documents {
        let strangers = Catalogue::get().strangers(&document.dataset, document.fields());
        assert!(strangers.is_empty(), "{strangers:#?}");
    }
}

fn compare(case: &Case, documents: &[Document]) {
    let found: Vec<Value> = documents.iter().map(to_json).collect();
    let path = case.directory.join(format!("{}-expected.json", case.name));
    if std::env::var_os(REWRITE).is_some() {
        let text = serde_json::to_string_pretty(&found).expect("JSON is JSON");
        std::fs::write(&path, text + "\n").expect("the test data can be written");
        return;
    }
    let expected: Value = serde_json::from_str(&case.file(&format!("{}-expected.json", case.name)))
        .expect("the expected file is JSON");
    for (index, (found, expected)) in found
        .iter()
        .zip(expected.as_array().into_iter().flatten())
        .enumerate()
    {
        assert_eq!(found, expected, "{}: document {index}", case.name);
    }
    assert_eq!(
        Some(found.len()),
        expected.as_array().map(Vec::len),
        "{}: number of documents",
        case.name
    );
}

fn to_json(document: &Document) -> Value {
    let keys: Vec<String> = document
        .keys()
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    json!({
        "dataset": document.dataset,
        "kind": document.kind,
        "keys": keys,
        "fields": document.fields(),
    })
}
