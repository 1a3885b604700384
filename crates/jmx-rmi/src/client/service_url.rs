//! Service URLs (JSR 160, `JMXServiceURL` and `RMIConnector`): the text by which Java's own tools name a JVM.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::endpoint::{BOUND_NAME, Endpoint, Place};
use crate::codec::{DecodeError, Limits, stub};

/// `java.rmi.registry.Registry.REGISTRY_PORT`.
const REGISTRY_PORT: u16 = 1099;

/// Characters of a URL with a stub. That of a JVM's local connector has some 360; an own socket factory adds a few
/// hundred.
const LONGEST: usize = 16 << 10;

/// The end of a stub's base64 is the end of the URL: padding says nothing, and people lose it while they copy.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is wrong with a service URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceUrlError {
    /// It does not begin as a service URL does.
    #[error("is not a service URL; it begins with service:jmx:rmi://")]
    Scheme,
    /// A connector that this client does not speak.
    #[error("has the protocol `{0}`; this client speaks rmi")]
    Protocol(String),
    /// Neither a name in a registry nor a stub.
    #[error(
        "does not say where the server is; write service:jmx:rmi:///jndi/rmi://host:port/jmxrmi"
    )]
    Path,
    /// A reference to an object of CORBA, which no JVM since Java 11 speaks.
    #[error("names a CORBA object (/ior/), which this client does not speak")]
    Corba,
    /// A directory that is not an RMI registry, such as LDAP.
    #[error("looks up `{0}`, which is not in an RMI registry; write rmi://host:port/jmxrmi")]
    Directory(String),
    /// Not an address.
    #[error("has the address `{0}`; write host:port, with brackets around an IPv6 address")]
    Address(String),
    /// Longer than any URL with a stub.
    #[error("has {0} characters, more than a stub can need")]
    Length(usize),
    /// The stub is not base64.
    #[error("has a stub which is not base64; was it copied whole?")]
    Base64,
    /// The stub's bytes are not a reference to an RMI server.
    #[error("has a stub which is none of an RMI server; was it copied whole?")]
    Stub(#[source] DecodeError),
}

impl Endpoint {
    /// The endpoint which a service URL names: by a registry,
    /// `service:jmx:rmi:///jndi/rmi://broker-1:9999/jmxrmi` (or `rmi://broker-1:9999/jmxrmi` alone), or by a stub,
    /// `service:jmx:rmi://127.0.0.1/stub/rO0AB…`, which is what the local connector of a JVM is known by
    /// (`com.sun.management.jmxremote.localConnectorAddress`). A properties file escapes such a URL (`\:`, `\=`):
    /// undo that first.
    ///
    /// The host in front of `/jndi/` is ignored, as Java does: it is the server's business.
    pub fn from_service_url(url: &str) -> Result<Self, ServiceUrlError> {
        parse(url).map_err(|error| error.without_secrets(url))
    }
}

impl ServiceUrlError {
    /// What is in front of an `@` may be user and password, wherever a wrong URL was taken apart.
    fn without_secrets(self, url: &str) -> Self {
        let Some((_, rest)) = url.rsplit_once('@') else {
            return self;
        };
        let rest = format!("…@{rest}");
        match self {
            Self::Protocol(_) => Self::Protocol(rest),
            Self::Directory(_) => Self::Directory(rest),
            Self::Address(_) => Self::Address(rest),
            other => other,
        }
    }
}

fn parse(url: &str) -> Result<Endpoint, ServiceUrlError> {
    if url.len() > LONGEST {
        return Err(ServiceUrlError::Length(url.len()));
    }
    if strip_prefix(url, "rmi://").is_some() {
        return registry(url);
    }
    let rest = strip_prefix(url, "service:jmx:").ok_or(ServiceUrlError::Scheme)?;
    let (protocol, rest) = rest.split_once("://").ok_or(ServiceUrlError::Scheme)?;
    if !protocol.eq_ignore_ascii_case("rmi") {
        return Err(ServiceUrlError::Protocol(protocol.to_owned()));
    }
    let (authority, path) = rest.split_once('/').ok_or(ServiceUrlError::Path)?;
    let (host, _) = host_port(authority, 0)?;
    match path.split_once('/') {
        Some(("jndi", name)) => registry(name),
        Some(("stub", base64)) => with_stub(host, base64),
        Some(("ior", _)) => Err(ServiceUrlError::Corba),
        _ => Err(ServiceUrlError::Path),
    }
}

/// `rmi://host:port/name`.
fn registry(url: &str) -> Result<Endpoint, ServiceUrlError> {
    let other = || ServiceUrlError::Directory(url.to_owned());
    let rest = strip_prefix(url, "rmi://").ok_or_else(other)?;
    let (authority, name) = rest.split_once('/').unwrap_or((rest, BOUND_NAME));
    let (host, port) = host_port(authority, REGISTRY_PORT)?;
    let host = if host.is_empty() { "localhost" } else { host };
    let mut endpoint = Endpoint::new(host, port);
    if let Place::Registry { name: bound, .. } = &mut endpoint.place {
        name.clone_into(bound);
    }
    Ok(endpoint)
}

fn with_stub(host: &str, base64: &str) -> Result<Endpoint, ServiceUrlError> {
    let bytes = BASE64.decode(base64).map_err(|_| ServiceUrlError::Base64)?;
    let server = stub::serialized(&bytes, Limits::default()).map_err(ServiceUrlError::Stub)?;
    let host = if host.is_empty() { &server.host } else { host };
    let host = host.to_owned();
    Ok(Endpoint::at(Place::Stub { host, server }))
}

/// Without a prefix in letters of any case, as `JMXServiceURL` takes it.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Host and port of `host:port`, `[::1]:port`, `host`, or nothing.
fn host_port(text: &str, default: u16) -> Result<(&str, u16), ServiceUrlError> {
    let wrong = || ServiceUrlError::Address(text.to_owned());
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
            match rest.strip_prefix(':') {
                None if !rest.is_empty() => return Err(wrong()),
                port => (host, port),
            }
        }
        None => match text.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err(wrong()),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.contains(|c: char| c.is_whitespace() || c == '@') {
        return Err(wrong());
    }
    let port = match port {
        None => default,
        Some(port) => port.parse().map_err(|_| wrong())?,
    };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a JVM's local connector was known by.
    const JDK_17: &str = "service:jmx:rmi://127.0.0.1/stub/rO0ABXNyAC5qYXZheC5tYW5hZ2VtZW50LnJlbW90ZS5ybWkuUk1JU2VydmVySW1wbF9TdHViAAAAAAAAAAICAAB4cgAaamF2YS5ybWkuc2VydmVyLlJlbW90ZVN0dWLp/tzJi+FlGgIAAHhyABxqYXZhLnJtaS5zZXJ2ZXIuUmVtb3RlT2JqZWN002G0kQxhMx4DAAB4cHc0AAtVbmljYXN0UmVmMgAACTEyNy4wLjAuMQAAssmp61AByJW3S1kcGLoAAAGiAZ6rKIABAHg=";
    const JDK_25: &str = "service:jmx:rmi://127.0.0.1/stub/rO0ABXNyAC5qYXZheC5tYW5hZ2VtZW50LnJlbW90ZS5ybWkuUk1JU2VydmVySW1wbF9TdHViAAAAAAAAAAICAAB4cgAaamF2YS5ybWkuc2VydmVyLlJlbW90ZVN0dWLp/tzJi+FlGgIAAHhyABxqYXZhLnJtaS5zZXJ2ZXIuUmVtb3RlT2JqZWN002G0kQxhMx4DAAB4cHc0AAtVbmljYXN0UmVmMgAACTEyNy4wLjAuMQAAoofYbi58X0WEywkCxGoAAAGiAZ7CmYABAHg=";

    #[test]
    fn a_registry_is_named_in_many_ways() {
        let shown = |url: &str| {
            let endpoint = Endpoint::from_service_url(url).unwrap();
            match &endpoint.place {
                Place::Registry { name, .. } => format!("{endpoint}/{name}"),
                Place::Stub { .. } => panic!("{url}"),
            }
        };
        for (url, expected) in [
            (
                "service:jmx:rmi:///jndi/rmi://broker-1:9999/jmxrmi",
                "broker-1:9999/jmxrmi",
            ),
            (
                "service:jmx:rmi://10.0.0.1:5/jndi/rmi://broker-1:9999/jmxrmi",
                "broker-1:9999/jmxrmi",
            ),
            (
                "SERVICE:JMX:RMI:///jndi/rmi://[::1]:9999/jmxrmi",
                "[::1]:9999/jmxrmi",
            ),
            (
                "service:jmx:rmi://[fe80::1]:1/jndi/rmi:///other/name",
                "localhost:1099/other/name",
            ),
            ("rmi://broker-1:9999/jmxrmi", "broker-1:9999/jmxrmi"),
            ("rmi://broker-1", "broker-1:1099/jmxrmi"),
        ] {
            assert_eq!(shown(url), expected, "{url}");
        }
        assert_eq!(Endpoint::new("[::1]", 9999), Endpoint::new("::1", 9999));
    }

    #[test]
    fn a_stub_says_where_the_server_is() {
        for (url, port) in [(JDK_17, 45769), (JDK_25, 41607)] {
            let shown = Endpoint::from_service_url(url).unwrap().to_string();
            assert_eq!(shown, format!("127.0.0.1:{port}"));
        }
        let copied = JDK_17.trim_end_matches('=');
        assert_eq!(
            Endpoint::from_service_url(copied),
            Endpoint::from_service_url(JDK_17)
        );
        let elsewhere = JDK_17.replace("//127.0.0.1/", "//broker-1:7/");
        let shown = Endpoint::from_service_url(&elsewhere).unwrap().to_string();
        assert_eq!(
            shown, "broker-1:45769",
            "the host of the URL, the port of the stub"
        );
        let nowhere = JDK_17.replace("//127.0.0.1/", "///");
        let shown = Endpoint::from_service_url(&nowhere).unwrap().to_string();
        assert_eq!(shown, "127.0.0.1:45769");
    }

    #[test]
    fn a_password_is_not_quoted() {
        for url in [
            "rmi://user:hunter2@a:7/jmxrmi",
            "rmi://user:hunter2/3@a:7/jmxrmi",
            "rmi://user:hunter2@3@a:7/jmxrmi",
            "service:jmx:rmi://user:hunter2@a/jndi/rmi://a:7/jmxrmi",
            "service:jmx:rmi:///jndi/rmi://user:hunter2@a:7/jmxrmi",
            "service:jmx:rmi:///jndi/ldap://user:hunter2@a/b",
            "service:jmx:user:hunter2@a://b",
        ] {
            let error = Endpoint::from_service_url(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let long = format!("rmi://{}", "x".repeat(LONGEST));
        let half = JDK_17.split_at(JDK_17.len() - 40).0;
        for (url, expected) in [
            ("broker-1:9999", "is not a service URL"),
            ("service:jmx:rmi", "is not a service URL"),
            ("service:jmx:jmxmp://a:1", "has the protocol `jmxmp`"),
            ("service:jmx:rmi://a:1", "does not say where the server is"),
            (
                "service:jmx:rmi:///jmxrmi",
                "does not say where the server is",
            ),
            ("service:jmx:rmi:///ior/IOR:0", "CORBA"),
            (
                "service:jmx:rmi:///jndi/ldap://a/b",
                "looks up `ldap://a/b`",
            ),
            (
                "service:jmx:rmi:///jndi/rmi://::1:9/jmxrmi",
                "has the address `::1:9`",
            ),
            ("rmi://[::1/jmxrmi", "has the address `[::1`"),
            ("rmi://[::1]9/jmxrmi", "has the address `[::1]9`"),
            ("rmi://a:70000/jmxrmi", "has the address `a:70000`"),
            ("rmi://u@a:7/jmxrmi", "has the address `…@a:7/jmxrmi`"),
            ("service:jmx:rmi:///stub/???", "not base64"),
            ("service:jmx:rmi:///stub/rO0ABXA=", "none of an RMI server"),
            (half, "none of an RMI server"),
            (long.as_str(), "characters"),
            ("sérvice", "is not a service URL"),
        ] {
            let error = Endpoint::from_service_url(url).unwrap_err();
            assert!(error.to_string().contains(expected), "{url}: {error}");
        }
    }
}
