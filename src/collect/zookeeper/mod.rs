//! ZooKeeper's servers: what each of them says of itself, through the door that is open.
//!
//! There are three: four-letter words on the client port, the AdminServer, and the metrics provider for Prometheus. All lead
//! to the same documents, as far as they know the same. A question that is not answered is named and costs only its own
//! part. What the servers are together is [`ensemble`]'s.

mod answer;
pub mod client;
mod config;
pub mod connect;
mod door;
mod ensemble;
mod map;
mod said;
mod since;

use std::sync::Arc;

use tokio::time::Instant;

use self::answer::{Answers, Door, Question};
use self::door::{Doors, Place};
use self::ensemble::Digest;
use self::map::Told;
use self::said::Said;
use self::since::Since;
use super::{Collected, Collector, Cycle, Fault, FaultKind, Kind, Pending};
use crate::clock::Millis;
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
    /// What is asked, where a door knows more than one thing.
    questions: &'static [Question],
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
                self.questions.iter().copied().filter(wanted).collect()
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
    /// Where the ensemble looks for what the server is; one that the ensemble itself asks has none.
    place: Option<ensemble::Place>,
}

impl ZooKeeper {
    fn new(server: Arc<Server>, place: Option<ensemble::Place>) -> Self {
        Self {
            server,
            doors: Doors::default(),
            id: None,
            since: Since::default(),
            place,
        }
    }

    /// Asks the server: its documents, and what it is to its ensemble.
    async fn look(&mut self, tick: Option<Millis>, deadline: Instant) -> (Collected, Digest) {
        let answers = self.doors.ask(&self.server, deadline).await;
        let said = Said::read(&answers);
        if let Some(told) = map::server_id(&self.server, &answers, &said) {
            self.id = Some(told.after(self.id.take()));
        }
        let mut collected = match &self.id {
            Some(id) => map::collected(&self.server, id.as_str(), &answers, &said),
            None => nameless(&self.server, &answers, &said),
        };
        if self.id.is_some() {
            // Without a tick nobody looks at the documents.
            let since = tick.and_then(|tick| self.since.take(&collected.documents, tick));
            map::mark(&mut collected, since);
        }
        let digest = Digest::of(&said, &collected);
        (collected, digest)
    }
}

impl Collector for ZooKeeper {
    fn collect<'a>(&'a mut self, cycle: &'a Cycle) -> Pending<'a, Collected> {
        Box::pin(async move {
            let place = self.place.clone().zip(cycle.tick);
            if let Some((place, tick)) = &place {
                place.begin(*tick);
            }
            let deadline = match &place {
                Some(_) => early(cycle.deadline),
                None => cycle.deadline,
            };
            let (collected, digest) = self.look(cycle.tick, deadline).await;
            if let Some((place, tick)) = place {
                place.post(tick, digest);
            }
            collected
        })
    }

    /// While others ask, the server may have begun anew.
    fn close<'a>(&'a mut self) -> Pending<'a, ()> {
        self.since = Since::default();
        Box::pin(async {})
    }
}

/// The ensemble waits until its own deadline, which is the same moment: what a server has said by then must be there before,
/// though one of its words hangs.
fn early(deadline: Instant) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now) * 9 / 10
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
