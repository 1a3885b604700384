//! The answer to a call: RMI specification, section 10.2, `ReturnData`.

use super::decoder::{Decoded, Decoder, Input, Stop};
use super::tags::{RETURN, STREAM_HEADER, TC_BLOCKDATA};
use super::{DecodeError, Limits};

/// `ReturnValue` of the specification: the return byte of a value; 2 is that of an exception.
const VALUE: u8 = 1;
const EXCEPTION: u8 = 2;
/// The return byte and the 14 bytes of the UID are the whole first block.
const HEADER_BLOCK: u8 = 15;

const NO_SUCH_OBJECT: &str = "java.rmi.NoSuchObjectException";

/// Identifies a return, so that it can be acknowledged (`DgcAck`).
pub type ReturnId = [u8; 14];

/// A decoded return.
#[derive(Debug)]
pub struct Reply {
    /// What to acknowledge.
    pub id: ReturnId,
    /// Value or exception.
    pub outcome: Outcome,
}

impl Reply {
    /// The server does not know the object that was called. It leaves the arguments of the call unread, takes them for
    /// the next message, and closes the connection: no reply behind this one is going to come.
    pub fn no_such_object(&self) -> Option<&Decoded> {
        match &self.outcome {
            Outcome::Exception(thrown)
                if *thrown.graph.describe(thrown.root) == *NO_SUCH_OBJECT =>
            {
                Some(thrown)
            }
            _ => None,
        }
    }

    /// The server failed while it wrote the value, told which exception stopped it, and closes the connection: a return
    /// that has begun cannot be taken back. A value of a class that is not serializable does that.
    pub fn is_aborted(&self) -> bool {
        matches!(&self.outcome, Outcome::Exception(decoded) if decoded.aborted)
    }
}

/// What a call came to.
#[derive(Debug)]
pub enum Outcome {
    /// The return of a `void` method.
    Void,
    /// The value returned.
    Value(Decoded),
    /// The exception thrown, or the one that stopped the server while it wrote the value.
    Exception(Decoded),
}

/// Whether the method called returns something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// `void`.
    Void,
    /// An object, or null.
    Object,
}

/// Decodes one return that comes in pieces.
#[derive(Debug)]
pub struct ReplyDecoder {
    returns: Returns,
    header: Option<(ReturnId, u8)>,
    decoder: Decoder,
}

impl ReplyDecoder {
    /// A decoder for one return.
    pub fn new(returns: Returns, limits: Limits) -> Self {
        Self {
            returns,
            header: None,
            decoder: Decoder::new(limits),
        }
    }

    /// As [`Decoder::decode`]: takes what it can, `None` until the return is complete.
    pub fn decode(&mut self, bytes: &mut &[u8]) -> Result<Option<Reply>, DecodeError> {
        let (id, kind) = match self.header {
            Some(header) => header,
            None => match header(bytes) {
                Ok(read) => *self.header.insert(read),
                Err(Stop::More) => return Ok(None),
                Err(Stop::Bad(error)) => return Err(error),
            },
        };
        if kind == VALUE && self.returns == Returns::Void {
            return Ok(Some(Reply {
                id,
                outcome: Outcome::Void,
            }));
        }
        let Some(decoded) = self.decoder.decode(bytes)? else {
            return Ok(None);
        };
        let outcome = if kind == EXCEPTION || decoded.aborted {
            Outcome::Exception(decoded)
        } else {
            Outcome::Value(decoded)
        };
        Ok(Some(Reply { id, outcome }))
    }
}

/// Checked byte by byte, so that a peer which speaks something else is found out by its first byte.
fn header(bytes: &mut &[u8]) -> Result<(ReturnId, u8), Stop> {
    let mut input = Input::new(bytes);
    let wanted = [RETURN]
        .into_iter()
        .chain(STREAM_HEADER)
        .chain([TC_BLOCKDATA, HEADER_BLOCK]);
    for (position, wanted) in wanted.enumerate() {
        let found = input.u8()?;
        if found != wanted {
            return Err(DecodeError::Unexpected {
                found,
                expected: "the header of a return",
                position,
            }
            .into());
        }
    }
    let kind = input.u8()?;
    if kind != VALUE && kind != EXCEPTION {
        return Err(DecodeError::Unexpected {
            found: kind,
            expected: "1 (value) or 2 (exception)",
            position: 7,
        }
        .into());
    }
    let id = input.array()?;
    *bytes = input.rest();
    Ok((id, kind))
}
