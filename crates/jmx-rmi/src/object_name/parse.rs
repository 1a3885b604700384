//! The grammar of the JDK's class comment of `javax.management.ObjectName`.

use std::collections::HashSet;

use super::{Inner, Property};

/// `*:*`, which the empty text stands for.
const ALL: &str = "*:*";

pub(super) fn parse(text: &str) -> Result<Inner, &'static str> {
    let text = if text.is_empty() { ALL } else { text };
    let (domain, mut rest) = text
        .split_once(':')
        .ok_or("the domain part has no colon after it")?;
    if domain.contains('\n') {
        return Err("the domain contains a newline");
    }
    if rest.is_empty() {
        return Err("there is no key property");
    }
    let mut properties = Vec::new();
    let mut property_list_pattern = false;
    loop {
        let more = if let Some(after) = rest.strip_prefix('*') {
            if property_list_pattern {
                return Err("the property list has several `*`");
            }
            property_list_pattern = true;
            after
        } else {
            let (property, after) = property(rest)?;
            properties.push(property);
            after
        };
        if more.is_empty() {
            break;
        }
        rest = more
            .strip_prefix(',')
            .ok_or("there is something behind a value or a `*` that is not a comma")?;
        if rest.is_empty() {
            return Err("the property list ends with a comma");
        }
    }
    build(domain, &properties, property_list_pattern)
}

/// A property as parsed: key, value, whether the value has a wildcard.
type Parsed<'a> = (&'a str, &'a str, bool);

/// Takes one `key=value` from the front.
fn property(text: &str) -> Result<(Parsed<'_>, &str), &'static str> {
    let (key, rest) = text.split_once('=').ok_or("a key has no value")?;
    if key.is_empty() {
        return Err("a key is empty");
    }
    if key.contains([',', ':', '*', '?', '\n']) {
        return Err("a key contains one of `,` `:` `*` `?` or a newline");
    }
    let (length, wildcard) = if rest.starts_with('"') {
        quoted_value(rest)?
    } else {
        plain_value(rest)?
    };
    let (value, rest) = rest.split_at(length);
    Ok(((key, value, wildcard), rest))
}

fn plain_value(text: &str) -> Result<(usize, bool), &'static str> {
    let value = text.split(',').next().unwrap_or_default();
    if value.contains(['=', ':', '"', '\n']) {
        return Err("an unquoted value contains one of `=` `:` `\"` or a newline");
    }
    Ok((value.len(), value.contains(['*', '?'])))
}

/// The quotes belong to the value. A backslash takes away the meaning of the wildcard behind it.
fn quoted_value(text: &str) -> Result<(usize, bool), &'static str> {
    let mut wildcard = false;
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((at + 1, wildcard)),
            '\n' => return Err("a quoted value contains a newline"),
            '*' | '?' => wildcard = true,
            '\\' => match characters.next() {
                Some((_, '\\' | '"' | '*' | '?' | 'n')) => {}
                _ => {
                    return Err(
                        "a backslash in a quoted value has none of `\\` `\"` `*` `?` `n` behind it",
                    );
                }
            },
            _ => {}
        }
    }
    Err("a quoted value has no closing quote")
}

fn build(domain: &str, parsed: &[Parsed<'_>], list_pattern: bool) -> Result<Inner, &'static str> {
    if has_twice(parsed) {
        return Err("a key is there twice");
    }
    let (text, properties) = write(domain, parsed, list_pattern);
    Ok(Inner {
        canonical: canonical(domain, parsed, list_pattern),
        text: text.into_boxed_str(),
        domain: domain.len(),
        properties,
        domain_pattern: domain.contains(['*', '?']),
        property_list_pattern: list_pattern,
    })
}

/// Whether a key is there twice. Names have a few keys, which are compared with each other; a name made to be costly
/// has many.
fn has_twice(parsed: &[Parsed<'_>]) -> bool {
    const FEW: usize = 8;
    if parsed.len() > FEW {
        let mut seen = HashSet::with_capacity(parsed.len());
        return parsed.iter().any(|(key, ..)| !seen.insert(*key));
    }
    let mut rest = parsed.iter();
    while let Some((key, ..)) = rest.next() {
        if rest.as_slice().iter().any(|(other, ..)| other == key) {
            return true;
        }
    }
    false
}

/// The canonical name, unless the keys are in order as they are.
fn canonical(domain: &str, parsed: &[Parsed<'_>], list_pattern: bool) -> Option<Box<str>> {
    if parsed.is_sorted_by_key(|(key, ..)| *key) {
        return None;
    }
    let mut sorted = parsed.to_vec();
    // Java sorts by UTF-16 units; bytes give another order only where keys mix supplementary characters with
    // U+E000..U+FFFF, and then the order is as good as any for comparing names with each other.
    sorted.sort_unstable_by_key(|(key, ..)| *key);
    Some(write(domain, &sorted, list_pattern).0.into_boxed_str())
}

/// Writes the name down and notes where the properties are in it.
fn write(domain: &str, parsed: &[Parsed<'_>], list_pattern: bool) -> (String, Vec<Property>) {
    // A colon behind the domain, or a comma, and `=` for each property. Exact, so that nothing is copied in the end.
    let properties: usize = parsed
        .iter()
        .map(|(key, value, _)| key.len() + value.len() + 2)
        .sum();
    let pattern = match (list_pattern, parsed.is_empty()) {
        (false, _) => "",
        (true, true) => ":*",
        (true, false) => ",*",
    };
    let length = domain.len() + properties + pattern.len();
    let mut text = String::with_capacity(length);
    let mut properties = Vec::with_capacity(parsed.len());
    text.push_str(domain);
    for (index, (key, value, value_pattern)) in parsed.iter().enumerate() {
        text.push(if index == 0 { ':' } else { ',' });
        let start = text.len();
        text.push_str(key);
        let key = start..text.len();
        text.push('=');
        let start = text.len();
        text.push_str(value);
        properties.push(Property {
            key,
            value: start..text.len(),
            value_pattern: *value_pattern,
        });
    }
    text.push_str(pattern);
    (text, properties)
}
