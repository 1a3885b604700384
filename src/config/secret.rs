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

/// An address without the user and password that it may carry, with a scheme or without, well written or not: where it
/// is not certain that an `@` belongs to a path, all that stands before it is left out.
pub fn without_user_info(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (format!("{scheme}://"), rest),
        _ => (String::new(), address),
    };
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    if let Some((_, host)) = authority.rsplit_once('@') {
        return format!("{scheme}{host}{path}");
    }
    match rest.rsplit_once('@') {
        Some((before, host)) if scheme.is_empty() || !is_host_and_path(before) => {
            format!("{scheme}{host}")
        }
        _ => address.to_owned(),
    }
}

/// `https`, `service:jmx:rmi`; a user and a password have a colon, too.
fn is_scheme(text: &str) -> bool {
    let mut words = text.strip_prefix("service:").unwrap_or(text).chars();
    let is_service = text.starts_with("service:");
    words.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c) || (is_service && c == ':'))
}

/// `host/…` or `host:port/…` with nothing in it that may be another authority.
fn is_host_and_path(text: &str) -> bool {
    let (authority, path) = text.split_once('/').unwrap_or((text, ""));
    let is_port = |port: &str| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
    let is_host = match authority.rsplit_once(':') {
        Some((host, port)) => !host.is_empty() && is_port(port),
        None => !authority.is_empty(),
    };
    is_host && !path.starts_with('/') && !path.contains("//")
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
        assert_eq!(
            without_user_info("https://es:9200/x@y"),
            "https://es:9200/x@y"
        );
    }

    #[test]
    fn no_form_of_an_address_shows_its_user() {
        for (written, shown) in [
            ("me:hunter2@a:1", "a:1"),
            ("me@a:1", "a:1"),
            ("me:hun/ter2@a:1", "a:1"),
            ("http://me:hun/ter2@a:1/jolokia", "http://a:1/jolokia"),
            ("http://me:hun//ter2@a:1/jolokia", "http://a:1/jolokia"),
            ("me:hunter2://x@a:1", "a:1"),
            ("me:/hunter2@a:1", "a:1"),
            ("me:12/hunter2@a:1", "a:1"),
            ("http://me:/hunter2@a:1", "http://a:1"),
            ("service:jmx:rmi//me:hunter2@a:1", "a:1"),
            (
                "service:jmx:rmi:///jndi/rmi://me:hunter2@a:1/jmxrmi",
                "service:jmx:rmi://a:1/jmxrmi",
            ),
            (
                "service:jmx:rmi://b/jndi/rmi://me:hunter2@a:1/jmxrmi",
                "service:jmx:rmi://a:1/jmxrmi",
            ),
        ] {
            assert_eq!(without_user_info(written), shown, "{written}");
        }
    }
}
