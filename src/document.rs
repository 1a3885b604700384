//! The document: the sole currency between collect and spool.
//!
//! A collector says *what* it saw: dataset, kind, identity keys, fields. It knows
//! neither the clock nor the cluster's identity nor the host it runs on:
//! [`crate::enrich`] adds those and turns a document into a [`Record`].

use std::borrow::Cow;

use serde_json::{Map, Value};

/// What a collector saw of one thing (a partition, a bean group, a server …) in one cycle.
///
/// There are tens of thousands of them in a cycle: names are borrowed where they are constants, fields
/// lie flat, and only the final JSON is nested.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Dataset without the `brokerbeat.` prefix, as in `fields.yml`: `kafka.partition`.
    pub dataset: Cow<'static, str>,
    /// Document kind within the dataset (bean group, family …). Part of the series.
    pub kind: Cow<'static, str>,
    /// Whether it is about what cannot be reached at the target's address: without an own one it has none.
    pub is_elsewhere: bool,
    /// In the order they were set; the last of equal names counts.
    fields: Vec<Field>,
}

/// A field of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// ECS name, dotted.
    pub name: Cow<'static, str>,
    /// Never null.
    pub value: Value,
    /// Whether it tells this document from all others of its dataset, kind, cluster and tick.
    pub is_key: bool,
}

/// As many fields as most documents have.
const USUAL_FIELDS: usize = 16;

impl Document {
    /// A document without keys and fields.
    pub fn new(dataset: impl Into<Cow<'static, str>>, kind: impl Into<Cow<'static, str>>) -> Self {
        Self {
            dataset: dataset.into(),
            kind: kind.into(),
            is_elsewhere: false,
            fields: Vec::with_capacity(USUAL_FIELDS),
        }
    }

    /// Never has the target's `service.address`.
    #[must_use]
    pub fn elsewhere(mut self) -> Self {
        self.is_elsewhere = true;
        self
    }

    /// Adds an identity key. It is a field too (a dimension in `fields.yml`).
    #[must_use]
    pub fn key(mut self, field: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.push(field.into(), value.into(), true);
        self
    }

    /// Adds a field; the builder form of [`Self::set`].
    #[must_use]
    pub fn with(mut self, field: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.set(field, value);
        self
    }

    /// Adds a field where there is a value: unknown is absent, never 0.
    #[must_use]
    pub fn with_some(
        self,
        field: impl Into<Cow<'static, str>>,
        value: Option<impl Into<Value>>,
    ) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    /// Sets a field by its dotted name. A number that is not finite is left out.
    pub fn set(&mut self, field: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        self.push(field.into(), value.into(), false);
    }

    fn push(&mut self, name: Cow<'static, str>, value: Value, is_key: bool) {
        // serde_json turns NaN and infinities into null: "no sample", so no field.
        if value.is_null() && !is_key {
            return;
        }
        self.fields.push(Field {
            name,
            value,
            is_key,
        });
    }

    /// The fields as they were set, keys among them.
    pub fn flat(&self) -> &[Field] {
        &self.fields
    }

    /// Identity keys in the order they were added: name, and value as text.
    pub fn keys(&self) -> Vec<(String, String)> {
        let keys = self.fields.iter().filter(|field| field.is_key);
        keys.map(|field| (field.name.to_string(), text(&field.value).into_owned()))
            .collect()
    }

    /// The value of a dotted field name.
    pub fn get(&self, field: &str) -> Option<&Value> {
        let found = self.fields.iter().rev().find(|one| one.name == field);
        found.map(|field| &field.value)
    }

    /// All fields, nested as Elasticsearch shows them.
    pub fn fields(&self) -> Map<String, Value> {
        let mut nested = Map::new();
        for field in &self.fields {
            set_nested(&mut nested, &field.name, field.value.clone());
        }
        nested
    }
}

/// A key's value as it stands in the series.
pub fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.into(),
        other => other.to_string().into(),
    }
}

/// Sets `a.b.c` in nested objects. Where a plain value stands in the way it is
/// replaced: `fields.yml` forbids a field that is also a prefix of another, and its test says so.
pub fn set_nested(map: &mut Map<String, Value>, field: &str, value: Value) {
    let Some((head, rest)) = field.split_once('.') else {
        map.insert(field.to_owned(), value);
        return;
    };
    let child = map.entry(head).or_insert_with(|| Value::Object(Map::new()));
    if !child.is_object() {
        *child = Value::Object(Map::new());
    }
    if let Value::Object(child) = child {
        set_nested(child, rest, value);
    }
}

/// Reads `a.b.c` from nested objects.
pub fn get_nested<'a>(map: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    match field.split_once('.') {
        None => map.get(field),
        Some((head, rest)) => get_nested(map.get(head)?.as_object()?, rest),
    }
}

/// Every leaf of nested objects as dotted name and value; lists are leaves.
pub fn leaves(map: &Map<String, Value>) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    collect_leaves("", map, &mut found);
    found
}

fn collect_leaves<'a>(
    prefix: &str,
    map: &'a Map<String, Value>,
    found: &mut Vec<(String, &'a Value)>,
) {
    for (name, value) in map {
        let name = match prefix {
            "" => name.clone(),
            prefix => format!("{prefix}.{name}"),
        };
        match value {
            Value::Object(child) => collect_leaves(&name, child, found),
            value => found.push((name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_is_a_field_and_identity() {
        let document = Document::new("kafka.partition", "partition")
            .key("kafka.topic.name", "orders")
            .key("kafka.partition.id", 3)
            .with("kafka.partition.offset.newest", 17);
        assert_eq!(
            document.keys()[1],
            ("kafka.partition.id".into(), "3".into())
        );
        assert_eq!(
            Value::from(document.fields()),
            json!({"kafka": {"topic": {"name": "orders"}, "partition": {"id": 3, "offset": {"newest": 17}}}})
        );
    }

    #[test]
    fn unknown_and_nan_are_absent_and_not_zero() {
        let document = Document::new("jvm", "memory")
            .with_some("a", None::<i64>)
            .with("b", f64::NAN)
            .with("c", f64::INFINITY);
        assert!(document.fields().is_empty());
    }

    #[test]
    fn leaves_are_dotted() {
        let document = Document::new("jvm", "memory")
            .with("a.b", 1)
            .with("a.c", json!([1, 2]));
        let names: Vec<_> = leaves(&document.fields())
            .into_iter()
            .map(|(n, _)| n)
            .collect();
        assert_eq!(names, ["a.b", "a.c"]);
    }
}
