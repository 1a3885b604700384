//! The server's side: how a JVM's JMX port is protected and what it advertises.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use super::access::{JmxAccess, PASSWORD, USER};
use crate::error::{At, Result};
use crate::tls::{self, TlsFiles};
use crate::workdir::WorkDir;

/// The prefix of the JVM's own options for its JMX agent.
const AGENT: &str = "-Dcom.sun.management.jmxremote";
/// Where servers listen and, without [`JmxPort::hostname`], what their stubs say.
const LOOPBACK: &str = "127.0.0.1";

/// Which port the RMI server listens on; the registry's is always a free one of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RmiPort {
    /// Left to the JVM, as `JMX_PORT` does in Kafka's own start scripts.
    #[default]
    Any,
    /// The registry's, so that one port is enough.
    Same,
    /// This one.
    Fixed(u16),
}

/// A JVM's JMX port. Without any change: open, no password, no TLS.
#[derive(Clone, Debug, Default)]
pub struct JmxPort {
    password: bool,
    tls: bool,
    registry_tls: bool,
    client_auth: bool,
    rmi_port: RmiPort,
    hostname: Option<String>,
    lease: Option<Duration>,
}

impl JmxPort {
    /// Open to everybody on this machine.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a password; [`JmxAccess::USER`] may read.
    #[must_use]
    pub fn password(mut self) -> Self {
        self.password = true;
        self
    }

    /// TLS on the RMI server's port; the registry stays plain.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// TLS on both ports.
    #[must_use]
    pub fn registry_tls(mut self) -> Self {
        self.registry_tls = true;
        self.tls()
    }

    /// TLS that asks for a client's certificate.
    #[must_use]
    pub fn client_auth(mut self) -> Self {
        self.client_auth = true;
        self.tls()
    }

    /// The RMI server's port.
    #[must_use]
    pub fn rmi_port(mut self, port: RmiPort) -> Self {
        self.rmi_port = port;
        self
    }

    /// `java.rmi.server.hostname`: the host that the stub says.
    #[must_use]
    pub fn hostname(mut self, host: &str) -> Self {
        self.hostname = Some(host.to_owned());
        self
    }

    /// `java.rmi.dgc.leaseValue`: how long the JVM keeps a session for a client that is silent; ten minutes if not set.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// The JVM's arguments for a registry on `port`, and how to get in. Writes what the JVM needs into `work`.
    pub(crate) fn open(&self, port: u16, work: &WorkDir) -> Result<(Vec<String>, JmxAccess)> {
        let mut arguments = vec![
            AGENT.to_owned(),
            format!("{AGENT}.port={port}"),
            format!("{AGENT}.host={LOOPBACK}"),
            format!("{AGENT}.ssl={}", self.tls),
            format!("{AGENT}.authenticate={}", self.password),
            format!(
                "-Djava.rmi.server.hostname={}",
                self.hostname.as_deref().unwrap_or(LOOPBACK)
            ),
        ];
        match self.rmi_port {
            RmiPort::Any => {}
            RmiPort::Same => arguments.push(format!("{AGENT}.rmi.port={port}")),
            RmiPort::Fixed(rmi) => arguments.push(format!("{AGENT}.rmi.port={rmi}")),
        }
        if let Some(lease) = self.lease {
            arguments.push(format!("-Djava.rmi.dgc.leaseValue={}", lease.as_millis()));
        }
        if self.password {
            arguments.extend(password_arguments(work)?);
        }
        let tls = match self.tls {
            true => Some(tls::files()?),
            false => None,
        };
        if let Some(files) = &tls {
            arguments.extend(self.tls_arguments(files));
        }
        let access = JmxAccess {
            endpoint: format!("{LOOPBACK}:{port}"),
            password: self.password,
            registry_tls: self.registry_tls,
            tls,
        };
        Ok((arguments, access))
    }

    fn tls_arguments(&self, files: &TlsFiles) -> Vec<String> {
        let mut arguments = files.java_arguments(&files.server_store);
        arguments.push(format!("{AGENT}.registry.ssl={}", self.registry_tls));
        arguments.push(format!("{AGENT}.ssl.need.client.auth={}", self.client_auth));
        arguments
    }
}

/// The JVM refuses files that others may read.
fn password_arguments(work: &WorkDir) -> Result<[String; 2]> {
    let secret = |name: &str, text: String| -> Result<PathBuf> {
        let path = work.write(name, "")?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).at("close", &path)?;
        fs::write(&path, text).at("write", &path)?;
        Ok(path)
    };
    let passwords = secret("jmxremote.password", format!("{USER} {PASSWORD}\n"))?;
    let access = secret("jmxremote.access", format!("{USER} readonly\n"))?;
    Ok([
        format!("{AGENT}.password.file={}", passwords.display()),
        format!("{AGENT}.access.file={}", access.display()),
    ])
}
