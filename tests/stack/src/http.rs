//! HTTP with JSON bodies.

use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::error::{At, Error, Result};
use crate::tls::TlsFiles;

const LIMIT: Duration = Duration::from_secs(30);

/// The status and the body; a body that is not JSON comes as a string.
pub(crate) type Answer = (u16, Value);

/// A client for one server; a user and a password are part of the base address.
pub(crate) struct Http {
    agent: Agent,
    base: String,
    authorization: Option<String>,
}

impl Http {
    pub(crate) fn new(base: &str) -> Self {
        Self::with(base, TlsConfig::builder().build())
    }

    /// For a server with these certificates, as their client.
    pub(crate) fn with_tls(base: &str, files: &TlsFiles) -> Result<Self> {
        let certificate = |path: &Path| {
            let pem = fs::read(path).at("read", path)?;
            Certificate::from_pem(&pem)
                .map_err(io::Error::other)
                .at("understand", path)
        };
        let key = fs::read(&files.client_key).at("read", &files.client_key)?;
        let key = PrivateKey::from_pem(&key)
            .map_err(io::Error::other)
            .at("understand", &files.client_key)?;
        let chain = [certificate(&files.client_certificate)?];
        let roots = [certificate(&files.authority)?];
        let tls = TlsConfig::builder()
            .client_cert(Some(ClientCert::new_with_certs(&chain, key)))
            .root_certs(RootCerts::new_with_certs(&roots))
            .build();
        Ok(Self::with(base, tls))
    }

    fn with(base: &str, tls: TlsConfig) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(LIMIT))
            .tls_config(tls)
            .build();
        Self {
            agent: config.into(),
            base: base.to_owned(),
            authorization: None,
        }
    }

    /// With this header instead of a user in the address.
    pub(crate) fn authorized(self, authorization: &str) -> Self {
        let authorization = Some(authorization.to_owned());
        Self {
            authorization,
            ..self
        }
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: Option<String>) -> Result<Answer> {
        let uri = format!("{}/{}", self.base, path.trim_start_matches('/'));
        let what = format!("{method} {uri}");
        let fail = |source: ureq::Error| Error::Http {
            request: what.clone(),
            source: Box::new(source),
        };
        let mut request = Request::builder().method(method).uri(&uri);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
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
