//! One TCP connection that speaks the RMI stream protocol.
//!
//! - this file: connecting, shaking hands
//! - `stream`: TCP, or TLS on top of it
//! - `exchange`: calls and replies
//! - `flight`: which calls are on their way

mod exchange;
mod flight;
mod stream;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use super::tls_problem::TlsProblem;
use super::{Error, Kind, Stats, tls};
use crate::codec::Limits;
use crate::codec::handshake::{self, Answer};

pub(super) use exchange::Calls;
pub(super) use stream::Stream;

/// How long a peer that was silent so far is given to show what it is.
const PROBE: Duration = Duration::from_millis(250);

/// Connects to the first address that answers. Each gets its part of the time that is left, so that a filtered one
/// (IPv6 of a host that has both, say) does not take the others' time. The error is that of the last.
async fn first_of(addresses: &[SocketAddr], deadline: Instant) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for (address, left) in addresses.iter().zip((1..=addresses.len() as u32).rev()) {
        let now = Instant::now();
        let until = now + deadline.saturating_duration_since(now) / left;
        match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
}

/// All that is needed to open a connection, and another one after it.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<tls::Tls>,
    /// For each reply.
    pub(super) limits: Limits,
    /// For TCP, TLS and RMI to shake hands, all together.
    pub(super) within: Duration,
}

impl Route {
    pub(super) fn address(&self) -> String {
        address(&self.host, self.port)
    }

    async fn connect(&self, deadline: Instant) -> Result<Stream, Error> {
        let tcp = match timeout_at(deadline, self.tcp(deadline)).await {
            Ok(Ok(tcp)) => tcp,
            Ok(Err(source)) => return Err(self.unreachable(source)),
            Err(_) => return Err(self.unreachable(io::ErrorKind::TimedOut.into())),
        };
        let Some(tls) = &self.tls else {
            return Ok(Stream::Plain(tcp));
        };
        match timeout_at(deadline, tls::secure(tls, tcp, &self.host)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(source)) => Err(self.insecure(source)),
            Err(_) => Err(Kind::Timeout {
                address: self.address(),
                doing: "shaking hands for TLS",
                after: self.within,
            }
            .into()),
        }
    }

    async fn tcp(&self, deadline: Instant) -> io::Result<TcpStream> {
        let found = lookup_host((self.host.as_str(), self.port)).await?;
        let tcp = first_of(&found.collect::<Vec<_>>(), deadline).await?;
        // Calls are small and complete: waiting for more to send only delays them.
        tcp.set_nodelay(true)?;
        Ok(tcp)
    }

    fn unreachable(&self, source: io::Error) -> Error {
        let address = self.address();
        Kind::Connect { address, source }.into()
    }

    /// A handshake that failed. A plain RMI server ends the connection at the first bytes it does not know.
    fn insecure(&self, source: io::Error) -> Error {
        let problem = match source.kind() {
            io::ErrorKind::InvalidInput => TlsProblem::WrongName,
            _ => tls::problem(&source).unwrap_or(TlsProblem::NotSpoken),
        };
        tls_error(&self.address(), problem, Some(source))
    }
}

/// The end of "for ever": far beyond what any program runs, near enough to be a time.
const FOR_EVER: Duration = Duration::from_secs(86_400 * 365 * 30);

/// The moment after so much time. No length of time is too long for it.
pub(super) fn deadline(within: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(within).unwrap_or(now + FOR_EVER)
}

const SHAKING_HANDS: &str = "shaking hands";

#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    address: String,
    limits: Limits,
    input: Vec<u8>,
    /// Bytes at the start of `input` that have been decoded.
    decoded: usize,
    /// The server failed while it wrote a reply. It says so and closes the connection; the session lives on.
    ended: bool,
    /// A byte came in the exchange that was the last.
    heard: bool,
    pub(super) stats: Stats,
}

/// Host and port as one text.
pub(super) fn address(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

impl Connection {
    /// Connects and shakes hands, both within the route's time.
    pub(super) async fn open(route: &Route) -> Result<Self, Error> {
        let deadline = deadline(route.within);
        let stream = route.connect(deadline).await?;
        Self::over(stream, route, deadline).await
    }

    /// Shakes hands over a stream that is there.
    pub(super) async fn over(
        stream: Stream,
        route: &Route,
        deadline: Instant,
    ) -> Result<Self, Error> {
        let mut connection = Self {
            stream,
            address: route.address(),
            limits: route.limits.clone(),
            input: Vec::new(),
            decoded: 0,
            ended: false,
            heard: false,
            stats: Stats::default(),
        };
        match timeout_at(deadline, connection.shake_hands()).await {
            Ok(done) => done.map(|()| connection),
            Err(_) => Err(connection.silent(route.within).await),
        }
    }

    async fn shake_hands(&mut self) -> Result<(), Error> {
        if let Err(source) = self.write(&handshake::HELLO).await {
            return Err(self.hung_up(source));
        }
        loop {
            match handshake::answer(&self.input) {
                Some(Answer::Rmi(length)) => {
                    self.decoded = length;
                    break;
                }
                Some(Answer::Refused | Answer::Other) => return Err(self.not_jmx()),
                None => {}
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) => return Err(self.hung_up(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(source) => return Err(self.hung_up(source)),
            }
        }
        let mut own = Vec::new();
        handshake::own_end_point(&mut own);
        self.stats = Stats {
            bytes_sent: (handshake::HELLO.len() + own.len()) as u64,
            bytes_received: self.decoded as u64,
            round_trips: 1,
        };
        match self.write(&own).await {
            Ok(()) => Ok(()),
            Err(source) => Err(self.io(SHAKING_HANDS, source)),
        }
    }

    /// The peer ended the connection instead of answering.
    fn hung_up(&self, source: io::Error) -> Error {
        let said_why = tls::problem(&source).is_some();
        if self.stream.is_tls() && self.input.is_empty() && !said_why {
            return tls_error(&self.address, TlsProblem::Ended, Some(source));
        }
        if source.kind() == io::ErrorKind::UnexpectedEof {
            return self.not_jmx();
        }
        self.io(SHAKING_HANDS, source)
    }

    /// Names a peer that did not answer the handshake. HTTP servers wait for the end of a line, which is not in it: at
    /// this point there is nothing to lose by sending one.
    async fn silent(&mut self, within: Duration) -> Error {
        let probe = async {
            self.write(b"\r\n\r\n").await?;
            self.stream.read_buf(&mut self.input).await
        };
        match timeout(PROBE, probe).await {
            Ok(Ok(1..)) => self.not_jmx(),
            _ => self.timed_out(SHAKING_HANDS, within),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Writes bytes to which there is no reply.
    pub(super) async fn send(
        &mut self,
        bytes: &[u8],
        doing: &'static str,
        within: Duration,
    ) -> Result<(), Error> {
        self.stats.bytes_sent += bytes.len() as u64;
        match timeout(within, self.write(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => Err(self.io(doing, source)),
            Err(_) => Err(self.timed_out(doing, within)),
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    fn io(&self, doing: &'static str, source: io::Error) -> Error {
        if let Some(problem) = tls::problem(&source) {
            return tls_error(&self.address, problem, Some(source));
        }
        Kind::Io {
            address: self.address.clone(),
            doing,
            source,
        }
        .into()
    }

    fn timed_out(&self, doing: &'static str, after: Duration) -> Error {
        Kind::Timeout {
            address: self.address.clone(),
            doing,
            after,
        }
        .into()
    }

    fn not_jmx(&self) -> Error {
        let (address, looks) = (self.address.clone(), handshake::looks_like(&self.input));
        if handshake::is_tls(&self.input) {
            return tls_error(&address, wanted(), None);
        }
        Kind::NotJmx { address, looks }.into()
    }
}

/// What to tell of a peer that wants TLS from somebody who has none.
pub(super) fn wanted() -> TlsProblem {
    match cfg!(feature = "tls") {
        true => TlsProblem::Wanted,
        false => TlsProblem::NotBuilt,
    }
}

pub(super) fn tls_error(address: &str, problem: TlsProblem, source: Option<io::Error>) -> Error {
    let address = address.to_owned();
    Kind::Tls {
        address,
        problem,
        source,
    }
    .into()
}
