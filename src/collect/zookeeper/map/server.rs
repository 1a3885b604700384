//! `srvr`, `ruok`, `isro`, `wchs`, `dirs`: how a server is. `conf` and `envi`: what it is. One document for all.

use super::lines::{Kind, Leftover, Line, put, version};
use crate::collect::zookeeper::said::{Part, Said};
use crate::document::Document;

use Kind::{First, Real, Text, Version, Whole};

const SERVER: &[Line] = &[
    ("version", "zookeeper.server.version", Version),
    ("min_latency", "zookeeper.server.latency.min", Real),
    ("avg_latency", "zookeeper.server.latency.avg", Real),
    ("max_latency", "zookeeper.server.latency.max", Real),
    ("packets_received", "zookeeper.server.received", Whole),
    ("packets_sent", "zookeeper.server.sent", Whole),
    (
        "num_alive_connections",
        "zookeeper.server.connections",
        Whole,
    ),
    (
        "outstanding_requests",
        "zookeeper.server.outstanding",
        Whole,
    ),
    ("zxid", "zookeeper.server.zxid", Text),
    ("server_state", "zookeeper.server.mode", Text),
    ("node_count", "zookeeper.server.node_count", Whole),
    (
        "last_proposal_size",
        "zookeeper.server.proposal_size.last",
        Whole,
    ),
    (
        "min_proposal_size",
        "zookeeper.server.proposal_size.min",
        Whole,
    ),
    (
        "max_proposal_size",
        "zookeeper.server.proposal_size.max",
        Whole,
    ),
];

const WATCHES: &[Line] = &[
    (
        "num_connections",
        "zookeeper.server.watches.connections",
        Whole,
    ),
    ("num_paths", "zookeeper.server.watches.paths", Whole),
    ("num_total_watches", "zookeeper.server.watches.count", Whole),
];

const DIRECTORIES: &[Line] = &[
    ("datadir_size", "zookeeper.server.directory.data", Whole),
    ("logdir_size", "zookeeper.server.directory.log", Whole),
];

/// Up to 3.8.3 and 3.9.1 each size is called by the other's name (ZOOKEEPER-4730).
const DIRECTORIES_SWAPPED: &[Line] = &[
    ("datadir_size", "zookeeper.server.directory.log", Whole),
    ("logdir_size", "zookeeper.server.directory.data", Whole),
];

/// Without a version nobody knows which is which.
const DIRECTORIES_ELSE: &[&str] = &["datadir_size", "logdir_size"];

const CONFIGURATION: &[Line] = &[
    (
        "client_port",
        "zookeeper.server.configuration.client_port",
        Whole,
    ),
    (
        "secure_client_port",
        "zookeeper.server.configuration.secure_client_port",
        Whole,
    ),
    ("data_dir", "zookeeper.server.configuration.data_dir", Text),
    (
        "data_log_dir",
        "zookeeper.server.configuration.data_log_dir",
        Text,
    ),
    (
        "tick_time",
        "zookeeper.server.configuration.tick_time",
        Whole,
    ),
    (
        "max_client_cnxns",
        "zookeeper.server.configuration.max_client_connections",
        Whole,
    ),
    (
        "min_session_timeout",
        "zookeeper.server.configuration.min_session_timeout",
        Whole,
    ),
    (
        "max_session_timeout",
        "zookeeper.server.configuration.max_session_timeout",
        Whole,
    ),
    (
        "init_limit",
        "zookeeper.server.configuration.init_limit",
        Whole,
    ),
    (
        "sync_limit",
        "zookeeper.server.configuration.sync_limit",
        Whole,
    ),
    (
        "election_port",
        "zookeeper.server.configuration.election_port",
        First,
    ),
    (
        "quorum_port",
        "zookeeper.server.configuration.quorum_port",
        First,
    ),
    ("version", "zookeeper.server.configuration.version", Text),
];

/// The sizes stand in `dirs`, the id in the key; there is but one algorithm of election; members are the ensemble's. What
/// `peer_type` is a number for becomes a word.
const CONFIGURATION_ELSE: &[&str] = &[
    "data_dir_size",
    "data_log_size",
    "server_id",
    "election_alg",
    "client_port_listen_backlog",
    "peer_type",
    "server.",
];

const ENVIRONMENT: &[Line] = &[
    (
        "java.version",
        "zookeeper.server.environment.java.version",
        Text,
    ),
    (
        "java.vendor",
        "zookeeper.server.environment.java.vendor",
        Text,
    ),
    ("os.name", "zookeeper.server.environment.os.name", Text),
    (
        "os.version",
        "zookeeper.server.environment.os.version",
        Text,
    ),
    ("os.arch", "zookeeper.server.environment.os.arch", Text),
];

/// Paths, users and memory of the JVM: of no use for a series, or in the preset `jvm`.
const ENVIRONMENT_ELSE: &[&str] = &[
    "zookeeper.version",
    "host.name",
    "java.",
    "os.memory.",
    "user.",
    "jvm.",
];

/// A word, what it said, its lines, and what is left out of it on purpose.
type Asked<'a> = (
    &'static str,
    &'a Option<Part<'a>>,
    &'static [Line],
    &'static [&'static str],
);

/// Puts everything into one document. What could not be put stands beside the word that said it.
pub(super) fn put_all(said: &Said<'_>, document: &mut Document) -> Vec<(&'static str, Leftover)> {
    let parts: [Asked<'_>; 5] = [
        ("srvr", &said.server, SERVER, &[]),
        ("wchs", &said.watches, WATCHES, &[]),
        (
            "dirs",
            &said.directories,
            directories(said),
            DIRECTORIES_ELSE,
        ),
        (
            "conf",
            &said.configuration,
            CONFIGURATION,
            CONFIGURATION_ELSE,
        ),
        ("envi", &said.environment, ENVIRONMENT, ENVIRONMENT_ELSE),
    ];
    let mut leftovers = Vec::new();
    for (word, part, lines, known) in parts {
        if let Some(part) = part {
            leftovers.push((word, put(part, lines, known, document)));
        }
    }
    if let Some((epoch, count)) = said.server.as_ref().and_then(zxid) {
        document.set("zookeeper.server.epoch", epoch);
        document.set("zookeeper.server.count", count);
    }
    if let Some(word) = said.configuration.as_ref().and_then(peer_type) {
        document.set("zookeeper.server.configuration.peer_type", word);
    }
    let flags = [
        ("zookeeper.server.ok", said.is_alive),
        ("zookeeper.server.read_only", said.is_read_only),
    ];
    for (field, flag) in flags {
        flag.into_iter().for_each(|flag| document.set(field, flag));
    }
    leftovers
}

fn directories(said: &Said<'_>) -> &'static [Line] {
    let mut parts = [&said.server, &said.monitor].into_iter().flatten();
    let version = parts.find_map(|part| part.get("version")).map(version);
    let mut numbers = version.unwrap_or("").split('.').map(str::parse::<u32>);
    match [numbers.next(), numbers.next(), numbers.next()] {
        [Some(Ok(3)), Some(Ok(..=7)), _]
        | [Some(Ok(3)), Some(Ok(8)), Some(Ok(..=3))]
        | [Some(Ok(3)), Some(Ok(9)), Some(Ok(..=1))] => DIRECTORIES_SWAPPED,
        [Some(Ok(_)), ..] => DIRECTORIES,
        _ => &[],
    }
}

/// The word for the number.
fn peer_type(part: &Part<'_>) -> Option<&'static str> {
    match part.get("peer_type")? {
        "0" => Some("participant"),
        "1" => Some("observer"),
        _ => None,
    }
}

/// Epoch and counter of a zxid: its upper and lower 32 bits.
fn zxid(part: &Part<'_>) -> Option<(u64, u64)> {
    let hex = part.get("zxid")?.strip_prefix("0x")?;
    let number = u64::from_str_radix(hex, 16).ok()?;
    Some((number >> 32, number & 0xffff_ffff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_directories_have_their_right_names() {
        let of = |version: &str| {
            let part = |figures: &[(&str, &str)]| Part {
                figures: figures
                    .iter()
                    .map(|(name, value)| (name.to_string().into(), value.to_string().into()))
                    .collect(),
                strange: 0,
            };
            let said = Said {
                server: Some(part(&[("version", version)])),
                directories: Some(part(&[("datadir_size", "1"), ("logdir_size", "2")])),
                ..Said::default()
            };
            let mut document = Document::new("zookeeper.server", "server");
            let leftovers = put_all(&said, &mut document);
            assert!(
                leftovers
                    .iter()
                    .all(|(_, left)| *left == Leftover::default())
            );
            let size = |name: &str| document.get(name).and_then(|value| value.as_u64());
            ["data", "log"].map(|name| size(&format!("zookeeper.server.directory.{name}")))
        };
        let (right, swapped) = ([Some(1), Some(2)], [Some(2), Some(1)]);
        for version in [
            "3.5.9-83df9301aa5c2a5d284a9940177808c01bc35cef, built on 01/06/2021 20:03 GMT",
            "3.7.2",
            "3.8.3",
            "3.9.1",
        ] {
            assert_eq!(of(version), swapped, "{version}");
        }
        for version in [
            "3.8.4",
            "3.9.2",
            "3.9.4-7246445e, built on 2025-08-19",
            "3.10.0",
            "4.0",
        ] {
            assert_eq!(of(version), right, "{version}");
        }
        assert_eq!(of("unknown"), [None, None]);
    }
}
