//! Why an agent could not be asked.

use std::error::Error as _;
use std::io;
use std::sync::Arc;

use jmx_rmi::RemoteException;
use thiserror::Error;

/// A failure of a request as a whole.
#[derive(Debug, Clone, Error)]
pub(crate) enum JolokiaError {
    /// The client could not be made.
    #[error("no HTTP client for {url}")]
    Build {
        url: String,
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// No answer, or half of one.
    #[error("no answer from {url}")]
    NoAnswer {
        url: String,
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The first answer is none: nobody there who speaks HTTP.
    #[error("no answer from {url} that is HTTP")]
    NotHttp {
        url: String,
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// Another status than 200.
    #[error("{url} answers {status}{what}")]
    Status {
        url: String,
        status: u16,
        what: String,
    },
    /// More bytes than an answer may have.
    #[error("{url} answers with more than {limit} bytes")]
    TooLarge { url: String, limit: usize },
    /// Not what the protocol says.
    #[error("{url} answers {what}")]
    Strange { url: String, what: String },
    /// An agent of another protocol.
    #[error("{url} is Jolokia {version}; version 2 is needed")]
    Old { url: String, version: String },
    /// The agent answers that it will not.
    #[error(
        "{url} refuses {doing}; its policy (jolokia-access.xml) has to allow `search`, `read` and, for types, `list`"
    )]
    Refused {
        url: String,
        doing: &'static str,
        #[source]
        source: RemoteException,
    },
}

impl JolokiaError {
    fn transport(&self) -> Option<&reqwest::Error> {
        match self {
            Self::NoAnswer { source, .. } => Some(source),
            _ => None,
        }
    }

    /// No connection.
    pub(crate) fn is_connect(&self) -> bool {
        self.transport().is_some_and(reqwest::Error::is_connect)
    }

    /// Too slow.
    pub(crate) fn is_timeout(&self) -> bool {
        self.transport().is_some_and(reqwest::Error::is_timeout)
    }

    /// User or password are wrong or missing.
    pub(crate) fn is_auth(&self) -> bool {
        matches!(
            self,
            Self::Status {
                status: 401 | 403 | 407,
                ..
            }
        )
    }

    /// The certificates do not fit, or one side speaks TLS and the other does not.
    pub(crate) fn is_tls(&self) -> bool {
        let mut cause = self.transport().and_then(|error| error.source());
        while let Some(error) = cause {
            if is_tls(error) {
                return true;
            }
            cause = error.source();
        }
        false
    }

    /// Something else than Jolokia answers.
    pub(crate) fn is_protocol(&self) -> bool {
        match self {
            Self::Status { .. } => !self.is_auth(),
            Self::NotHttp { .. }
            | Self::Strange { .. }
            | Self::TooLarge { .. }
            | Self::Old { .. } => true,
            _ => false,
        }
    }

    /// The connection broke. One that an agent ends while it idles looks the same.
    pub(crate) fn is_closed(&self) -> bool {
        self.transport().is_some() && !self.is_connect() && !self.is_timeout()
    }

    /// The agent answers that it will not.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

/// Whether it is an error of rustls. As an error of I/O wraps it, it is not among the sources.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    if error.is::<rustls::Error>() {
        return true;
    }
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    wrapped.is_some_and(|wrapped| is_tls(wrapped))
}
