//! The TCP connections of a session. A session is not bound to one: any of them can carry any call.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::{Calls, Connection, Route};
use super::{Endpoint, Error, Stats};

/// Reads for which one more connection is worth its handshakes and its thread in the JVM.
const WORTHWHILE: usize = 256;

/// How long a connection beyond the first is kept without a call: some ticks of a monitoring agent. Each is a thread in
/// the JVM.
const IDLE: Duration = Duration::from_secs(120);

/// The connections of a session.
#[derive(Debug)]
pub(super) struct Lanes {
    route: Route,
    /// Without a reply for this long a call has failed.
    within: Duration,
    most: usize,
    /// See [`IDLE`].
    pub(super) idle: Duration,
    all: Vec<Lane>,
}

/// One connection after another.
#[derive(Debug, Default)]
struct Lane {
    /// Opened when there is a call to make.
    connection: Option<Connection>,
    /// When the last calls were made.
    used: Option<Instant>,
    /// What connections cost that are no more.
    earlier: Stats,
}

impl Lanes {
    /// Begins with the connection on which the session was opened, and what it cost to come to it.
    pub(super) fn new(
        endpoint: &Endpoint,
        route: Route,
        within: Duration,
        first: Connection,
        earlier: Stats,
    ) -> Self {
        let connection = Some(first);
        Self {
            route,
            within,
            idle: IDLE,
            most: endpoint.connections.clamp(1, Endpoint::MOST_CONNECTIONS),
            all: vec![Lane {
                connection,
                earlier,
                used: None,
            }],
        }
    }

    pub(super) fn address(&self) -> String {
        self.route.address()
    }

    pub(super) fn stats(&self) -> Stats {
        let mut sum = Stats::default();
        for lane in &self.all {
            sum.add(lane.earlier);
            sum.add(
                lane.connection
                    .as_ref()
                    .map_or(Stats::default(), |one| one.stats),
            );
        }
        sum
    }

    /// Connections that are there.
    #[cfg(test)]
    pub(super) fn open(&self) -> usize {
        let open = |lane: &&Lane| lane.connection.is_some();
        self.all.iter().filter(open).count()
    }

    /// Over how many connections that many calls should go.
    pub(super) fn for_calls(&self, count: usize) -> usize {
        count.div_ceil(WORTHWHILE).clamp(1, self.most)
    }

    /// Makes calls over the first connection.
    pub(super) async fn make<C: Calls>(&mut self, calls: &mut C) -> Result<(), Error> {
        self.make_all(std::slice::from_mut(calls)).await
    }

    /// Makes several lists of calls at the same time, each over a connection of its own. The first failure ends all.
    pub(super) async fn make_all<C: Calls>(&mut self, lists: &mut [C]) -> Result<(), Error> {
        let count = self.all.len().max(lists.len());
        self.all.resize_with(count, Lane::default);
        for unused in self.all.iter_mut().skip(lists.len().max(1)) {
            if unused.used.is_some_and(|used| used.elapsed() >= self.idle) {
                unused.hang_up();
            }
        }
        let (route, within) = (&self.route, self.within);
        let pairs = self.all.iter_mut().zip(lists);
        let running = pairs.map(|(lane, calls)| Box::pin(lane.make(route, within, calls)));
        all(running.collect()).await
    }
}

impl Lane {
    fn hang_up(&mut self) {
        if let Some(ended) = self.connection.take() {
            self.earlier.add(ended.stats);
        }
    }

    /// Makes calls. Where the server ended the connection by a reply it could not write, the rest of them goes over a new
    /// connection. So do all of them where it had closed an idle connection: after two hours
    /// (`sun.rmi.transport.tcp.readTimeout`) it does. Every call that is made here may be made twice.
    async fn make<C: Calls>(
        &mut self,
        route: &Route,
        within: Duration,
        calls: &mut C,
    ) -> Result<(), Error> {
        let mut next = 0;
        while next < calls.count() {
            if self.connection.as_ref().is_some_and(Connection::has_ended) {
                self.hang_up();
            }
            let reused = self.connection.is_some() && next == 0;
            let connection = match &mut self.connection {
                Some(usable) => usable,
                none => none.insert(Connection::open(route).await?),
            };
            next = match connection.exchange(calls, next, within).await {
                Ok(next) => next,
                Err(error) if reused && error.is_closed() && connection.said_nothing() => {
                    self.hang_up();
                    continue;
                }
                Err(error) => return Err(error),
            };
        }
        self.used = Some(Instant::now());
        Ok(())
    }
}

/// Waits for all of a few futures, or for the first that fails.
async fn all<F>(mut running: Vec<Pin<Box<F>>>) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>>,
{
    poll_fn(|cx| {
        let mut failure = None;
        running.retain_mut(|future| match future.as_mut().poll(cx) {
            Poll::Pending => true,
            Poll::Ready(done) => {
                failure = failure.take().or(done.err());
                false
            }
        });
        match failure {
            Some(error) => Poll::Ready(Err(error)),
            None if running.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}
