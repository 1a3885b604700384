//! The HTTP client, narrowed to what the agent asks: a request with bytes, an answer with bytes.
//!
//! Not Elastic's own client, which takes neither a TLS configuration of ours nor a bound on an answer, and knows nothing
//! of the health of hosts.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, Method, Proxy, RequestBuilder, Response, redirect};
use rustls::ClientConfig;
use serde_json::Value;
use tokio::time::Instant;

use super::config::{Credentials, ElasticsearchConfig};
pub use super::error::ElasticError;
use super::hosts::{FIND_OUT, Hosts, Turn};

/// An answer may be this long; the longest one asked for is a bulk answer with an error per item.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// Load balancers end connections that idle for a minute; using one at that moment would fail.
const IDLE: Duration = Duration::from_secs(50);
/// A firewall that forgot a connection is noticed before the next request pays for it.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A way to Elasticsearch. Connects when it is used, never before. Copies share their connections.
#[derive(Debug, Clone)]
pub struct Elastic(Arc<Way>);

struct Way {
    client: Client,
    /// Base addresses without a slash at the end.
    bases: Vec<String>,
    hosts: Mutex<Hosts>,
}

impl fmt::Debug for Way {
    /// Without the client: it knows a proxy's password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way")
            .field("bases", &self.bases)
            .finish_non_exhaustive()
    }
}

/// What a request's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// One value.
    Json,
    /// The lines of a bulk request, as a gzip file.
    PackedLines,
}

impl Content {
    fn headers(self) -> HeaderMap {
        let (content_type, encoding) = match self {
            Self::Json => ("application/json", None),
            Self::PackedLines => ("application/x-ndjson", Some("gzip")),
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        headers
    }
}

/// An answer of any status.
#[derive(Debug)]
pub struct Answer {
    /// Which host gave it.
    host: String,
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`, where the server says it.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Whether it is a 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The error that an answer of a status outside 2xx is.
    pub fn refused(&self) -> ElasticError {
        ElasticError::refused(&self.host, self.status, &self.body)
    }

    /// The error that an answer is which is not Elasticsearch's.
    pub fn strange(&self, what: String) -> ElasticError {
        ElasticError::Strange {
            host: self.host.clone(),
            what,
        }
    }
}

impl Elastic {
    /// A client for these hosts.
    pub fn new(config: &ElasticsearchConfig) -> Result<Self, ElasticError> {
        let bases = config.hosts.iter();
        Ok(Self(Arc::new(Way {
            client: client(config)?,
            bases: bases
                .map(|host| host.trim_end_matches('/').to_owned())
                .collect(),
            hosts: Mutex::new(Hosts::new(config.hosts.len())),
        })))
    }

    /// Sends one request and reads the whole answer, whatever its status. A request that certainly did not leave goes to
    /// the next host.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        content: Content,
        body: Option<Bytes>,
    ) -> Result<Answer, ElasticError> {
        self.find_out();
        let mut turn = self.hosts().first(Instant::now());
        let mut tried = Vec::new();
        loop {
            let mut request = self
                .request(turn.host, method.clone(), path)
                .headers(content.headers());
            if let Some(body) = body.clone() {
                request = request.body(body);
            }
            let asked = self.ask(turn.host, request).await;
            self.note(turn, &asked);
            tried.push(turn.host);
            let is_never_sent = asked.as_ref().is_err_and(ElasticError::is_never_sent);
            let another = is_never_sent.then(|| self.hosts().another(&tried, Instant::now()));
            match another.flatten() {
                Some(another) => turn = another,
                None => return asked,
            }
        }
    }

    /// Asks a host that has failed whether it is back, beside the requests that go to others.
    fn find_out(&self) {
        let Some(turn) = self.hosts().find_out(Instant::now()) else {
            return;
        };
        let elastic = self.clone();
        tokio::spawn(async move {
            let request = elastic.request(turn.host, Method::GET, "/");
            let asked = elastic.ask(turn.host, request.timeout(FIND_OUT)).await;
            elastic.note(turn, &asked);
        });
    }

    fn request(&self, host: usize, method: Method, path: &str) -> RequestBuilder {
        let base = self.base(host);
        self.0.client.request(method, format!("{base}{path}"))
    }

    async fn ask(&self, host: usize, request: RequestBuilder) -> Result<Answer, ElasticError> {
        let base = self.base(host);
        let mut response = request
            .send()
            .await
            .map_err(|error| ElasticError::no_answer(base, error))?;
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| self::retry_after(value, Timestamp::now()));
        let mut body = Vec::new();
        let whole = read(base, &mut response, &mut body).await;
        // A refusal is one whether its reasons arrive whole or not.
        if response.status().is_success() {
            whole?;
        }
        Ok(Answer {
            host: base.to_owned(),
            status: response.status().as_u16(),
            retry_after,
            body: body.into(),
        })
    }

    /// Remembers how the host did, and says what is new about it.
    fn note(&self, turn: Turn, asked: &Result<Answer, ElasticError>) {
        let host = self.base(turn.host);
        let failed = match asked {
            Ok(answer) => matches!(answer.status, 502..=504).then(|| answer.refused()),
            Err(ElasticError::NoAnswer { .. }) => None,
            Err(_) => return,
        };
        if failed.is_none() && asked.is_ok() {
            if self.hosts().succeeded(turn) && self.0.bases.len() > 1 {
                tracing::info!(host, "the host is back");
            }
            return;
        }
        let is_new = self.hosts().failed(turn, Instant::now());
        if let Some(error) = failed.as_ref().or(asked.as_ref().err())
            && is_new
            && self.0.bases.len() > 1
        {
            let error = error as &dyn std::error::Error;
            tracing::warn!(host, error, "the host is left alone for a while");
        }
    }

    /// Asks for JSON. A 404 is `None`, any other refusal an error.
    pub async fn json(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, ElasticError> {
        let body = body.map(|body| Bytes::from(body.to_string()));
        let answer = self.send(method, path, Content::Json, body).await?;
        match answer.status {
            404 => Ok(None),
            _ if answer.is_success() => serde_json::from_slice(&answer.body)
                .map(Some)
                .map_err(|error| answer.strange(error.to_string())),
            _ => Err(answer.refused()),
        }
    }

    /// Something that Elasticsearch would not answer; the hosts are named together.
    pub fn strange(&self, what: String) -> ElasticError {
        ElasticError::Strange {
            host: self.0.bases.join(", "),
            what,
        }
    }

    fn base(&self, host: usize) -> &str {
        self.0.bases.get(host).map_or("", String::as_str)
    }

    fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.0.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client(config: &ElasticsearchConfig) -> Result<Client, ElasticError> {
    let builder = match &config.tls {
        Some(tls) => Client::builder().use_preconfigured_tls(ClientConfig::clone(&tls.client)),
        None => Client::builder(),
    };
    // Proxies in the environment are another program's.
    let builder = match &config.proxy {
        Some(proxy) => builder.proxy(Proxy::all(proxy.0.clone()).map_err(build)?),
        None => builder.no_proxy(),
    };
    builder
        .default_headers(headers(config)?)
        .connect_timeout(config.connect_timeout)
        .timeout(config.timeout)
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(KEEP_ALIVE)
        // A password goes to the host that the user named and to no other.
        .redirect(redirect::Policy::none())
        .user_agent(concat!("brokerbeat/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(build)
}

fn build(error: impl std::error::Error + Send + Sync + 'static) -> ElasticError {
    ElasticError::Build(error.into())
}

fn headers(config: &ElasticsearchConfig) -> Result<HeaderMap, ElasticError> {
    let mut headers = config.headers.clone();
    if let Some(credentials) = authorization(&config.credentials) {
        let mut value = HeaderValue::try_from(credentials).map_err(build)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// The value of the header.
pub(crate) fn authorization(credentials: &Credentials) -> Option<String> {
    Some(match credentials {
        Credentials::None => return None,
        Credentials::Basic(user, password) => {
            let both = format!("{user}:{}", password.reveal());
            format!("Basic {}", BASE64.encode(both))
        }
        // As `id:key`, or encoded already, as Kibana shows it.
        Credentials::ApiKey(key) if key.reveal().contains(':') => {
            format!("ApiKey {}", BASE64.encode(key.reveal()))
        }
        Credentials::ApiKey(key) => format!("ApiKey {}", key.reveal()),
    })
}

/// The body, up to the bound, whether the server said its length or not.
async fn read(base: &str, response: &mut Response, body: &mut Vec<u8>) -> Result<(), ElasticError> {
    while let Some(part) = response
        .chunk()
        .await
        .map_err(|error| ElasticError::no_answer(base, error))?
    {
        if body.len() + part.len() > MAX_ANSWER_BYTES {
            return Err(ElasticError::Strange {
                host: base.to_owned(),
                what: format!("an answer above {MAX_ANSWER_BYTES} bytes"),
            });
        }
        body.extend_from_slice(&part);
    }
    Ok(())
}

/// `Retry-After` in both its forms; a date that is over is no wait.
fn retry_after(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_when_in_seconds_or_as_a_date() {
        let now: Timestamp = "2026-02-03T04:05:06Z".parse().unwrap();
        for (text, wait) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Tue, 03 Feb 2026 04:06:06 GMT", Some(60)),
            ("Tue, 03 Feb 2026 04:05:00 GMT", Some(0)),
            ("99999999999999999999999", None),
            ("-1", None),
            ("soon", None),
        ] {
            let value = HeaderValue::from_static(text);
            let read = retry_after(&value, now);
            assert_eq!(read, wait.map(Duration::from_secs), "{text}");
        }
    }
}
