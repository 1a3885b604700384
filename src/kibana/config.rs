//! `setup.kibana`: where dashboards and rules go.

use std::time::Duration;

use crate::config::{Section, Tls, read_tls};
use crate::ship::elasticsearch::{Credentials, read_base, read_credentials};

/// Kibana's own port, for a host without one.
const PORT: u16 = 5601;

/// An import of all dashboards takes a Kibana some seconds; more is a Kibana that hangs.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(90);

/// The space that is there without anybody having made it.
pub const DEFAULT_SPACE: &str = "default";

/// Where Kibana is and who is asking.
#[derive(Debug, Clone)]
pub struct KibanaConfig {
    /// Its address, with its base path if it has one, without a slash at the end.
    pub base: String,
    /// The space of dashboards and rules.
    pub space: String,
    /// How to say who we are.
    pub credentials: Credentials,
    /// TLS, unless it is as the public web has it.
    pub tls: Option<Tls>,
    /// Longest wait for an answer.
    pub timeout: Duration,
}

impl KibanaConfig {
    /// Reads `setup.kibana`; nothing without a host.
    pub fn read(setup: &mut Section<'_>) -> Option<Self> {
        let mut section = setup.section("kibana")?;
        let host = section.text("host");
        let space = section.text_or("space", DEFAULT_SPACE);
        if let Some(why) = wrong_space(&space) {
            section.problem("space", why);
        }
        let credentials = read_credentials(&mut section);
        let any = Duration::from_secs(1)..=Duration::from_secs(600);
        let timeout = section.duration_or("timeout", DEFAULT_TIMEOUT, any);
        let base = match &host {
            Some(host) => read_base(&section, "host", host, PORT),
            None => {
                section.problem("host", "is missing; write one: \"http://localhost:5601\"");
                None
            }
        };
        let tls = tls(&mut section, base.as_deref());
        Some(Self {
            base: base?.trim_end_matches('/').to_owned(),
            space,
            credentials,
            tls,
            timeout,
        })
    }
}

fn tls(section: &mut Section<'_>, base: Option<&str>) -> Option<Tls> {
    let mut ssl = section.section("ssl")?;
    let tls = read_tls(&mut ssl)?;
    if tls.server_name.is_some() {
        ssl.problem(
            "server_name",
            "has no use here: the certificate's name is that in `host`; write that, or `verification_mode: certificate`",
        );
    }
    drop(ssl);
    if base.is_some_and(|base| base.starts_with("http://")) {
        section.problem(
            "ssl",
            "has no use for an address without TLS; write https:// in `host`, or `enabled: false` here",
        );
    }
    Some(tls)
}

/// Why no space can be called so.
pub fn wrong_space(name: &str) -> Option<String> {
    let is_one = !name.is_empty()
        && name
            .chars()
            .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-'));
    (!is_one).then(|| {
        format!("`{name}` is no space's identifier: lower-case letters, digits, _ and -, as in its address /s/…")
    })
}
