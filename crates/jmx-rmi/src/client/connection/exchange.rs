//! Calls and replies.
//!
//! The server reads calls one after another and does not mind that the next ones are there already, so all calls of a
//! list are written without waiting for replies, and replies are read while writing: the buffers of both sides can be
//! full at the same time.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::timeout_at;

use super::flight::Flight;
use super::{Connection, deadline};
use crate::ObjectName;
use crate::client::{Error, Kind};
use crate::codec::reply::{Reply, ReplyDecoder, Returns};
use crate::codec::{DecodeError, map};

/// Bytes asked of the socket at once.
const READ: usize = 16 << 10;

/// Capacity of the input buffer that is kept between calls: one large reply should not cost its size for ever.
const KEEP: usize = 64 << 10;

/// A list of calls of one kind, and what becomes of their replies.
pub(in crate::client) trait Calls {
    /// What the calls are for, as in "no answer within 8 s: reading attributes".
    fn doing(&self) -> &'static str;
    fn returns(&self) -> Returns;
    fn count(&self) -> usize;
    fn encode(&self, index: usize, out: &mut Vec<u8>);
    fn bean(&self, index: usize) -> Option<&ObjectName>;
    /// Takes the reply of call `index`; they come in order.
    fn answered(&mut self, index: usize, reply: Reply) -> Result<(), DecodeError>;
}

impl Connection {
    /// Whether the server ended the connection by a reply that it could not write.
    pub(in crate::client) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether not a byte came in the last exchange: what a connection does that the server had closed before.
    pub(in crate::client) fn said_nothing(&self) -> bool {
        !self.heard
    }

    /// Makes the calls from number `first` on. `within` is the time from one reply to the next. Returns the number of
    /// the next call to make: less than there are if the [connection has ended](Self::has_ended).
    pub(in crate::client) async fn exchange<C: Calls>(
        &mut self,
        calls: &mut C,
        first: usize,
        within: Duration,
    ) -> Result<usize, Error> {
        self.expect_silence(calls, first)?;
        let mut flight = Flight::from(first);
        let mut decoder = ReplyDecoder::new(calls.returns(), self.limits.clone());
        let mut until = deadline(within);
        self.heard = false;
        while !self.ended {
            flight.fill(calls);
            if self.take_reply(calls, &mut flight, &mut decoder)? {
                until = deadline(within);
            } else if flight.is_over(calls) {
                break;
            } else {
                match timeout_at(until, self.transfer(&mut flight)).await {
                    Ok(Ok(true)) => self.heard |= !self.input.is_empty(),
                    Ok(Ok(false)) => return Err(self.closed(calls, flight.answered)),
                    Ok(Err(source)) => return Err(self.io(calls.doing(), source)),
                    Err(_) => return Err(self.timed_out(calls.doing(), within)),
                }
            }
        }
        self.stats.bytes_sent += flight.bytes();
        self.stats.round_trips += flight.round_trips();
        self.compact();
        self.input.shrink_to(KEEP);
        Ok(flight.answered)
    }

    /// Bytes that are there before a call would be taken for its reply.
    fn expect_silence<C: Calls>(&self, calls: &C, first: usize) -> Result<(), Error> {
        if self.input.len() == self.decoded {
            return Ok(());
        }
        let source = DecodeError::Shape {
            found: "bytes".to_owned(),
            expected: "nothing before a call",
        };
        Err(self.protocol(calls, first, source))
    }

    /// Gives the next reply to its call, if it is there. Without a call that waits nothing is taken for a reply: the next
    /// exchange finds it and fails.
    fn take_reply<C: Calls>(
        &mut self,
        calls: &mut C,
        flight: &mut Flight,
        decoder: &mut ReplyDecoder,
    ) -> Result<bool, Error> {
        if !flight.is_waited_for() {
            return Ok(false);
        }
        let index = flight.answered;
        let mut rest = self.input.get(self.decoded..).unwrap_or_default();
        let reply = decoder.decode(&mut rest);
        let decoded = self.input.len() - rest.len();
        self.stats.bytes_received += (decoded - self.decoded) as u64;
        self.decoded = decoded;
        let Some(reply) = reply.map_err(|source| self.protocol(calls, index, source))? else {
            return Ok(false);
        };
        if let Some(gone) = reply.no_such_object() {
            let source = map::exception(gone, calls.bean(index));
            return Err(Kind::Remote {
                address: self.address.clone(),
                source,
            }
            .into());
        }
        self.ended = reply.is_aborted();
        calls
            .answered(index, reply)
            .map_err(|source| self.protocol(calls, index, source))?;
        flight.landed();
        *decoder = ReplyDecoder::new(calls.returns(), self.limits.clone());
        Ok(true)
    }

    /// Reads or writes, whichever is possible first. `false`: the peer closed the connection.
    async fn transfer(&mut self, flight: &mut Flight) -> io::Result<bool> {
        self.compact();
        self.input.reserve(READ);
        let Self { stream, input, .. } = self;
        poll_fn(|cx| {
            if flight.is_waited_for()
                && let Poll::Ready(read) = pin!(stream.read_buf(input)).poll(cx)
            {
                return Poll::Ready(match read {
                    Ok(length) => Ok(length > 0),
                    // Under TLS an end without a good-bye is an error of its own.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
                    Err(error) => Err(error),
                });
            }
            flight.poll_write(stream, cx).map_ok(|()| true)
        })
        .await
    }

    fn compact(&mut self) {
        self.input.drain(..self.decoded.min(self.input.len()));
        self.decoded = 0;
    }

    fn closed<C: Calls>(&self, calls: &C, index: usize) -> Error {
        Kind::Closed {
            address: self.address.clone(),
            doing: calls.doing(),
            bean: calls.bean(index).cloned(),
        }
        .into()
    }

    fn protocol<C: Calls>(&self, calls: &C, index: usize, source: DecodeError) -> Error {
        Kind::Protocol {
            address: self.address.clone(),
            bean: calls.bean(index).cloned(),
            source,
        }
        .into()
    }
}
