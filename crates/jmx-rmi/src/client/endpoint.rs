//! Where a JVM is and how patient to be with it.

use std::fmt;
use std::time::Duration;

use super::connection::address;
#[cfg(feature = "tls")]
use super::tls::RegistryTls;
use super::tls::Tls;
use crate::codec::stub::RemoteRef;

/// The name under which the agent of a JVM registers its server object.
pub(super) const BOUND_NAME: &str = "jmxrmi";

/// Where a JVM's JMX server is, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub(super) place: Place,
    /// Port of the RMI server, if it differs from what the JVM says: for port mappings. Without it the port of the stub
    /// is used, which is ephemeral unless `com.sun.management.jmxremote.rmi.port` is set.
    pub rmi_port: Option<u16>,
    /// What to make of the host which the JVM advertises.
    pub advertised_host: AdvertisedHost,
    /// User and password, where the JVM asks for them.
    pub credentials: Option<Credentials>,
    /// TCP connections over which a long list of reads is spread, 1 to [`MOST_CONNECTIONS`](Self::MOST_CONNECTIONS).
    /// They belong to the same session; those beyond the first are opened when there is enough to read.
    pub connections: usize,
    /// TLS on the RMI server's port; `None` for a plain one.
    #[cfg(feature = "tls")]
    pub tls: Option<Tls>,
}

/// How the server object is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A registry knows it by a name.
    Registry {
        host: String,
        port: u16,
        name: String,
    },
    /// Its stub is known; the host is the one to try first.
    Stub { host: String, server: RemoteRef },
}

impl Endpoint {
    /// Each connection is a thread in the JVM; beyond this a broker has better things to do with its processors.
    pub const MOST_CONNECTIONS: usize = 8;

    /// A JVM's JMX port (`JMX_PORT`, `com.sun.management.jmxremote.port`), with defaults for everything else. An IPv6
    /// address may have brackets or not. [`from_service_url`](Self::from_service_url) takes the long form.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        let host = host.into();
        let literal = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = literal.map(str::to_owned).unwrap_or(host);
        let name = BOUND_NAME.to_owned();
        Self::at(Place::Registry { host, port, name })
    }

    pub(super) fn at(place: Place) -> Self {
        Self {
            place,
            rmi_port: None,
            advertised_host: AdvertisedHost::default(),
            credentials: None,
            connections: 1,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// TLS to the RMI server, if any.
    pub(super) fn tls(&self) -> Option<Tls> {
        #[cfg(feature = "tls")]
        return self.tls.clone();
        #[cfg(not(feature = "tls"))]
        None
    }

    /// What to try at the registry, in order.
    pub(super) fn registry_tls(&self) -> Vec<Option<Tls>> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return match tls.registry {
                RegistryTls::Automatic => vec![Some(tls.clone()), None],
                RegistryTls::Always => vec![Some(tls.clone())],
                RegistryTls::Never => vec![None],
            };
        }
        vec![None]
    }

    /// The host as configured.
    pub fn host(&self) -> &str {
        match &self.place {
            Place::Registry { host, .. } | Place::Stub { host, .. } => host,
        }
    }

    /// The configured port: of the registry, or of the server where no registry is asked.
    pub fn port(&self) -> u16 {
        match &self.place {
            Place::Registry { port, .. } => *port,
            Place::Stub { server, .. } => self.rmi_port.unwrap_or(server.port),
        }
    }
}

/// `host:port`, as error messages have it.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&address(self.host(), self.port()))
    }
}

/// What to make of the host in the JVM's stub: `java.rmi.server.hostname`, or whatever the JVM believes it is called,
/// which is often out of reach behind NAT or in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AdvertisedHost {
    /// Try the configured host first and the advertised one when that fails. With [credentials](Endpoint::credentials)
    /// the same as [`Never`](Self::Never): whoever answers on the registry's port would decide where the password goes.
    #[default]
    Fallback,
    /// Try the advertised host first and the configured one when that fails: what a Java client does, and after it what
    /// works behind NAT. Credentials go to either: choose it only where the way to the registry is trusted.
    First,
    /// Never go to a host which the registry names.
    Never,
}

/// User and password. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Credentials {
    /// Makes credentials.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(redacted)")
    }
}

/// How long to wait. No wait of this crate is without one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For one TCP connection and its handshake. `Client::connect` makes up to three of them.
    pub connect: Duration,
    /// For one call, from its first byte out to its last byte in. In [`Client::read`](crate::Client::read) it starts
    /// anew with each reply, so a long list of beans is not a reason for a longer time.
    pub call: Duration,
}

impl Timeouts {
    /// A host that does not answer a SYN within this is down or filtered: three retransmissions at 1, 2 and 4 s would
    /// be the next chance, and a tick of a monitoring agent is usually 10 s.
    pub const CONNECT: Duration = Duration::from_secs(3);
    /// Longer than a bad full collection of a broker's heap, shorter than the usual tick.
    pub const CALL: Duration = Duration::from_secs(8);
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Self::CONNECT,
            call: Self::CALL,
        }
    }
}
