//! What can go wrong, each in one sentence.

use std::time::Duration;

use crate::obstacle::Obstacle;

/// Why a JVM could not be found or attached to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing runs under this pid (or it is a thread).
    #[error("there is no process {pid}")]
    NoSuchProcess {
        /// The pid.
        pid: u32,
    },
    /// It runs, and it has no `libjvm.so`.
    #[error("process {pid} is not a Java virtual machine")]
    NotAJvm {
        /// The pid.
        pid: u32,
    },
    /// It is a JVM, and something that can be named is in the way. Nothing was sent to it.
    #[error("JVM {pid} {obstacle}")]
    Obstructed {
        /// The pid.
        pid: u32,
        /// What is in the way.
        obstacle: Obstacle,
    },
    /// It ended while it was attached to.
    #[error("JVM {pid} ended in the meantime")]
    Vanished {
        /// The pid.
        pid: u32,
    },
    /// It was signalled and did not open its socket.
    #[error(
        "JVM {pid} did not open its attach socket within {after:?}; it hangs, or a file of options disables attaching"
    )]
    NoSocket {
        /// The pid.
        pid: u32,
        /// The time that it had.
        after: Duration,
    },
    /// It listens, and the queue of its socket was full all the time.
    #[error(
        "JVM {pid} listens at its attach socket and took no connection within {after:?}; it hangs, or others keep it busy"
    )]
    Busy {
        /// The pid.
        pid: u32,
        /// The time that it had.
        after: Duration,
    },
    /// It took the connection and did not answer in time.
    #[error("JVM {pid} did not answer `{command}` within {after:?}")]
    NoAnswer {
        /// The pid.
        pid: u32,
        /// What was asked, without arguments: they may hold passwords.
        command: String,
        /// The time that it had.
        after: Duration,
    },
    /// It closed the connection without an answer, which is how HotSpot refuses a peer.
    #[error(
        "JVM {pid} closed its attach socket without an answer to `{command}`; some JVMs (Java 8, user namespaces) take commands from their own user and group only"
    )]
    HungUp {
        /// The pid.
        pid: u32,
        /// What was asked, without arguments: they may hold passwords.
        command: String,
    },
    /// It answered that it cannot or will not.
    #[error("JVM {pid} refuses `{command}`: {message}")]
    Refused {
        /// The pid.
        pid: u32,
        /// What was asked, without arguments: they may hold passwords.
        command: String,
        /// The first line of its answer.
        message: String,
    },
    /// Its answer is longer than any answer to what is asked here.
    #[error("JVM {pid} answered `{command}` with more than {limit} bytes")]
    TooLong {
        /// The pid.
        pid: u32,
        /// What was asked, without arguments: they may hold passwords.
        command: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The answer is not one of the attach protocol.
    #[error("what JVM {pid} answered to `{command}` is no answer of the attach protocol")]
    Unintelligible {
        /// The pid.
        pid: u32,
        /// What was asked, without arguments: they may hold passwords.
        command: String,
    },
    /// A command or an argument holds a zero byte, which ends it on the wire.
    #[error("an argument of `{command}` (or its name) holds a zero byte and cannot be sent")]
    Argument {
        /// The command, without its arguments.
        command: String,
    },
    /// The socket of the JVM belongs to another process.
    #[error("the attach socket of JVM {pid} is held by another process")]
    Impostor {
        /// The pid.
        pid: u32,
    },
    /// The connector was started, and the JVM does not say where.
    #[error("JVM {pid} has started its local JMX connector and does not name its address")]
    NoAddress {
        /// The pid.
        pid: u32,
    },
    /// Files of `/proc` or of a JVM's `/tmp` could not be read in time.
    #[error(
        "the files of a process could not be read within {after:?}; a process or a file system hangs"
    )]
    Slow {
        /// The time that it had.
        after: Duration,
    },
    /// The system refuses something that is needed.
    #[error("cannot {what}")]
    System {
        /// "read /proc/4711/maps"
        what: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn system(what: impl Into<String>, source: impl Into<std::io::Error>) -> Self {
        Self::System {
            what: what.into(),
            source: source.into(),
        }
    }

    /// There is no such JVM, or no longer.
    pub fn is_gone(&self) -> bool {
        matches!(
            self,
            Self::NoSuchProcess { .. } | Self::NotAJvm { .. } | Self::Vanished { .. }
        )
    }

    /// It had its time.
    pub fn is_timeout(&self) -> bool {
        matches!(
            self,
            Self::NoSocket { .. } | Self::Busy { .. } | Self::NoAnswer { .. } | Self::Slow { .. }
        )
    }

    /// Another user would have been let in.
    pub fn is_auth(&self) -> bool {
        match self {
            Self::HungUp { .. } => true,
            Self::Obstructed { obstacle, .. } => obstacle.is_auth(),
            Self::System { source, .. } => source.kind() == std::io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    /// Its answer is not one of the protocol.
    pub fn is_protocol(&self) -> bool {
        matches!(
            self,
            Self::TooLong { .. }
                | Self::Unintelligible { .. }
                | Self::Impostor { .. }
                | Self::NoAddress { .. }
        )
    }

    /// The JVM, or its state, says no: it disables attaching or does not catch the signal now.
    pub fn is_refused(&self) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::Obstructed { obstacle, .. } => !obstacle.is_auth(),
            _ => false,
        }
    }
}
