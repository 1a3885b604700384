//! What a caller needs to know about a failure: a sentence, and predicates to decide by.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::TlsProblem;
use crate::codec::DecodeError;
use crate::{ObjectName, RemoteException};

/// Why a call failed. Callers decide by the predicates; the text is for people.
#[derive(Clone)]
pub struct Error(Arc<Kind>);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("cannot connect to {address}")]
    Connect { address: String, source: io::Error },
    #[error("no answer from {address} within {after:?}: {doing}")]
    Timeout {
        address: String,
        doing: &'static str,
        after: Duration,
    },
    #[error("connection to {address} broke: {doing}")]
    Io {
        address: String,
        doing: &'static str,
        source: io::Error,
    },
    #[error("{address} closed the connection: {doing}{}", about(.bean.as_ref()))]
    Closed {
        address: String,
        doing: &'static str,
        bean: Option<ObjectName>,
    },
    #[error("{address} is not a JMX/RMI port: {looks}")]
    NotJmx { address: String, looks: String },
    #[error("{address} {problem}")]
    Tls {
        address: String,
        problem: TlsProblem,
        source: Option<io::Error>,
    },
    #[error("{address} sent what cannot be decoded{}", about(.bean.as_ref()))]
    Protocol {
        address: String,
        bean: Option<ObjectName>,
        source: DecodeError,
    },
    #[error("{address} answered with an exception")]
    Remote {
        address: String,
        source: RemoteException,
    },
    #[error("the connection to {address} is unusable since an earlier failure")]
    Poisoned { address: String, source: Error },
    #[error(
        "the connection to {address} is unusable because an earlier call was cancelled half-way"
    )]
    Cancelled { address: String },
}

fn about(bean: Option<&ObjectName>) -> String {
    bean.map(|bean| format!(", reading {bean}"))
        .unwrap_or_default()
}

impl Error {
    /// The cause of a poisoned connection, or the error itself.
    fn cause(&self) -> &Kind {
        match &*self.0 {
            Kind::Poisoned { source, .. } => source.cause(),
            kind => kind,
        }
    }

    /// The JVM no longer knows the object called: the session's lease ran out, or the JVM was restarted. Connect anew.
    pub fn is_no_such_object(&self) -> bool {
        self.remote()
            .is_some_and(RemoteException::is_no_such_object)
    }

    /// User or password are wrong or missing, or the user may not do this.
    pub fn is_auth(&self) -> bool {
        self.remote().is_some_and(RemoteException::is_auth)
    }

    /// The peer was too slow.
    pub fn is_timeout(&self) -> bool {
        match self.cause() {
            Kind::Timeout { .. } => true,
            Kind::Connect { source, .. } => source.kind() == io::ErrorKind::TimedOut,
            _ => false,
        }
    }

    /// The TCP connection could not be made.
    pub fn is_connect(&self) -> bool {
        matches!(self.cause(), Kind::Connect { .. })
    }

    /// The peer spoke, and it was not JMX over RMI as this crate knows it.
    pub fn is_protocol(&self) -> bool {
        matches!(
            self.cause(),
            Kind::Protocol { .. } | Kind::NotJmx { .. } | Kind::Tls { .. }
        )
    }

    /// TLS is the reason.
    pub fn is_tls(&self) -> bool {
        self.tls_problem().is_some()
    }

    /// What is wrong about TLS, where it is the reason.
    pub fn tls_problem(&self) -> Option<TlsProblem> {
        match self.cause() {
            Kind::Tls { problem, .. } => Some(*problem),
            _ => None,
        }
    }

    /// The connection broke or was closed by the peer.
    pub fn is_closed(&self) -> bool {
        matches!(self.cause(), Kind::Io { .. } | Kind::Closed { .. })
    }

    /// The exception the JVM answered with.
    pub fn remote(&self) -> Option<&RemoteException> {
        match self.cause() {
            Kind::Remote { source, .. } => Some(source),
            _ => None,
        }
    }

    /// The bean the failed call was about, where one is to blame.
    pub fn bean(&self) -> Option<&ObjectName> {
        match self.cause() {
            Kind::Protocol { bean, .. } | Kind::Closed { bean, .. } => bean.as_ref(),
            Kind::Remote { source, .. } => source.bean.as_ref(),
            _ => None,
        }
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Arc::new(kind))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
