//! What stands between us and a JVM. Each is known by looking: nothing is sent to find out.

use crate::command_line::Options;
use crate::process::Process;
use crate::status::Status;

/// Why a JVM cannot be attached to, or its local connector not be reached. Reads as the end of a sentence that begins
/// with the JVM.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// It runs as another user, and we are not root.
    #[error("runs as {user}; it takes commands from that user and from root only")]
    OtherUser {
        /// Name, or number where there is no name.
        user: String,
    },
    /// Same user, other group: HotSpot compares both.
    #[error(
        "runs in the group {gid}; it takes commands from its own user and group and from root only"
    )]
    OtherGroup {
        /// The JVM's group.
        gid: u32,
    },
    /// We may not look into it, although it is ours: a container without `CAP_SYS_PTRACE`, a JVM with capabilities.
    #[error(
        "hides its /proc/<pid>/{what} from us; looking at it needs CAP_SYS_PTRACE or the same user and capabilities"
    )]
    NoAccess {
        /// `maps`, `root`.
        what: &'static str,
    },
    /// A JVM with another mechanism, in which `SIGQUIT` writes a dump.
    #[error("is an OpenJ9 JVM, which has no attach socket as HotSpot has it; open its JMX port")]
    OpenJ9,
    /// `-XX:+DisableAttachMechanism`.
    #[error("was started with -XX:+DisableAttachMechanism; open its JMX port or start it without")]
    Disabled,
    /// `-Xrs`: the signal would end it. Such a JVM opens its socket when it starts, and something has removed it.
    #[error(
        "was started with -Xrs, does not catch SIGQUIT and would end of it, and the socket that it opened when it started is gone from /tmp; restart it, or open its JMX port"
    )]
    ReducedSignals,
    /// The signal would end it now: it is starting or ending.
    #[error(
        "does not catch SIGQUIT at the moment and would end of it; it is still starting, or something else has taken its signals"
    )]
    SignalNotCaught,
    /// Its local connector listens on the loopback address of another network namespace.
    #[error(
        "is in another network namespace, so its local connector cannot be reached; run in that namespace (as a container of the same pod), or open its JMX port"
    )]
    OtherNetwork,
}

impl Obstacle {
    /// Whether another user would have been let in.
    pub fn is_auth(&self) -> bool {
        matches!(
            self,
            Self::OtherUser { .. } | Self::OtherGroup { .. } | Self::NoAccess { .. }
        )
    }
}

/// What is in the way of attaching; the network namespace comes last, because attaching works in spite of it.
pub(crate) fn find(
    process: &Process,
    status: &Status,
    options: &Options,
    user: &str,
    us: &Status,
) -> Option<Obstacle> {
    if us.uid != 0 && us.uid != status.uid {
        let user = user.to_owned();
        return Some(Obstacle::OtherUser { user });
    }
    if us.uid != 0 && us.gid != status.gid {
        return Some(Obstacle::OtherGroup { gid: status.gid });
    }
    if options.is_attach_disabled() {
        return Some(Obstacle::Disabled);
    }
    let Ok(directory) = process.temporary_folder() else {
        return Some(Obstacle::NoAccess { what: "root" });
    };
    // With the socket there, no signal is needed. Under -Xrs it is somebody else who catches it, with any consequence.
    let may_signal = status.catches_quit && !options.reduces_signals();
    if !may_signal && !process.has_socket(&directory, status) {
        return Some(not_caught(options));
    }
    match process.is_in_our_network() {
        Ok(true) => None,
        Ok(false) => Some(Obstacle::OtherNetwork),
        Err(_) => Some(Obstacle::NoAccess { what: "ns/net" }),
    }
}

/// The reason why the signal is not caught, as far as it can be known.
pub(crate) fn not_caught(options: &Options) -> Obstacle {
    if options.reduces_signals() {
        Obstacle::ReducedSignals
    } else {
        Obstacle::SignalNotCaught
    }
}
