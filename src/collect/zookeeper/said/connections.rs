//! Who is connected: `cons`, and the AdminServer's `connections`.

use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// More connections are counted and not kept, some 15 MB of them: a server has some thousands, and what claims to have
/// more than this is none.
const MAX_CONNECTIONS: usize = 50_000;

/// Letters of an operation's name that are kept.
const LONGEST_WORD: usize = 32;

/// A client's connection.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::collect::zookeeper) struct Connection {
    /// None before the client has opened one, and with those who ask by words.
    pub(in crate::collect::zookeeper) session: Option<u64>,
    pub(in crate::collect::zookeeper) ip: String,
    pub(in crate::collect::zookeeper) port: Option<u16>,
    pub(in crate::collect::zookeeper) interest_ops: Option<i64>,
    pub(in crate::collect::zookeeper) queued: Option<i64>,
    pub(in crate::collect::zookeeper) received: Option<i64>,
    pub(in crate::collect::zookeeper) sent: Option<i64>,
    pub(in crate::collect::zookeeper) last_operation: Option<String>,
    /// Milliseconds since the epoch.
    pub(in crate::collect::zookeeper) established: Option<i64>,
    pub(in crate::collect::zookeeper) timeout: Option<i64>,
    pub(in crate::collect::zookeeper) last_zxid: Option<i64>,
    pub(in crate::collect::zookeeper) latency: Latency,
}

/// Milliseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::collect::zookeeper) struct Latency {
    pub(in crate::collect::zookeeper) last: Option<i64>,
    pub(in crate::collect::zookeeper) min: Option<i64>,
    pub(in crate::collect::zookeeper) avg: Option<i64>,
    pub(in crate::collect::zookeeper) max: Option<i64>,
}

/// All connections that were told.
#[derive(Debug, Default, PartialEq)]
pub(in crate::collect::zookeeper) struct Connections {
    pub(in crate::collect::zookeeper) all: Vec<Connection>,
    /// Lines that are no connection.
    pub(in crate::collect::zookeeper) strange: usize,
    /// Connections beyond the bound.
    pub(in crate::collect::zookeeper) left_out: usize,
}

impl Connections {
    /// Of the word `cons`: a line each.
    pub(super) fn of_words(text: &str) -> Self {
        let mut connections = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line_of(line) {
                Some(_) if connections.is_full() => connections.left_out += 1,
                Some(connection) => connections.all.push(connection),
                None => connections.strange += 1,
            }
        }
        connections
    }

    /// Of the command `connections`: those of the plain port and those of the secure one.
    pub(super) fn of_admin(text: &str) -> Result<Self, serde_json::Error> {
        let mut told: Told = serde_json::from_str(text)?;
        let mut connections = told.connections;
        let room = MAX_CONNECTIONS - connections.all.len();
        let secure = &mut told.secure_connections;
        secure.left_out += secure.all.len().saturating_sub(room);
        connections.left_out += secure.left_out;
        connections.all.extend(secure.all.drain(..).take(room));
        Ok(connections)
    }

    fn is_full(&self) -> bool {
        self.all.len() >= MAX_CONNECTIONS
    }
}

/// Of an array, one after the other: a short text may have millions of them.
impl<'de> Deserialize<'de> for Connections {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Array;
        impl<'de> Visitor<'de> for Array {
            type Value = Connections;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array of connections")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Connections, A::Error> {
                let mut connections = Connections::default();
                while !connections.is_full()
                    && let Some(client) = from.next_element::<Client>()?
                {
                    connections.all.push(client.into());
                }
                while from.next_element::<IgnoredAny>()?.is_some() {
                    connections.left_out += 1;
                }
                Ok(connections)
            }
        }
        from.deserialize_seq(Array)
    }
}

/// ` /127.0.0.1:37516[1](queued=0,recved=471,sent=475,sid=0x1000042a1f20000,…)`
fn line_of(line: &str) -> Option<Connection> {
    let (head, values) = line.split_once("](")?;
    let values = values.strip_suffix(')')?;
    let (address, interest_ops) = head.rsplit_once('[')?;
    let (ip, port) = address_of(address);
    let mut connection = Connection {
        ip,
        port,
        interest_ops: i64::from_str_radix(interest_ops, 16).ok(),
        ..Connection::default()
    };
    for (name, value) in values.split(',').filter_map(|pair| pair.split_once('=')) {
        set(&mut connection, name, value);
    }
    Some(connection)
}

fn set(connection: &mut Connection, name: &str, value: &str) {
    let number = value.parse::<i64>().ok();
    let hexadecimal = || u64::from_str_radix(value.trim_start_matches("0x"), 16).ok();
    let to = match name {
        "queued" => &mut connection.queued,
        "recved" => &mut connection.received,
        "sent" => &mut connection.sent,
        "est" => &mut connection.established,
        "to" => &mut connection.timeout,
        "llat" => &mut connection.latency.last,
        "minlat" => &mut connection.latency.min,
        "avglat" => &mut connection.latency.avg,
        "maxlat" => &mut connection.latency.max,
        "sid" => {
            connection.session = hexadecimal().filter(|id| *id != 0);
            return;
        }
        "lop" => {
            connection.last_operation = Some(word(value));
            return;
        }
        "lzxid" => {
            connection.last_zxid = hexadecimal().map(u64::cast_signed);
            return;
        }
        // `lcxid` counts a client's requests as `recved` does; `lresp` is in a clock of the server's own.
        _ => return,
    };
    *to = number;
}

/// `GETC`: the servers' own have six letters at most.
fn word(text: &str) -> String {
    text.chars().take(LONGEST_WORD).collect()
}

/// `/127.0.0.1:37516`, `name/127.0.0.1:37516`, `/[0:0:0:0:0:0:0:1]:37516`, or without brackets up to Java 13.
fn address_of(text: &str) -> (String, Option<u16>) {
    let text = text.rsplit_once('/').map_or(text, |(_, address)| address);
    let (ip, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let ip = ip.trim_start_matches('[').trim_end_matches(']');
    (ip.to_owned(), port.parse().ok())
}

/// What the AdminServer tells.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    connections: Connections,
    /// Since 3.5.4.
    #[serde(default)]
    secure_connections: Connections,
}

#[derive(Deserialize)]
struct Client {
    remote_socket_address: Option<String>,
    interest_ops: Option<i64>,
    outstanding_requests: Option<i64>,
    packets_received: Option<i64>,
    packets_sent: Option<i64>,
    session_id: Option<i64>,
    last_operation: Option<String>,
    established: Option<i64>,
    session_timeout: Option<i64>,
    last_zxid: Option<i64>,
    last_latency: Option<i64>,
    min_latency: Option<i64>,
    avg_latency: Option<i64>,
    max_latency: Option<i64>,
}

impl From<Client> for Connection {
    fn from(client: Client) -> Self {
        let (ip, port) = address_of(client.remote_socket_address.as_deref().unwrap_or(""));
        let session = client.session_id.map(i64::cast_unsigned);
        let session = session.filter(|id| *id != 0);
        // Without a session these say nothing; the word `cons` leaves them out.
        let of_session = |value: Option<i64>| value.filter(|_| session.is_some());
        Self {
            session,
            ip,
            port,
            interest_ops: client.interest_ops,
            queued: client.outstanding_requests,
            received: client.packets_received,
            sent: client.packets_sent,
            last_operation: client
                .last_operation
                .filter(|_| session.is_some())
                .map(|name| word(&name)),
            established: of_session(client.established),
            timeout: of_session(client.session_timeout),
            last_zxid: of_session(client.last_zxid),
            latency: Latency {
                last: of_session(client.last_latency),
                min: of_session(client.min_latency),
                avg: of_session(client.avg_latency),
                max: of_session(client.max_latency),
            },
        }
    }
}
