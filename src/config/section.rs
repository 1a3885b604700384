//! Reading a part of the configuration: every question is also the list of known keys.
//!
//! A section remembers which keys were asked for. What stands in the file and was
//! never asked for is unknown and is reported when the section is dropped, with the
//! nearest known key — so that the readers cannot forget to.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;

use super::effective::Effective;
use super::problem::{Problems, nearest};
use super::secret::Secret;
use super::tree::{Tree, Written, join};
use super::units;

/// Where readers leave what they found: mistakes, and the settings in force for `export config`.
#[derive(Debug, Default)]
pub struct Findings {
    /// All mistakes.
    pub problems: Problems,
    /// All settings with their defaults.
    pub effective: Effective,
    /// Fields that the user has made up, over the whole configuration.
    own_fields: RefCell<BTreeSet<String>>,
}

/// One mapping of the configuration.
pub struct Section<'a> {
    entries: &'a [(String, usize, Tree)],
    line: usize,
    path: String,
    findings: &'a Findings,
    asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The section of a tree; anything but a mapping (or nothing) is a mistake and reads as empty.
    pub fn new(tree: &'a Tree, path: impl Into<String>, findings: &'a Findings) -> Self {
        let path = path.into();
        let entries = match &tree.value {
            Written::Map(entries) => entries.as_slice(),
            Written::Null => &[],
            _ => {
                let message = format!("is {}, but should be a section with keys", tree.shape());
                findings.problems.push(tree.line, path.as_str(), message);
                &[]
            }
        };
        Self {
            entries,
            line: tree.line,
            path,
            findings,
            asked: Vec::new(),
        }
    }

    /// Notes a mistake about a key of this section (about the section itself where `key` is empty,
    /// about a key below where it is dotted).
    pub fn problem(&self, key: &str, message: impl Into<String>) {
        let first = key.split('.').next().unwrap_or(key);
        let line = match self.entries.iter().find(|(name, ..)| name == first) {
            Some((_, line, _)) => *line,
            None => self.line,
        };
        let path = if key.is_empty() {
            self.path.clone()
        } else {
            join(&self.path, key)
        };
        self.findings.problems.push(line, path, message);
    }

    /// Notes fields that the user has made up here. How many different ones there are so far, in the whole configuration.
    pub fn add_own_fields(&self, fields: impl IntoIterator<Item = String>) -> usize {
        let mut all = self.findings.own_fields.borrow_mut();
        all.extend(fields);
        all.len()
    }

    /// Whether the key stands in the file. Counts as asked for.
    pub fn has(&mut self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    /// The whole name of this section: `clusters[0].kafka`.
    pub fn path(&self) -> &str {
        &self.path
    }

    fn find(&mut self, key: &'static str) -> Option<&'a Tree> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let (.., tree) = self.entries.iter().find(|(name, ..)| name == key)?;
        // A key without a value is not set.
        (tree.value != Written::Null).then_some(tree)
    }

    fn record(&self, key: &str, value: impl Into<Value>) {
        self.findings
            .effective
            .record(&join(&self.path, key), value.into());
    }

    /// A scalar as text, and what messages may show of it.
    fn scalar(&mut self, key: &'static str) -> Option<(&'a str, &'a str)> {
        let tree = self.find(key)?;
        match &tree.value {
            Written::Text { text, shown } => Some((text, shown)),
            Written::Null => None,
            _ => {
                self.problem(key, format!("is {}, but should be one value", tree.shape()));
                None
            }
        }
    }

    /// Text, if it is there.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        let text = self.scalar(key).map(|(text, _)| text.to_owned());
        if let Some(text) = &text {
            self.record(key, text.as_str());
        }
        text
    }

    /// Text or its default.
    pub fn text_or(&mut self, key: &'static str, default: &str) -> String {
        let text = self
            .scalar(key)
            .map_or(default, |(text, _)| text)
            .to_owned();
        self.record(key, text.as_str());
        text
    }

    /// A value that must never be shown.
    pub fn secret(&mut self, key: &'static str) -> Option<Secret> {
        let (text, shown) = self.scalar(key)?;
        // A reference says where the secret is; anything else written here may hold a part of it.
        let reference = shown
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'));
        let is_reference = reference.is_some_and(|name| !name.contains(['$', '{', '}', ':']));
        let shown = if is_reference { shown } else { Secret::HIDDEN };
        self.record(key, shown);
        Some(Secret::new(text))
    }

    /// A value that `parse` understands, or the default. `parse` says what it wants in its error.
    pub fn parsed_or<T>(
        &mut self,
        key: &'static str,
        default: T,
        show: impl Fn(&T) -> Value,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let value = match self.scalar(key) {
            None => default,
            Some((text, shown)) => match parse(text) {
                Ok(value) => value,
                Err(wanted) => {
                    self.problem(key, format!("`{shown}` {wanted}"));
                    default
                }
            },
        };
        self.record(key, show(&value));
        value
    }

    /// A duration such as `10s`, within bounds.
    pub fn duration_or(
        &mut self,
        key: &'static str,
        default: Duration,
        bounds: RangeInclusive<Duration>,
    ) -> Duration {
        self.parsed_or(
            key,
            default,
            |value| units::show_duration(*value).into(),
            |text| units::duration_within(text, &bounds),
        )
    }

    /// A duration that may be absent.
    pub fn duration(
        &mut self,
        key: &'static str,
        bounds: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        self.has(key)
            .then(|| self.duration_or(key, *bounds.start(), bounds.clone()))
    }

    /// A size such as `2GiB` in bytes, within bounds.
    pub fn bytes_or(
        &mut self,
        key: &'static str,
        default: u64,
        bounds: RangeInclusive<u64>,
    ) -> u64 {
        self.parsed_or(
            key,
            default,
            |value| units::show_bytes(*value).into(),
            |text| units::bytes_within(text, &bounds),
        )
    }

    /// A whole number within bounds.
    pub fn number_or(
        &mut self,
        key: &'static str,
        default: u64,
        bounds: RangeInclusive<u64>,
    ) -> u64 {
        self.parsed_or(
            key,
            default,
            |value| (*value).into(),
            |text| units::number_within(text, &bounds),
        )
    }

    /// `true` or `false`.
    pub fn flag_or(&mut self, key: &'static str, default: bool) -> bool {
        self.parsed_or(key, default, |value| (*value).into(), units::flag)
    }

    /// A list of texts; one value alone is a list of one.
    pub fn texts(&mut self, key: &'static str) -> Vec<String> {
        let texts: Vec<String> = match self.find(key) {
            None => Vec::new(),
            Some(tree) => match &tree.value {
                Written::Null => Vec::new(),
                Written::Text { text, .. } => vec![text.clone()],
                Written::List(items) => self.list_of_texts(key, items),
                Written::Map(_) => {
                    self.problem(key, "is a section, but should be a list of values");
                    Vec::new()
                }
            },
        };
        self.record(key, texts.clone());
        texts
    }

    /// Texts of a key in a section below, which another reader checks and records.
    pub fn texts_of_another(&mut self, section: &'static str, key: &str) -> Vec<String> {
        let Some(Written::Map(entries)) = self.find(section).map(|tree| &tree.value) else {
            return Vec::new();
        };
        let written = entries.iter().find(|(name, ..)| name == key);
        let values: &[Tree] = match written.map(|(.., tree)| (tree, &tree.value)) {
            Some((_, Written::List(items))) => items,
            Some((tree, Written::Text { .. })) => std::slice::from_ref(tree),
            _ => &[],
        };
        let text = |tree: &Tree| match &tree.value {
            Written::Text { text, .. } => Some(text.clone()),
            _ => None,
        };
        values.iter().filter_map(text).collect()
    }

    fn list_of_texts(&self, key: &str, items: &[Tree]) -> Vec<String> {
        let mut texts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match &item.value {
                Written::Text { text, .. } => texts.push(text.clone()),
                _ => self.findings.problems.push(
                    item.line,
                    format!("{}[{index}]", join(&self.path, key)),
                    format!("is {}, but should be one value", item.shape()),
                ),
            }
        }
        texts
    }

    /// A mapping with the user's own keys, dotted names kept whole. Names that sound like a
    /// secret (`sasl.password`, `ssl.key.password` …) are hidden from `export config`.
    pub fn map(&mut self, key: &'static str) -> BTreeMap<String, String> {
        let mut flat = BTreeMap::new();
        if let Some(tree) = self.find(key) {
            self.flatten(key, "", tree, &mut flat);
        }
        let shown: serde_json::Map<String, Value> = flat
            .iter()
            .map(|(name, value)| (name.clone(), super::secret::shown(name, value).into()))
            .collect();
        self.record(key, shown);
        flat
    }

    /// As [`map`](Self::map), with values that must never be shown.
    pub fn secrets(&mut self, key: &'static str) -> BTreeMap<String, Secret> {
        let mut flat = BTreeMap::new();
        if let Some(tree) = self.find(key) {
            self.flatten(key, "", tree, &mut flat);
        }
        let shown: serde_json::Map<String, Value> = flat
            .keys()
            .map(|name| (name.clone(), Secret::HIDDEN.into()))
            .collect();
        self.record(key, shown);
        flat.into_iter()
            .map(|(name, value)| (name, Secret::new(value)))
            .collect()
    }

    fn flatten(&self, key: &str, prefix: &str, tree: &Tree, flat: &mut BTreeMap<String, String>) {
        match &tree.value {
            Written::Null => {}
            Written::Text { text, .. } if !prefix.is_empty() => {
                flat.insert(prefix.to_owned(), text.clone());
            }
            Written::Map(entries) => {
                for (name, _, child) in entries {
                    self.flatten(key, &join(prefix, name), child, flat);
                }
            }
            _ => self.findings.problems.push(
                tree.line,
                join(&join(&self.path, key), prefix),
                format!(
                    "is {}, but should be a section of names and values",
                    tree.shape()
                ),
            ),
        }
    }

    /// A section below this one, if it is there.
    pub fn section(&mut self, key: &'static str) -> Option<Section<'a>> {
        let tree = self.find(key)?;
        Some(Section::new(tree, join(&self.path, key), self.findings))
    }

    /// A section below this one; an empty one, which reads as all defaults, if it is not there.
    pub fn section_or_empty(&mut self, key: &'static str) -> Section<'a> {
        /// What an absent section reads as.
        static EMPTY: Tree = Tree {
            line: 0,
            value: Written::Null,
        };
        let tree = self.find(key).unwrap_or(&EMPTY);
        Section::new(tree, join(&self.path, key), self.findings)
    }

    /// A list of sections below this one.
    pub fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let Some(tree) = self.find(key) else {
            return Vec::new();
        };
        let path = join(&self.path, key);
        match &tree.value {
            Written::Null => Vec::new(),
            Written::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| Section::new(item, format!("{path}[{index}]"), self.findings))
                .collect(),
            _ => {
                self.problem(key, format!("is {}, but should be a list", tree.shape()));
                Vec::new()
            }
        }
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        for (name, line, _) in self.entries {
            if self.asked.contains(&name.as_str()) {
                continue;
            }
            let hint = match nearest(name, &self.asked) {
                Some(known) => format!("unknown key; did you mean `{known}`?"),
                None => format!("unknown key; known here: {}", self.asked.join(", ")),
            };
            self.findings
                .problems
                .push(*line, join(&self.path, name), hint);
        }
    }
}
