//! Why there is no usable answer, and whether the request may have been carried out all the same.

use std::error::Error as StdError;
use std::io;

use rustls::{AlertDescription, CertificateError};
use serde_json::Value;
use thiserror::Error;

/// Why there is no usable answer.
#[derive(Debug, Error)]
pub enum ElasticError {
    /// The client could not be made.
    #[error("output.elasticsearch cannot be used")]
    Build(#[source] Box<dyn StdError + Send + Sync>),
    /// No answer: whether the request was carried out is unknown unless it never left.
    #[error("no answer from Elasticsearch at {host}{hint}")]
    NoAnswer {
        /// Which host.
        host: String,
        /// Whether the request certainly never arrived.
        never_sent: bool,
        /// What to do about it, in brackets, or nothing.
        hint: &'static str,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The answer is not JSON, or not of the expected shape.
    #[error("the server at {host} does not answer like Elasticsearch ({what})")]
    Strange {
        /// Which host.
        host: String,
        /// What was strange.
        what: String,
    },
    /// An answer that says no.
    #[error("Elasticsearch at {host} answers {status}: {reason}{hint}")]
    Refused {
        /// Which host.
        host: String,
        /// HTTP status.
        status: u16,
        /// Elasticsearch's own words.
        reason: String,
        /// What to do about it, in brackets, or nothing.
        hint: &'static str,
    },
}

impl ElasticError {
    /// No answer came.
    pub(super) fn no_answer(host: &str, error: reqwest::Error) -> Self {
        Self::NoAnswer {
            host: host.to_owned(),
            never_sent: is_never_sent(&error),
            hint: tls_error(&error).map_or("", tls_hint),
            // The address stands in the message already.
            source: error.without_url(),
        }
    }

    /// An answer of a status outside 2xx came.
    pub(super) fn refused(host: &str, status: u16, body: &[u8]) -> Self {
        Self::Refused {
            host: host.to_owned(),
            status,
            reason: reason(body),
            hint: match status {
                300..=399 => {
                    " (moved; write the address it leads to in output.elasticsearch.hosts)"
                }
                401 => " (check output.elasticsearch.api_key, or username and password)",
                403 => " (the key or user lacks a privilege)",
                407 => " (the proxy wants a user and password in output.elasticsearch.proxy_url)",
                _ => "",
            },
        }
    }

    /// Whether the same request may succeed later without anybody's help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::NoAnswer { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500..),
            Self::Build(_) | Self::Strange { .. } => false,
        }
    }

    /// Whether the request certainly never arrived, so that its records are not "maybe there".
    pub(super) fn is_never_sent(&self) -> bool {
        match self {
            Self::Build(_) => true,
            Self::NoAnswer { never_sent, .. } => *never_sent,
            Self::Strange { .. } | Self::Refused { .. } => false,
        }
    }
}

/// A connection that was never made carried nothing: refused, not in time, no tunnel through a proxy, no TLS. With TLS
/// 1.3 the server's refusal of a client's certificate comes when the client already sends, but before the server
/// reads.
fn is_never_sent(error: &reqwest::Error) -> bool {
    error.is_connect()
        || error.is_builder()
        || matches!(tls_error(error), Some(rustls::Error::AlertReceived(alert)) if is_about_certificates(*alert))
}

fn is_about_certificates(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::HandshakeFailure
    )
}

/// The error of rustls behind an error. As errors of I/O wrap it, it is not always among the sources.
pub(crate) fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

fn tls_hint(error: &rustls::Error) -> &'static str {
    use CertificateError as Wrong;
    match error {
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            Wrong::UnknownIssuer => {
                " (its certificate is of an authority that is not trusted; name that in output.elasticsearch.ssl.certificate_authorities)"
            }
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
                " (its certificate is for another name; write a name of the certificate in output.elasticsearch.hosts, or `ssl.verification_mode: certificate`)"
            }
            Wrong::Expired | Wrong::ExpiredContext { .. } => " (its certificate has expired)",
            _ => " (its certificate is not accepted; see output.elasticsearch.ssl)",
        },
        rustls::Error::AlertReceived(alert) if is_about_certificates(*alert) => {
            " (it refuses the agent's certificate, or wants one; see output.elasticsearch.ssl.certificate)"
        }
        rustls::Error::InvalidMessage(_) => {
            " (it does not speak TLS; write http:// if that is meant)"
        }
        _ => "",
    }
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
        None => {
            let start = body.get(..MAX_CHARS * 4).unwrap_or(body);
            String::from_utf8_lossy(start).into_owned()
        }
    };
    text.chars()
        .take(MAX_CHARS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
