//! Why a JVM could not be asked, whichever way was taken.

use jmx_rmi::ObjectName;
use thiserror::Error;

use super::jolokia::JolokiaError;
use crate::collect::jmx::local::LocalError;

/// A failure of the session. What is wrong with one bean is the result of that bean.
#[derive(Debug, Clone, Error)]
pub(crate) enum DoorError {
    #[error(transparent)]
    Rmi(#[from] jmx_rmi::Error),
    #[error(transparent)]
    Jolokia(#[from] JolokiaError),
    #[error(transparent)]
    Local(#[from] LocalError),
}

impl DoorError {
    /// No connection.
    pub(crate) fn is_connect(&self) -> bool {
        match self {
            Self::Rmi(error) => error.is_connect(),
            Self::Jolokia(error) => error.is_connect(),
            Self::Local(error) => error.is_connect(),
        }
    }

    /// Too slow.
    pub(crate) fn is_timeout(&self) -> bool {
        match self {
            Self::Rmi(error) => error.is_timeout(),
            Self::Jolokia(error) => error.is_timeout(),
            Self::Local(error) => error.is_timeout(),
        }
    }

    /// The JVM wants other credentials.
    pub(crate) fn is_auth(&self) -> bool {
        match self {
            Self::Rmi(error) => error.is_auth(),
            Self::Jolokia(error) => error.is_auth(),
            Self::Local(_) => false,
        }
    }

    /// The JVM wants TLS, or other TLS.
    pub(crate) fn is_tls(&self) -> bool {
        match self {
            Self::Rmi(error) => error.is_tls(),
            Self::Jolokia(error) => error.is_tls(),
            Self::Local(_) => false,
        }
    }

    /// Somebody is there who speaks something else.
    pub(crate) fn is_protocol(&self) -> bool {
        match self {
            Self::Rmi(error) => error.is_protocol(),
            Self::Jolokia(error) => error.is_protocol(),
            Self::Local(error) => error.is_protocol(),
        }
    }

    /// The connection broke.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Rmi(error) => error.is_closed(),
            Self::Jolokia(error) => error.is_closed(),
            Self::Local(_) => false,
        }
    }

    /// The other side answers that it will not.
    pub(crate) fn is_refused(&self) -> bool {
        match self {
            Self::Rmi(error) => error.remote().is_some(),
            Self::Jolokia(error) => error.is_refused(),
            Self::Local(error) => error.is_refused(),
        }
    }

    /// The session is over and another one may do what this one no longer can.
    pub(crate) fn is_ended(&self) -> bool {
        match self {
            Self::Rmi(error) => error.is_no_such_object() || error.is_closed(),
            Self::Jolokia(error) => error.is_closed(),
            Self::Local(_) => false,
        }
    }

    /// The bean whose value is to blame, where that is known.
    pub(crate) fn bean(&self) -> Option<&ObjectName> {
        match self {
            Self::Rmi(error) => error.bean(),
            Self::Jolokia(_) | Self::Local(_) => None,
        }
    }

    /// What to look at when the other side speaks something else.
    pub(crate) fn expectation(&self) -> &'static str {
        match self {
            Self::Rmi(_) => "; is this the JMX port?",
            Self::Jolokia(_) => "; is this the URL of a Jolokia 2 agent?",
            Self::Local(_) => "",
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
