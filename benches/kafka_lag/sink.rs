//! Where the agent's documents go: counted, and not kept.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use brokerbeat::assets;

use super::bulk::{Counter, Cycle};

/// No cycle takes that long, on any machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The server, and a cycle for each of the target's documents.
pub(crate) struct Sink {
    server: stack::Sink,
    cycles: Receiver<Cycle>,
}

impl Sink {
    /// `open`: whether it has the agent's templates; if not the agent ships nothing to it.
    pub(crate) fn start(open: bool) -> Self {
        let (sender, cycles) = channel();
        // A cycle may come over several connections, one request after the other.
        let counter = Mutex::new(Counter::default());
        let version = open.then_some(assets::VERSION);
        let server = stack::Sink::start(version, move |body| {
            let (items, cycle) = counter.lock().unwrap().take(body);
            if let Some(cycle) = cycle {
                // The benchmark may have seen enough.
                sender.send(cycle).ok();
            }
            items
        });
        Self {
            server: server.unwrap(),
            cycles,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Waits for the next whole cycle; none if it does not come.
    pub(crate) fn next(&self) -> Option<Cycle> {
        self.cycles.recv_timeout(PATIENCE).ok()
    }
}
