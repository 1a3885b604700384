//! Pages of proofs: rows of runs, kept in a folder, that add up; and checks, counted.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::Value;

/// Violations that are kept in full.
const SHOWN: usize = 20;

/// What was checked, and what of it was not so.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    pub(crate) done: usize,
    pub(crate) violations: usize,
    pub(crate) shown: Vec<String>,
}

impl Checks {
    pub(crate) fn good(&mut self, good: bool, what: &str, document: &Value) {
        self.done += 1;
        if good {
            return;
        }
        self.violations += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(format!("{what}: {document}"));
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.done += other.done;
        self.violations += other.violations;
        self.shown.extend(other.shown);
    }

    /// Fails if anything was not so.
    pub(crate) fn judge(&self, context: &str) {
        assert_eq!(self.violations, 0, "{context}\n{}", self.shown.join("\n"));
    }
}

/// Where a `make prove-…` keeps the rows of its runs, and the page that it wants.
pub(crate) struct Proof {
    rows: PathBuf,
    page: PathBuf,
}

impl Proof {
    /// By the names of two variables; nothing where no page is wanted.
    pub(crate) fn wanted(rows: &str, page: &str) -> Option<Self> {
        let [rows, page] = [rows, page].map(|name| std::env::var_os(name).map(PathBuf::from));
        Some(Self {
            rows: rows?,
            page: page?,
        })
    }

    /// Adds rows to a file of the folder, and gives all that are in it.
    pub(crate) fn add(&self, name: &str, rows: &str) -> String {
        fs::create_dir_all(&self.rows).expect("a folder for the rows");
        let path = self.rows.join(name);
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .append(true)
            .open(&path)
            .expect("a file");
        writeln!(file, "{rows}").expect("written");
        fs::read_to_string(path).expect("just written")
    }

    pub(crate) fn write(&self, text: &str) {
        fs::write(&self.page, text).expect("the report can be written");
    }
}

/// The sum of a column of a table.
pub(crate) fn sum(rows: &str, column: usize) -> u64 {
    let cells = rows.lines().filter_map(|row| row.split('|').nth(column));
    let numbers = cells.filter_map(|cell| cell.trim().trim_matches('*').parse::<u64>().ok());
    numbers.sum()
}
