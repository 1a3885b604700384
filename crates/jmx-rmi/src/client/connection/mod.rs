//! One TCP connection that speaks the RMI stream protocol.
//!
//! - this file: connecting, shaking hands
//! - `exchange`: calls and replies
//! - `flight`: which calls are on their way

mod exchange;
mod flight;

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Error, Kind, Stats};
use crate::codec::Limits;
use crate::codec::handshake::{self, Answer};

pub(super) use exchange::Calls;

/// How long a peer that was silent so far is given to show what it is.
const PROBE: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    address: String,
    limits: Limits,
    input: Vec<u8>,
    /// Bytes at the start of `input` that have been decoded.
    decoded: usize,
    /// The server failed while it wrote a reply. It says so and closes the connection; the session lives on.
    ended: bool,
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
    /// Connects and shakes hands, both within `within`.
    pub(super) async fn open(
        host: &str,
        port: u16,
        limits: Limits,
        within: Duration,
    ) -> Result<Self, Error> {
        let address = address(host, port);
        let deadline = Instant::now() + within;
        let connected = timeout_at(deadline, TcpStream::connect((host, port))).await;
        let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = match connected {
            Ok(stream) => stream,
            Err(source) => return Err(Kind::Connect { address, source }.into()),
        };
        let mut connection = Self {
            stream,
            address,
            limits,
            input: Vec::new(),
            decoded: 0,
            ended: false,
            stats: Stats::default(),
        };
        match timeout_at(deadline, connection.shake_hands()).await {
            Ok(done) => done.map(|()| connection),
            Err(_) => Err(connection.silent(within).await),
        }
    }

    async fn shake_hands(&mut self) -> Result<(), Error> {
        const DOING: &str = "shaking hands";
        // Calls are small and complete: waiting for more to send only delays them.
        self.stream
            .set_nodelay(true)
            .map_err(|source| self.io(DOING, source))?;
        self.stream
            .write_all(&handshake::HELLO)
            .await
            .map_err(|source| self.io(DOING, source))?;
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
                Ok(0) => return Err(self.not_jmx()),
                Ok(_) => {}
                Err(source) => return Err(self.io(DOING, source)),
            }
        }
        let mut own = Vec::new();
        handshake::own_end_point(&mut own);
        self.stats = Stats {
            bytes_sent: (handshake::HELLO.len() + own.len()) as u64,
            bytes_received: self.decoded as u64,
            round_trips: 1,
        };
        self.stream
            .write_all(&own)
            .await
            .map_err(|source| self.io(DOING, source))
    }

    /// Names a peer that did not answer the handshake. HTTP servers wait for the end of a line, which is not in it: at
    /// this point there is nothing to lose by sending one.
    async fn silent(&mut self, within: Duration) -> Error {
        let probe = async {
            self.stream.write_all(b"\r\n\r\n").await?;
            self.stream.read_buf(&mut self.input).await
        };
        match timeout(PROBE, probe).await {
            Ok(Ok(1..)) => self.not_jmx(),
            _ => self.timed_out("shaking hands", within),
        }
    }

    /// Writes bytes to which there is no reply.
    pub(super) async fn send(
        &mut self,
        bytes: &[u8],
        doing: &'static str,
        within: Duration,
    ) -> Result<(), Error> {
        self.stats.bytes_sent += bytes.len() as u64;
        match timeout(within, self.stream.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => Err(self.io(doing, source)),
            Err(_) => Err(self.timed_out(doing, within)),
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    fn io(&self, doing: &'static str, source: io::Error) -> Error {
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
            return Kind::Tls {
                address,
                why: looks,
            }
            .into();
        }
        Kind::NotJmx { address, looks }.into()
    }
}
