//! Values that never reach a log, a dump or an error.

use std::fmt;

/// A secret: prints as `(hidden)` whatever one does with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// What stands in place of a secret.
    pub const HIDDEN: &'static str = "(hidden)";

    /// Wraps the value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::HIDDEN)
    }
}

/// Parts of a name that make its value a secret.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "token",
    "credential",
    "api_key",
    "api.key",
    ".pem",
    "jaas",
    "oauthbearer.config",
];

/// Whether a setting of that name holds a secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// The value, or [`Secret::HIDDEN`] where the name sounds like a secret.
pub(super) fn shown<'a>(name: &str, value: &'a str) -> &'a str {
    if is_secret(name) {
        Secret::HIDDEN
    } else {
        value
    }
}

/// An address without the user and password that a URL may carry.
pub fn without_user_info(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{path}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "(hidden)");
        assert_eq!(shown("sasl.password", "hunter2"), "(hidden)");
        assert_eq!(shown("sasl.username", "me"), "me");
        assert_eq!(
            without_user_info("https://me:pw@es:9200/x@y"),
            "https://es:9200/x@y"
        );
        assert_eq!(without_user_info("https://es:9200"), "https://es:9200");
    }
}
