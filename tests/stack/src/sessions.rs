//! Sessions with a ZooKeeper over its own protocol, without a JVM for each: thousands that only wait, or a few that write
//! and watch.
//!
//! Source: `zookeeper.jute` and `ZooDefs.OpCode` of ZooKeeper. Every message has its length before it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::error::{Error, Result};

/// A server that starts, or has no quorum, hangs up at once; one that hangs must not hang the test.
const ANSWER: Duration = Duration::from_secs(20);
/// No answer of these requests is longer.
const LONGEST: usize = 1 << 20;

/// `ZooDefs.OpCode`.
const CREATE: i32 = 1;
const DELETE: i32 = 2;
const EXISTS: i32 = 3;
const GET: i32 = 4;
const SET: i32 = 5;
const PING: i32 = 11;
const CLOSE: i32 = -11;
/// The number of a watch that fired; nobody asked.
const WATCH: i32 = -1;
/// `ZooDefs.Perms.ALL`.
const ALL: i32 = 31;

/// A session; the server ends it `timeout` after its last request, or when it is closed.
pub struct ZooKeeperSession {
    stream: TcpStream,
    xid: i32,
}

impl ZooKeeperSession {
    /// Opens a session. The server keeps the time-out within its own bounds.
    pub fn open(address: &str, timeout: Duration) -> Result<Self> {
        let mut session = Self::greet(address, timeout)?;
        session.welcome()?;
        Ok(session)
    }

    /// Opens many: each is a write of the whole ensemble, so they are asked for together.
    pub fn open_many(address: &str, timeout: Duration, count: usize) -> Result<Vec<Self>> {
        let mut sessions = Vec::with_capacity(count);
        for _ in 0..count {
            sessions.push(Self::greet(address, timeout)?);
        }
        sessions.iter_mut().try_for_each(Self::welcome)?;
        Ok(sessions)
    }

    /// Says who we are, and does not wait.
    fn greet(address: &str, timeout: Duration) -> Result<Self> {
        let open = || -> io::Result<Self> {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(ANSWER))?;
            stream.set_write_timeout(Some(ANSWER))?;
            Ok(Self { stream, xid: 0 })
        };
        let mut session = said("a session's connection", open())?;
        let mut body = Body::default();
        let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // Protocol version, last transaction, time-out, session, password, read-only.
        body.int(0).long(0).int(millis).long(0).bytes(&[0; 16]);
        body.0.push(0);
        said("a session's first word", session.send(&body))?;
        Ok(session)
    }

    fn welcome(&mut self) -> Result<()> {
        let answer = said("a new session", self.receive())?;
        // Protocol version and the time-out that was granted: 0 for a session that is over.
        match int(&answer, 4) {
            Some(granted) if granted > 0 => Ok(()),
            _ => Err(Error::refused("a new session", "it is over at once")),
        }
    }

    /// Creates a node; an ephemeral one goes with this session.
    pub fn create(&mut self, path: &str, data: &[u8], ephemeral: bool) -> Result<()> {
        self.ask(CREATE, |body| {
            body.bytes(path.as_bytes()).bytes(data);
            body.int(1).int(ALL).bytes(b"world").bytes(b"anyone");
            body.int(i32::from(ephemeral));
        })
    }

    /// Sets a node's data.
    pub fn set(&mut self, path: &str, data: &[u8]) -> Result<()> {
        self.ask(SET, |body| {
            body.bytes(path.as_bytes()).bytes(data).int(-1);
        })
    }

    /// Removes a node without children.
    pub fn delete(&mut self, path: &str) -> Result<()> {
        self.ask(DELETE, |body| {
            body.bytes(path.as_bytes()).int(-1);
        })
    }

    /// Reads a node's data, and watches it.
    pub fn watch(&mut self, path: &str) -> Result<()> {
        self.ask(GET, |body| {
            body.bytes(path.as_bytes()).0.push(1);
        })
    }

    /// Asks for a node that is there.
    pub fn exists(&mut self, path: &str) -> Result<()> {
        self.ask(EXISTS, |body| {
            body.bytes(path.as_bytes()).0.push(0);
        })
    }

    /// Keeps the session.
    pub fn ping(&mut self) -> Result<()> {
        self.ask(PING, |_| ())
    }

    /// Ends the session.
    pub fn close(mut self) -> Result<()> {
        self.ask(CLOSE, |_| ())
    }

    fn ask(&mut self, code: i32, fill: impl FnOnce(&mut Body)) -> Result<()> {
        self.xid += 1;
        // Pings have a number of their own.
        let xid = if code == PING { -2 } else { self.xid };
        let mut body = Body::default();
        body.int(xid).int(code);
        fill(&mut body);
        let what = format!("request {code} to ZooKeeper");
        said(&what, self.send(&body))?;
        loop {
            let answer = said(&what, self.receive())?;
            // Number, transaction, error.
            match (int(&answer, 0), int(&answer, 12)) {
                (Some(WATCH), _) => {}
                (Some(number), Some(0)) if number == xid => return Ok(()),
                (number, error) => {
                    let answer = format!("number {number:?}, error {error:?}");
                    return Err(Error::refused(what, answer));
                }
            }
        }
    }

    fn send(&mut self, body: &Body) -> io::Result<()> {
        let length = i32::try_from(body.0.len()).unwrap_or(i32::MAX);
        let mut message = length.to_be_bytes().to_vec();
        message.extend(&body.0);
        self.stream.write_all(&message)
    }

    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }
}

fn said<T>(what: &str, outcome: io::Result<T>) -> Result<T> {
    outcome.map_err(|error| Error::refused(what, error.to_string()))
}

fn int(bytes: &[u8], at: usize) -> Option<i32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(i32::from_be_bytes(bytes.try_into().ok()?))
}

/// A message as it is filled.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn int(&mut self, number: i32) -> &mut Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn long(&mut self, number: i64) -> &mut Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.int(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        self.0.extend(bytes);
        self
    }
}
