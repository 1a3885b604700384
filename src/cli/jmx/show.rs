//! How values look: to people in aligned rows, to programs as JSON.

use std::fmt;

use jmx_rmi::{Attributes, Composite, Tabular, Value};
use serde_json::{Map, Value as Json, json};

use crate::cli::show::{aligned, printable};

/// Characters of a cell; what is longer ends in a mark. `--json` shows all.
const MAX_CHARS: usize = 120;

/// Marks what is longer than shown.
const MORE: char = '…';

/// Rows with aligned columns, indented below a bean's name.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<Vec<String>>,
}

impl Rows {
    /// A row. All rows have as many cells.
    pub(super) fn add<const N: usize>(&mut self, cells: [&str; N]) {
        self.rows.push(cells.map(cell).to_vec());
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = aligned(&self.rows).into_iter();
        lines.try_for_each(|line| writeln!(f, "  {line}"))
    }
}

fn cell(text: &str) -> String {
    let text = printable(text);
    if text.chars().count() <= MAX_CHARS {
        return text;
    }
    text.chars().take(MAX_CHARS - 1).chain([MORE]).collect()
}

/// The rows of a value: one for each item of a record, else one. As deep as the value is, which its decoder has bounded.
pub(super) fn leaves(path: &str, value: &Value, row: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Composite(Composite { items }) if !items.is_empty() => {
            for (name, item) in items {
                leaves(&format!("{path}.{name}"), item, row);
            }
        }
        other => row(path, &text_of(other)),
    }
}

/// The value of `attribute` or `attribute.item.item`; the longest attribute's name wins.
pub(super) fn at_path(attributes: &Attributes, written: &str) -> Option<Value> {
    let rest_after = |name: &str| {
        let rest = written.strip_prefix(name)?;
        match rest.is_empty() {
            true => Some(rest),
            false => rest.strip_prefix('.'),
        }
    };
    let fitting = attributes.iter().filter_map(|(name, value)| {
        let rest = rest_after(name)?;
        Some((name.len(), rest, value))
    });
    let (_, rest, value) = fitting.max_by_key(|(length, ..)| *length)?;
    below(value, rest).cloned()
}

/// What lies below a value; the keys of a table's rows are steps, too.
fn below<'a>(value: &'a Value, rest: &str) -> Option<&'a Value> {
    if rest.is_empty() {
        return Some(value);
    }
    let steps = items(value);
    let fitting = steps.into_iter().filter_map(|(name, item)| {
        let rest = rest.strip_prefix(name.as_str())?;
        let rest = match rest.strip_prefix('.') {
            Some(rest) => rest,
            None if rest.is_empty() => rest,
            None => return None,
        };
        Some((name.len(), rest, item))
    });
    let (_, rest, item) = fitting.max_by_key(|(length, ..)| *length)?;
    below(item, rest)
}

fn items(value: &Value) -> Vec<(String, &Value)> {
    match value {
        Value::Composite(record) => named(&record.items),
        Value::Other(object) => named(&object.fields),
        Value::Tabular(table) => table
            .rows
            .iter()
            .filter_map(|row| keyed(table, row))
            .collect(),
        Value::Map(pairs) => pairs
            .iter()
            .map(|(key, value)| (text_of(key), value))
            .collect(),
        _ => Vec::new(),
    }
}

fn named(items: &[(std::sync::Arc<str>, Value)]) -> Vec<(String, &Value)> {
    items
        .iter()
        .map(|(name, item)| (name.to_string(), item))
        .collect()
}

/// The row of a table of keys and values, which is how a map is written.
fn keyed<'a>(table: &Tabular, row: &'a Composite) -> Option<(String, &'a Value)> {
    let [index] = table.index.as_slice() else {
        return None;
    };
    let mut others = row.items.iter().filter(|(name, _)| name != index);
    let ((_, value), None) = (others.next()?, others.next()) else {
        return None;
    };
    Some((text_of(row.get(index)?), value))
}

fn text_of(value: &Value) -> String {
    match json_of(value) {
        Json::String(text) => text,
        json => json.to_string(),
    }
}

/// The value as JSON. Numbers that JSON has not (NaN, infinite, more than 64 bits) are texts.
pub(super) fn json_of(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Byte(_) | Value::Short(_) | Value::Int(_) | Value::Long(_) => value.as_i64().into(),
        Value::Float(number) => float(f64::from(*number), number.to_string()),
        Value::Double(number) => float(*number, number.to_string()),
        Value::Char(character) => character.to_string().into(),
        Value::String(text) => (**text).into(),
        Value::ObjectName(name) => name.as_str().into(),
        Value::Enum { constant, .. } => (**constant).into(),
        Value::Date(millis) => date(*millis),
        Value::BigInteger(digits) | Value::BigDecimal(digits) => digits.as_str().into(),
        Value::Composite(record) => object(&record.items),
        Value::Tabular(table) => table.rows.iter().map(|row| object(&row.items)).collect(),
        Value::Array(items) | Value::List(items) | Value::Set(items) => {
            items.iter().map(json_of).collect()
        }
        Value::Map(pairs) => {
            let pair = |(key, value): &(Value, Value)| (text_of(key), json_of(value));
            Json::Object(pairs.iter().map(pair).collect())
        }
        Value::Other(object_) => object(&object_.fields),
        Value::Omitted { class, reason } => {
            json!({"class": &**class, "omitted": format!("{reason:?}")})
        }
        other => format!("{other:?}").into(),
    }
}

fn object(items: &[(std::sync::Arc<str>, Value)]) -> Json {
    let item = |(name, item): &(std::sync::Arc<str>, Value)| (name.to_string(), json_of(item));
    Json::Object(items.iter().map(item).collect::<Map<_, _>>())
}

/// As Java writes the numbers that are none.
fn float(number: f64, shown: String) -> Json {
    let java = match number {
        _ if number.is_finite() => return shown.parse::<f64>().map_or(Json::Null, Json::from),
        _ if number.is_nan() => "NaN",
        _ if number > 0.0 => "Infinity",
        _ => "-Infinity",
    };
    java.into()
}

fn date(millis: i64) -> Json {
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(moment) => format!("{moment:.3}").into(),
        Err(_) => millis.into(),
    }
}
