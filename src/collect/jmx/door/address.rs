//! What people write for a JVM.

use std::fmt;

use jmx_rmi::Endpoint;
use reqwest::Url;

use crate::collect::jmx::local::Pattern;
use crate::config::units::{host_port, show_host_port};
use crate::identity::service_host;

/// Where a Jolokia agent answers unless it was told otherwise.
const JOLOKIA_PATH: &str = "/jolokia/";

/// The forms, for messages.
const FORMS: &str = "write host:port of the JVM's JMX port, service:jmx:rmi:…, local:<main class> or http://host:port/jolokia";

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

impl Address {
    /// Reads an address. The error ends a sentence that begins with what was written.
    pub(crate) fn parse(written: &str) -> Result<Self, String> {
        if written.starts_with("service:") {
            let endpoint = Endpoint::from_service_url(written);
            return endpoint
                .map(Self::ServiceUrl)
                .map_err(|error| chain(&error));
        }
        if let Some(pattern) = written.strip_prefix("local:") {
            return match pattern.trim() {
                "" => Err(
                    "names no JVM; write local:<main class>, as in local:kafka.Kafka".to_owned(),
                ),
                pattern => Ok(Self::Local(Pattern::parse(pattern))),
            };
        }
        if written.contains("://") {
            return jolokia(written).map(Self::Jolokia);
        }
        let (host, port) = host_port(written, None)?;
        Ok(Self::Port(Endpoint::new(host, port)))
    }

    /// The host by which documents know the JVM: never a loopback name.
    pub(crate) fn service_host(&self, host_name: &str) -> String {
        let host = match self {
            Self::Port(endpoint) | Self::ServiceUrl(endpoint) => endpoint.host(),
            Self::Jolokia(url) => url.host_str().unwrap_or_default(),
            Self::Local(_) => host_name,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        service_host(host, host_name).to_owned()
    }

    /// `service.address`: never a loopback or `local:` name.
    pub(crate) fn service_address(&self, host_name: &str) -> String {
        let host = self.service_host(host_name);
        match self {
            Self::Port(endpoint) | Self::ServiceUrl(endpoint) => {
                show_host_port(&host, endpoint.port())
            }
            Self::Jolokia(url) => {
                show_host_port(&host, url.port_or_known_default().unwrap_or_default())
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

fn jolokia(written: &str) -> Result<Url, String> {
    let mut url = Url::parse(written).map_err(|error| format!("is not a URL ({error})"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("is of an unknown kind; {FORMS}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user; write it as `username` and `password`".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has more than a path; write http://host:port/jolokia".to_owned());
    }
    let path = match url.path().trim_end_matches('/') {
        "" => JOLOKIA_PATH.to_owned(),
        path => format!("{path}/"),
    };
    url.set_path(&path);
    Ok(url)
}

/// An error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
