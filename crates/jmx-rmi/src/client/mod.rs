//! The client: one session with one JVM.
//!
//! - `endpoint`, `service_url`: where the JVM is, how patient to be
//! - `session`: registry, login, lease
//! - `lease`: keeping the session alive
//! - `lanes`: the connections of a session
//! - `tls`, `tls_problem`: TLS, and what can be wrong about it
//! - `connection`: one TCP connection; calls written and replies read at the same time
//! - `call`, `read`, `describe`, `names`: one call, a list of reads, of questions what beans have, of patterns
//! - `error`: what a caller decides by
//! - `stats`: what the session costs

mod call;
mod connection;
mod describe;
mod endpoint;
mod error;
mod lanes;
mod lease;
mod names;
mod read;
mod service_url;
mod session;
mod stats;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod tls_problem;

use std::sync::Mutex;

use crate::codec::{DecodeError, Limits, encode, map};
use crate::{Attributes, MBeanInfo, ObjectName, RemoteException};
use call::Call;
use connection::Calls;
use read::{InOrder, Reads};
use session::Session;

pub use endpoint::{AdvertisedHost, Credentials, Endpoint, Timeouts};
pub use error::Error;
use error::Kind;
pub use read::Read;
pub use service_url::ServiceUrlError;
pub use stats::Stats;
#[cfg(feature = "tls")]
pub use tls::{RegistryTls, Tls};
pub use tls_problem::TlsProblem;

/// One session with one JVM.
///
/// A client is either usable or poisoned. What poisons it: a connection that breaks, a time-out, bytes that cannot be
/// decoded, a session which the JVM no longer knows, and a call that was cancelled half-way (its future was dropped),
/// since the reply would be taken for that of the next call. A poisoned client fails every call at once with the cause;
/// drop it and connect anew. Exceptions about a bean do not poison.
///
/// While it lives a task renews its lease (half-way through the ten minutes a JVM grants), also when it is idle.
///
/// [`close`](Self::close) it when you can. Of a client that is only dropped the task takes leave, over a connection of
/// its own: within the time-outs the JVM frees the session, or else when the lease runs out.
#[derive(Debug)]
pub struct Client {
    session: Session,
    limits: Limits,
    state: State,
}

#[derive(Debug)]
enum State {
    Ready,
    /// A call is on its way; found by the next call, it means that the call was cancelled.
    Busy,
    Poisoned(Error),
}

impl Client {
    /// Opens a session: asks the registry, logs in, takes a lease. Needs a tokio runtime with time and I/O.
    ///
    /// Cancel safe. A session that the JVM has opened for an attempt that fails or is cancelled is closed in the
    /// background.
    pub async fn connect(endpoint: &Endpoint, timeouts: Timeouts) -> Result<Client, Error> {
        Self::connect_with(endpoint, timeouts, Limits::default()).await
    }

    /// As [`connect`](Self::connect), with limits of your own.
    pub async fn connect_with(
        endpoint: &Endpoint,
        timeouts: Timeouts,
        limits: Limits,
    ) -> Result<Client, Error> {
        let session = session::open(endpoint, timeouts, &limits).await?;
        Ok(Self {
            session,
            limits,
            state: State::Ready,
        })
    }

    /// The names of all beans which match the pattern; of all beans without one. In no particular order.
    ///
    /// Not cancel safe: a cancelled call poisons the client.
    pub async fn query_names(
        &mut self,
        pattern: Option<&ObjectName>,
    ) -> Result<Vec<ObjectName>, Error> {
        let mut request = Vec::new();
        encode::query_names(&mut request, &self.session.id, pattern);
        let mut call = Call::new("asking for names", request);
        self.run(&mut call).await?;
        let (_, value) = call.value(&self.session.lanes.address())?;
        map::names(&value).map_err(|source| self.undecodable(source, None))
    }

    /// As [`query_names`](Self::query_names) for many patterns in one go, one list each, in order. Calls are pipelined as
    /// in [`read`](Self::read). An exception about one of the patterns is the error of all.
    ///
    /// Not cancel safe: a cancelled call poisons the client.
    pub async fn query_names_all(
        &mut self,
        patterns: &[ObjectName],
    ) -> Result<Vec<Vec<ObjectName>>, Error> {
        let mut calls = names::Patterns {
            connection: self.session.id,
            patterns,
            results: Vec::with_capacity(patterns.len()),
            refused: None,
        };
        self.run(&mut calls).await?;
        match calls.refused {
            None => Ok(calls.results),
            Some(source) => {
                let address = self.session.lanes.address();
                Err(Kind::Remote { address, source }.into())
            }
        }
    }

    /// Some attributes of one bean. Those that do not exist or whose getter throws are left out by the server.
    ///
    /// Not cancel safe: a cancelled call poisons the client.
    pub async fn get_attributes(
        &mut self,
        name: &ObjectName,
        attributes: &[String],
    ) -> Result<Attributes, Error> {
        let mut request = Vec::new();
        encode::get_attributes(&mut request, &self.session.id, name, attributes);
        let mut call = Call::new("reading attributes", request).about(name);
        self.run(&mut call).await?;
        let (_, value) = call.value(&self.session.lanes.address())?;
        map::attributes(&value, &self.limits).map_err(|source| self.undecodable(source, Some(name)))
    }

    /// What a bean says of itself: its attributes, operations and notifications.
    ///
    /// Not cancel safe: a cancelled call poisons the client.
    pub async fn mbean_info(&mut self, name: &ObjectName) -> Result<MBeanInfo, Error> {
        let mut request = Vec::new();
        encode::get_mbean_info(&mut request, &self.session.id, name);
        let mut call = Call::new("asking what a bean has", request).about(name);
        self.run(&mut call).await?;
        let (_, value) = call.value(&self.session.lanes.address())?;
        map::mbean_info(&value, &self.limits).map_err(|source| self.undecodable(source, Some(name)))
    }

    /// As [`mbean_info`](Self::mbean_info) for many beans in one go, one result each, in order. Calls are pipelined as in
    /// [`read`](Self::read).
    ///
    /// Not cancel safe: a cancelled call poisons the client.
    pub async fn mbean_infos(
        &mut self,
        names: &[ObjectName],
    ) -> Result<Vec<Result<MBeanInfo, RemoteException>>, Error> {
        let mut questions = describe::Questions {
            connection: self.session.id,
            names,
            limits: self.limits.clone(),
            results: Vec::with_capacity(names.len()),
        };
        self.run(&mut questions).await?;
        Ok(questions.results)
    }

    /// The domain of beans that were named without one.
    ///
    /// Not cancel safe: a cancelled call poisons the client.
    pub async fn default_domain(&mut self) -> Result<String, Error> {
        let mut request = Vec::new();
        encode::get_default_domain(&mut request, &self.session.id);
        self.ask("asking for the default domain", request).await
    }

    /// The id under which the JVM knows this session; it changes with every login. It begins with `rmi:`, then the
    /// client's address as the JVM sees it.
    ///
    /// Not cancel safe: a cancelled call poisons the client.
    pub async fn connection_id(&mut self) -> Result<String, Error> {
        let mut request = Vec::new();
        encode::get_connection_id(&mut request, &self.session.id);
        self.ask("asking for the id of the session", request).await
    }

    /// A call that returns a string.
    async fn ask(&mut self, doing: &'static str, request: Vec<u8>) -> Result<String, Error> {
        let mut call = Call::new(doing, request);
        self.run(&mut call).await?;
        let (_, value) = call.value(&self.session.lanes.address())?;
        map::text(&value).map_err(|source| self.undecodable(source, None))
    }

    /// Reads many beans in one go: one result per request, in order. An exception about one bean is its result and does
    /// not concern the others. (A value of a class that is not serializable makes a JVM close the connection: the rest is
    /// then read over a new one, in the same session.)
    ///
    /// All calls are written at once, with a bounded number of bytes on their way, so the time for a thousand beans is
    /// about one round trip and the server's work. The time-out for a call starts anew with each reply.
    ///
    /// Not cancel safe: a cancelled call poisons the client.
    pub async fn read(
        &mut self,
        requests: &[Read],
    ) -> Result<Vec<Result<Attributes, RemoteException>>, Error> {
        let mut results = Vec::with_capacity(requests.len());
        self.read_into(requests, &mut results).await?;
        Ok(results)
    }

    /// As [`read`](Self::read), but what is read before a failure is kept: results are appended to `results` in order as
    /// they come, also when the call fails or is cancelled.
    ///
    /// Not cancel safe as far as the client is concerned: a cancelled call poisons it.
    pub async fn read_into(
        &mut self,
        requests: &[Read],
        results: &mut Vec<Result<Attributes, RemoteException>>,
    ) -> Result<(), Error> {
        let mut queue = InOrder::new(results);
        self.read_each(requests, |index, result| queue.put(index, result))
            .await
    }

    /// As [`read`](Self::read), but gives each result to `each` as it comes, with the number of its request, so that
    /// nothing is kept that the caller does not want to keep. In order, unless the
    /// [endpoint](Endpoint::connections) asks for several connections. `each` should be quick: nothing is read meanwhile.
    pub async fn read_each(
        &mut self,
        requests: &[Read],
        each: impl FnMut(usize, Result<Attributes, RemoteException>) + Send,
    ) -> Result<(), Error> {
        self.begin()?;
        let step = self.session.lanes.for_calls(requests.len());
        let (each, limits, connection) = (Mutex::new(each), &self.limits, self.session.id);
        let part = |first| Reads {
            connection,
            requests,
            first,
            step,
            limits,
            each: &each,
        };
        let mut parts: Vec<_> = (0..step).map(part).collect();
        let done = self.session.lanes.make_all(&mut parts).await;
        self.end(done)
    }

    /// Ends the session, so that the JVM frees it at once and not when the lease runs out.
    pub async fn close(mut self) -> Result<(), Error> {
        let mut request = Vec::new();
        encode::close(&mut request, &self.session.id);
        let mut call = Call::new("closing the session", request).void();
        self.run(&mut call).await?;
        self.session.lease.end();
        call.nothing(&self.session.lanes.address())
    }

    /// What the session has cost so far, its opening included. Renewals of the lease are not counted.
    pub fn stats(&self) -> Stats {
        self.session.lanes.stats()
    }

    /// Whether an earlier failure made the connection unusable: every later call fails with the cause of it.
    pub fn is_poisoned(&self) -> bool {
        !matches!(self.state, State::Ready) || self.session.lease.lost().is_some()
    }

    /// Makes calls unless the client is poisoned, and poisons it when they fail.
    async fn run<C: Calls>(&mut self, calls: &mut C) -> Result<(), Error> {
        self.begin()?;
        let done = self.session.lanes.make(calls).await;
        self.end(done)
    }

    /// What is begun and never ended was cancelled.
    fn begin(&mut self) -> Result<(), Error> {
        let address = || self.session.lanes.address();
        match (&self.state, self.session.lease.lost()) {
            (State::Poisoned(cause), _) | (_, Some(cause)) => {
                return Err(Kind::Poisoned {
                    address: address(),
                    source: cause.clone(),
                }
                .into());
            }
            (State::Busy, None) => return Err(Kind::Cancelled { address: address() }.into()),
            (State::Ready, None) => {}
        }
        self.state = State::Busy;
        Ok(())
    }

    fn end(&mut self, done: Result<(), Error>) -> Result<(), Error> {
        self.state = match &done {
            Ok(()) => State::Ready,
            Err(error) => State::Poisoned(error.clone()),
        };
        done
    }

    /// A reply of the wrong shape: whatever is on the other side is not to be trusted with the next call.
    fn undecodable(&mut self, source: DecodeError, bean: Option<&ObjectName>) -> Error {
        let address = self.session.lanes.address();
        let error = Error::from(Kind::Protocol {
            address,
            bean: bean.cloned(),
            source,
        });
        self.state = State::Poisoned(error.clone());
        error
    }
}
