//! `output.elasticsearch`.

use std::fmt;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, USER_AGENT,
};

use super::address;
use crate::config::{self, Secret, Section, Tls};

/// Headers that are said about the request itself: with other ones it would not be understood.
const OWN_HEADERS: &[HeaderName] = &[
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    HOST,
    TRANSFER_ENCODING,
    USER_AGENT,
];

/// Compressed bodies of this size are taken by every Elasticsearch (its limit is 100 MB unpacked)
/// and keep the agent's memory small.
const DEFAULT_BULK_BYTES: u64 = 2 << 20;
/// Most items of one request; a tick of a middle-sized cluster fits.
const DEFAULT_BULK_ITEMS: u64 = 2_000;
/// Enough to use the time in which a request travels and waits for a replica; more would only be more in memory.
const DEFAULT_CONCURRENCY: u64 = 4;
/// A connection takes some round trips; a host that is gone must not take the whole time of an answer.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than Elasticsearch's own minute for a shard that is not there yet.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(90);

/// Where documents go.
#[derive(Debug, Clone)]
pub struct ElasticsearchConfig {
    /// Base addresses, each `http(s)://host:port[/path]`.
    pub hosts: Vec<String>,
    /// How to say who we are.
    pub credentials: Credentials,
    /// TLS, unless it is as the public web has it.
    pub tls: Option<Tls>,
    /// The proxy, which may carry a user and a password.
    pub proxy: Option<Proxy>,
    /// Headers of the user's own, all of them marked as sensitive.
    pub headers: HeaderMap,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for one answer, with the connection.
    pub timeout: Duration,
    /// Largest body of a bulk request, before compression.
    pub bulk_max_bytes: usize,
    /// Most items of a bulk request.
    pub bulk_max_items: usize,
    /// Most bulk requests at once.
    pub max_concurrency: usize,
}

/// A proxy. Prints without its address, which may carry a password.
#[derive(Clone)]
pub struct Proxy(pub Url);

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Secret::HIDDEN)
    }
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
        let hosts = address::read_hosts(section);
        let credentials = read_credentials(section);
        let any = Duration::from_secs(1)..=Duration::from_secs(600);
        Self {
            tls: read_tls(section, &hosts),
            proxy: address::read_proxy(section),
            headers: read_headers(section, &credentials),
            hosts,
            credentials,
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
            max_concurrency: to_usize(section.number_or(
                "max_concurrency",
                DEFAULT_CONCURRENCY,
                1..=32,
            )),
        }
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// `api_key`, or `username` and `password`.
pub(crate) fn read_credentials(section: &mut Section<'_>) -> Credentials {
    let api_key = section
        .secret("api_key")
        .filter(|key| !key.reveal().is_empty());
    let is_plain = |key: &Secret| key.reveal().bytes().all(|byte| byte.is_ascii_graphic());
    if api_key.as_ref().is_some_and(|key| !is_plain(key)) {
        section.problem("api_key", "has blanks or other characters that no key has");
    }
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

/// TLS, where a host wants it.
fn read_tls(section: &mut Section<'_>, hosts: &[String]) -> Option<Tls> {
    let mut ssl = section.section("ssl")?;
    let tls = config::read_tls(&mut ssl)?;
    if tls.server_name.is_some() {
        ssl.problem(
            "server_name",
            "has no use here: the certificate's name is that in `hosts`; write that, or `verification_mode: certificate`",
        );
    }
    drop(ssl);
    if let Some(plain) = hosts.iter().find(|host| host.starts_with("http://")) {
        let message = format!(
            "has no use for `{plain}`; write https:// in `hosts`, or `enabled: false` here"
        );
        section.problem("ssl", message);
    }
    Some(tls)
}

/// Headers of the user's own, for a gateway before Elasticsearch.
fn read_headers(section: &mut Section<'_>, credentials: &Credentials) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in section.secrets("headers") {
        let key = format!("headers.{name}");
        let Ok(header) = HeaderName::try_from(name.as_str()) else {
            section.problem(&key, "is not the name of a header");
            continue;
        };
        if OWN_HEADERS.contains(&header) {
            section.problem(&key, "is the agent's own to set; remove it");
        } else if header == AUTHORIZATION && *credentials != Credentials::None {
            section.problem(
                &key,
                "stands beside `api_key` or `username`; write one of them",
            );
        }
        match HeaderValue::try_from(value.reveal()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                headers.insert(header, value);
            }
            Err(_) => section.problem(&key, "has a value that no header can have"),
        }
    }
    headers
}
