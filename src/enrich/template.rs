//! Documents of one shape — the same fields in the same order — share all of their JSON but the values.
//!
//! A cycle has tens of thousands of documents and a handful of shapes: names, nesting and the fields that are the same
//! in all of them are laid out once a shape.

use std::cmp::Ordering;

use serde_json::Value;

use crate::document::Field;

/// What stands in a gap of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// The series of the document.
    Series,
    /// Its field of that number.
    Field(usize),
}

/// The value of a name in the layout.
pub(super) enum Content {
    /// The same in every document: its JSON.
    Constant(String),
    /// Another one in each.
    Slot(Slot),
}

/// JSON with gaps.
#[derive(Debug, Default)]
pub(super) struct Template {
    text: Vec<u8>,
    /// Where in the text, and what.
    gaps: Vec<(usize, Slot)>,
}

impl Template {
    /// Nests dotted names. Of equal names the last one counts; a value in whose place an object must stand is left out.
    pub(super) fn new(mut entries: Vec<(String, Content)>) -> Self {
        // Stable, so that the last one of equal names stays the last one.
        entries.sort_by(|a, b| by_path(&a.0, &b.0));
        let mut template = Self::default();
        let mut open: Vec<String> = Vec::new();
        template.text.push(b'{');
        let mut rest = entries.into_iter().peekable();
        while let Some((name, content)) = rest.next() {
            if rest.peek().is_some_and(|(next, _)| hides(next, &name)) {
                continue;
            }
            template.name(&name, &mut open);
            match content {
                Content::Constant(json) => template.text.extend_from_slice(json.as_bytes()),
                Content::Slot(slot) => template.gaps.push((template.text.len(), slot)),
            }
        }
        template
            .text
            .extend(std::iter::repeat_n(b'}', open.len() + 1));
        template
    }

    /// Closes and opens objects until the name's own place is there, and writes its last part.
    fn name(&mut self, name: &str, open: &mut Vec<String>) {
        let (parents, leaf) = match name.rsplit_once('.') {
            Some((parents, leaf)) => (parents.split('.').collect(), leaf),
            None => (Vec::new(), name),
        };
        let common = open.iter().zip(&parents).take_while(|(a, b)| a == b);
        let common = common.count();
        self.text
            .extend(std::iter::repeat_n(b'}', open.len() - common));
        open.truncate(common);
        if self.text.len() > 1 {
            self.text.push(b',');
        }
        for parent in &parents[common..] {
            self.part(parent);
            self.text.push(b'{');
            open.push((*parent).to_owned());
        }
        self.part(leaf);
    }

    fn part(&mut self, part: &str) {
        write_json(&mut self.text, &Value::from(part));
        self.text.push(b':');
    }

    /// Writes a document.
    pub(super) fn fill(&self, series: &str, fields: &[Field], out: &mut Vec<u8>) {
        let mut from = 0;
        for (to, slot) in &self.gaps {
            out.extend_from_slice(&self.text[from..*to]);
            from = *to;
            match slot {
                Slot::Series => write_json(out, series),
                Slot::Field(index) => write_json(out, &fields[*index].value),
            }
        }
        out.extend_from_slice(&self.text[from..]);
    }
}

fn write_json(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    serde_json::to_writer(out, value).expect("a Vec takes everything, and JSON values are JSON");
}

/// By the parts of the names: what is below `a.b` follows it at once.
fn by_path(one: &str, other: &str) -> Ordering {
    let rank = |byte: u8| (byte != b'.').then_some(byte);
    one.bytes().map(rank).cmp(other.bytes().map(rank))
}

/// Whether a name cannot stand beside the one that follows it.
fn hides(next: &str, name: &str) -> bool {
    next.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::document::{Document, set_nested};

    fn filled(constants: &[(&str, &str)], document: &Document) -> Value {
        let mut entries: Vec<_> = constants
            .iter()
            .map(|(name, text)| {
                let json = Value::from(*text).to_string();
                ((*name).to_owned(), Content::Constant(json))
            })
            .collect();
        let fields = document.flat().iter().enumerate();
        let slot = |(index, field): (usize, &Field)| {
            (field.name.to_string(), Content::Slot(Slot::Field(index)))
        };
        entries.extend(fields.map(slot));
        let mut out = Vec::new();
        Template::new(entries).fill("s", document.flat(), &mut out);
        serde_json::from_slice(&out).expect("a template makes JSON")
    }

    #[test]
    fn names_nest_and_the_last_of_equal_names_counts() {
        let document = Document::new("d", "k")
            .with("b.c", 1)
            .with("a-b.c", 2)
            .with("a.b", 3)
            .with("a.b", 4)
            .with("b.\"\n", 5);
        let found = filled(&[("a.b", "base"), ("a.c", "é\"\\")], &document);
        let expected = json!({
            "a": {"b": 4, "c": "é\"\\"},
            "a-b": {"c": 2},
            "b": {"c": 1, "\"\n": 5},
        });
        assert_eq!(found, expected);
    }

    /// Names may come from a user's beans.
    #[test]
    fn an_object_is_written_once_whatever_the_names() {
        let document = Document::new("d", "k")
            .with("a.b", 1)
            .with("a\0b", 2)
            .with("a.c", 3);
        let expected = json!({"a": {"b": 1, "c": 3}, "a\0b": 2});
        assert_eq!(filled(&[], &document), expected);
    }

    #[test]
    fn a_value_never_stands_beside_an_object_of_its_name() {
        let document = Document::new("d", "k").with("a", 1).with("a.b.c", 2);
        assert_eq!(filled(&[], &document), json!({"a": {"b": {"c": 2}}}));
        assert_eq!(filled(&[], &Document::new("d", "k")), json!({}));
    }

    /// Any documents without a name that is also the beginning of another: as nested maps have them.
    #[test]
    fn templates_agree_with_nested_maps() {
        let seed = fastrand::u64(..);
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..500 {
            let mut document = Document::new("d", "k");
            let mut nested = Map::new();
            for value in 0..random.u64(0..12) {
                let parents =
                    (0..random.usize(0..4)).map(|_| ["a", "b", "a-", "é"][random.usize(0..4)]);
                let mut name: Vec<&str> = parents.collect();
                name.push(["x", "y", "z"][random.usize(0..3)]);
                let name = name.join(".");
                document.set(name.clone(), value);
                set_nested(&mut nested, &name, value.into());
            }
            assert_eq!(filled(&[], &document), Value::from(nested), "seed {seed}");
        }
    }
}
