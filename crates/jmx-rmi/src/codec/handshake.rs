//! The first bytes of a connection: RMI specification, section 10.2, `Header` and `ProtocolAck`.

use super::decoder::{Input, Stop};
use super::{DecodeError, mutf8};

/// `JRMI`, version 2, `StreamProtocol`: calls and returns one after another on one connection.
pub const HELLO: [u8; 7] = *b"JRMI\0\x02\x4b";
/// `ProtocolAck` and `ProtocolNotSupported`.
const ACK: u8 = 0x4e;
const NOT_SUPPORTED: u8 = 0x4f;

/// What a peer answered to [`HELLO`].
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// An RMI server, and the bytes its answer took.
    Rmi(usize),
    /// An RMI server which does not do the stream protocol.
    Refused,
    /// Something else.
    Other,
}

/// Reads the answer: acknowledgement, and host and port of this client as the server sees it. `None`: more is needed.
pub fn answer(bytes: &[u8]) -> Option<Answer> {
    match bytes {
        [] => None,
        [ACK, rest @ ..] => match end_point(rest) {
            Ok(rest) => Some(Answer::Rmi(bytes.len() - rest)),
            Err(Stop::More) => None,
            Err(Stop::Bad(_)) => Some(Answer::Other),
        },
        [NOT_SUPPORTED, ..] => Some(Answer::Refused),
        _ => Some(Answer::Other),
    }
}

/// Returns how much is left behind it.
fn end_point(bytes: &[u8]) -> Result<usize, Stop> {
    /// A host name has at most 253 characters; an IPv6 address with a scope less.
    const HOST: usize = 255;
    let mut input = Input::new(bytes);
    let host = input.utf()?;
    if host.len() > HOST {
        return Err(DecodeError::Length(host.len() as i64).into());
    }
    mutf8::decode(host)?;
    input.i32()?;
    Ok(input.rest().len())
}

/// What the client says of itself: no host, no port, as JDK clients do that do not listen.
pub fn own_end_point(out: &mut Vec<u8>) {
    out.extend([0, 0, 0, 0, 0, 0]);
}

/// A TLS record: an alert or a handshake message, of any version.
pub fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x15 | 0x16, 0x03, ..])
}

/// What the first bytes of a peer look like, for the message to the person who mistyped a port.
pub fn looks_like(bytes: &[u8]) -> String {
    /// Bytes quoted.
    const QUOTE: usize = 24;
    match bytes {
        [] => "it closed the connection without a word".to_owned(),
        [b'H', b'T', b'T', b'P', b'/', ..] => "it answered like an HTTP server".to_owned(),
        _ if is_tls(bytes) => "it answered like a TLS server".to_owned(),
        [b'S', b'S', b'H', b'-', ..] => "it answered like an SSH server".to_owned(),
        [NOT_SUPPORTED, ..] => "it refused the RMI stream protocol".to_owned(),
        _ => {
            let quoted = bytes.get(..QUOTE).unwrap_or(bytes);
            format!("it answered \"{}\"", quoted.escape_ascii())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_may_come_in_pieces() {
        let whole = b"\x4e\x00\x09127.0.0.1\x00\x00\xd4\x31next";
        let end = whole.len() - 4;
        for at in 0..end {
            assert_eq!(answer(&whole[..at]), None, "{at}");
        }
        assert_eq!(answer(whole), Some(Answer::Rmi(end)));
    }

    #[test]
    fn strangers_are_described() {
        assert_eq!(answer(b"HTTP/1.1 400"), Some(Answer::Other));
        assert_eq!(
            looks_like(b"HTTP/1.1 400"),
            "it answered like an HTTP server"
        );
        assert_eq!(
            looks_like(b"\x15\x03\x01\0"),
            "it answered like a TLS server"
        );
        assert_eq!(looks_like(b"what\n"), "it answered \"what\\n\"");
    }

    #[test]
    fn a_host_name_that_long_is_none() {
        assert_eq!(answer(&[0x4e, 0xff, 0xff]), None);
        let mut long = vec![0x4e, 0x01, 0x00];
        long.extend([b'x'; 256]);
        assert_eq!(answer(&long), Some(Answer::Other));
    }
}
