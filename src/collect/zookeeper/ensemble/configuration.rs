//! The node `/zookeeper/config`: the members, where no server tells them through its door. Awaits.
//!
//! Every server since 3.5 has the node, and everybody may read it unless somebody has taken that right away. It costs a
//! session, which is two transactions of the ensemble: it is read seldom.

use std::time::Duration;

use tokio::time::Instant;

use super::view::View;
use crate::collect::zookeeper::client::message::{Code, Op, Payload, Request};
use crate::collect::zookeeper::client::session::{Bounds, Options, Session, SessionError};
use crate::collect::zookeeper::said::configuration;

const NODE: &str = "/zookeeper/config";

/// A line for each member: some KB.
const MAX_BYTES: usize = 1 << 20;

/// The shortest that servers grant with the usual `tickTime`; the session is over sooner, as it says good-bye.
const SESSION: Duration = Duration::from_secs(4);

/// The node is read again after this time, and after the shorter one where there was no answer.
const READ_AGAIN: Duration = Duration::from_secs(600);
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// When to read next.
#[derive(Debug, Default)]
pub(super) struct Reader {
    due: Option<Instant>,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Found {
    View(View),
    /// There are no members to be had here, and why.
    Nothing(String),
    /// Perhaps the next time.
    Later(String),
}

impl Reader {
    /// Reads the node through the first of these servers that answers, if it is time.
    pub(super) async fn read(
        &mut self,
        hosts: Vec<(String, u16)>,
        deadline: Instant,
    ) -> Option<Found> {
        if hosts.is_empty() || self.due.is_some_and(|due| Instant::now() < due) {
            return None;
        }
        let found = read(hosts, deadline).await;
        let wait = match found {
            Found::View(_) | Found::Nothing(_) => READ_AGAIN,
            Found::Later(_) => TRY_AGAIN,
        };
        self.due = Some(Instant::now() + wait);
        Some(found)
    }
}

async fn read(hosts: Vec<(String, u16)>, deadline: Instant) -> Found {
    let options = Options {
        hosts,
        digest: None,
        timeout: SESSION,
    };
    let mut session = Session::new(options);
    let mut found = Found::Later("no answer".to_owned());
    let asked = ask(&mut session, deadline, &mut found).await;
    session.close().await;
    match asked {
        Ok(()) => found,
        Err(error) => Found::Later(error.to_string()),
    }
}

async fn ask(
    session: &mut Session,
    deadline: Instant,
    found: &mut Found,
) -> Result<(), SessionError> {
    session.open(deadline).await?;
    let path = NODE.to_owned();
    let request = Request { op: Op::Data, path };
    let mut bounds = Bounds {
        deadline,
        bytes: MAX_BYTES,
    };
    let take = |_, payload: Result<Payload<'_>, Code>| *found = read_payload(payload);
    session.ask(&[request], &mut bounds, take).await
}

fn read_payload(payload: Result<Payload<'_>, Code>) -> Found {
    let nothing = |why: &str| Found::Nothing(why.to_owned());
    let bytes = match payload {
        Ok(Payload::Data(bytes)) => bytes,
        Ok(Payload::Children { .. }) => return nothing("an answer to another question"),
        Err(Code::NO_NODE) => return nothing("it is not there: the server is older than 3.5"),
        Err(Code::NO_AUTH) => return nothing("an ACL keeps the agent from it"),
        Err(Code(code)) => return Found::Later(format!("the server answers with the code {code}")),
    };
    let text = String::from_utf8_lossy(bytes);
    match View::of(&configuration(&text)) {
        Some(view) => Found::View(view),
        None => nothing("it has no members"),
    }
}
