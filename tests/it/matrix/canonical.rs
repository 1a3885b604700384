//! The same text for a value as `JmxCanon.java` makes of it: its kind and every bit of it.

use jmx_rmi::{Composite, Value};

/// The canonical text of a value.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("bool:{value}"),
        Value::Byte(value) => format!("byte:{value}"),
        Value::Short(value) => format!("short:{value}"),
        Value::Int(value) => format!("int:{value}"),
        Value::Long(value) => format!("long:{value}"),
        Value::Float(value) => format!("float:{:08x}", float_bits(*value)),
        Value::Double(value) => format!("double:{:016x}", double_bits(*value)),
        Value::Char(value) => format!("char:{:04x}", u32::from(*value)),
        Value::String(value) => format!("string:{value}"),
        Value::ObjectName(name) => format!("name:{}", name.canonical()),
        Value::Enum { class, constant } => format!("enum:{class}.{constant}"),
        Value::Date(millis) => format!("date:{millis}"),
        Value::BigInteger(digits) => format!("bigint:{digits}"),
        Value::BigDecimal(digits) => format!("bigdec:{digits}"),
        Value::Composite(record) => composite(record),
        Value::Tabular(table) => {
            let index: Vec<&str> = table.index.iter().map(|name| &**name).collect();
            let rows = table.rows.iter().map(composite).collect();
            format!("table({}){}", index.join(","), sorted(rows))
        }
        Value::Array(items) => format!("array[{}]", texts(items).join(",")),
        Value::List(items) => format!("list[{}]", texts(items).join(",")),
        Value::Set(items) => format!("set{}", sorted(texts(items))),
        Value::Map(entries) => {
            let entry = |(key, item): &(Value, Value)| format!("{}=>{}", text(key), text(item));
            format!("map{}", sorted(entries.iter().map(entry).collect()))
        }
        Value::Other(object) => format!("object:{}", object.class),
        // No server has an attribute of any other kind; if one does, this differs from what Java says.
        other => format!("{other:?}"),
    }
}

fn texts(values: &[Value]) -> Vec<String> {
    values.iter().map(text).collect()
}

fn sorted(mut items: Vec<String>) -> String {
    items.sort();
    format!("[{}]", items.join(","))
}

fn composite(record: &Composite) -> String {
    let item = |(name, value): &(_, Value)| format!("{name}={}", text(value));
    let mut items: Vec<String> = record.items.iter().map(item).collect();
    items.sort();
    format!("{{{}}}", items.join(","))
}

/// Java has one NaN when it shows bits.
fn double_bits(value: f64) -> u64 {
    if value.is_nan() {
        0x7ff8_0000_0000_0000
    } else {
        value.to_bits()
    }
}

fn float_bits(value: f32) -> u32 {
    if value.is_nan() {
        0x7fc0_0000
    } else {
        value.to_bits()
    }
}

/// The number in a canonical text, and its kind.
pub(super) fn number(text: &str) -> Option<(&str, f64)> {
    let (kind, digits) = text.split_once(':')?;
    let number = match kind {
        "byte" | "short" | "int" | "long" | "date" => digits.parse().ok()?,
        "double" => f64::from_bits(u64::from_str_radix(digits, 16).ok()?),
        "float" => f64::from(f32::from_bits(u32::from_str_radix(digits, 16).ok()?)),
        _ => return None,
    };
    Some((kind, number))
}

/// The text without its numbers: what stays the same of a value that never holds still. Neighbours that look alike become
/// one, since lists of threads grow and shrink.
pub(super) fn shape(text: &str) -> String {
    let mut shape = String::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_' {
            word.push(c);
            continue;
        }
        let is_hex = |c: char| c.is_ascii_hexdigit() || c == '-';
        let is_number = word.chars().any(|c| c.is_ascii_digit()) && word.chars().all(is_hex);
        shape.push_str(if is_number { "#" } else { &word });
        word.clear();
        shape.push(c);
    }
    for kind in ["long", "int", "double"] {
        let (twice, once) = (format!("{kind}:#,{kind}:#"), format!("{kind}:#"));
        while shape.contains(&twice) {
            shape = shape.replace(&twice, &once);
        }
    }
    shape
}
