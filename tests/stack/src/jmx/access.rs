//! The client's side: how to get into a JVM.

use crate::tls::TlsFiles;

pub(super) const USER: &str = "monitor";
pub(super) const PASSWORD: &str = "let-me-read";

/// How a client gets into a JVM's JMX port.
#[derive(Clone, Debug)]
pub struct JmxAccess {
    /// "127.0.0.1:<port of the registry>"
    pub endpoint: String,
    /// Whether it asks for [`USER`](Self::USER) and [`PASSWORD`](Self::PASSWORD).
    pub password: bool,
    /// Whether the registry's port speaks TLS, too.
    pub registry_tls: bool,
    /// Certificates and keys, where the RMI server's port speaks TLS.
    pub tls: Option<TlsFiles>,
}

impl JmxAccess {
    /// The user that may read, where a JMX port asks for a password.
    pub const USER: &str = USER;
    /// That user's password.
    pub const PASSWORD: &str = PASSWORD;

    /// An open JMX port at "host:port".
    pub fn open(endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            password: false,
            registry_tls: false,
            tls: None,
        }
    }

    /// What a Java client that reads through `JmxConnect.java` needs as arguments of its JVM.
    pub(crate) fn java_arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        if self.password {
            arguments.push(format!("-Djmx.user={USER}"));
            arguments.push(format!("-Djmx.password={PASSWORD}"));
        }
        if let Some(files) = &self.tls {
            arguments.extend(files.java_arguments(&files.client_store));
            arguments.push(format!("-Djmx.registry.tls={}", self.registry_tls));
        }
        arguments
    }
}
