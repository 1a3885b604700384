//! The Jolokia agent inside a server's JVM: JMX over HTTP.

use std::fs;
use std::time::Duration;

use crate::error::{At, Error, Result};
use crate::packages::JOLOKIA;
use crate::process::Process;
use crate::tls::{self, TlsFiles};
use crate::wait;

/// It starts with the JVM, before `main` does.
const READY: Duration = Duration::from_secs(60);

/// A Jolokia agent as it will be started.
#[derive(Clone, Debug, Default)]
pub struct JolokiaPort {
    login: Option<(String, String)>,
    tls: bool,
    options: Vec<(String, String)>,
}

impl JolokiaPort {
    /// Open to everybody on this machine.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a user and a password (HTTP basic authentication).
    #[must_use]
    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// HTTPS, with the certificate of the stack's servers.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// An option of the agent, `policyLocation` for example.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.options.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// The JVM's argument.
    pub(crate) fn argument(&self, port: u16) -> Result<String> {
        let folder = JOLOKIA.folder()?;
        let jars = fs::read_dir(&folder).at("list", &folder)?.flatten();
        let jar = jars
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|kind| kind == "jar"))
            .ok_or_else(|| Error::Missing {
                what: format!("a jar in {}", folder.display()),
                hint: "remove that folder".to_owned(),
            })?;
        // Without `discoveryEnabled` it would answer multicasts from anywhere.
        let mut options = format!("port={port},host=127.0.0.1,discoveryEnabled=false");
        if let Some((user, password)) = &self.login {
            options.push_str(&format!(",user={user},password={password}"));
        }
        if self.tls {
            let store = tls::files()?.server_store;
            let password = TlsFiles::PASSWORD;
            options.push_str(&format!(
                ",protocol=https,keystore={},keystorePassword={password}",
                store.display()
            ));
        }
        for (key, value) in &self.options {
            options.push_str(&format!(",{key}={value}"));
        }
        Ok(format!("-javaagent:{}={options}", jar.display()))
    }
}

pub(crate) fn wait_ready(process: &Process, port: u16) -> Result<()> {
    wait::until(process, "Jolokia's port", READY, || {
        wait::listens(port).then_some(())
    })
}
