//! Requests and answers over HTTP: bounded in time and bytes, straight to the host that was named.

use std::sync::Arc;
use std::time::Duration;

use jmx_rmi::{RemoteException, Timeouts};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response, Url, redirect};
use rustls::ClientConfig;
use serde_json::Value as Json;

use super::super::{Login, Traffic};
use super::error::JolokiaError;
use super::repair::repair;
use super::reply::Entry;
use super::request;
use crate::config::Tls;

/// An answer may be this long: 20,000 names are 3 MB, a bean with all its attributes a few KB.
const MAX_ANSWER_BYTES: usize = 32 << 20;

/// Of an answer that is not Jolokia's this much is shown.
const SHOWN_CHARS: usize = 60;

/// The HTTP server of a JDK ends connections that idle for 30 s; using one at that moment would fail.
const IDLE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    url: Url,
    /// As messages name it.
    name: String,
    login: Option<Login>,
    traffic: Traffic,
}

impl Http {
    /// Touches no network.
    pub(super) fn new(
        url: &Url,
        login: Option<&Login>,
        tls: Option<&Tls>,
        timeouts: Timeouts,
    ) -> Result<Self, JolokiaError> {
        let name = url.as_str().trim_end_matches('/').to_owned();
        let builder = match tls {
            Some(tls) => Client::builder().use_preconfigured_tls(ClientConfig::clone(&tls.client)),
            None => Client::builder(),
        };
        let client = builder
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.call)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            // A password goes to the host that the user named and to no other.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("brokerbeat/", env!("CARGO_PKG_VERSION")))
            .build();
        let client = client.map_err(|source| JolokiaError::Build {
            url: name.clone(),
            source: Arc::new(source),
        })?;
        let mut url = url.clone();
        url.query_pairs_mut().extend_pairs(request::OPTIONS);
        Ok(Self {
            client,
            url,
            name,
            login: login.cloned(),
            traffic: Traffic::default(),
        })
    }

    /// Sends requests at once and gives as many answers, in order.
    pub(super) async fn bulk(&mut self, requests: &[Json]) -> Result<Vec<Entry>, JolokiaError> {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let body = Json::from(requests).to_string();
        self.traffic.sent += body.len() as u64;
        self.traffic.round_trips += 1;
        let mut post = self.client.post(self.url.clone());
        if let Some(login) = &self.login {
            post = post.basic_auth(&login.user, Some(login.password.reveal()));
        }
        let answer = post
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await;
        let mut answer = answer.map_err(|error| self.no_answer(error))?;
        let body = self.body(&mut answer).await?;
        self.traffic.received += body.len() as u64;
        if answer.status() != 200 {
            return Err(self.status(&answer, &body));
        }
        self.entries(body, requests.len())
    }

    async fn body(&self, answer: &mut Response) -> Result<Vec<u8>, JolokiaError> {
        let mut body = Vec::new();
        while let Some(part) = answer
            .chunk()
            .await
            .map_err(|error| self.no_answer(error))?
        {
            if body.len() + part.len() > MAX_ANSWER_BYTES {
                return Err(JolokiaError::TooLarge {
                    url: self.name.clone(),
                    limit: MAX_ANSWER_BYTES,
                });
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    fn entries(&self, mut body: Vec<u8>, count: usize) -> Result<Vec<Entry>, JolokiaError> {
        let mut parsed = serde_json::from_slice::<Vec<Entry>>(&body);
        if parsed.is_err() && repair(&mut body) {
            parsed = serde_json::from_slice(&body);
        }
        if let Ok(entries) = parsed {
            if entries.len() == count {
                return Ok(entries);
            }
            let what = format!("{} of {count} requests", entries.len());
            return Err(self.strange(&what));
        }
        // To a bulk that it does not understand the agent gives a single answer.
        match serde_json::from_slice::<Entry>(&body).map(Entry::into_value) {
            Ok(Err(why)) => Err(self.refused("the request", why)),
            _ => Err(self.strange(&format!("what is not Jolokia's: {}", beginning(&body)))),
        }
    }

    fn no_answer(&self, error: reqwest::Error) -> JolokiaError {
        let (url, source) = (self.name.clone(), Arc::new(error.without_url()));
        let silence = JolokiaError::NoAnswer {
            url: url.clone(),
            source: Arc::clone(&source),
        };
        // A connection that has brought answers may break; one that never has may lead to somebody else's port.
        match silence.is_closed() && !silence.is_tls() && self.traffic.received == 0 {
            true => JolokiaError::NotHttp { url, source },
            false => silence,
        }
    }

    fn status(&self, answer: &Response, body: &[u8]) -> JolokiaError {
        let status = answer.status().as_u16();
        let moved = answer
            .headers()
            .get(LOCATION)
            .and_then(|to| to.to_str().ok());
        let what = match (status, moved) {
            (401, _) if self.login.is_none() => " (it wants a user and a password)".to_owned(),
            (401, _) => " (user or password are wrong)".to_owned(),
            (300..=399, Some(to)) => {
                format!(" (moved to {}; write that address)", to.escape_debug())
            }
            (404, _) => " (there is no Jolokia agent at this path)".to_owned(),
            _ => match serde_json::from_slice::<Entry>(body).map(Entry::into_value) {
                Ok(Err(why)) => format!(": {why}"),
                _ if body.is_empty() => String::new(),
                _ => format!(": {}", beginning(body)),
            },
        };
        let url = self.name.clone();
        JolokiaError::Status { url, status, what }
    }

    pub(super) fn strange(&self, what: &str) -> JolokiaError {
        JolokiaError::Strange {
            url: self.name.clone(),
            what: what.to_owned(),
        }
    }

    pub(super) fn old(&self, version: &str) -> JolokiaError {
        JolokiaError::Old {
            url: self.name.clone(),
            version: version.chars().take(SHOWN_CHARS).collect(),
        }
    }

    pub(super) fn refused(&self, doing: &'static str, source: RemoteException) -> JolokiaError {
        JolokiaError::Refused {
            url: self.name.clone(),
            doing,
            source,
        }
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.traffic
    }
}

/// The first characters of an answer, on one line.
fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..SHOWN_CHARS * 4).unwrap_or(body));
    let text = text.trim().chars().take(SHOWN_CHARS);
    text.collect::<String>().escape_debug().to_string()
}
