//! What can be seen of processes from outside: memory, descriptors, sockets.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use stack::Kafka;

/// State of a socket that listens, in `/proc/net/tcp`.
const LISTENS: &str = "0A";

/// The agent and the broker at one moment.
pub(super) struct Sample {
    pub(super) at: Duration,
    /// Memory of the agent, in kilobytes.
    pub(super) resident: u64,
    /// Open descriptors of the agent.
    pub(super) descriptors: usize,
    /// Sockets of the agent whose other end is the JMX port.
    pub(super) connections: usize,
    /// Sockets of the broker at its JMX port.
    pub(super) accepted: usize,
}

impl Sample {
    pub(super) fn take(at: Duration, kafka: &Kafka, agent: u32) -> Self {
        Self {
            at,
            resident: resident(agent),
            descriptors: fs::read_dir(format!("/proc/{agent}/fd")).map_or(0, Iterator::count),
            connections: connections(&kafka.jmx(), agent),
            accepted: sockets(|row| row.local == port(&kafka.jmx())).len(),
        }
    }
}

fn resident(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

/// How many sockets of a process lead to this address.
pub(super) fn connections(address: &str, pid: u32) -> usize {
    let to = sockets(|row| row.remote == port(address));
    let own: HashSet<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some(fs::read_link(entry.path()).ok()?.to_str()?.to_owned()))
        .collect();
    to.iter()
        .filter(|inode| own.contains(&format!("socket:[{inode}]")))
        .count()
}

struct Row {
    local: u16,
    remote: u16,
}

/// Inodes of the TCP sockets that are meant; those without a process, which the kernel still keeps for a while, have none.
fn sockets(meant: impl Fn(&Row) -> bool) -> Vec<String> {
    let both = ["/proc/net/tcp", "/proc/net/tcp6"]
        .map(|path| fs::read_to_string(path).unwrap_or_default());
    let rows = both.iter().flat_map(|text| text.lines().skip(1));
    rows.filter_map(|line| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let port = |cell: &str| u16::from_str_radix(cell.rsplit_once(':')?.1, 16).ok();
        let row = Row {
            local: port(cells.get(1)?)?,
            remote: port(cells.get(2)?)?,
        };
        let inode = *cells.get(9)?;
        let alive = *cells.get(3)? != LISTENS && inode != "0";
        (alive && meant(&row)).then(|| inode.to_owned())
    })
    .collect()
}

fn port(address: &str) -> u16 {
    let (_, port) = address.rsplit_once(':').expect("host:port");
    port.parse().expect("a port")
}
