//! The TCP connections of a session. A session is not bound to one: any of them can carry any call.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use super::Error;
use super::connection::{Calls, Connection, Route};

/// Reads for which one more connection is worth its handshakes and its thread in the JVM.
const WORTHWHILE: usize = 256;

/// The connections of a session.
#[derive(Debug)]
pub(super) struct Lanes {
    route: Route,
    /// Without a reply for this long a call has failed.
    within: Duration,
    most: usize,
    /// Never empty; `None` is a connection yet to be opened.
    all: Vec<Option<Connection>>,
}

impl Lanes {
    /// Begins with the connection on which the session was opened.
    pub(super) fn new(route: Route, within: Duration, most: usize, first: Connection) -> Self {
        let all = vec![Some(first)];
        Self {
            route,
            within,
            most,
            all,
        }
    }

    pub(super) fn address(&self) -> String {
        self.route.address()
    }

    /// Over how many connections that many calls should go.
    pub(super) fn for_calls(&self, count: usize) -> usize {
        count.div_ceil(WORTHWHILE).clamp(1, self.most.max(1))
    }

    /// Makes calls over the first connection.
    pub(super) async fn make<C: Calls>(&mut self, calls: &mut C) -> Result<(), Error> {
        match self.all.first_mut() {
            Some(first) => make(first, &self.route, self.within, calls).await,
            None => Ok(()),
        }
    }

    /// Makes several lists of calls at the same time, each over a connection of its own. The first failure ends all.
    pub(super) async fn make_all<C: Calls>(&mut self, lists: &mut [C]) -> Result<(), Error> {
        let most = self.all.len().max(lists.len());
        self.all.resize_with(most, || None);
        let (route, within) = (&self.route, self.within);
        let pairs = self.all.iter_mut().zip(lists);
        let running = pairs.map(|(lane, calls)| Box::pin(make(lane, route, within, calls)));
        all(running.collect()).await
    }
}

/// Makes calls. Where the server ended the connection by a reply it could not write, the rest of them goes over a new
/// connection.
async fn make<C: Calls>(
    lane: &mut Option<Connection>,
    route: &Route,
    within: Duration,
    calls: &mut C,
) -> Result<(), Error> {
    let mut next = 0;
    while next < calls.count() {
        let connection = match lane.take().filter(|lane| !lane.has_ended()) {
            Some(usable) => lane.insert(usable),
            None => lane.insert(Connection::open(route).await?),
        };
        next = connection.exchange(calls, next, within).await?;
    }
    Ok(())
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
