//! From JSON to values. What JSON does not tell apart stays untold: a `double` without a number (NaN, infinite) is
//! `null`, a map or table is a record, an enum or date is a text, a `float` a `double`.

use std::sync::Arc;

use jmx_rmi::{Composite, ObjectName, Value};
use serde_json::{Map, Number, Value as Json};

/// The value that the agent wrote. Its depth is bounded by the parser's.
pub(super) fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(flag),
        Json::Number(number) => from_number(&number),
        Json::String(text) => Value::String(text.into()),
        Json::Array(items) => Value::List(items.into_iter().map(value).collect()),
        Json::Object(items) => special(&items).unwrap_or_else(|| record(items)),
    }
}

/// Whole numbers stay whole: a `long` beyond 2^53 is exact.
fn from_number(number: &Number) -> Value {
    match (number.as_i64(), number.as_u64()) {
        (Some(whole), _) => Value::Long(whole),
        (None, Some(large)) => Value::BigInteger(large.to_string()),
        (None, None) => number.as_f64().map_or(Value::Null, Value::Double),
    }
}

/// Classes that the agent writes as an object with one telling key.
fn special(items: &Map<String, Json>) -> Option<Value> {
    let mut all = items.iter();
    let (Some((key, Json::String(text))), None) = (all.next(), all.next()) else {
        return None;
    };
    match key.as_str() {
        "objectName" => ObjectName::parse(text).ok().map(Value::ObjectName),
        "bigint" => Some(Value::BigInteger(text.clone())),
        _ => None,
    }
}

fn record(items: Map<String, Json>) -> Value {
    let items = items.into_iter();
    let mut items: Vec<_> = items
        .map(|(key, item)| (Arc::from(key), value(item)))
        .collect();
    // As the JVM itself has them; JSON has no order.
    items.sort_by(|(one, _): &(Arc<str>, Value), (other, _)| one.cmp(other));
    Value::Composite(Composite { items })
}
