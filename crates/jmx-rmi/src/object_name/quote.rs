//! Quoted values: `ObjectName.quote` and `ObjectName.unquote`.

/// Quotes a text so that it can be the value of a key: wildcards, quotes, backslashes and newlines are escaped.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '\n' => quoted.push_str("\\n"),
            '\\' | '"' | '*' | '?' => quoted.extend(['\\', character]),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// The text inside a quoted value; `None` if `value` is not one. Many programs (Kafka for client ids, for one) quote
/// only where they must, so `unquote(value).unwrap_or(value.into())` is the usual way to show a value.
pub fn unquote(value: &str) -> Option<String> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next()? {
                'n' => text.push('\n'),
                escaped @ ('\\' | '"' | '*' | '?') => text.push(escaped),
                _ => return None,
            },
            '"' | '*' | '?' | '\n' => return None,
            _ => text.push(character),
        }
    }
    Some(text)
}
