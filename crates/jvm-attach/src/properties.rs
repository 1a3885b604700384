//! The text form of `java.util.Properties` (see `Properties.load`): `key=value` lines with backslash escapes.

use std::collections::BTreeMap;

/// Reads all lines. What is no escape stands for itself, as Java has it; a `\u` that is none is dropped.
pub fn parse(text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut rest = text.chars().peekable();
    while rest.peek().is_some() {
        let line = logical_line(&mut rest);
        let line = line.trim_start_matches([' ', '\t', '\u{c}']);
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let (key, value) = split(line);
        all.insert(unescape(key), unescape(value));
    }
    all
}

/// A line, with those appended that follow a backslash at its end.
fn logical_line(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut line = String::new();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\r' => break,
            '\\' => match rest.next() {
                Some('\r') | Some('\n') => while rest.next_if(|c| c.is_whitespace()).is_some() {},
                Some(escaped) => line.extend(['\\', escaped]),
                None => {}
            },
            c => line.push(c),
        }
    }
    line
}

/// At the first `=`, `:` or white space that is not escaped; white space around the sign belongs to neither.
fn split(line: &str) -> (&str, &str) {
    let mut is_escaped = false;
    let at = line.find(|c: char| {
        let ends = !is_escaped && matches!(c, '=' | ':' | ' ' | '\t');
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    let Some((key, rest)) = at.and_then(|at| line.split_at_checked(at)) else {
        return (line, "");
    };
    let blank = [' ', '\t'];
    let rest = rest.trim_start_matches(blank);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, rest.trim_start_matches(blank))
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut units: Vec<u16> = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let escaped = if c == '\\' { rest.next() } else { None };
        if escaped == Some('u') {
            let digits: String = rest.by_ref().take(4).collect();
            units.extend(u16::from_str_radix(&digits, 16));
            continue;
        }
        plain.extend(char::decode_utf16(units.drain(..)).map(|c| c.unwrap_or('\u{fffd}')));
        plain.push(match escaped {
            Some('t') => '\t',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('f') => '\u{c}',
            Some(other) => other,
            None => c,
        });
    }
    plain.extend(char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')));
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_jvm_answers() {
        // JDK 17, shortened.
        let text = "#Sun Nov 22 04:58:17 UTC 2026\nsun.java.command=Nap\nsun.jvm.flags=\n\
            com.sun.management.jmxremote.localConnectorAddress=service\\:jmx\\:rmi\\://127.0.0.1/stub/rO0ABX\\=\\=\n";
        let all = parse(text);
        assert_eq!(all.len(), 3);
        assert_eq!(all["sun.java.command"], "Nap");
        assert_eq!(all["sun.jvm.flags"], "");
        assert_eq!(
            all["com.sun.management.jmxremote.localConnectorAddress"],
            "service:jmx:rmi://127.0.0.1/stub/rO0ABX=="
        );
    }

    #[test]
    fn the_rules_of_java() {
        let cases = [
            ("a = b ", "a", "b "),
            ("a:b", "a", "b"),
            ("a b", "a", "b"),
            ("a\\=b=c", "a=b", "c"),
            ("  a=\\u00e4\\ud83d\\ude00\\t", "a", "ä😀\t"),
            ("a=b\\\n   c", "a", "bc"),
            ("a", "a", ""),
            ("a=\\u12", "a", "\u{12}"),
            ("a=\\uzzzz", "a", ""),
            ("a=\\ud83d", "a", "\u{fffd}"),
            ("a=\\", "a", ""),
            ("=b", "", "b"),
        ];
        for (text, key, value) in cases {
            let expected = BTreeMap::from([(key.to_owned(), value.to_owned())]);
            assert_eq!(parse(text), expected, "{text:?}");
        }
        assert!(parse("# a\n! b\n\n").is_empty());
    }

    /// As `Properties.store` writes it.
    fn store(text: &str) -> String {
        let mut escaped = String::new();
        for unit in text.encode_utf16() {
            match char::from_u32(unit.into()) {
                Some(c) if c.is_ascii_alphanumeric() => escaped.push(c),
                Some(c) if c.is_ascii_punctuation() || c == ' ' => escaped.extend(['\\', c]),
                _ => escaped.push_str(&format!("\\u{unit:04X}")),
            }
        }
        escaped
    }

    proptest! {
        #[test]
        fn what_was_stored_is_loaded(key in any::<String>(), value in any::<String>()) {
            let all = parse(&format!("{}={}\n", store(&key), store(&value)));
            prop_assert_eq!(all, BTreeMap::from([(key, value)]));
        }

        #[test]
        fn rubbish_does_no_harm(text in any::<String>()) {
            parse(&text);
        }
    }
}
