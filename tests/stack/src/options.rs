//! What a test changes about a server or client.

use crate::jmx::JmxPort;
use crate::jolokia::JolokiaPort;

/// Settings of a server's or client's configuration, arguments of its JVM, and the doors into that JVM.
///
/// Settings and arguments come after the stack's own, so they win.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) jvm: Vec<String>,
    pub(crate) jdk: Option<u32>,
    pub(crate) jmx: Option<JmxPort>,
    pub(crate) jolokia: Option<JolokiaPort>,
    pub(crate) users: Option<Vec<String>>,
    pub(crate) advertised: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            settings: Vec::new(),
            jvm: Vec::new(),
            jdk: None,
            jmx: Some(JmxPort::new()),
            jolokia: None,
            users: None,
            advertised: None,
        }
    }
}

impl Options {
    /// Nothing changed: the stack's usual JDK, a JMX port that is open to everybody on this machine.
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of `server.properties`, `zoo.cfg`, `elasticsearch.yml` or a client property.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// An argument of the JVM, for example `-Djava.rmi.server.hostname=192.0.2.1`.
    #[must_use]
    pub fn jvm(mut self, argument: &str) -> Self {
        self.jvm.push(argument.to_owned());
        self
    }

    /// Runs under the JDK of this version, which must be installed: see [`jdks`](crate::jdks).
    #[must_use]
    pub fn jdk(mut self, version: u32) -> Self {
        self.jdk = Some(version);
        self
    }

    /// Another kind of JMX port.
    #[must_use]
    pub fn jmx(mut self, port: JmxPort) -> Self {
        self.jmx = Some(port);
        self
    }

    /// No JMX option at all: what `jmx()` gives is then an address where nobody listens.
    #[must_use]
    pub fn without_jmx(mut self) -> Self {
        self.jmx = None;
        self
    }

    /// A broker with listeners for SASL and TLS, an authorizer, and these users of PLAIN; SCRAM wants
    /// [`add_scram_user`](crate::Kafka::add_scram_user).
    #[must_use]
    pub fn secured(mut self, users: &[&str]) -> Self {
        self.users = Some(users.iter().map(|&user| user.to_owned()).collect());
        self
    }

    /// The Jolokia agent inside the JVM, on a port of its own.
    #[must_use]
    pub fn jolokia(mut self, port: JolokiaPort) -> Self {
        self.jolokia = Some(port);
        self
    }

    /// A KRaft broker tells its clients this host and its port: that of a [`Proxy`](crate::Proxy), which must be
    /// there before the first client.
    #[must_use]
    pub fn advertise(mut self, host: &str) -> Self {
        self.advertised = Some(host.to_owned());
        self
    }
}
