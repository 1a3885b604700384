//! The AdminServer and the metrics provider for Prometheus: GET over HTTP(S), bounded in time and bytes.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Client, Response, Url, redirect};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use super::error::{DoorError, beginning};
use crate::collect::zookeeper::Server;
use crate::collect::zookeeper::answer::{Answer, Answers, Door, Question};
use crate::config::Tls;

/// Jetty ends connections that idle for 30 s; using one at that moment would fail.
const IDLE: Duration = Duration::from_secs(20);

/// Questions of a cycle go over as many connections; the next cycle finds this many of them.
const KEPT: usize = 2;

/// Where an HTTP door is.
#[derive(Debug, Clone)]
pub(in crate::collect::zookeeper) struct Place {
    /// Ends in `/`, where commands follow.
    pub(in crate::collect::zookeeper) url: Url,
    pub(in crate::collect::zookeeper) tls: Option<Tls>,
}

/// A client for one server's HTTP ports.
pub(super) struct Http {
    client: Client,
    url: Url,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

impl Http {
    /// Touches no network.
    pub(super) fn new(place: &Place) -> Result<Self, DoorError> {
        let builder = match &place.tls {
            Some(tls) => Client::builder().use_preconfigured_tls(ClientConfig::clone(&tls.client)),
            None => Client::builder(),
        };
        let client = builder
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(KEPT)
            // What stands elsewhere is not this server's.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("brokerbeat/", env!("CARGO_PKG_VERSION")))
            .build();
        let url = place.url.clone();
        match client {
            Ok(client) => Ok(Self { client, url }),
            Err(error) => Err(DoorError::Tls {
                place: url.to_string(),
                cause: deepest(&error),
            }),
        }
    }

    /// Asks everything at once.
    pub(super) async fn ask(&self, server: &Server, door: Door, deadline: Instant) -> Answers {
        let questions = server.questions_at(door);
        let asked = questions.into_iter().map(|question| async move {
            (question, self.question(question, door, deadline).await)
        });
        Answers {
            door,
            replies: join_all(asked).await,
            closed: Vec::new(),
        }
    }

    async fn question(
        &self,
        question: Question,
        door: Door,
        deadline: Instant,
    ) -> Result<Answer, DoorError> {
        let mut url = self.url.clone();
        if door == Door::Admin {
            url.set_path(&format!("{}{}", self.url.path(), question.command()));
        }
        let place = url.to_string();
        let answer = timeout_at(deadline, self.get(url, question, &place)).await;
        let text = answer.map_err(|_| DoorError::late(&place))??;
        let is_right = match door {
            Door::Admin => text.trim_start().starts_with('{'),
            _ => is_metrics(&text),
        };
        match is_right {
            true => Ok(Answer { text, cut: None }),
            false => Err(DoorError::Strange {
                place,
                what: beginning(&text),
            }),
        }
    }

    async fn get(&self, url: Url, question: Question, place: &str) -> Result<String, DoorError> {
        let answer = self.client.get(url).send().await;
        let mut answer = answer.map_err(|error| no_answer(place, &error))?;
        let status = answer.status().as_u16();
        if status != 200 {
            let what = match status {
                401 | 403 => " (it wants a login or a certificate)",
                404 => " (there is nothing at this path)",
                300..=399 => " (it has moved; write the new address)",
                _ => "",
            };
            return Err(DoorError::Status {
                place: place.to_owned(),
                status,
                what,
            });
        }
        let bytes = body(&mut answer, question.max_bytes(), place).await?;
        String::from_utf8(bytes).map_err(|_| DoorError::Strange {
            place: place.to_owned(),
            what: "bytes that are no text".to_owned(),
        })
    }
}

async fn body(answer: &mut Response, limit: usize, place: &str) -> Result<Vec<u8>, DoorError> {
    let mut bytes = Vec::new();
    loop {
        let part = answer.chunk().await;
        let Some(part) = part.map_err(|error| no_answer(place, &error))? else {
            return Ok(bytes);
        };
        if bytes.len() + part.len() > limit {
            let place = place.to_owned();
            return Err(DoorError::TooLong { place, limit });
        }
        bytes.extend_from_slice(&part);
    }
}

/// Lines of Prometheus' text format: comments, and names with a number.
fn is_metrics(text: &str) -> bool {
    let first = text.lines().find(|line| !line.is_empty());
    first.is_some_and(|line| {
        let value = line.rsplit(' ').next().unwrap_or_default();
        line.starts_with('#') || value.parse::<f64>().is_ok()
    })
}

fn no_answer(place: &str, error: &reqwest::Error) -> DoorError {
    let (place, cause) = (place.to_owned(), deepest(error));
    match () {
        () if is_tls(error) => DoorError::Tls { place, cause },
        () if error.is_connect() => DoorError::Connect { place, cause },
        () => DoorError::Broken { place, cause },
    }
}

/// The first cause: reqwest's own sentences only say that there was one.
fn deepest(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn is_tls(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        // An error of I/O hides the one that it wraps.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if error.is::<rustls::Error>() || wrapped.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        cause = error.source();
    }
    false
}
