//! ZooKeeper over its four-letter words: `mntr`, `srvr`, `ruok` (and `conf` for the server's id).
//!
//! Each word goes over a connection of its own, as the server closes after the answer; all at
//! once, each within the cycle. A word that is not whitelisted is named and costs only its own part.

mod config;
mod fetch;
mod map;

use std::sync::Arc;

use self::fetch::Answers;
use super::{Collected, Collector, Cycle, Fault, FaultKind, Kind, Pending};

/// The line of the list of collectors.
pub const KIND: Kind = Kind {
    key: "zookeeper",
    read: config::read,
};

/// One server.
#[derive(Debug, Clone)]
pub struct Server {
    host: String,
    port: u16,
    /// `service.address`, and the server's identity where it has no id.
    address: String,
}

struct ZooKeeper {
    server: Arc<Server>,
    /// Who the server is, as it last said: one tick without `conf` must not change the series.
    id: Option<String>,
}

impl Collector for ZooKeeper {
    fn collect<'a>(&'a mut self, cycle: &'a Cycle) -> Pending<'a, Collected> {
        Box::pin(async move {
            let answers = fetch::all(&self.server, cycle.deadline).await;
            if let Some(id) = map::server_id(&self.server, &answers.conf) {
                self.id = Some(id);
            }
            match &self.id {
                Some(id) => collected(&self.server, id, answers),
                None => nameless(&self.server, answers),
            }
        })
    }
}

/// A server that has not said yet who it is: its documents wait, or they would be another series later.
fn nameless(server: &Server, answers: Answers) -> Collected {
    let mut collected = collected(server, &server.address, answers);
    if collected.up {
        let message = format!(
            "conf: {} has not told its server id yet; nothing is written until it has",
            server.address
        );
        collected
            .faults
            .insert(0, Fault::new(FaultKind::Partial, message));
        collected.documents.clear();
    }
    collected
}

/// Up is who answered any word, be it with "not in the whitelist".
fn collected(server: &Server, id: &str, answers: Answers) -> Collected {
    let (documents, mut faults) = map::documents(server, id, &answers);
    let mut up = false;
    for (word, answer) in answers.all() {
        match answer {
            Ok(_) => up = true,
            Err(error) => {
                up |= error.kind() == FaultKind::Refused;
                faults.push(Fault::new(error.kind(), format!("{word}: {error}")));
            }
        }
    }
    // A whole server that is away is one thing to say, not three.
    if !up {
        faults.truncate(1);
    }
    Collected {
        up,
        documents,
        faults,
        ..Collected::default()
    }
}
