//! What people write for a JVM.

use std::fmt;

use jmx_rmi::Endpoint;
use reqwest::Url;
use thiserror::Error;

use super::error::chain;

use crate::collect::jmx::local::Pattern;
use crate::config::units::{host_port, show_host_port};
use crate::identity::service_host;

/// Where a Jolokia agent answers unless it was told otherwise.
const JOLOKIA_PATH: &str = "/jolokia/";

/// The forms, for messages.
pub(crate) const FORMS: &str = "write host:port of the JVM's JMX port, service:jmx:rmi:…, local:<main class> or http://host:port/jolokia";

/// Where a JVM can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// `host:port` of the JMX port (the RMI registry).
    Port(Endpoint),
    /// `service:jmx:rmi:…`, by a registry or a stub.
    ServiceUrl(Endpoint),
    /// `local:<main class or pattern>`: what follows the colon.
    Local(Pattern),
    /// `http(s)://host:port/path` of a Jolokia agent. Its path ends with a slash, which the agent in the JVM insists on.
    Jolokia(Url),
}

/// Why a text is no address. Ends a sentence that begins with the text, which
/// [`without_user_info`](crate::config::without_user_info) must have made fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum AddressError {
    /// It carries a user; where users are written is the reader's to say.
    #[error("holds a user")]
    User,
    /// Anything else.
    #[error("{0}")]
    Form(String),
}

impl AddressError {
    /// The error, and for a user how it is written there.
    pub(crate) fn advised(&self, user: &str) -> String {
        match self {
            Self::User => format!("{self}; {user}"),
            Self::Form(_) => self.to_string(),
        }
    }
}

impl From<String> for AddressError {
    fn from(problem: String) -> Self {
        Self::Form(problem)
    }
}

impl Address {
    /// Reads an address.
    pub(crate) fn parse(written: &str) -> Result<Self, AddressError> {
        if written.starts_with("service:") {
            // First of all, because errors show parts of the text.
            if written.contains('@') {
                return Err(AddressError::User);
            }
            let endpoint = Endpoint::from_service_url(written);
            return endpoint
                .map(Self::ServiceUrl)
                .map_err(|error| chain(&error).into());
        }
        if let Some(pattern) = written.strip_prefix("local:") {
            return match pattern.trim() {
                "" => Err(AddressError::Form(
                    "names no JVM; write local:<main class>, as in local:kafka.Kafka".to_owned(),
                )),
                pattern => Ok(Self::Local(Pattern::parse(pattern))),
            };
        }
        if written.contains("://") {
            return jolokia(written).map(Self::Jolokia);
        }
        if written.contains('@') {
            return Err(AddressError::User);
        }
        let (host, port) = host_port(written, None)?;
        Ok(Self::Port(Endpoint::new(host, port)))
    }

    /// The host by which documents know the JVM: never a loopback name.
    pub(crate) fn service_host(&self, host_name: &str) -> String {
        service_host(self.host(), host_name).to_owned()
    }

    /// The host as written, a loopback name for a JVM without an address.
    pub(crate) fn host(&self) -> &str {
        let host = match self {
            Self::Port(endpoint) | Self::ServiceUrl(endpoint) => endpoint.host(),
            Self::Jolokia(url) => url.host_str().unwrap_or_default(),
            Self::Local(_) => "localhost",
        };
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// `service.address`: never a loopback or `local:` name.
    pub(crate) fn service_address(&self, host_name: &str) -> String {
        let host = self.service_host(host_name);
        match self {
            Self::Port(endpoint) | Self::ServiceUrl(endpoint) => {
                show_host_port(&host, endpoint.port())
            }
            Self::Jolokia(url) => {
                let port = url.port_or_known_default().unwrap_or_default();
                show_host_port(&host, port) + own_path(url)
            }
            Self::Local(pattern) => format!("{host}/{pattern}"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Not the URL: that of a local connector is hundreds of characters of a stub.
            Self::Port(endpoint) | Self::ServiceUrl(endpoint) => endpoint.fmt(f),
            Self::Local(pattern) => write!(f, "local:{pattern}"),
            Self::Jolokia(url) => f.write_str(url.as_str().trim_end_matches('/')),
        }
    }
}

/// The path of an agent that is not where agents usually are: several may be behind one port.
fn own_path(url: &Url) -> &str {
    match url.path() {
        JOLOKIA_PATH => "",
        path => path.trim_end_matches('/'),
    }
}

fn jolokia(written: &str) -> Result<Url, AddressError> {
    let mut url = Url::parse(written).map_err(|error| format!("is not a URL ({error})"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("is of an unknown kind; {FORMS}").into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::User);
    }
    if url.query().is_some() || url.fragment().is_some() {
        let problem = "has more than a path; write http://host:port/jolokia";
        return Err(problem.to_owned().into());
    }
    let path = match url.path().trim_end_matches('/') {
        "" => JOLOKIA_PATH.to_owned(),
        path => format!("{path}/"),
    };
    url.set_path(&path);
    Ok(url)
}
