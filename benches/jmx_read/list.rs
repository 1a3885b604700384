//! What both clients read: a file with a line per bean.

use std::fs;
use std::path::PathBuf;

use stack::{JmxAccess, JmxCanon, WorkDir};

/// Beans and attributes, in a file that goes with this value.
pub(crate) struct List {
    work: WorkDir,
    pub(crate) beans: usize,
    pub(crate) attributes: usize,
}

impl List {
    /// All attributes that Java can read of all beans that match.
    pub(crate) fn of_all(access: &JmxAccess, pattern: &str) -> Self {
        let java = JmxCanon::start(access, None).unwrap();
        let mut list = Vec::new();
        for name in java.names(pattern).unwrap() {
            let attributes = java.read(&name).unwrap().unwrap_or_default();
            let readable = attributes.into_iter().filter(|(_, value)| value.is_ok());
            list.push((name, readable.map(|(attribute, _)| attribute).collect()));
        }
        Self::new(list)
    }

    pub(crate) fn new(list: Vec<(String, Vec<String>)>) -> Self {
        let work = WorkDir::new("list").unwrap();
        let list: Vec<_> = list
            .into_iter()
            .filter(|(_, all)| !all.is_empty())
            .collect();
        let lines: String = list
            .iter()
            .map(|(name, attributes)| format!("{name}\t{}\n", attributes.join("\t")))
            .collect();
        fs::write(work.join("list.tsv"), lines).unwrap();
        Self {
            work,
            beans: list.len(),
            attributes: list.iter().map(|(_, attributes)| attributes.len()).sum(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.work.join("list.tsv")
    }

    pub(crate) fn described(&self) -> String {
        format!("{} beans, {} attributes", self.beans, self.attributes)
    }
}
