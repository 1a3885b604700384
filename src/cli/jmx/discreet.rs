//! Command lines without what may be a secret: what is shown ends in tickets, and what becomes a pattern in documents.

use crate::config::{Secret, is_secret, without_user_info};

/// Parts of names that mean a secret on a command line, besides those of settings.
const WORDS: &[&str] = &["pass", "pwd", "pw", "key", "auth"];

/// An argument that may be seen.
pub(super) struct Argument {
    /// The argument, what may be a secret hidden.
    pub(super) shown: String,
    /// Whether it may become part of a pattern: it holds no value, and nothing in it or before it speaks of a secret.
    pub(super) is_plain: bool,
}

/// The arguments as they may be seen. The value in `name=value` is hidden whatever the name: no list of words has all.
pub(super) fn arguments(written: &[String]) -> Vec<Argument> {
    let mut is_value = false;
    let mut seen = Vec::with_capacity(written.len());
    for argument in written {
        let hidden = match is_value {
            true => Secret::HIDDEN.to_owned(),
            false => without_value(argument),
        };
        let is_open = !argument.contains('@') && !speaks_of_a_secret(argument);
        seen.push(Argument {
            is_plain: is_open && hidden == *argument,
            shown: hidden,
        });
        // `--password hunter2`; a path is a value itself.
        is_value = !is_value && speaks_of_a_secret(argument) && !argument.contains(['=', ':', '/']);
    }
    seen
}

fn without_value(argument: &str) -> String {
    if let Some((name, _)) = argument.split_once('=') {
        return format!("{name}={}", Secret::HIDDEN);
    }
    match argument.split_once(':') {
        Some((name, _)) if speaks_of_a_secret(name) => format!("{name}:{}", Secret::HIDDEN),
        Some(_) => without_user_info(argument),
        None => argument.to_owned(),
    }
}

fn speaks_of_a_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    is_secret(text) || WORDS.iter().any(|word| lower.contains(word))
}
