//! `server.properties` of both modes. Pure, but for the random cluster id.

use crate::error::{At, Result};
use crate::ports;
use crate::workdir::WorkDir;
use crate::zookeeper::ZooKeeper;

pub(super) struct Ports {
    pub(super) broker: u16,
    /// Used by the first node of a KRaft cluster only.
    pub(super) controller: u16,
}

impl Ports {
    pub(super) fn pick() -> Self {
        Self {
            broker: ports::free(),
            controller: ports::free(),
        }
    }
}

pub(super) type Settings = Vec<(&'static str, String)>;

/// What makes a cluster of one or two small brokers possible and quick.
const COMMON: &[(&str, &str)] = &[
    ("offsets.topic.replication.factor", "1"),
    ("offsets.topic.num.partitions", "6"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
    // 128 MB of heap by default, a third of what the broker has here.
    ("log.cleaner.dedupe.buffer.size", "8388608"),
    ("num.network.threads", "2"),
    ("num.io.threads", "4"),
    ("background.threads", "4"),
];

pub(super) fn zookeeper_mode(zookeeper: &ZooKeeper, id: i32, ports: &Ports) -> Settings {
    let listener = format!("PLAINTEXT://127.0.0.1:{}", ports.broker);
    let mut settings = common();
    settings.extend([
        ("broker.id", id.to_string()),
        ("listeners", listener),
        ("zookeeper.connect", zookeeper.addr()),
        // A killed broker is gone for the others after this; 18 s by default.
        ("zookeeper.session.timeout.ms", "6000".to_owned()),
    ]);
    settings
}

pub(super) fn kraft(
    id: i32,
    ports: &Ports,
    voter: &str,
    controller: bool,
    advertised: Option<&str>,
) -> Settings {
    let address = |host| format!("PLAINTEXT://{host}:{}", ports.broker);
    let broker = address("127.0.0.1");
    let (roles, listeners) = match controller {
        true => (
            "broker,controller",
            format!("{broker},CONTROLLER://127.0.0.1:{}", ports.controller),
        ),
        false => ("broker", broker.clone()),
    };
    let mut settings = common();
    settings.extend([
        ("node.id", id.to_string()),
        ("process.roles", roles.to_owned()),
        ("listeners", listeners),
        ("advertised.listeners", advertised.map_or(broker, address)),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        ("controller.quorum.voters", voter.to_owned()),
        (
            "listener.security.protocol.map",
            "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
        ),
        ("broker.session.timeout.ms", "6000".to_owned()),
        (
            "share.coordinator.state.topic.replication.factor",
            "1".to_owned(),
        ),
        ("share.coordinator.state.topic.min.isr", "1".to_owned()),
    ]);
    settings
}

fn common() -> Settings {
    COMMON
        .iter()
        .map(|&(key, value)| (key, value.to_owned()))
        .collect()
}

pub(super) fn text(settings: &Settings, work: &WorkDir, more: &[(String, String)]) -> String {
    let mut lines = vec![format!("log.dirs={}", work.join("data").display())];
    lines.extend(settings.iter().map(|(key, value)| format!("{key}={value}")));
    // The last one of equal keys wins.
    lines.extend(more.iter().map(|(key, value)| format!("{key}={value}")));
    lines.join("\n") + "\n"
}

/// 16 random bytes in URL-safe Base64. Hexadecimal digits are such letters, and the last of the 22 carries two bits
/// only, which `A` sets to zero.
pub(super) fn new_cluster_id() -> Result<String> {
    let path = "/proc/sys/kernel/random/uuid";
    let uuid = std::fs::read_to_string(path).at("read", path)?;
    let digits: String = uuid
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(21)
        .collect();
    Ok(digits + "A")
}
