//! ZooKeeper's servers: what each of them says of itself, through the door that is open.
//!
//! There are three: four-letter words on the client port, the AdminServer, and the metrics provider for Prometheus. All lead
//! to the same documents, as far as they know the same. A question that is not answered is named and costs only its own
//! part.

mod answer;
pub mod client;
mod config;
mod door;
mod map;
mod said;
mod since;

use std::sync::Arc;

use self::answer::{Answers, Door, QUESTIONS, Question};
use self::door::{Doors, Place};
use self::map::Told;
use self::said::Said;
use self::since::Since;
use super::{Collected, Collector, Cycle, Fault, FaultKind, Kind, Pending};
use crate::config::Tls;

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
    /// Of the client port, where that is a `secureClientPort`.
    tls: Option<Tls>,
    /// The doors to try, in order.
    doors: Vec<Door>,
    admin: Place,
    prometheus: Place,
    /// Most sessions with documents of their own; 0: nobody is asked for them.
    connections: usize,
}

impl Server {
    /// What is asked there.
    fn questions_at(&self, door: Door) -> Vec<Question> {
        match door {
            Door::Prometheus => vec![Question::Monitor],
            Door::Words | Door::Admin => {
                let wanted = |question: &Question| {
                    *question != Question::Connections || self.connections > 0
                };
                QUESTIONS.into_iter().filter(wanted).collect()
            }
        }
    }
}

struct ZooKeeper {
    server: Arc<Server>,
    doors: Doors,
    /// Who the server is, as it last said: one tick without `conf` must not change the series.
    id: Option<Told>,
    since: Since,
}

impl Collector for ZooKeeper {
    fn collect<'a>(&'a mut self, cycle: &'a Cycle) -> Pending<'a, Collected> {
        Box::pin(async move {
            let answers = self.doors.ask(&self.server, cycle.deadline).await;
            let said = Said::read(&answers);
            if let Some(told) = map::server_id(&self.server, &answers, &said) {
                self.id = Some(told.after(self.id.take()));
            }
            let Some(id) = &self.id else {
                return nameless(&self.server, &answers, &said);
            };
            let mut collected = map::collected(&self.server, id.as_str(), &answers, &said);
            // Without a tick nobody looks at the documents.
            let since = cycle.tick.and_then(|tick| self.since.take(&said, tick));
            map::mark(&mut collected, since);
            collected
        })
    }
}

/// A server that has not said yet who it is: its documents wait, or they would be another series later.
fn nameless(server: &Server, answers: &Answers, said: &Said<'_>) -> Collected {
    let mut collected = map::collected(server, &server.address, answers, said);
    if collected.up {
        let message = format!(
            "{}: {} has not told its server id yet; nothing is written until it has",
            answers.door.name_of(Question::Configuration),
            server.address
        );
        let fault = Fault::new(FaultKind::Partial, message);
        // A server that does not serve has said why.
        match said.not_serving.is_empty() {
            true => collected.faults.insert(0, fault),
            false => collected.faults.push(fault),
        }
        collected.documents.clear();
    }
    collected
}
