//! The tables were written by a JDK: `ObjectName` itself says what is right.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn name(text: &str) -> ObjectName {
    text.parse().unwrap()
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => out.push(match characters.next().unwrap() {
                'n' => '\n',
                't' => '\t',
                other => other,
            }),
            (plain, false) => out.push(plain),
        }
    }
    out
}

fn rows(table: &str) -> impl Iterator<Item = Vec<String>> {
    table
        .lines()
        .map(|line| line.split('\t').map(unescape).collect())
}

#[test]
fn names_are_parsed_as_the_jdk_parses_them() {
    for row in rows(include_str!("../../tests/data/object-name-parse.tsv")) {
        let parsed = ObjectName::parse(&row[0]);
        if row[1] == "!" {
            assert!(parsed.is_err(), "{row:?} was taken");
            continue;
        }
        let parsed = parsed.unwrap();
        assert_eq!(parsed.canonical(), row[1], "{row:?}");
        assert_eq!(parsed.to_string(), row[2], "{row:?}");
        assert_eq!(parsed.is_pattern().to_string(), row[3], "{row:?}");
    }
}

#[test]
fn patterns_match_what_they_match_in_the_jdk() {
    for row in rows(include_str!("../../tests/data/object-name-match.tsv")) {
        assert_eq!(
            name(&row[0]).matches(&name(&row[1])).to_string(),
            row[2],
            "{row:?}"
        );
    }
}

#[test]
fn values_are_quoted_as_the_jdk_quotes_them() {
    for row in rows(include_str!("../../tests/data/object-name-quote.tsv")) {
        if row.len() == 2 {
            assert_eq!(quote(&row[0]), row[1]);
            assert_eq!(unquote(&row[1]).as_ref(), Some(&row[0]));
        } else {
            let text = unquote(&row[1]);
            assert_eq!(text.as_deref().unwrap_or("!"), row[0], "{row:?}");
        }
    }
}

#[test]
fn keys_are_sorted_in_the_canonical_form_only() {
    let a = name("kafka.server:type=BrokerTopicMetrics,name=BytesInPerSec,topic=t");
    let b = name("kafka.server:topic=t,name=BytesInPerSec,type=BrokerTopicMetrics");
    assert_eq!(a, b);
    assert_eq!(HashSet::from([a.clone(), b]).len(), 1);
    assert_eq!(a.domain(), "kafka.server");
    assert_eq!(a.key("name"), Some("BytesInPerSec"));
    assert_eq!(a.key("nam"), None);
    assert_eq!(
        a.keys().map(|(key, _)| key).collect::<Vec<_>>(),
        ["type", "name", "topic"]
    );
}

#[test]
fn an_error_names_the_text_and_the_reason() {
    let error = ObjectName::parse("d:k").unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"d:k\" is not an object name: a key has no value"
    );
}

#[test]
fn many_stars_do_not_explode() {
    let pattern = name(&format!("d:k={}b", "*a".repeat(50)));
    let text = name(&format!("d:k={}", "a".repeat(20_000)));
    assert!(!pattern.matches(&text));
}

proptest! {
    #[test]
    fn any_text_is_a_name_or_an_error(text in "[a-c:=,*?\"\\\\\n]{0,12}") {
        if let Ok(parsed) = ObjectName::parse(&text) {
            prop_assert_eq!(&ObjectName::parse(parsed.canonical()).unwrap(), &parsed);
            prop_assert_eq!(&ObjectName::parse(parsed.as_str()).unwrap(), &parsed);
        }
    }

    #[test]
    fn any_text_can_be_a_quoted_value(text in any::<String>()) {
        let quoted = quote(&text);
        let parsed = ObjectName::parse(&format!("d:k={quoted}")).unwrap();
        prop_assert!(!parsed.is_pattern());
        prop_assert_eq!(unquote(parsed.key("k").unwrap()), Some(text));
    }
}
