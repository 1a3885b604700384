//! The AdminServer's answers: JSON, an object for each command.

use serde_json::Value;

use super::Part;

/// `server_stats`, by its path: what the word `srvr` says, too, and the name it has here.
const SERVER: &[(&str, &str)] = &[
    ("version", "version"),
    ("server_stats.packets_received", "packets_received"),
    ("server_stats.packets_sent", "packets_sent"),
    (
        "server_stats.num_alive_client_connections",
        "num_alive_connections",
    ),
    ("server_stats.outstanding_requests", "outstanding_requests"),
    ("server_stats.min_latency", "min_latency"),
    ("server_stats.avg_latency", "avg_latency"),
    ("server_stats.max_latency", "max_latency"),
    ("server_stats.last_processed_zxid", "zxid"),
    ("server_stats.server_state", "server_state"),
    ("node_count", "node_count"),
    ("proposal_stats.last_buffer_size", "last_proposal_size"),
    ("proposal_stats.min_buffer_size", "min_proposal_size"),
    ("proposal_stats.max_buffer_size", "max_proposal_size"),
];

/// How deep objects are looked into: `server_stats` has two levels.
const MAX_DEPTH: usize = 4;

/// An answer, flat.
pub(super) struct Answer<'a> {
    pub(super) part: Part<'a>,
    /// Why there is none, in the server's words.
    pub(super) error: Option<String>,
}

/// Reads an object.
pub(super) fn read<'a>(text: &str) -> Result<Answer<'a>, serde_json::Error> {
    let mut object: serde_json::Map<String, Value> = serde_json::from_str(text)?;
    let error = object.remove("error").filter(|error| !error.is_null());
    // Which command it was.
    object.remove("command");
    let mut part = Part::default();
    flatten(&mut part, "", object, 0);
    let error = error.map(|error| match error {
        Value::String(text) => text,
        other => other.to_string(),
    });
    Ok(Answer { part, error })
}

fn flatten(
    part: &mut Part<'_>,
    prefix: &str,
    object: serde_json::Map<String, Value>,
    depth: usize,
) {
    for (name, value) in object {
        let name = match prefix {
            "" => name,
            prefix => format!("{prefix}.{name}"),
        };
        match value {
            Value::Object(below) if depth < MAX_DEPTH => flatten(part, &name, below, depth + 1),
            Value::String(text) => part.add(name, text),
            Value::Number(number) => part.add(name, number.to_string()),
            Value::Bool(flag) => part.add(name, flag.to_string()),
            Value::Null => {}
            Value::Array(_) | Value::Object(_) => part.strange += 1,
        }
    }
}

/// The part of `server_stats` that the word `srvr` says; the rest stands in `monitor`, too.
pub(super) fn server(all: Part<'_>) -> Part<'_> {
    let mut part = Part::default();
    for (path, name) in SERVER {
        match all.get(path) {
            // The word has it in hexadecimal.
            Some(zxid) if *name == "zxid" => {
                let number = zxid.parse::<i64>().map(|number| format!("{number:#x}"));
                part.add(*name, number.unwrap_or_else(|_| zxid.to_owned()));
            }
            Some(value) => part.add(*name, value.to_owned()),
            None => {}
        }
    }
    part
}
