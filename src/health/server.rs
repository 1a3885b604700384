//! The port. What strangers may cost is bounded: connections, bytes of a request, and time.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::config::HttpConfig;
use super::report::Subject;
use crate::clock::Millis;

/// Connections at a time; others wait in the system's queue.
const CONNECTIONS: usize = 32;
/// Bytes of a request's head; hyper takes no less. The body is never read.
const HEAD_BYTES: usize = 8 << 10;
/// For all of a connection, which is one request: a client that says nothing, or does not read, is sent away.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// After an error of the listener, as when there are no more file descriptors.
const REST: Duration = Duration::from_millis(500);

/// Why nobody can ask.
#[derive(Debug, Error)]
#[error("cannot listen on {address} for `http`; free it, or set another http.host or http.port")]
pub struct BindError {
    address: String,
    #[source]
    source: io::Error,
}

/// A port that is listened on.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
}

impl Server {
    /// Takes the port.
    pub fn bind(config: &HttpConfig) -> Result<Self, BindError> {
        let wrong = |source| BindError {
            address: config.shown(),
            source,
        };
        let listener = TcpListener::bind((config.host.as_str(), config.port)).map_err(wrong)?;
        listener.set_nonblocking(true).map_err(wrong)?;
        Ok(Self { listener })
    }

    /// Answers until it is dropped.
    pub async fn run(self, subject: Subject) {
        let listener = match tokio::net::TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "nobody can ask how the agent is doing");
                return;
            }
        };
        let subject = Arc::new(subject);
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = room.clone().acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let subject = subject.clone();
                    tokio::spawn(async move {
                        serve(stream, &subject).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection to the health endpoint failed");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
}

/// One request; what a client does wrong is its own affair.
async fn serve(stream: TcpStream, subject: &Subject) {
    let service = service_fn(|request: Request<Incoming>| async move {
        Ok::<_, Infallible>(answer(request.method(), request.uri().path(), subject))
    });
    let connection = http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = timeout(CONNECTION_TIMEOUT, connection).await {
        tracing::debug!(%error, "a request to the health endpoint failed");
    }
}

pub(super) fn answer(method: &Method, path: &str, subject: &Subject) -> Response<Full<Bytes>> {
    let is_known = matches!(path, "/health" | "/ready");
    if !is_known {
        let text = "there are /health and /ready\n";
        return plain(StatusCode::NOT_FOUND, text.to_owned(), "text/plain");
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        let text = "only GET and HEAD\n".to_owned();
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, text, "text/plain");
        let allowed = hyper::header::HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, allowed);
        return response;
    }
    let report = subject.report(Millis::now());
    let status = match path == "/ready" && !report.is_ok() {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::OK,
    };
    let mut text = serde_json::to_string_pretty(&report).expect("numbers and texts are JSON");
    text.push('\n');
    plain(status, text, "application/json")
}

fn plain(status: StatusCode, text: String, content: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let content = hyper::header::HeaderValue::from_static(content);
    response.headers_mut().insert(CONTENT_TYPE, content);
    response
}
