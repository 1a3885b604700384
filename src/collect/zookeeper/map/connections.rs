//! Sessions: those that matter most have a document each, all together have one.
//!
//! A session with requests that wait comes first, then the one with most packets. Packets only grow, so who has a document
//! keeps it from tick to tick, until a busier one comes. Connections without a session are counted only: questions by words
//! are among them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::clock::Millis;
use crate::collect::zookeeper::said::{Connection, Connections};
use crate::document::Document;

/// What `brokerbeat.rest.ranked_by` says.
const RANKED_BY: [&str; 3] = [
    "zookeeper.connection.queued",
    "zookeeper.connection.received",
    "zookeeper.connection.sent",
];

/// At most `budget` documents of sessions and one about all connections. `is_whole`: nothing was cut off.
pub(super) fn documents(
    connections: &Connections,
    server_id: &str,
    budget: usize,
    is_whole: bool,
) -> Vec<Document> {
    let new =
        |kind| Document::new("zookeeper.connection", kind).key("zookeeper.server.id", server_id);
    let mut sessions = sessions(&connections.all);
    let members = sessions.len();
    sessions.sort_by_key(|(id, connection)| (Reverse(weight(connection)), *id));
    sessions.truncate(budget);
    let left_out = members - sessions.len();
    let mut documents: Vec<Document> = sessions
        .iter()
        .map(|(id, connection)| session(new("session"), *id, connection))
        .collect();
    // Sums over a part of them would look like a change.
    if is_whole {
        let mut all = all(new("all"), &connections.all, members);
        if left_out > 0 {
            all = all
                .with("brokerbeat.rest.members", members)
                .with("brokerbeat.rest.left_out", left_out)
                .with("brokerbeat.rest.ranked_by", RANKED_BY.join(", "));
        }
        documents.push(all);
    }
    documents
}

/// By session. A client that came back may still have its old connection in the list: the newest one counts.
fn sessions(all: &[Connection]) -> Vec<(u64, &Connection)> {
    let mut sessions: BTreeMap<u64, &Connection> = BTreeMap::new();
    for connection in all {
        let Some(id) = connection.session else {
            continue;
        };
        let known = sessions.entry(id).or_insert(connection);
        if connection.established > known.established {
            *known = connection;
        }
    }
    sessions.into_iter().collect()
}

fn weight(connection: &Connection) -> (i64, i64) {
    let number = |number: Option<i64>| number.unwrap_or(0);
    let packets = number(connection.received).saturating_add(number(connection.sent));
    (number(connection.queued), packets)
}

fn session(document: Document, id: u64, connection: &Connection) -> Document {
    let latency = &connection.latency;
    let ip = connection.ip.parse::<IpAddr>().ok();
    let established = connection
        .established
        .and_then(|at| u64::try_from(at).ok())
        .map(|at| Millis(at).to_rfc3339());
    let zxid = connection.last_zxid.filter(|zxid| *zxid >= 0);
    document
        .key("zookeeper.connection.session_id", format!("{id:#x}"))
        .with_some("client.ip", ip.map(|ip| ip.to_string()))
        .with_some("client.port", connection.port)
        .with_some("zookeeper.connection.interest_ops", connection.interest_ops)
        .with_some("zookeeper.connection.queued", connection.queued)
        .with_some("zookeeper.connection.received", connection.received)
        .with_some("zookeeper.connection.sent", connection.sent)
        .with_some(
            "zookeeper.connection.last_operation",
            connection.last_operation.as_deref(),
        )
        .with_some(
            "zookeeper.connection.last_zxid",
            zxid.map(|zxid| format!("{zxid:#x}")),
        )
        .with_some("zookeeper.connection.established", established)
        .with_some("zookeeper.connection.timeout", connection.timeout)
        .with_some("zookeeper.connection.latency.last", latency.last)
        .with_some("zookeeper.connection.latency.min", latency.min)
        .with_some("zookeeper.connection.latency.avg", latency.avg)
        .with_some("zookeeper.connection.latency.max", latency.max)
}

fn all(document: Document, all: &[Connection], sessions: usize) -> Document {
    let clients: BTreeSet<&str> = all.iter().map(|connection| &*connection.ip).collect();
    let queued = || all.iter().filter_map(|connection| connection.queued);
    let sum = queued().fold(0, i64::saturating_add);
    let latency = all.iter().filter_map(|connection| connection.latency.max);
    document
        .with("zookeeper.connections.total", all.len())
        .with("zookeeper.connections.sessions", sessions)
        .with("zookeeper.connections.clients", clients.len())
        .with("zookeeper.connections.queued.sum", sum)
        .with_some("zookeeper.connections.queued.max", queued().max())
        .with_some("zookeeper.connections.latency.max", latency.max())
}
