//! Why something could not be had of Kibana, and what to do about it.

use std::error::Error as StdError;

use rustls::CertificateError;
use serde_json::Value;
use thiserror::Error;

use crate::ship::elasticsearch::tls_error;

/// Enough of a foreign answer for a sentence.
const MAX_CHARS: usize = 300;

/// Why Kibana did not do it.
#[derive(Debug, Error)]
pub enum KibanaError {
    /// The client could not be made.
    #[error("setup.kibana cannot be used")]
    Build(#[source] Box<dyn StdError + Send + Sync>),
    /// No answer.
    #[error("no answer from Kibana at {base}{hint}")]
    NoAnswer {
        /// Where.
        base: String,
        /// What to do about it, in brackets, or nothing.
        hint: &'static str,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Somebody else answers.
    #[error(
        "what answers at {base} is not Kibana: {what}; write Kibana's address in setup.kibana.host (mostly port 5601)"
    )]
    NotKibana {
        /// Where.
        base: String,
        /// What it is instead.
        what: String,
    },
    /// It is not up.
    #[error("Kibana at {base} is not ready yet ({what}); try again in a minute")]
    NotReady {
        /// Where.
        base: String,
        /// Its own words.
        what: String,
    },
    /// It cannot take these objects.
    #[error("Kibana at {base} is {}.{}, and {what} need {}.{} or later; nothing was changed", .version.0, .version.1, .needed.0, .needed.1)]
    TooOld {
        /// Where.
        base: String,
        /// What is too new for it.
        what: &'static str,
        /// Its version.
        version: (u64, u64),
        /// The oldest that will do.
        needed: (u64, u64),
    },
    /// The space is not there.
    #[error(
        "Kibana at {base} has no space `{space}`; make it in Stack Management → Spaces, or name another one with setup.kibana.space or --space"
    )]
    NoSpace {
        /// Where.
        base: String,
        /// Which.
        space: String,
    },
    /// It says no.
    #[error("Kibana at {base} answers {status} to {what}: {reason}{hint}")]
    Refused {
        /// Where.
        base: String,
        /// What was asked for.
        what: String,
        /// HTTP status.
        status: u16,
        /// Its own words.
        reason: String,
        /// What to do about it, in brackets, or nothing.
        hint: &'static str,
    },
    /// It took some objects and not others.
    #[error("Kibana took {taken} of {} dashboards and data views: {}", .taken + .refused.len() as u64, .refused.join("; "))]
    NotAll {
        /// How many it took.
        taken: u64,
        /// A sentence for each of the others.
        refused: Vec<String>,
    },
}

impl KibanaError {
    /// No answer came.
    pub(super) fn no_answer(base: &str, error: reqwest::Error) -> Self {
        Self::NoAnswer {
            base: base.to_owned(),
            hint: hint(&error),
            // The address stands in the message already.
            source: error.without_url(),
        }
    }

    /// An answer came that says no.
    pub(super) fn refused(base: &str, what: &str, status: u16, body: &[u8]) -> Self {
        Self::Refused {
            base: base.to_owned(),
            what: what.to_owned(),
            status,
            reason: reason(body),
            hint: match status {
                300..=399 => {
                    " (moved; write the address it leads to in setup.kibana.host, with its base path)"
                }
                401 => " (check setup.kibana.username and password, or api_key)",
                403 => {
                    " (the user lacks a privilege in this space: Dashboard, Data View Management and Stack Rules, each with `all`, as the role kibana_admin has them)"
                }
                404 => {
                    " (this Kibana has no such API: is a base path missing in setup.kibana.host, or a feature switched off in this space?)"
                }
                413 => " (raise savedObjects.maxImportPayloadBytes in kibana.yml)",
                _ => "",
            },
        }
    }
}

fn hint(error: &reqwest::Error) -> &'static str {
    use CertificateError as Wrong;
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(wrong)) => match wrong {
            Wrong::UnknownIssuer => {
                " (its certificate is self-signed or of an authority that is not trusted; name that in setup.kibana.ssl.certificate_authorities)"
            }
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
                " (its certificate is for another name; write a name of the certificate in setup.kibana.host, or `ssl.verification_mode: certificate`)"
            }
            Wrong::Expired | Wrong::ExpiredContext { .. } => " (its certificate has expired)",
            _ => " (its certificate is not accepted; see setup.kibana.ssl)",
        },
        Some(rustls::Error::InvalidMessage(_)) => {
            " (it does not speak TLS; write http:// in setup.kibana.host if that is meant)"
        }
        Some(_) => " (no TLS with it; see setup.kibana.ssl)",
        None => "",
    }
}

/// Kibana's own words, or the beginning of what came instead.
pub(super) fn reason(body: &[u8]) -> String {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let message = parsed
        .as_ref()
        .and_then(|body| body.get("message")?.as_str());
    let text = match message {
        Some(message) => message.to_owned(),
        None => {
            let start = body.get(..MAX_CHARS * 4).unwrap_or(body);
            String::from_utf8_lossy(start).into_owned()
        }
    };
    let text = text.chars().take(MAX_CHARS);
    text.map(|c| if c.is_control() { ' ' } else { c }).collect()
}
