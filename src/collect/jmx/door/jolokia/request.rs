//! What is asked, as Jolokia's protocol writes it (reference manual, chapter "Jolokia Protocol").

use jmx_rmi::{ObjectName, Read};
use serde_json::{Value, json};

/// Options for every request, in the query. They come before what the agent's own configuration says.
///
/// - `includeRequest`: half of the bytes of an answer, and its order says as much.
/// - `ignoreErrors`: an attribute that fails costs itself and not its bean.
/// - `canonicalNaming`: the order of key properties by which `list` finds a bean.
/// - `serializeLong`: numbers, whatever browsers make of more than 2^53.
/// - `maxDepth`: tables of records in records are 5 deep; the agent's own limit may be lower.
pub(super) const OPTIONS: &[(&str, &str)] = &[
    ("includeRequest", "false"),
    ("ignoreErrors", "true"),
    ("canonicalNaming", "true"),
    ("serializeLong", "number"),
    ("maxDepth", "15"),
];

pub(super) fn version() -> Value {
    json!({"type": "version"})
}

pub(super) fn search(pattern: &ObjectName) -> Value {
    json!({"type": "search", "mbean": pattern.as_str()})
}

pub(super) fn read(read: &Read) -> Value {
    json!({"type": "read", "mbean": read.name.as_str(), "attribute": read.attributes})
}

/// One attribute alone: it is answered by its value or by its exception.
pub(super) fn single(name: &ObjectName, attribute: &str) -> Value {
    json!({"type": "read", "mbean": name.as_str(), "attribute": attribute, "config": {"ignoreErrors": "false"}})
}

/// The attributes of a bean with their types.
pub(super) fn list(name: &ObjectName) -> Value {
    let canonical = name.canonical();
    let (domain, keys) = canonical.split_once(':').unwrap_or((canonical, ""));
    json!({"type": "list", "path": format!("{}/{}/attr", escape(domain), escape(keys))})
}

/// A slash separates the parts of a path; the exclamation mark takes that meaning away.
fn escape(part: &str) -> String {
    part.replace('!', "!!")
        .replace('/', "!/")
        .replace('"', "!\"")
}
