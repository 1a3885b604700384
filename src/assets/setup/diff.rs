//! What differs between two JSON values, by path.

use std::fmt;

use serde_json::Value;

/// Longer values are cut: a line is for reading.
const MAX_CHARS: usize = 100;

/// One place in which two values differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `template.mappings.properties.x.type`, `processors[3].set.field`.
    pub path: String,
    /// What is there, or nothing.
    old: Option<String>,
    /// What will be, or nothing.
    new: Option<String>,
}

impl Difference {
    /// Whether it is the version alone, which stands in several places of each asset.
    pub fn is_version(&self) -> bool {
        self.path == "version"
            || self.path.ends_with("_meta.version")
            || self.path == "metadata.version"
    }

    /// What was and what will be.
    pub fn change(&self) -> String {
        let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        format!("{} → {}", side(&self.old), side(&self.new))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.change())
    }
}

/// All of them, in the order of the paths.
pub(super) fn differences(old: &Value, new: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", Some(old), Some(new), &mut found);
    found
}

fn compare(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Difference>) {
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                let dot = if path.is_empty() { "" } else { "." };
                let below = format!("{path}{dot}{name}");
                compare(&below, old.get(name), new.get(name), found);
            }
        }
        // An element more or less would make all that follow differ: said as a whole.
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&format!("{path}[{index}]"), Some(old), Some(new), found);
            }
        }
        (old, new) if old == new => {}
        (old, new) => found.push(Difference {
            path: path.to_owned(),
            old: old.map(short),
            new: new.map(short),
        }),
    }
}

/// JSON on one line, without control characters, cut.
fn short(value: &Value) -> String {
    let text = value.to_string();
    let mut short: String = text.chars().take(MAX_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_place_is_named_with_what_was_and_what_will_be() {
        let old =
            json!({"version": 6, "steps": [{"set": {"field": "a"}}], "gone": true, "list": [1]});
        let new =
            json!({"version": 7, "steps": [{"set": {"field": "b"}}], "more": {}, "list": [1, 2]});
        let found = differences(&old, &new);
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "gone: true → nothing",
                "list: [1] → [1,2]",
                "more: nothing → {}",
                "steps[0].set.field: \"a\" → \"b\"",
                "version: 6 → 7",
            ]
        );
        assert!(found[4].is_version() && !found[3].is_version());
        assert!(differences(&new, &new).is_empty());
    }

    #[test]
    fn a_long_value_is_cut_and_stays_on_its_line() {
        let long = json!({"source": "ä\n".repeat(500)});
        let line = differences(&json!({}), &long)[0].to_string();
        assert!(line.ends_with('…') && !line.contains('\n'), "{line}");
        assert!(line.chars().count() < 2 * MAX_CHARS, "{line}");
    }
}
