//! Text → documents. Pure.

use serde_json::Value;

use super::Server;
use super::fetch::{Answers, WordError};
use crate::collect::{Fault, FaultKind};
use crate::document::Document;

/// How a figure of `mntr` becomes a field.
#[derive(Clone, Copy)]
enum Kind {
    Whole,
    Real,
    Text,
    Version,
}

use Kind::{Real, Text, Version, Whole};

/// `mntr`: key, field, kind. Names as Metricbeat has them; the averages are floats since 3.6.
const MNTR: &[(&str, &str, Kind)] = &[
    ("zk_version", "zookeeper.mntr.version", Version),
    ("zk_server_state", "zookeeper.mntr.server_state", Text),
    ("zk_avg_latency", "zookeeper.mntr.latency.avg", Real),
    ("zk_min_latency", "zookeeper.mntr.latency.min", Real),
    ("zk_max_latency", "zookeeper.mntr.latency.max", Real),
    (
        "zk_packets_received",
        "zookeeper.mntr.packets.received",
        Whole,
    ),
    ("zk_packets_sent", "zookeeper.mntr.packets.sent", Whole),
    (
        "zk_num_alive_connections",
        "zookeeper.mntr.num_alive_connections",
        Whole,
    ),
    (
        "zk_outstanding_requests",
        "zookeeper.mntr.outstanding_requests",
        Whole,
    ),
    ("zk_znode_count", "zookeeper.mntr.znode_count", Whole),
    ("zk_watch_count", "zookeeper.mntr.watch_count", Whole),
    (
        "zk_ephemerals_count",
        "zookeeper.mntr.ephemerals_count",
        Whole,
    ),
    (
        "zk_approximate_data_size",
        "zookeeper.mntr.approximate_data_size",
        Whole,
    ),
    (
        "zk_open_file_descriptor_count",
        "zookeeper.mntr.open_file_descriptor_count",
        Whole,
    ),
    (
        "zk_max_file_descriptor_count",
        "zookeeper.mntr.max_file_descriptor_count",
        Whole,
    ),
    ("zk_followers", "zookeeper.mntr.followers", Whole),
    ("zk_learners", "zookeeper.mntr.learners", Whole),
    (
        "zk_synced_followers",
        "zookeeper.mntr.synced_followers",
        Whole,
    ),
    ("zk_pending_syncs", "zookeeper.mntr.pending_syncs", Whole),
    ("zk_quorum_size", "zookeeper.mntr.quorum_size", Whole),
    ("zk_uptime", "zookeeper.mntr.uptime", Whole),
    ("zk_avg_fsynctime", "zookeeper.mntr.fsync.avg", Real),
    ("zk_max_fsynctime", "zookeeper.mntr.fsync.max", Real),
    (
        "zk_connection_rejected",
        "zookeeper.mntr.connection_rejected",
        Whole,
    ),
    (
        "zk_connection_drop_count",
        "zookeeper.mntr.connection_drop_count",
        Whole,
    ),
    (
        "zk_stale_sessions_expired",
        "zookeeper.mntr.stale_sessions_expired",
        Whole,
    ),
];

/// `srvr`: what stands before the colon, field, kind.
const SRVR: &[(&str, &str, Kind)] = &[
    ("Zookeeper version", "zookeeper.server.version", Version),
    ("Received", "zookeeper.server.received", Whole),
    ("Sent", "zookeeper.server.sent", Whole),
    ("Connections", "zookeeper.server.connections", Whole),
    ("Outstanding", "zookeeper.server.outstanding", Whole),
    ("Zxid", "zookeeper.server.zxid", Text),
    ("Mode", "zookeeper.server.mode", Text),
    ("Node count", "zookeeper.server.node_count", Whole),
];

const LATENCY: &[&str] = &[
    "zookeeper.server.latency.min",
    "zookeeper.server.latency.avg",
    "zookeeper.server.latency.max",
];

/// Documents of one server, and what could not be read in its answers.
pub(super) fn documents(
    server: &Server,
    id: &str,
    answers: &Answers,
) -> (Vec<Document>, Vec<Fault>) {
    let mut reader = Reader {
        address: &server.address,
        faults: Vec::new(),
    };
    let new = |dataset, kind| Document::new(dataset, kind).key("zookeeper.server.id", id);
    let mut documents = Vec::new();
    let ok = process_is_up(&answers.ruok);
    match &answers.srvr {
        Ok(text) => {
            let mut document = new("zookeeper.server", "srvr").with_some("zookeeper.server.ok", ok);
            reader.srvr(text, &mut document);
            documents.push(document);
        }
        // Alive, but `srvr` is not to be had: still worth a document.
        Err(_) if ok == Some(true) => {
            documents.push(new("zookeeper.server", "srvr").with_some("zookeeper.server.ok", ok));
        }
        Err(_) => {}
    }
    if let Ok(text) = &answers.mntr {
        let mut document = new("zookeeper.mntr", "mntr");
        if reader.mntr(text, &mut document) {
            documents.push(document);
        }
    }
    (documents, reader.faults)
}

/// `imok` says yes; a closed word or silence says nothing, and unknown is not "no".
fn process_is_up(ruok: &Result<String, WordError>) -> Option<bool> {
    match ruok {
        Ok(_) => Some(true),
        Err(WordError::NotWhitelisted { .. } | WordError::Timeout { .. }) => None,
        Err(_) => Some(false),
    }
}

/// Who the server is: its id in the ensemble, or its address where it has none (0 is what every
/// standalone server says) or does not tell. `None`: it may tell later, so nothing is written
/// under another name until then.
pub(super) fn server_id(server: &Server, conf: &Result<String, WordError>) -> Option<String> {
    let text = match conf {
        Ok(text) if text.contains("not currently serving") => return None,
        Ok(text) => text,
        Err(WordError::NotWhitelisted { .. } | WordError::Strange { .. }) => {
            return Some(server.address.clone());
        }
        Err(_) => return None,
    };
    let id = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("serverId="));
    let number = id
        .and_then(|id| id.trim().parse::<u64>().ok())
        .filter(|id| *id > 0);
    Some(number.map_or_else(|| server.address.clone(), |id| id.to_string()))
}

struct Reader<'a> {
    address: &'a str,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn mntr(&mut self, text: &str, document: &mut Document) -> bool {
        if self.not_serving("mntr", text) {
            return false;
        }
        for line in text.lines() {
            let Some((key, value)) = line.split_once('\t') else {
                continue;
            };
            if let Some((_, field, kind)) = MNTR.iter().find(|(name, ..)| *name == key.trim()) {
                self.set(document, field, *kind, key, value.trim());
            }
        }
        true
    }

    fn srvr(&mut self, text: &str, document: &mut Document) {
        if self.not_serving("srvr", text) {
            return;
        }
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let (key, value) = (key.trim(), value.trim());
            if key.starts_with("Latency") {
                self.latency(value, document);
            }
            if key == "Zxid" {
                zxid(value, document);
            }
            if let Some((_, field, kind)) = SRVR.iter().find(|(name, ..)| *name == key) {
                self.set(document, field, *kind, key, value);
            }
        }
    }

    /// `min/avg/max`, the mean a float since 3.6.
    fn latency(&mut self, value: &str, document: &mut Document) {
        for (field, part) in LATENCY.iter().zip(value.split('/')) {
            self.set(document, field, Real, "Latency", part.trim());
        }
    }

    fn set(
        &mut self,
        document: &mut Document,
        field: &'static str,
        kind: Kind,
        key: &str,
        text: &str,
    ) {
        let value: Option<Value> = match kind {
            // 3.6+ writes some whole numbers as `3.0`; a fraction is never cut off.
            Whole => whole(text).map(Value::from),
            Real => text.parse::<f64>().ok().map(Value::from),
            Text => Some(text.into()),
            Version => Some(version(text).into()),
        };
        match value {
            // -1 is ZooKeeper's "not known yet" (latencies of a leader that has served nothing).
            Some(value) if value.as_f64() == Some(-1.0) => {}
            Some(value) => document.set(field, value),
            None => self.faults.push(Fault::new(
                FaultKind::Partial,
                format!(
                    "{}: {key} is `{text}`, which is not a number of the expected kind",
                    self.address
                ),
            )),
        }
    }

    fn not_serving(&mut self, word: &str, text: &str) -> bool {
        let not_serving = text.contains("not currently serving");
        if not_serving {
            self.faults.push(Fault::new(
                FaultKind::Refused,
                format!(
                    "{word}: {} is not serving requests (no quorum, or still starting)",
                    self.address
                ),
            ));
        }
        not_serving
    }
}

fn whole(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(number);
    }
    text.strip_suffix(".0")?.parse().ok()
}

/// `3.9.4` of `3.9.4-7246445ec281f3dbf53dc54e970c914f39713903, built on 2025-08-19 19:53 UTC`.
fn version(text: &str) -> &str {
    text.split(['-', ',']).next().unwrap_or(text)
}

/// Epoch and counter of a zxid: its upper and lower 32 bits.
fn zxid(text: &str, document: &mut Document) {
    let Some(number) = text
        .strip_prefix("0x")
        .and_then(|hex| u64::from_str_radix(hex, 16).ok())
    else {
        return;
    };
    document.set("zookeeper.server.epoch", number >> 32);
    document.set("zookeeper.server.count", number & 0xffff_ffff);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        Server {
            host: "localhost".into(),
            port: 2181,
            address: "broker06:2181".into(),
        }
    }

    fn refused() -> Result<String, WordError> {
        Err(WordError::NotWhitelisted {
            address: "broker06:2181".into(),
        })
    }

    fn answers(srvr: &str, mntr: &str, conf: Option<&str>) -> Answers {
        Answers {
            srvr: Ok(srvr.into()),
            mntr: Ok(mntr.into()),
            ruok: Ok("imok".into()),
            conf: conf.map(Into::into).ok_or(WordError::Timeout {
                address: String::new(),
            }),
        }
    }

    /// Each capture `<version>-<state>` of a real server against the documents it must become.
    #[test]
    fn captures_of_real_servers_become_the_expected_documents() {
        crate::golden::cases("zookeeper", "-srvr.txt", |case| {
            let text = |word: &str| case.file(&format!("{}-{word}.txt", case.name));
            let conf = text("conf");
            let answers = answers(&text("srvr"), &text("mntr"), Some(&conf));
            let id = server_id(&server(), &answers.conf).unwrap();
            super::super::collected(&server(), &id, answers)
        });
    }

    #[test]
    fn a_closed_word_costs_only_its_own_part() {
        let mut answers = answers("Zookeeper version: 3.9.4-x\nMode: leader\n", "", None);
        answers.mntr = refused();
        let (documents, _) = documents(&server(), "1", &answers);
        assert_eq!(documents.len(), 1);
        assert_eq!(documents[0].get("zookeeper.server.mode").unwrap(), "leader");
        assert!(
            documents[0].get("zookeeper.server.received").is_none(),
            "unknown is not 0"
        );
    }

    #[test]
    fn a_fraction_in_a_counter_is_a_fault_and_never_cut() {
        let answers = answers(
            "Zookeeper version: 3.9.4\nReceived: 1.5\n",
            "zk_znode_count\tx\nzk_watch_count\t3.0\n",
            None,
        );
        let (documents, faults) = documents(&server(), "1", &answers);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(documents[0].get("zookeeper.server.received").is_none());
        assert_eq!(documents[1].get("zookeeper.mntr.watch_count").unwrap(), 3);
    }

    #[test]
    fn a_server_without_quorum_is_said_and_not_read() {
        let text = "This ZooKeeper instance is not currently serving requests\n";
        let (documents, faults) = documents(&server(), "1", &answers(text, text, None));
        assert_eq!(documents.len(), 1, "it says imok: the process is up");
        assert_eq!(faults.len(), 2);
    }

    #[test]
    fn a_member_has_its_id_and_a_standalone_server_its_address() {
        let id = |conf: &str| server_id(&server(), &Ok(conf.to_owned()));
        let address = Some("broker06:2181".to_owned());
        assert_eq!(id("clientPort=1\nserverId=3\n"), Some("3".into()));
        assert_eq!(id("serverId=0\n"), address);
        assert_eq!(
            server_id(&server(), &refused()),
            address,
            "it will not tell"
        );
        assert_eq!(
            id("This ZooKeeper instance is not currently serving requests"),
            None
        );
        let late = WordError::Timeout {
            address: String::new(),
        };
        assert_eq!(server_id(&server(), &Err(late)), None, "it may tell later");
    }

    #[test]
    fn a_closed_ruok_is_unknown_and_not_false() {
        let mut answers = answers("Zookeeper version: 3.9.4\n", "", None);
        answers.ruok = refused();
        let (documents, _) = documents(&server(), "1", &answers);
        assert!(documents[0].get("zookeeper.server.ok").is_none());
    }
}
