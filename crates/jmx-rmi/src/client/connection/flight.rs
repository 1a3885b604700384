//! Which calls are on their way.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::Calls;

/// Bytes of calls that may be on their way without a reply. Enough for several hundred calls, which is more than a
/// round trip can hide; little enough that a server is not left with much work by a client that went away.
const WINDOW: usize = 64 << 10;

/// The calls which are on their way.
#[derive(Debug, Default)]
pub(super) struct Flight {
    /// Encoded calls; those before `written` are out.
    out: Vec<u8>,
    written: usize,
    /// Bytes were written that may stay in a buffer of the stream until it is flushed (TLS has one).
    unflushed: bool,
    /// Sizes of the calls without a reply, and their sum.
    sizes: VecDeque<usize>,
    size: usize,
    encoded: usize,
    /// Bytes of all calls encoded.
    bytes: usize,
    pub(super) answered: usize,
}

impl Flight {
    /// Nothing is on its way; the first call is number `first`.
    pub(super) fn from(first: usize) -> Self {
        Self {
            encoded: first,
            answered: first,
            ..Self::default()
        }
    }

    /// Encodes calls up to the window; always at least one.
    pub(super) fn fill<C: Calls>(&mut self, calls: &C) {
        // As soon as more is out than not, also where a part is never out: the copying is no more than the writing.
        if self.written >= self.out.len() - self.written {
            self.out.drain(..self.written);
            self.written = 0;
        }
        while self.encoded < calls.count() && (self.size < WINDOW || self.sizes.is_empty()) {
            let before = self.out.len();
            calls.encode(self.encoded, &mut self.out);
            let size = self.out.len() - before;
            self.sizes.push_back(size);
            self.size += size;
            self.bytes += size;
            self.encoded += 1;
        }
    }

    /// Writes what can be written, or flushes what was. Pending with nothing to do: then a read is what is waited for.
    pub(super) fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let unwritten = self.out.get(self.written..).unwrap_or_default();
        if !unwritten.is_empty() {
            self.written += match ready!(Pin::new(stream).poll_write(cx, unwritten))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => written,
            };
            self.unflushed = true;
            return Poll::Ready(Ok(()));
        }
        if !self.unflushed {
            return Poll::Pending;
        }
        ready!(Pin::new(stream).poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    /// Bytes of all calls so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// How often the window was filled.
    pub(super) fn round_trips(&self) -> u64 {
        self.bytes.div_ceil(WINDOW) as u64
    }

    pub(super) fn landed(&mut self) {
        self.size -= self.sizes.pop_front().unwrap_or_default();
        self.answered += 1;
    }

    /// Whether a reply is waited for. Nothing is read otherwise: a peer that replies to calls which it has not read yet
    /// could fill the memory.
    pub(super) fn is_waited_for(&self) -> bool {
        self.answered < self.encoded
    }

    /// Whether every call has its reply. A peer that replies before it was asked does not end it early.
    pub(super) fn is_over<C: Calls>(&self, calls: &C) -> bool {
        self.answered == calls.count() && self.written == self.out.len() && !self.unflushed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectName;
    use crate::codec::DecodeError;
    use crate::codec::reply::{Reply, Returns};

    struct Large;

    impl Calls for Large {
        fn doing(&self) -> &'static str {
            "testing"
        }

        fn returns(&self) -> Returns {
            Returns::Object
        }

        fn count(&self) -> usize {
            10
        }

        fn encode(&self, _index: usize, out: &mut Vec<u8>) {
            out.extend([0; WINDOW * 3 / 4]);
        }

        fn bean(&self, _index: usize) -> Option<&ObjectName> {
            None
        }

        fn answered(&mut self, _index: usize, _reply: Reply) -> Result<(), DecodeError> {
            Ok(())
        }
    }

    /// A stream that is always a little behind, and a peer that answers all the same.
    #[test]
    fn a_slow_writer_does_not_collect_what_is_out() {
        let mut flight = Flight::from(0);
        for _ in 0..10 {
            flight.fill(&Large);
            assert!(flight.out.len() <= 4 * WINDOW, "{}", flight.out.len());
            flight.written = flight.out.len() - 1;
            flight.landed();
        }
    }

    #[test]
    fn the_window_bounds_what_is_on_its_way() {
        let mut flight = Flight::from(0);
        for answered in 0..9 {
            flight.fill(&Large);
            assert_eq!(flight.encoded - answered, (10 - answered).min(2));
            assert!(flight.size < 2 * WINDOW);
            flight.written = flight.out.len();
            flight.landed();
        }
        assert!(!flight.is_over(&Large));
        flight.landed();
        assert!(flight.is_over(&Large));
    }
}
