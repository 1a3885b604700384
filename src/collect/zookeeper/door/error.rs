//! Why a question has no answer.

use std::io;

use thiserror::Error;

use crate::collect::FaultKind;

/// Why a question has no answer, or a door is closed.
#[derive(Debug, Error)]
pub(in crate::collect::zookeeper) enum DoorError {
    #[error("cannot connect to {place}: {cause}")]
    Connect { place: String, cause: String },
    #[error("{place} did not answer in time")]
    Timeout { place: String },
    #[error("the connection to {place} broke: {cause}")]
    Broken { place: String, cause: String },
    #[error("no TLS with {place}: {cause}")]
    Tls { place: String, cause: String },
    #[error(
        "{place} speaks TLS and takes no plain words; write `ssl` for it, or the server's plain clientPort"
    )]
    WantsTls { place: String },
    #[error("{place} does not run this word; add it to 4lw.commands.whitelist there")]
    NotWhitelisted { place: String },
    #[error(
        "{place} answers something that is not ZooKeeper's: it ends the connection without a word \
         (does it speak TLS, or is the word newer than the server?)"
    )]
    Nothing { place: String },
    #[error("{place} answers something that is not ZooKeeper's: {what}")]
    Strange { place: String, what: String },
    #[error("{place} answers with more than {limit} bytes")]
    TooLong { place: String, limit: usize },
    #[error("{place} answers {status}{what}")]
    Status {
        place: String,
        status: u16,
        what: &'static str,
    },
}

impl DoorError {
    pub(in crate::collect::zookeeper) fn kind(&self) -> FaultKind {
        match self {
            Self::Connect { .. } => FaultKind::Connect,
            Self::Timeout { .. } => FaultKind::Timeout,
            Self::Tls { .. }
            | Self::WantsTls { .. }
            | Self::Status {
                status: 401 | 403, ..
            } => FaultKind::Auth,
            Self::Broken { .. }
            | Self::Strange { .. }
            | Self::Nothing { .. }
            | Self::TooLong { .. }
            | Self::Status { .. } => FaultKind::Protocol,
            Self::NotWhitelisted { .. } => FaultKind::Refused,
        }
    }

    /// No whole answer before the deadline.
    pub(super) fn late(place: &str) -> Self {
        Self::Timeout {
            place: place.to_owned(),
        }
    }

    /// What broke while a connection was made or used.
    pub(super) fn of_io(place: &str, error: &io::Error) -> Self {
        let (place, cause) = (place.to_owned(), error.to_string());
        let is_tls = error
            .get_ref()
            .is_some_and(|inner| inner.is::<rustls::Error>());
        match is_tls {
            true => Self::Tls { place, cause },
            false => Self::Broken { place, cause },
        }
    }
}

/// Of an answer that is not ZooKeeper's this much is shown.
const SHOWN_CHARS: usize = 40;

/// The first characters of an answer, on one line.
pub(super) fn beginning(text: &str) -> String {
    let shown = text.trim().chars().take(SHOWN_CHARS);
    let plain = shown.map(|c| if c.is_control() { ' ' } else { c });
    format!("`{}`", plain.collect::<String>())
}
