//! Kibana's HTTP API, narrowed to what setting up asks: a request, an answer.

use std::fmt;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, redirect};
use rustls::ClientConfig;
use serde_json::Value;
use uuid::Uuid;

use super::config::{DEFAULT_SPACE, KibanaConfig};
use super::error::{KibanaError, reason};
use crate::ship::elasticsearch::authorization;

/// An answer may be this long; the longest one is the export of all our dashboards.
const MAX_ANSWER_BYTES: usize = 32 << 20;

/// Kibana refuses what changes something without this header.
const XSRF: HeaderName = HeaderName::from_static("kbn-xsrf");

/// Major and minor.
pub type Version = (u64, u64);

/// A way to one space of a Kibana.
pub struct Kibana {
    client: Client,
    base: String,
    space: String,
}

impl fmt::Debug for Kibana {
    /// Without the client: it knows the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (base, space) = (&self.base, &self.space);
        write!(f, "Kibana({base}, {space})")
    }
}

/// What is sent along.
pub(super) enum Sent<'a> {
    Nothing,
    Json(&'a Value),
    /// As the file of a form, with a name that ends as it must.
    File(&'a str),
}

/// An answer of any status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The value, or null where it is no JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Kibana {
    /// A client for this Kibana. Connects when it is used.
    pub fn new(config: &KibanaConfig) -> Result<Self, KibanaError> {
        let builder = match &config.tls {
            Some(tls) => Client::builder().use_preconfigured_tls(ClientConfig::clone(&tls.client)),
            None => Client::builder(),
        };
        let client = builder
            // Proxies in the environment are another program's.
            .no_proxy()
            .default_headers(headers(config)?)
            .timeout(config.timeout)
            // A password goes to the host that the user named and to no other.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("brokerbeat/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            client: client.map_err(|error| KibanaError::Build(error.into()))?,
            base: config.base.clone(),
            space: config.space.clone(),
        })
    }

    /// Where it is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Its space that is meant.
    pub fn space(&self) -> &str {
        &self.space
    }

    /// Asks whether this is a Kibana with that space, and of which version.
    pub async fn look(&self) -> Result<Version, KibanaError> {
        let answer = self.send(Method::GET, "/api/status", Sent::Nothing).await?;
        let version = self.version(&answer)?;
        if self.space != DEFAULT_SPACE {
            self.find_space().await?;
        }
        Ok(version)
    }

    fn version(&self, answer: &Answer) -> Result<Version, KibanaError> {
        let base = self.base.clone();
        let value = answer.json();
        let number = value["version"]["number"]
            .as_str()
            .and_then(major_and_minor);
        match (answer.status, number) {
            // An Elasticsearch has a version, too, but no such status.
            (200 | 503, Some(version)) if value["status"].is_object() => Ok(version),
            (300..=399 | 401 | 403, _) => Err(self.refused("GET /api/status", answer)),
            (503, _) => Err(KibanaError::NotReady {
                base,
                what: reason(&answer.body),
            }),
            (200, None) if value["status"].is_object() => {
                // Of those who are not logged in it hides its version.
                Err(KibanaError::refused(
                    &base,
                    "GET /api/status",
                    401,
                    b"it wants to know who asks",
                ))
            }
            (status, _) => Err(KibanaError::NotKibana {
                base,
                what: format!(
                    "it answers {status} to /api/status: {}",
                    reason(&answer.body)
                ),
            }),
        }
    }

    async fn find_space(&self) -> Result<(), KibanaError> {
        let path = format!("/api/spaces/space/{}", self.space);
        let answer = self.send(Method::GET, &path, Sent::Nothing).await?;
        match answer.status {
            200 => Ok(()),
            404 => Err(KibanaError::NoSpace {
                base: self.base.clone(),
                space: self.space.clone(),
            }),
            _ => Err(self.refused(&format!("GET {path}"), &answer)),
        }
    }

    /// A request to the space; any answer but one of these statuses is an error.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        sent: Sent<'_>,
        good: &[u16],
    ) -> Result<Answer, KibanaError> {
        let answer = self.in_space(method.clone(), path, sent).await?;
        if good.contains(&answer.status) {
            return Ok(answer);
        }
        let path = path.split('?').next().unwrap_or_default();
        Err(self.refused(&format!("{method} {path}"), &answer))
    }

    async fn in_space(
        &self,
        method: Method,
        path: &str,
        sent: Sent<'_>,
    ) -> Result<Answer, KibanaError> {
        match self.space.as_str() {
            DEFAULT_SPACE => self.send(method, path, sent).await,
            space => self.send(method, &format!("/s/{space}{path}"), sent).await,
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        sent: Sent<'_>,
    ) -> Result<Answer, KibanaError> {
        let fail = |error| KibanaError::no_answer(&self.base, error);
        let request = self.client.request(method, format!("{}{path}", self.base));
        let request = match sent {
            Sent::Nothing => request,
            Sent::Json(body) => {
                let request = request.header(CONTENT_TYPE, "application/json");
                request.body(body.to_string())
            }
            Sent::File(text) => {
                let boundary = format!("brokerbeat-{}", Uuid::new_v4().simple());
                let kind = format!("multipart/form-data; boundary={boundary}");
                request
                    .header(CONTENT_TYPE, kind)
                    .body(form(&boundary, text))
            }
        };
        let mut response = request.send().await.map_err(fail)?;
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(fail)? {
            if body.len() + part.len() > MAX_ANSWER_BYTES {
                return Err(KibanaError::NotKibana {
                    base: self.base.clone(),
                    what: format!("an answer above {MAX_ANSWER_BYTES} bytes"),
                });
            }
            body.extend_from_slice(&part);
        }
        Ok(Answer {
            status: response.status().as_u16(),
            body,
        })
    }

    fn refused(&self, what: &str, answer: &Answer) -> KibanaError {
        KibanaError::refused(&self.base, what, answer.status, &answer.body)
    }
}

/// A form with one file. Kibana looks at the end of the file's name.
fn form(boundary: &str, text: &str) -> String {
    format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"brokerbeat.ndjson\"\r\n\
         content-type: application/ndjson\r\n\r\n{text}\r\n--{boundary}--\r\n"
    )
}

fn headers(config: &KibanaConfig) -> Result<HeaderMap, KibanaError> {
    let mut headers = HeaderMap::new();
    headers.insert(XSRF, HeaderValue::from_static("brokerbeat"));
    if let Some(credentials) = authorization(&config.credentials) {
        let value = HeaderValue::try_from(credentials);
        let mut value = value.map_err(|error| KibanaError::Build(error.into()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn major_and_minor(version: &str) -> Option<Version> {
    let mut parts = version.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}
