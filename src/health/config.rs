//! The section `http`.

use crate::config::{Section, units};

/// Only this machine can ask.
const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u64 = 9000;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Name or address of this machine.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl HttpConfig {
    /// Reads the section; nothing where there is none, or where it is turned off.
    pub fn read(root: &mut Section<'_>) -> Option<Self> {
        let mut section = root.section("http")?;
        let is_enabled = section.flag_or("enabled", true);
        let host = section.text_or("host", DEFAULT_HOST);
        if host.is_empty() {
            section.problem("host", "is empty; write an address of this machine");
        }
        let port = section.number_or("port", DEFAULT_PORT, 1..=u64::from(u16::MAX));
        let port = u16::try_from(port).unwrap_or(u16::MAX);
        is_enabled.then_some(Self { host, port })
    }

    /// `host:port`, for people.
    pub fn shown(&self) -> String {
        units::show_host_port(&self.host, self.port)
    }
}
