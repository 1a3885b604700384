//! Answers that are not quite JSON.
//!
//! Jolokia 2.3.0 writes a hexadecimal digit of an escaped control character as `'0' + digit`: ESC becomes `\u001;` and
//! not `\u001b`. One such character in one text would cost the answer to a whole bulk.

/// Mends the escapes in place; whether there were any.
pub(super) fn repair(body: &mut [u8]) -> bool {
    let mut repaired = false;
    let mut at = 0;
    while let Some(rest) = body.get_mut(at..) {
        let Some(backslash) = rest.iter().position(|byte| *byte == b'\\') else {
            break;
        };
        at += backslash + 2;
        if let Some(
            [
                b'\\',
                b'u',
                b'0',
                b'0',
                b'0' | b'1',
                digit @ b':'..=b'?',
                ..,
            ],
        ) = rest.get_mut(backslash..)
        {
            *digit = *digit - b':' + b'a';
            repaired = true;
        }
    }
    repaired
}

#[cfg(test)]
mod tests {
    use super::repair;

    #[test]
    fn wrong_digits_are_mended_and_nothing_else() {
        for (written, mended) in [
            (r#"["a\u001;[31m"]"#, Some(r#"["a\u001b[31m"]"#)),
            (r#"["\u000?\u001:"]"#, Some(r#"["\u000f\u001a"]"#)),
            (r#"["\\u001;"]"#, None),
            (r#"["\u001b", "u001;"]"#, None),
            (r#"["\u00"#, None),
            ("\\", None),
            ("", None),
        ] {
            let mut body = written.as_bytes().to_vec();
            assert_eq!(repair(&mut body), mended.is_some(), "{written}");
            assert_eq!(body, mended.unwrap_or(written).as_bytes(), "{written}");
        }
    }
}
