//! From the file's text to one tree: dotted keys unfolded, variables filled in, `-E` laid over it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::problem::Problems;
use crate::yaml::{Content, Entry, Node};

/// A value with its line, ready to be read by a section.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// Line in the file; 0 for `-E`.
    pub line: usize,
    /// What stands there.
    pub value: Written,
}

/// The shapes of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// Nothing.
    Null,
    /// A scalar.
    Text {
        /// With its variables filled in.
        text: String,
        /// As written, `${ES_API_KEY}`: this is what messages show.
        shown: String,
    },
    /// A sequence.
    List(Vec<Tree>),
    /// A mapping: key, its line, its value.
    Map(Vec<(String, usize, Tree)>),
}

/// How variables are looked up: the environment, or a test's table.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Makes the tree of a parsed file. Mistakes go to `problems`.
pub(crate) fn build(node: &Node, variables: Variables<'_>, problems: &Problems) -> Tree {
    Builder {
        variables,
        problems,
    }
    .tree(node, "")
}

/// The tree that settings of the form `key=value` make alone.
pub(crate) fn of_settings(settings: &[String], problems: &Problems) -> Tree {
    let mut tree = Tree {
        line: 0,
        value: Written::Map(Vec::new()),
    };
    for setting in settings {
        overlay(&mut tree, setting, &|_| None, problems);
    }
    tree
}

/// Lays `key=value` over the tree: the value is YAML, the key dotted. Replaces what stands there.
pub(super) fn overlay(
    tree: &mut Tree,
    setting: &str,
    variables: Variables<'_>,
    problems: &Problems,
) {
    let Some((key, value)) = setting.split_once('=') else {
        problems.push(0, "-E", format!("`{setting}` is not of the form key=value"));
        return;
    };
    let node = match crate::yaml::parse(value) {
        Ok(node) => node,
        Err(error) => {
            problems.push(0, format!("-E {key}"), error.what);
            return;
        }
    };
    let mut value = build(&node, variables, problems);
    forget_lines(&mut value);
    let parts: Vec<&str> = key.trim().split('.').collect();
    replace(tree, &parts, value);
}

fn forget_lines(tree: &mut Tree) {
    tree.line = 0;
    match &mut tree.value {
        Written::List(items) => items.iter_mut().for_each(forget_lines),
        Written::Map(entries) => entries.iter_mut().for_each(|(_, line, child)| {
            *line = 0;
            forget_lines(child);
        }),
        _ => {}
    }
}

fn replace(tree: &mut Tree, parts: &[&str], value: Tree) {
    let Some((first, rest)) = parts.split_first() else {
        *tree = value;
        return;
    };
    if !matches!(tree.value, Written::Map(_)) {
        tree.value = Written::Map(Vec::new());
    }
    let Written::Map(entries) = &mut tree.value else {
        return;
    };
    if !entries.iter().any(|(key, ..)| key == first) {
        entries.push(((*first).to_owned(), 0, Tree::null(0)));
    }
    for (key, line, child) in entries {
        if key == first {
            *line = 0;
            replace(child, rest, value);
            return;
        }
    }
}

struct Builder<'a> {
    variables: Variables<'a>,
    problems: &'a Problems,
}

impl Builder<'_> {
    fn tree(&self, node: &Node, path: &str) -> Tree {
        let value = match &node.content {
            Content::Null => Written::Null,
            Content::Scalar { text, .. } => Written::Text {
                text: self.expand(text, node.line, path),
                shown: text.clone(),
            },
            Content::List(items) => Written::List(self.list(items, path)),
            Content::Map(entries) => Written::Map(self.map(entries, path)),
        };
        Tree {
            line: node.line,
            value,
        }
    }

    fn list(&self, items: &[Node], path: &str) -> Vec<Tree> {
        let item = |(index, node)| self.tree(node, &format!("{path}[{index}]"));
        items.iter().enumerate().map(item).collect()
    }

    fn map(&self, entries: &[Entry], path: &str) -> Vec<(String, usize, Tree)> {
        let mut merged = Vec::new();
        for entry in entries {
            let child = self.tree(&entry.value, &join(path, &entry.key));
            self.insert(&mut merged, &entry.key, entry.line, child, path);
        }
        merged
    }

    /// Puts `a.b: x` where `a: {b: x}` would stand; one key in two places is a mistake.
    fn insert(
        &self,
        entries: &mut Vec<(String, usize, Tree)>,
        key: &str,
        line: usize,
        child: Tree,
        path: &str,
    ) {
        let (head, child) = match key.split_once('.') {
            Some((head, rest)) => {
                let inner = vec![(rest.to_owned(), line, child)];
                (head, self.unfold(inner, line, &join(path, head)))
            }
            None => (key, child),
        };
        let existing = entries.iter_mut().find(|(name, ..)| name == head);
        match existing {
            None => entries.push((head.to_owned(), line, child)),
            Some((_, first, old)) => self.merge(old, *first, child, line, &join(path, head)),
        }
    }

    fn unfold(&self, inner: Vec<(String, usize, Tree)>, line: usize, path: &str) -> Tree {
        let mut entries = Vec::new();
        for (key, line, child) in inner {
            self.insert(&mut entries, &key, line, child, path);
        }
        Tree {
            line,
            value: Written::Map(entries),
        }
    }

    fn merge(&self, old: &mut Tree, first: usize, new: Tree, line: usize, path: &str) {
        match (&mut old.value, new.value) {
            (Written::Map(old), Written::Map(new)) => {
                for (key, line, child) in new {
                    self.insert(old, &key, line, child, path);
                }
            }
            _ => self.problems.push(
                line,
                path,
                format!("written a second time; it stands on line {first} already"),
            ),
        }
    }

    fn expand(&self, text: &str, line: usize, path: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((inside, behind)) = after.split_once('}') else {
                self.problems.push(line, path, "has a `${` without its `}`");
                return out;
            };
            let (name, default) = match inside.split_once(':') {
                Some((name, default)) => (name, Some(default)),
                None => (inside, None),
            };
            match ((self.variables)(name), default) {
                (Some(value), _) => out.push_str(&value),
                (None, Some(default)) => out.push_str(default),
                (None, None) => self.problems.push(
                    line,
                    path,
                    format!(
                        "the variable {name} is not set; set it or write `${{{name}:default}}`"
                    ),
                ),
            }
            rest = behind;
        }
        out.push_str(rest);
        out
    }
}

impl Tree {
    /// Nothing.
    pub fn null(line: usize) -> Self {
        Self {
            line,
            value: Written::Null,
        }
    }

    /// What a message calls this shape.
    pub fn shape(&self) -> &'static str {
        match self.value {
            Written::Null => "nothing",
            Written::Text { .. } => "a value",
            Written::List(_) => "a list",
            Written::Map(_) => "a section",
        }
    }
}

/// Hash of every top-level key's value, secrets and all: whether a setting changed can be told
/// without keeping it.
pub(super) fn fingerprints(tree: &Tree) -> BTreeMap<String, [u8; 32]> {
    let Written::Map(entries) = &tree.value else {
        return BTreeMap::new();
    };
    let mark = |(key, _, child): &(String, usize, Tree)| {
        let mut hash = Sha256::new();
        feed(child, &mut hash);
        (key.clone(), hash.finalize().into())
    };
    entries.iter().map(mark).collect()
}

/// Everything but the lines.
fn feed(tree: &Tree, hash: &mut Sha256) {
    match &tree.value {
        Written::Null => hash.update(b"-"),
        Written::Text { text, .. } => {
            hash.update(text.len().to_be_bytes());
            hash.update(text.as_bytes());
        }
        Written::List(items) => {
            hash.update(b"[");
            items.iter().for_each(|item| feed(item, hash));
            hash.update(b"]");
        }
        Written::Map(entries) => {
            hash.update(b"{");
            for (key, _, child) in entries {
                hash.update(key.len().to_be_bytes());
                hash.update(key.as_bytes());
                feed(child, hash);
            }
            hash.update(b"}");
        }
    }
}

/// `path.key`, without the dot at the root.
pub(super) fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}
