//! What went wrong, as data: a kind and a sentence that names the JVM.

use jmx_rmi::{ObjectName, RemoteException};

use super::door::{DoorError, chain};
use super::harmful::Harm;
use crate::collect::{Fault, FaultKind};

/// A session that could not be opened, or broke.
pub(super) fn of_session(jvm: &str, error: &DoorError) -> Fault {
    let (kind, advice) = if error.is_tls() {
        (FaultKind::Auth, "; the keys are under `ssl`")
    } else if error.is_auth() {
        (
            FaultKind::Auth,
            "; set `username` and `password` of an account that may read",
        )
    } else if error.is_timeout() {
        (FaultKind::Timeout, "")
    } else if error.is_protocol() {
        (FaultKind::Protocol, error.expectation())
    } else if error.is_connect() || error.is_closed() {
        (FaultKind::Connect, "")
    } else if error.is_refused() {
        (FaultKind::Refused, "")
    } else {
        (FaultKind::Internal, "")
    };
    let text = chain(error);
    let place = if text.contains(jvm) {
        String::new()
    } else {
        format!("{jvm}: ")
    };
    Fault::new(kind, format!("{place}{text}{advice}"))
}

/// The cycle's time is over.
pub(super) fn of_deadline(jvm: &str) -> Fault {
    let message = format!("{jvm} did not answer completely within the time of a cycle");
    Fault::new(FaultKind::Timeout, message)
}

/// The session ended before all beans were read.
pub(super) fn of_rest(why: Fault, unread: usize, all: usize) -> Fault {
    let message = format!("{}; {unread} of {all} beans not read", why.message);
    Fault::new(why.kind, message)
}

/// Beans that are there and do not let themselves be read.
pub(super) fn of_beans(jvm: &str, refused: &[(ObjectName, RemoteException)]) -> Option<Fault> {
    let (name, exception) = refused.first()?;
    let kind = if exception.is_auth() {
        FaultKind::Refused
    } else {
        FaultKind::Partial
    };
    let count = refused.len();
    let message = format!("{jvm} refuses {count} beans, the first: {name}: {exception}");
    Some(Fault::new(kind, message))
}

/// Beans that are left out, as reading them ends the session.
pub(super) fn of_harmful(jvm: &str, harmful: &[&Harm]) -> Option<Fault> {
    let why = &harmful.first()?.why;
    let names: Vec<&str> = harmful.iter().map(|harm| harm.bean.as_str()).collect();
    let (count, names) = (names.len(), names.join(", "));
    let message = format!(
        "{jvm}: {count} beans have values that end the session and are left out for now: {names}; the first: {why}"
    );
    Some(Fault::new(FaultKind::Partial, message))
}
