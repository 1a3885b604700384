//! The section `zookeeper_offsets:` of a cluster's `kafka:`.

use std::time::Duration;

use super::LEAST_TIMEOUT;
use crate::collect::zookeeper::connect;
use crate::config::{Secret, Section, units};

/// ZooKeeper's `clientPort` in every example configuration.
const DEFAULT_PORT: u16 = 2181;

/// A session that is used once in an interval must last longer than this many of them.
const INTERVALS: u32 = 2;

/// The section, usable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Servers of the ensemble.
    pub hosts: Vec<(String, u16)>,
    /// The path below which Kafka keeps everything: empty, or `/kafka`.
    pub chroot: String,
    /// `user:password` of the digest scheme.
    pub digest: Option<Secret>,
    /// The longest time between two cycles for which the session is kept.
    pub pause: Duration,
}

impl Config {
    /// The session time-out to ask for.
    pub fn session_timeout(&self) -> Duration {
        LEAST_TIMEOUT.max(self.pause * 2)
    }

    /// As `zookeeper.connect` of a broker has it: `zk1:2181,zk2:2181/kafka`.
    pub fn place(&self) -> String {
        let hosts = self.hosts.iter();
        let hosts = hosts.map(|(host, port)| units::show_host_port(host, *port));
        hosts.collect::<Vec<_>>().join(",") + &self.chroot
    }
}

/// Reads the section of a cluster with this interval. Without hosts of its own it takes those of the
/// cluster's `zookeeper:`, whose reader checks them.
pub fn read(kafka: &mut Section<'_>, inherited: &[String], interval: Duration) -> Option<Config> {
    let mut section = kafka.section("zookeeper_offsets")?;
    let own = section.texts("hosts");
    let hosts = match (own.is_empty(), inherited.is_empty()) {
        (false, _) => read_hosts(&section, &own),
        (true, false) => read_hosts(&section, inherited),
        (true, true) => {
            section.problem(
                "hosts",
                "is empty, and so is `zookeeper.hosts` of the cluster; write at least one host:port",
            );
            Vec::new()
        }
    };
    let written = match own.is_empty() {
        true => inherited,
        false => &own,
    };
    let default = chroot_of(&section, written);
    let chroot = section.parsed_or("chroot", default, |c| c.as_str().into(), chroot);
    let digest = read_digest(&mut section);
    Some(Config {
        hosts,
        chroot,
        digest,
        pause: interval * INTERVALS,
    })
}

fn read_hosts(section: &Section<'_>, written: &[String]) -> Vec<(String, u16)> {
    let mut hosts = Vec::new();
    for address in written.iter().flat_map(|text| connect::split(text).0) {
        match units::host_port(address, Some(DEFAULT_PORT)) {
            Ok(host) => hosts.push(host),
            Err(wanted) => section.problem("hosts", format!("`{address}` {wanted}")),
        }
    }
    hosts
}

/// The path behind the hosts, which is the default of `chroot`.
fn chroot_of(section: &Section<'_>, written: &[String]) -> String {
    let paths = written.iter().filter_map(|text| connect::split(text).1);
    let mut found = String::new();
    for path in paths {
        match chroot(path) {
            Ok(path) if found.is_empty() || found == path => found = path,
            Ok(path) => section.problem("hosts", format!("have two paths, `{found}` and `{path}`")),
            Err(wanted) => section.problem("hosts", format!("end in `{path}`, which {wanted}")),
        }
    }
    found
}

/// A path as ZooKeeper takes it; `/` alone is none.
fn chroot(text: &str) -> Result<String, String> {
    if text.is_empty() || text == "/" {
        return Ok(String::new());
    }
    let wrong = |name: &str| matches!(name, "" | "." | "..") || name.contains(char::is_control);
    match text.strip_prefix('/') {
        Some(names) if !names.split('/').any(wrong) => Ok(text.to_owned()),
        _ => Err("is not a path; write it as in the brokers' `zookeeper.connect`: `/kafka`".into()),
    }
}

fn read_digest(section: &mut Section<'_>) -> Option<Secret> {
    let user = section.text("user");
    let password = section.secret("password");
    match (user, password) {
        (Some(user), Some(password)) => Some(Secret::new(format!("{user}:{}", password.reveal()))),
        (None, None) => None,
        (Some(_), None) => {
            section.problem("password", "is missing; `user` has a password");
            None
        }
        (None, Some(_)) => {
            section.problem("user", "is missing; `password` belongs to a user");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Findings;

    fn read_text(text: &str, inherited: &[&str]) -> (Option<Config>, Vec<String>) {
        let findings = Findings::default();
        let node = crate::yaml::parse(text).unwrap();
        let tree = crate::config::build(&node, &|_| None, &findings.problems);
        let inherited: Vec<String> = inherited.iter().map(|&host| host.to_owned()).collect();
        let interval = Duration::from_secs(10);
        let mut section = Section::new(&tree, "kafka", &findings);
        let config = read(&mut section, &inherited, interval);
        drop(section);
        let problems = findings.problems.into_sorted();
        (config, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn hosts_are_the_clusters_own_unless_others_are_written() {
        let (config, problems) = read_text("zookeeper_offsets: {chroot: /kafka}\n", &["zk1"]);
        assert_eq!(problems, [""; 0]);
        let config = config.unwrap();
        assert_eq!(config.place(), "zk1:2181/kafka");
        assert_eq!(config.session_timeout(), Duration::from_secs(40));
        let text =
            "zookeeper_offsets: {hosts: [\"a:1\", \"[::1]:2\"], user: u, password: hunter2}\n";
        let (config, problems) = read_text(text, &["zk1"]);
        assert_eq!(problems, [""; 0]);
        let config = config.unwrap();
        assert_eq!(config.place(), "a:1,[::1]:2");
        assert_eq!(config.digest.as_ref().unwrap().reveal(), "u:hunter2");
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(read_text("topics: {}\n", &["zk1"]).0.is_none());
    }

    #[test]
    fn hosts_may_stand_as_in_the_brokers_zookeeper_connect() {
        let text = "zookeeper_offsets: {hosts: \"a:1,b/kafka\"}\n";
        let (config, problems) = read_text(text, &[]);
        assert_eq!(problems, [""; 0]);
        assert_eq!(config.unwrap().place(), "a:1,b:2181/kafka");
        let (config, problems) = read_text("zookeeper_offsets: {}\n", &["zk1,zk2:2182/k"]);
        assert_eq!(problems, [""; 0]);
        assert_eq!(config.unwrap().place(), "zk1:2181,zk2:2182/k");
        let text = "zookeeper_offsets: {hosts: a/kafka, chroot: /other}\n";
        let (config, _) = read_text(text, &[]);
        assert_eq!(
            config.unwrap().place(),
            "a:2181/other",
            "what is written counts"
        );
    }

    #[test]
    fn every_mistake_is_named() {
        for (text, sentence) in [
            (
                "zookeeper_offsets: {}\n",
                "`zookeeper.hosts` of the cluster",
            ),
            (
                "zookeeper_offsets: {hosts: \"a:1/kafka/\"}\n",
                "end in `/kafka/`, which is not a path",
            ),
            (
                "zookeeper_offsets: {hosts: [a/b, c/d]}\n",
                "two paths, `/b` and `/d`",
            ),
            (
                "zookeeper_offsets: {hosts: \"a:x\"}\n",
                "a port is a number",
            ),
            (
                "zookeeper_offsets: {hosts: a, chroot: kafka}\n",
                "is not a path",
            ),
            (
                "zookeeper_offsets: {hosts: a, chroot: /kafka/}\n",
                "is not a path",
            ),
            (
                "zookeeper_offsets: {hosts: a, chroot: /a/../b}\n",
                "is not a path",
            ),
            ("zookeeper_offsets: {hosts: a, user: u}\n", "has a password"),
            (
                "zookeeper_offsets: {hosts: a, password: p}\n",
                "belongs to a user",
            ),
            (
                "zookeeper_offsets: {hosts: a, root: /kafka}\n",
                "did you mean `chroot`",
            ),
            ("zookeeper_offsets: true\n", "should be a section"),
        ] {
            let (_, problems) = read_text(text, &[]);
            let said = problems.iter().any(|problem| problem.contains(sentence));
            assert!(said, "{text}: {problems:#?}");
        }
    }
}
