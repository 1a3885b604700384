//! `output.elasticsearch`.

use std::time::Duration;

use crate::config::{Secret, Section, without_user_info};

/// Compressed bodies of this size are taken by every Elasticsearch (its limit is 100 MB unpacked)
/// and keep the agent's memory small.
const DEFAULT_BULK_BYTES: u64 = 2 << 20;
/// Most items of one request; a tick of a middle-sized cluster fits.
const DEFAULT_BULK_ITEMS: u64 = 2_000;
/// A connection takes some round trips; a host that is gone must not take the whole time of an answer.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than Elasticsearch's own minute for a shard that is not there yet.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(90);

/// Where documents go.
#[derive(Debug, Clone, PartialEq)]
pub struct ElasticsearchConfig {
    /// Base addresses, each `http(s)://host:port[/path]`.
    pub hosts: Vec<String>,
    /// How to say who we are.
    pub credentials: Credentials,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for one answer, with the connection.
    pub timeout: Duration,
    /// Largest body of a bulk request, before compression.
    pub bulk_max_bytes: usize,
    /// Most items of a bulk request.
    pub bulk_max_items: usize,
}

/// How to say who we are.
#[derive(Debug, Clone, PartialEq)]
pub enum Credentials {
    /// Not at all.
    None,
    /// `id:key`, or its base64 as Kibana shows it.
    ApiKey(Secret),
    /// User and password.
    Basic(String, Secret),
}

impl ElasticsearchConfig {
    /// Reads `output.elasticsearch`.
    pub fn read(section: &mut Section<'_>) -> Self {
        let hosts = section.texts("hosts");
        if hosts.is_empty() {
            section.problem(
                "hosts",
                "is empty; write at least one: [\"http://localhost:9200\"]",
            );
        }
        let hosts = hosts
            .iter()
            .filter_map(|host| base_url(section, host))
            .collect();
        let any = Duration::from_secs(1)..=Duration::from_secs(600);
        Self {
            hosts,
            credentials: read_credentials(section),
            connect_timeout: section.duration_or(
                "connect_timeout",
                DEFAULT_CONNECT_TIMEOUT,
                any.clone(),
            ),
            timeout: section.duration_or("timeout", DEFAULT_TIMEOUT, any),
            bulk_max_bytes: to_usize(section.bytes_or(
                "bulk_max_bytes",
                DEFAULT_BULK_BYTES,
                (16 << 10)..=(64 << 20),
            )),
            bulk_max_items: to_usize(section.number_or(
                "bulk_max_items",
                DEFAULT_BULK_ITEMS,
                1..=50_000,
            )),
        }
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn read_credentials(section: &mut Section<'_>) -> Credentials {
    let api_key = section
        .secret("api_key")
        .filter(|key| !key.reveal().is_empty());
    let user = section.text("username");
    let password = section.secret("password");
    match (api_key, user, password) {
        (Some(_), Some(_), _) => {
            section.problem("api_key", "stands beside `username`; write one of them");
            Credentials::None
        }
        (Some(key), None, None) => Credentials::ApiKey(key),
        (None, Some(user), Some(password)) => Credentials::Basic(user, password),
        (None, Some(_), None) => {
            section.problem("username", "has no `password` beside it");
            Credentials::None
        }
        (_, None, Some(_)) => {
            section.problem("password", "has no `username` beside it");
            Credentials::None
        }
        (None, None, None) => Credentials::None,
    }
}

/// A host as people write it: a scheme and a port are added where they are missing, as Beats do.
fn base_url(section: &Section<'_>, host: &str) -> Option<String> {
    let with_scheme = match host.contains("://") {
        true => host.to_owned(),
        false => format!("http://{host}"),
    };
    let shown = without_user_info(&with_scheme);
    let mut url = match reqwest::Url::parse(&with_scheme) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
        Ok(_) => {
            section.problem(
                "hosts",
                format!("`{shown}` is not an http or https address"),
            );
            return None;
        }
        Err(error) => {
            section.problem("hosts", format!("`{shown}` is not an address: {error}"));
            return None;
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        section.problem(
            "hosts",
            format!("`{shown}` carries a user or password; write `username` and `password`"),
        );
        return None;
    }
    let port_written = with_scheme
        .split_once("://")
        .and_then(|(_, rest)| rest.split('/').next())
        .is_some_and(|authority| {
            authority
                .rsplit(']')
                .next()
                .is_some_and(|end| end.contains(':'))
        });
    if !port_written {
        // Beats' habit: 9200 also for https, where a URL alone would mean 443.
        url.set_port(Some(9200)).ok()?;
    }
    Some(url.to_string())
}
