//! A session: one connection at a time, and the ticket by which the next one goes on with it.

use std::time::Duration;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

pub use super::connection::Bounds;
use super::connection::Connection;
pub use super::error::SessionError;
use super::error::{lost, malformed, strange};
use super::message::{
    Code, Payload, Request, Ticket, decode_connect, encode_close, encode_connect,
};
use crate::config::Secret;
use crate::config::units::show_host_port;

/// How long a good-bye may take. Without one the session ends by its time-out.
const GOODBYE: Duration = Duration::from_millis(500);

/// Where and how to connect.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Servers of one ensemble; one that does not answer is followed by the next.
    pub hosts: Vec<(String, u16)>,
    /// `user:password` of ZooKeeper's digest scheme.
    pub digest: Option<Secret>,
    /// The session's time-out that we ask for; servers keep it within 2 and 20 of their ticks.
    pub timeout: Duration,
}

/// How a session came to be usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// The connection of last time.
    Kept,
    /// The session of last time on a new connection.
    Resumed,
    /// The first session.
    New,
    /// A new session, because the server has ended the old one.
    Expired,
}

/// A session with an ensemble.
pub struct Session {
    options: Options,
    /// The host to begin with: the one that answered last.
    first: usize,
    ticket: Option<Ticket>,
    /// The last transaction that was seen in the present session.
    zxid: i64,
    /// When that session ends if nobody uses it.
    ends: Option<Instant>,
    /// Absent while it is in use: what is given up half-way is closed.
    connection: Option<Connection>,
}

/// What became of one host.
enum Greeted {
    Connected(Connection),
    Expired,
}

/// Why none of the hosts will do.
struct NoHost {
    /// What came of the one that was asked last.
    last: SessionError,
    /// How many ended the connection by themselves.
    hung_up: usize,
}

impl Session {
    /// A session that has not connected yet.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            first: 0,
            ticket: None,
            zxid: 0,
            ends: None,
            connection: None,
        }
    }

    /// Makes sure that there is a connection: the present one, or a new one to the first host that
    /// answers, each of which has an equal part of the time that is left.
    ///
    /// # Errors
    /// That of the host that was asked last.
    ///
    /// # Cancel safety
    /// A connection that is being made is closed.
    pub async fn open(&mut self, deadline: Instant) -> Result<Opened, SessionError> {
        if self.connection.as_ref().is_some_and(Connection::is_alive) {
            return Ok(Opened::Kept);
        }
        self.connection = None;
        let before = self.ticket.as_ref().map(|ticket| ticket.id);
        let mut outcome = self.try_hosts(deadline).await;
        // Servers hang up on one who has seen more than they. Where all do, they have lost their data;
        // where another one is away, they may be behind it for a moment, and would tell older offsets.
        if let Err(failed) = &outcome
            && self.ticket.is_some()
            && (failed.hung_up == self.options.hosts.len()
                || (failed.hung_up > 0 && self.is_over()))
        {
            self.forget();
            outcome = self.try_hosts(deadline).await;
        }
        outcome.map_err(|failed| failed.last)?;
        let now = self.ticket.as_ref().map(|ticket| ticket.id);
        Ok(match before {
            None => Opened::New,
            Some(_) if before == now => Opened::Resumed,
            Some(_) => Opened::Expired,
        })
    }

    fn forget(&mut self) {
        self.ticket = None;
        self.zxid = 0;
        self.ends = None;
    }

    /// Whether the session has not been used for as long as it lasts.
    fn is_over(&self) -> bool {
        self.ends.is_none_or(|ends| ends <= Instant::now())
    }

    async fn try_hosts(&mut self, deadline: Instant) -> Result<(), NoHost> {
        let count = self.options.hosts.len();
        let mut failed = NoHost {
            last: SessionError::Timeout {
                host: String::new(),
            },
            hung_up: 0,
        };
        for tried in 0..count {
            let index = (self.first + tried) % count;
            let rest = deadline.saturating_duration_since(Instant::now());
            let parts = u32::try_from(count - tried).unwrap_or(u32::MAX);
            match self.greet(index, Instant::now() + rest / parts).await {
                Ok(connection) => {
                    self.first = index;
                    self.connection = Some(connection);
                    return Ok(());
                }
                Err(error) => {
                    failed.hung_up += usize::from(matches!(error, SessionError::Lost { .. }));
                    failed.last = error;
                }
            }
        }
        Err(failed)
    }

    /// Connects to a host, a second time without the old session where that is over.
    async fn greet(&mut self, index: usize, deadline: Instant) -> Result<Connection, SessionError> {
        let (host, port) = self.options.hosts[index].clone();
        let shown = show_host_port(&host, port);
        let both = async {
            match self.handshake(&host, port, &shown).await? {
                Greeted::Connected(connection) => Ok(connection),
                Greeted::Expired => {
                    self.forget();
                    match self.handshake(&host, port, &shown).await? {
                        Greeted::Connected(connection) => Ok(connection),
                        Greeted::Expired => Err(strange(&shown, "a session without a number")),
                    }
                }
            }
        };
        match timeout_at(deadline, both).await {
            Ok(greeted) => greeted,
            Err(_) => Err(SessionError::Timeout { host: shown }),
        }
    }

    async fn handshake(
        &mut self,
        host: &str,
        port: u16,
        shown: &str,
    ) -> Result<Greeted, SessionError> {
        let connected = TcpStream::connect((host, port)).await;
        let stream = connected.map_err(|cause| SessionError::Connect {
            host: shown.to_owned(),
            cause,
        })?;
        stream.set_nodelay(true).map_err(|_| lost(shown))?;
        let mut connection = Connection {
            stream,
            host: shown.to_owned(),
            received: BytesMut::new(),
            xid: 0,
            timeout: Duration::ZERO,
            used: Instant::now(),
        };
        let mut out = Vec::new();
        let timeout = i32::try_from(self.options.timeout.as_millis()).unwrap_or(i32::MAX);
        encode_connect(self.ticket.as_ref(), self.zxid, timeout, &mut out);
        let body = connection.exchange(&out).await?;
        let answer = decode_connect(&body).map_err(|error| malformed(shown, &error))?;
        let Some((ticket, granted)) = answer else {
            return Ok(Greeted::Expired);
        };
        self.ticket = Some(ticket);
        connection.timeout = Duration::from_millis(granted);
        self.ends = Some(connection.used + connection.timeout);
        if let Some(digest) = &self.options.digest {
            connection.authenticate(digest).await?;
        }
        Ok(Greeted::Connected(connection))
    }

    /// Sends all requests, many of them in flight at a time, and hands over each answer in their order.
    ///
    /// # Errors
    /// None for a node that cannot be read: that is an answer. After any error the connection is
    /// gone, and the requests whose answers were not handed over are open.
    ///
    /// # Cancel safety
    /// The connection is closed; the session can be opened again.
    pub async fn ask(
        &mut self,
        requests: &[Request],
        bounds: &mut Bounds,
        take: impl FnMut(usize, Result<Payload<'_>, Code>),
    ) -> Result<(), SessionError> {
        let Some(mut connection) = self.connection.take() else {
            let host = String::new();
            return Err(SessionError::Lost { host });
        };
        let deadline = bounds.deadline;
        match timeout_at(deadline, connection.ask(requests, bounds, take)).await {
            Ok(Ok(zxid)) => {
                self.zxid = self.zxid.max(zxid);
                connection.used = Instant::now();
                self.ends = Some(connection.used + connection.timeout);
                self.connection = Some(connection);
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let host = connection.host;
                Err(SessionError::Timeout { host })
            }
        }
    }

    /// Closes the connection and keeps the session.
    pub fn disconnect(&mut self) {
        self.connection = None;
    }

    /// Says good-bye where the session would not last until it is used again.
    pub async fn pause(&mut self, length: Duration) {
        let ends = |connection: &Connection| connection.timeout <= length;
        if self.connection.as_ref().is_some_and(ends) {
            self.close().await;
        }
    }

    /// Says good-bye, which ends the session at once.
    pub async fn close(&mut self) {
        self.forget();
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        let mut out = Vec::new();
        encode_close(connection.xid.wrapping_add(1), &mut out);
        let goodbye = timeout_at(Instant::now() + GOODBYE, connection.exchange(&out));
        if !matches!(goodbye.await, Ok(Ok(_))) {
            tracing::debug!(host = connection.host, "no good-bye from ZooKeeper");
        }
    }
}

#[cfg(test)]
mod tests;
