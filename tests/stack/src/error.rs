use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// What the crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with a server. Every variant that waits names its step and shows the end of the server's log.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program or a JDK that the stack needs is not installed.
    #[error("{what} is missing; {hint}")]
    Missing {
        /// What is missing.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// A file could not be read, written or removed.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// A verb: "create", "read" …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A process could not be started.
    #[error("cannot start {name}")]
    Spawn {
        /// The process.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A step did not come to its end in time.
    #[error("{name}: {step} took longer than {limit:?}; its log ends with\n{tail}")]
    TimedOut {
        /// The process.
        name: String,
        /// The step that hangs.
        step: String,
        /// How long it was given.
        limit: Duration,
        /// The end of the log.
        tail: String,
    },
    /// A process ended while something was still expected of it.
    #[error("{name} ended ({status}) before {step}; its log ends with\n{tail}")]
    Died {
        /// The process.
        name: String,
        /// The step that it did not reach.
        step: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of the log.
        tail: String,
    },
    /// A program, a server or a client said no.
    #[error("{what} failed: {answer}")]
    Refused {
        /// What was asked.
        what: String,
        /// What it said.
        answer: String,
    },
    /// [`interrupt`](crate::interrupt) was called.
    #[error("interrupted")]
    Interrupted,
    /// An HTTP request got no answer.
    #[error("no answer to {request}")]
    Http {
        /// Method and address.
        request: String,
        /// Why; boxed because it is large.
        source: Box<ureq::Error>,
    },
}

impl Error {
    /// True if the server could not bind a port because somebody else took it meanwhile: worth another start.
    pub(crate) fn is_port_clash(&self) -> bool {
        let (Self::Died { tail, .. } | Self::TimedOut { tail, .. }) = self else {
            return false;
        };
        [
            "Address already in use",
            "Port already in use",
            "BindException",
        ]
        .iter()
        .any(|sign| tail.contains(sign))
    }

    pub(crate) fn refused(what: impl Into<String>, answer: impl Into<String>) -> Self {
        Self::Refused {
            what: what.into(),
            answer: answer.into(),
        }
    }
}

/// As `Display`, with the causes: `unwrap` and tests that return a `Result` print errors this way, and the end of a
/// log is unreadable when its line ends are escaped.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Names the file an I/O error is about.
pub(crate) trait At<T> {
    fn at(self, doing: &'static str, path: impl Into<PathBuf>) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, doing: &'static str, path: impl Into<PathBuf>) -> Result<T> {
        self.map_err(|source| Error::File {
            doing,
            path: path.into(),
            source,
        })
    }
}
