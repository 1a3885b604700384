//! Why there is no answer.

use thiserror::Error;

use super::jute::Malformed;

/// Why a session answers nothing (any more).
#[derive(Debug, Error)]
pub enum SessionError {
    /// No connection.
    #[error("cannot connect to {host}: {cause}")]
    Connect {
        /// `host:port`
        host: String,
        /// By the operating system's word.
        cause: std::io::Error,
    },
    /// No (complete) answer by the deadline.
    #[error("{host} did not answer in time")]
    Timeout {
        /// `host:port`
        host: String,
    },
    /// The connection ended.
    #[error("the connection to {host} ended")]
    Lost {
        /// `host:port`
        host: String,
    },
    /// No ZooKeeper, or a newer one than we understand.
    #[error("{host} answers something that is not ZooKeeper's: {what}")]
    Strange {
        /// `host:port`
        host: String,
        /// What is wrong with it.
        what: String,
    },
    /// The server does not take the digest.
    #[error("{host} refuses this user and password")]
    Auth {
        /// `host:port`
        host: String,
    },
    /// More bytes than the caller allows.
    #[error("{host} answers with too many bytes")]
    TooMuch {
        /// `host:port`
        host: String,
    },
}

pub(super) fn lost(host: &str) -> SessionError {
    let host = host.to_owned();
    SessionError::Lost { host }
}

pub(super) fn strange(host: &str, what: &str) -> SessionError {
    SessionError::Strange {
        host: host.to_owned(),
        what: what.to_owned(),
    }
}

pub(super) fn malformed(host: &str, error: &Malformed) -> SessionError {
    strange(host, &error.to_string())
}
