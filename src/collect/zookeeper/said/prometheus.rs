//! The text format of the metrics provider for Prometheus: the figures of `mntr` under names of its own.
//!
//! `readlatency{quantile="0.5",} 3.0`, `readlatency_count 7.0`. Only what this provider writes is read, not the whole format.

use super::Part;

/// Reads all lines: `name{labels} value`, perhaps with a timestamp.
pub(super) fn read(text: &str) -> Part<'_> {
    let mut part = Part::default();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match sample(line) {
            Some((name, value)) => part.add(name, value),
            None => part.strange += 1,
        }
    }
    part
}

fn sample(line: &str) -> Option<(&str, &str)> {
    // A label's value may have blanks in it.
    let end = match line.rfind('}') {
        Some(brace) => brace + 1,
        None => line.find(' ')?,
    };
    let (name, rest) = line.split_at_checked(end)?;
    let value = rest.split_whitespace().next()?;
    value.parse::<f64>().ok()?;
    Some((name.trim(), value))
}
