//! The official client, narrowed to what the agent asks: a request with bytes, an answer with bytes.

use std::time::Duration;

use ::elasticsearch::auth::Credentials as ClientCredentials;
use ::elasticsearch::http::headers::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use ::elasticsearch::http::transport::{MultiNodeConnectionPool, Transport, TransportBuilder};
use ::elasticsearch::http::{Method, Url};
use bytes::Bytes;
use serde_json::Value;
use thiserror::Error;

use super::config::{Credentials, ElasticsearchConfig};
use crate::config::without_user_info;

/// An answer may be this long; the longest one asked for is a bulk answer with an error per item.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// A connection to Elasticsearch. Connects when it is used, never before.
#[derive(Debug, Clone)]
pub struct Elastic {
    transport: Transport,
    hosts: String,
}

/// Why there is no usable answer.
#[derive(Debug, Error)]
pub enum ElasticError {
    /// The client could not be made.
    #[error("output.elasticsearch cannot be used")]
    Build(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No answer: whether the request was carried out is unknown unless it never left.
    #[error("no answer from Elasticsearch at {hosts}")]
    NoAnswer {
        /// Which hosts.
        hosts: String,
        /// Whether the request certainly never arrived.
        never_sent: bool,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is not JSON, or not of the expected shape.
    #[error("the server at {hosts} does not answer like Elasticsearch ({what})")]
    Strange {
        /// Which hosts.
        hosts: String,
        /// What was strange.
        what: String,
    },
    /// An answer that says no.
    #[error("Elasticsearch at {hosts} answers {status}: {reason}{hint}")]
    Refused {
        /// Which hosts.
        hosts: String,
        /// HTTP status.
        status: u16,
        /// Elasticsearch's own words.
        reason: String,
        /// What to do about it, in brackets, or nothing.
        hint: &'static str,
    },
}

impl ElasticError {
    /// Whether the same request may succeed later without anybody's help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::NoAnswer { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500..),
            Self::Build(_) | Self::Strange { .. } => false,
        }
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
    /// HTTP status.
    pub status: u16,
    /// `Retry-After` in seconds, where the server says it.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Whether it is a 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Elastic {
    /// A client for these hosts.
    pub fn new(config: &ElasticsearchConfig) -> Result<Self, ElasticError> {
        let build = |error: Box<dyn std::error::Error + Send + Sync>| ElasticError::Build(error);
        let urls: Vec<Url> = config
            .hosts
            .iter()
            .map(|host| Url::parse(host))
            .collect::<Result<_, _>>()
            .map_err(|error| build(error.into()))?;
        let pool = MultiNodeConnectionPool::round_robin(urls, None);
        let mut builder = TransportBuilder::new(pool)
            .timeout(config.timeout)
            .disable_proxy();
        if let Some(credentials) = credentials(&config.credentials) {
            builder = builder.auth(credentials);
        }
        Ok(Self {
            transport: builder.build().map_err(|error| build(error.into()))?,
            hosts: config
                .hosts
                .iter()
                .map(|host| without_user_info(host))
                .collect::<Vec<_>>()
                .join(", "),
        })
    }

    /// Sends one request and reads the whole answer, whatever its status.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        content: Content,
        body: Option<Bytes>,
    ) -> Result<Answer, ElasticError> {
        let headers = content.headers();
        let response = self
            .transport
            .send(method, path, headers, None::<&()>, body, None)
            .await
            .map_err(|error| self.no_answer(error))?;
        let status = response.status_code().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(seconds);
        if response
            .content_length()
            .is_some_and(|length| length > MAX_ANSWER_BYTES)
        {
            return Err(self.strange(format!("an answer above {MAX_ANSWER_BYTES} bytes")));
        }
        let body = response
            .bytes()
            .await
            .map_err(|error| self.no_answer(error))?;
        Ok(Answer {
            status,
            retry_after,
            body,
        })
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
                .map_err(|error| self.strange(error.to_string())),
            _ => Err(self.refused(&answer)),
        }
    }

    /// The error that an answer of a status outside 2xx is.
    pub fn refused(&self, answer: &Answer) -> ElasticError {
        ElasticError::Refused {
            hosts: self.hosts.clone(),
            status: answer.status,
            reason: reason(&answer.body),
            hint: match answer.status {
                401 => " (check output.elasticsearch.api_key, or username and password)",
                403 => " (the key or user lacks a privilege)",
                _ => "",
            },
        }
    }

    /// An answer that is not Elasticsearch's.
    pub fn strange(&self, what: String) -> ElasticError {
        ElasticError::Strange {
            hosts: self.hosts.clone(),
            what,
        }
    }

    fn no_answer(&self, error: elasticsearch::Error) -> ElasticError {
        ElasticError::NoAnswer {
            hosts: self.hosts.clone(),
            never_sent: never_sent(&error),
            source: error.into(),
        }
    }
}

/// A connection that was refused carried nothing: its records are not "maybe there".
fn never_sent(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<reqwest::Error>() {
            return error.is_connect() || error.is_builder();
        }
        cause = error.source();
    }
    false
}

fn credentials(credentials: &Credentials) -> Option<ClientCredentials> {
    Some(match credentials {
        Credentials::None => return None,
        Credentials::Basic(user, password) => {
            ClientCredentials::Basic(user.clone(), password.reveal().to_owned())
        }
        Credentials::ApiKey(key) => match key.reveal().split_once(':') {
            Some((id, key)) => ClientCredentials::ApiKey(id.to_owned(), key.to_owned()),
            None => ClientCredentials::EncodedApiKey(key.reveal().to_owned()),
        },
    })
}

fn seconds(value: &HeaderValue) -> Option<Duration> {
    Some(Duration::from_secs(
        value.to_str().ok()?.trim().parse().ok()?,
    ))
}

/// Elasticsearch's own reason, or the beginning of what came instead.
fn reason(body: &[u8]) -> String {
    /// Enough for a sentence.
    const MAX_CHARS: usize = 300;
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let reason = parsed.as_ref().and_then(|body| match body.get("error")? {
        Value::String(text) => Some(text.as_str()),
        error => error.get("reason")?.as_str(),
    });
    let text = match reason {
        Some(reason) => reason.to_owned(),
        None => String::from_utf8_lossy(body).into_owned(),
    };
    text.chars()
        .take(MAX_CHARS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
