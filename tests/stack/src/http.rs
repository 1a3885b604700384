//! HTTP with JSON bodies.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;

use crate::error::{Error, Result};

const LIMIT: Duration = Duration::from_secs(30);

/// The status and the body; a body that is not JSON comes as a string.
pub(crate) type Answer = (u16, Value);

/// A client for one server; a user and a password are part of the base address.
pub(crate) struct Http {
    agent: Agent,
    base: String,
}

impl Http {
    pub(crate) fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(LIMIT))
            .build();
        Self {
            agent: config.into(),
            base: base.to_owned(),
        }
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: Option<String>) -> Result<Answer> {
        let uri = format!("{}/{}", self.base, path.trim_start_matches('/'));
        let what = format!("{method} {uri}");
        let fail = |source: ureq::Error| Error::Http {
            request: what.clone(),
            source: Box::new(source),
        };
        let request = Request::builder().method(method).uri(&uri);
        let answer = match body {
            Some(body) => {
                let kind = if path.contains("_bulk") {
                    "application/x-ndjson"
                } else {
                    "application/json"
                };
                let request = request.header("content-type", kind).body(body);
                self.agent.run(request.map_err(|error| fail(error.into()))?)
            }
            None => self
                .agent
                .run(request.body(()).map_err(|error| fail(error.into()))?),
        };
        let mut answer = answer.map_err(fail)?;
        let text = answer.body_mut().read_to_string().map_err(fail)?;
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok((answer.status().as_u16(), value))
    }
}
