//! Requests that read and their answers, as bytes. Pure.
//!
//! Source: `zookeeper.jute`, `ZooDefs.OpCode` and `KeeperException.Code` of ZooKeeper. Every
//! message has its length before it; answers come in the order of their requests.

use bytes::{Buf, BytesMut};

use super::jute::{Malformed, Reader, put_buffer, put_frame};

/// Largest answer that is taken: what Java's client took by default in 3.5. A list of children
/// may be longer than the 1 MB that a node's data may have.
pub const MAX_FRAME: usize = 4 << 20;

/// `OpCode.auth` and `OpCode.closeSession`.
const AUTH: i32 = 100;
const CLOSE: i32 = -11;
/// The number under which the former is answered.
pub const AUTH_XID: i32 = -4;

/// Answers without a request: watches, which we never set, and pings.
pub const UNASKED: [i32; 2] = [-1, -2];

/// What to read of a node. The numbers are ZooKeeper's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Its data: `getData`.
    Data = 4,
    /// The names of the nodes below it: `getChildren`.
    Children = 8,
}

/// A node and what to read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What.
    pub op: Op,
    /// The whole path.
    pub path: String,
}

impl Request {
    /// Appends the request; it sets no watch.
    pub fn encode(&self, xid: i32, out: &mut Vec<u8>) {
        put_frame(out, |out| {
            out.extend(xid.to_be_bytes());
            out.extend((self.op as i32).to_be_bytes());
            put_buffer(out, self.path.as_bytes());
            out.push(0);
        });
    }
}

/// Appends `AuthPacket`: who we are, by a scheme such as `digest`.
pub fn encode_auth(scheme: &str, auth: &str, out: &mut Vec<u8>) {
    put_frame(out, |out| {
        out.extend(AUTH_XID.to_be_bytes());
        out.extend(AUTH.to_be_bytes());
        out.extend([0; 4]); // type: always 0
        put_buffer(out, scheme.as_bytes());
        put_buffer(out, auth.as_bytes());
    });
}

/// Appends the good-bye, which ends the session.
pub fn encode_close(xid: i32, out: &mut Vec<u8>) {
    put_frame(out, |out| {
        out.extend(xid.to_be_bytes());
        out.extend(CLOSE.to_be_bytes());
    });
}

/// What is known of a session: enough to go on with it on another connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Never 0.
    pub id: i64,
    /// What the server gave us to prove that it is ours. Not to be shown.
    pub password: Vec<u8>,
}

/// Appends `ConnectRequest`: a new session, or an old one again. A server that has not yet seen
/// `zxid` refuses, so that we never go back in time by changing servers.
pub fn encode_connect(ticket: Option<&Ticket>, zxid: i64, timeout_ms: i32, out: &mut Vec<u8>) {
    put_frame(out, |out| {
        out.extend([0; 4]); // protocol version
        out.extend(zxid.to_be_bytes());
        out.extend(timeout_ms.to_be_bytes());
        out.extend(ticket.map_or(0, |ticket| ticket.id).to_be_bytes());
        put_buffer(out, ticket.map_or(&[0; 16], |ticket| &ticket.password));
        out.push(0); // a server that is cut off from its ensemble is not wanted
    });
}

/// Reads `ConnectResponse`: the session and its time-out in ms; `None` where the old one is over.
pub fn decode_connect(body: &[u8]) -> Result<Option<(Ticket, u64)>, Malformed> {
    let mut reader = Reader::new(body);
    reader.int()?; // protocol version
    let timeout = reader.int()?;
    let id = reader.long()?;
    let password = reader.buffer()?.unwrap_or_default().to_vec();
    let timeout = u64::try_from(timeout).unwrap_or(0);
    Ok((id != 0 && timeout > 0).then_some((Ticket { id, password }, timeout)))
}

/// Why a node could not be read: a negative number of `KeeperException.Code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(pub i32);

impl Code {
    /// There is no such node.
    pub const NO_NODE: Self = Self(-101);
    /// An ACL keeps us out.
    pub const NO_AUTH: Self = Self(-102);
}

/// Head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The request's number, or one of [`UNASKED`].
    pub xid: i32,
    /// The last transaction that the server had seen.
    pub zxid: i64,
    /// Why there is no answer.
    pub error: Option<Code>,
}

/// Reads `ReplyHeader`; what follows stays in the reader.
pub fn decode_head(reader: &mut Reader<'_>) -> Result<Head, Malformed> {
    let (xid, zxid, code) = (reader.int()?, reader.long()?, reader.int()?);
    let error = (code != 0).then_some(Code(code));
    Ok(Head { xid, zxid, error })
}

/// What was asked for, still in the connection's buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload<'a> {
    /// A node's data; null data is empty.
    Data(&'a [u8]),
    /// The names below a node, in no order. What is no text cannot be asked for again.
    Children {
        /// The names.
        names: Vec<&'a str>,
        /// How many more are no text.
        unreadable: usize,
    },
}

/// Reads the answer to a request of this kind.
pub fn decode_payload<'a>(op: Op, reader: &mut Reader<'a>) -> Result<Payload<'a>, Malformed> {
    match op {
        Op::Data => Ok(Payload::Data(reader.buffer()?.unwrap_or_default())),
        Op::Children => {
            let (mut names, mut unreadable) = (Vec::new(), 0);
            for _ in 0..reader.count()? {
                match std::str::from_utf8(reader.buffer()?.unwrap_or_default()) {
                    Ok(name) => names.push(name),
                    Err(_) => unreadable += 1,
                }
            }
            Ok(Payload::Children { names, unreadable })
        }
    }
}

/// Cuts the next whole message off; `None` until it is there.
pub fn take_frame(received: &mut BytesMut) -> Result<Option<BytesMut>, Malformed> {
    let Some(&length) = received.first_chunk() else {
        return Ok(None);
    };
    let length = i32::from_be_bytes(length);
    let size = usize::try_from(length).map_err(|_| Malformed::Length(length))?;
    if size > MAX_FRAME {
        return Err(Malformed::Length(length));
    }
    if received.len() < 4 + size {
        return Ok(None);
    }
    received.advance(4);
    Ok(Some(received.split_to(size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What ZooKeeper 3.5.9 and 3.9.4 answered.
    fn recorded() -> Vec<(String, Vec<u8>)> {
        let text = include_str!("../../../../tests/data/zookeeper_client/answers.txt");
        let bytes = |hex: &str| -> Vec<u8> {
            let digits = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
            let pairs = hex.as_bytes().chunks(2);
            pairs.map(|pair| digits(pair).unwrap()).collect()
        };
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let parts = lines.map(|line| line.split_once(' ').unwrap());
        parts
            .map(|(name, hex)| (name.to_owned(), bytes(hex)))
            .collect()
    }

    fn answer_of(name: &str) -> Vec<u8> {
        let all = recorded();
        all.into_iter().find(|(known, _)| known == name).unwrap().1
    }

    fn body(name: &str) -> BytesMut {
        let mut received = BytesMut::from(answer_of(name).as_slice());
        let frame = take_frame(&mut received).unwrap().unwrap();
        assert!(received.is_empty(), "{name}: more than one message");
        frame
    }

    #[test]
    fn answers_of_real_servers_are_read() {
        for version in ["3.5.9", "3.9.4"] {
            let connected = decode_connect(&body(&format!("{version}-connect")));
            let (ticket, timeout) = connected.unwrap().unwrap();
            assert_eq!((ticket.password.len(), timeout), (16, 6_000));
            let expired = decode_connect(&body(&format!("{version}-expired")));
            assert!(expired.unwrap().is_none());

            let data = body(&format!("{version}-data"));
            let mut reader = Reader::new(&data);
            let head = decode_head(&mut reader).unwrap();
            assert_eq!((head.xid, head.error), (1, None));
            let payload = decode_payload(Op::Data, &mut reader).unwrap();
            assert_eq!(payload, Payload::Data(b"42"));
            // The node's `Stat`, which we do not need.
            assert_eq!(reader.rest().len(), 68);

            let children = body(&format!("{version}-children"));
            let mut reader = Reader::new(&children);
            assert_eq!(decode_head(&mut reader).unwrap().xid, 2);
            let payload = decode_payload(Op::Children, &mut reader).unwrap();
            let Payload::Children {
                mut names,
                unreadable,
            } = payload
            else {
                panic!("{payload:?}");
            };
            names.sort_unstable();
            assert_eq!((names, unreadable), (vec!["0", "1", "größe"], 0));
            assert!(reader.rest().is_empty());

            for (name, code) in [("no-node", Code::NO_NODE), ("no-auth", Code::NO_AUTH)] {
                let refused = body(&format!("{version}-{name}"));
                let head = decode_head(&mut Reader::new(&refused)).unwrap();
                assert_eq!(head.error, Some(code), "{version}");
            }
        }
    }

    #[test]
    fn rubbish_is_an_error_or_short_and_costs_no_memory() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let recorded = recorded();
        for _ in 0..2_000 {
            let (_, bytes) = &recorded[random.usize(..recorded.len())];
            let mut bytes = bytes.clone();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            bytes.truncate(random.usize(..=bytes.len()));
            let mut received = BytesMut::from(bytes.as_slice());
            let Ok(Some(frame)) = take_frame(&mut received) else {
                continue;
            };
            drop(decode_connect(&frame));
            for op in [Op::Data, Op::Children] {
                let mut reader = Reader::new(&frame);
                if decode_head(&mut reader).is_ok() {
                    drop(decode_payload(op, &mut reader));
                }
            }
        }
    }

    #[test]
    fn a_name_that_is_no_text_costs_itself() {
        let bytes = b"\0\0\0\x03\0\0\0\x01a\0\0\0\x02\xed\xa0\xff\xff\xff\xff";
        let payload = decode_payload(Op::Children, &mut Reader::new(bytes)).unwrap();
        let names = vec!["a", ""];
        let unreadable = 1;
        assert_eq!(payload, Payload::Children { names, unreadable });
    }

    #[test]
    fn a_message_is_cut_off_when_it_is_whole_and_never_awaited_when_it_is_too_long() {
        let whole = answer_of("3.9.4-data");
        let mut received = BytesMut::new();
        for (index, byte) in whole.iter().enumerate() {
            assert_eq!(take_frame(&mut received), Ok(None), "after {index} bytes");
            received.extend([*byte]);
        }
        let frame = take_frame(&mut received).unwrap().unwrap();
        assert_eq!(frame, whole[4..]);
        // What a web server says looks like a length of 1.2 GB.
        let mut received = BytesMut::from("HTTP/1.1 400 Bad Request");
        assert!(take_frame(&mut received).is_err());
        let mut received = BytesMut::from([255; 8].as_slice());
        assert_eq!(take_frame(&mut received), Err(Malformed::Length(-1)));
    }

    #[test]
    fn requests_are_what_zookeeper_expects() {
        let mut out = Vec::new();
        let path = "/a".to_owned();
        let request = Request { op: Op::Data, path };
        request.encode(7, &mut out);
        assert_eq!(
            out,
            b"\0\0\0\x0f\0\0\0\x07\0\0\0\x04\0\0\0\x02/a\0".as_slice()
        );
        out.clear();
        encode_connect(None, 3, 6_000, &mut out);
        let head = b"\0\0\0\x2d\0\0\0\0\0\0\0\0\0\0\0\x03\0\0\x17\x70\0\0\0\0\0\0\0\0\0\0\0\x10";
        assert_eq!(out, [head.as_slice(), &[0; 17]].concat());
        out.clear();
        encode_auth("digest", "me:pw", &mut out);
        let auth = b"\0\0\0\x1f\xff\xff\xff\xfc\0\0\0\x64\0\0\0\0\0\0\0\x06digest\0\0\0\x05me:pw";
        assert_eq!(out, auth);
        out.clear();
        encode_close(9, &mut out);
        assert_eq!(out, b"\0\0\0\x08\0\0\0\x09\xff\xff\xff\xf5");
    }
}
