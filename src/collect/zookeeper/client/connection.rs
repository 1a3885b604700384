//! One connection: many requests in flight, their answers in order.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::error::{SessionError, lost, malformed, strange};
use super::jute::{Malformed, Reader};
use super::message::{
    AUTH_XID, Code, Payload, Request, UNASKED, decode_head, decode_payload, encode_auth, take_frame,
};
use crate::config::Secret;

/// Requests in flight. A server with more than 1,000 of all its clients together
/// (`globalOutstandingLimit`) lets every client wait: we take a small part of that.
const WINDOW: usize = 128;

/// Requests are written together up to this size.
const WRITE_BYTES: usize = 16 << 10;

/// Room for what is read at once.
const READ_BYTES: usize = 16 << 10;

/// Bounds of what is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// When to give up.
    pub deadline: Instant,
    /// Bytes that answers may still have; counted down.
    pub bytes: usize,
}

/// A connection in use.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) host: String,
    pub(super) received: BytesMut,
    pub(super) xid: i32,
    /// The session's time-out as the server has granted it.
    pub(super) timeout: Duration,
    pub(super) used: Instant,
}

impl Connection {
    /// Whether the server can still know the session.
    pub(super) fn is_alive(&self) -> bool {
        self.used.elapsed() < self.timeout
    }

    pub(super) async fn exchange(&mut self, out: &[u8]) -> Result<BytesMut, SessionError> {
        let (mut reader, mut writer) = self.stream.split();
        write(&mut writer, out, &self.host).await?;
        Incoming {
            reader: &mut reader,
            received: &mut self.received,
            host: &self.host,
        }
        .next()
        .await
    }

    pub(super) async fn authenticate(&mut self, digest: &Secret) -> Result<(), SessionError> {
        let mut out = Vec::new();
        encode_auth("digest", digest.reveal(), &mut out);
        let body = self.exchange(&out).await?;
        let head = decode_head(&mut Reader::new(&body));
        let head = head.map_err(|error| malformed(&self.host, &error))?;
        match (head.xid, head.error) {
            (AUTH_XID, None) => Ok(()),
            (AUTH_XID, Some(_)) => Err(SessionError::Auth {
                host: self.host.clone(),
            }),
            _ => Err(strange(&self.host, "an answer to another request")),
        }
    }

    /// Returns the last transaction that the server had seen.
    pub(super) async fn ask(
        &mut self,
        requests: &[Request],
        bounds: &mut Bounds,
        mut take: impl FnMut(usize, Result<Payload<'_>, Code>),
    ) -> Result<i64, SessionError> {
        let first = self.xid;
        self.xid = number(first, requests.len());
        let window = Semaphore::new(WINDOW);
        let (mut reader, mut writer) = self.stream.split();
        let send = send(&mut writer, requests, first, &window, &self.host);
        let mut incoming = Incoming {
            reader: &mut reader,
            received: &mut self.received,
            host: &self.host,
        };
        let receive = async {
            let mut zxid = 0;
            for (index, request) in requests.iter().enumerate() {
                let answer = incoming.answer(number(first, index + 1), bounds).await?;
                let mut answer = Reader::new(&answer);
                let mut payload = || -> Result<_, Malformed> {
                    let head = decode_head(&mut answer)?;
                    zxid = zxid.max(head.zxid);
                    match head.error {
                        Some(code) => Ok(Err(code)),
                        None => decode_payload(request.op, &mut answer).map(Ok),
                    }
                };
                let payload = payload().map_err(|error| malformed(incoming.host, &error))?;
                take(index, payload);
                window.add_permits(1);
            }
            Ok(zxid)
        };
        let ((), zxid) = tokio::try_join!(send, receive)?;
        Ok(zxid)
    }
}

/// The number of a request that is so far from the first one: always positive, as those with a
/// meaning of their own are negative.
fn number(first: i32, distance: usize) -> i32 {
    let distance = i32::try_from(distance).unwrap_or(i32::MAX);
    first.wrapping_add(distance) & i32::MAX
}

async fn send(
    writer: &mut WriteHalf<'_>,
    requests: &[Request],
    first: i32,
    window: &Semaphore,
    host: &str,
) -> Result<(), SessionError> {
    let mut out = Vec::new();
    for (index, request) in requests.iter().enumerate() {
        if window.available_permits() == 0 || out.len() >= WRITE_BYTES {
            write(writer, &out, host).await?;
            out.clear();
        }
        let permit = window.acquire().await.map_err(|_| lost(host))?;
        permit.forget();
        request.encode(number(first, index + 1), &mut out);
    }
    write(writer, &out, host).await
}

async fn write(writer: &mut WriteHalf<'_>, out: &[u8], host: &str) -> Result<(), SessionError> {
    writer.write_all(out).await.map_err(|_| lost(host))
}

/// Messages as they come in.
struct Incoming<'c, 's> {
    reader: &'c mut ReadHalf<'s>,
    received: &'c mut BytesMut,
    host: &'c str,
}

impl Incoming<'_, '_> {
    async fn next(&mut self) -> Result<BytesMut, SessionError> {
        loop {
            let frame = take_frame(self.received);
            if let Some(frame) = frame.map_err(|error| malformed(self.host, &error))? {
                return Ok(frame);
            }
            // Grows with what has come, not with what a length promises.
            self.received.reserve(READ_BYTES);
            match self.reader.read_buf(self.received).await {
                Ok(0) | Err(_) => return Err(lost(self.host)),
                Ok(_) => {}
            }
        }
    }

    /// The answer to the request of that number.
    async fn answer(&mut self, xid: i32, bounds: &mut Bounds) -> Result<BytesMut, SessionError> {
        loop {
            let frame = self.next().await?;
            let Some(rest) = bounds.bytes.checked_sub(frame.len()) else {
                let host = self.host.to_owned();
                return Err(SessionError::TooMuch { host });
            };
            bounds.bytes = rest;
            let head = decode_head(&mut Reader::new(&frame));
            let head = head.map_err(|error| malformed(self.host, &error))?;
            if head.xid == xid {
                return Ok(frame);
            }
            if !UNASKED.contains(&head.xid) {
                return Err(strange(self.host, "an answer to another request"));
            }
        }
    }
}
