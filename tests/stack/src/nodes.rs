//! Nodes in a ZooKeeper, written by its own client.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::java::{self, Jvm, Source};
use crate::packages::KAFKA_OLD;
use crate::process::{Process, process_methods};
use crate::workdir::WorkDir;
use crate::zookeeper::ZooKeeper;

const SOURCES: &[Source] = &[(
    "ZooKeeperNodes.java",
    include_str!("../java/ZooKeeperNodes.java"),
)];
/// Until it is connected.
const READY: Duration = Duration::from_secs(90);
/// Thousands of nodes are one command.
const OBEY: Duration = Duration::from_secs(180);

/// A client of a ZooKeeper; its ephemeral nodes go with it.
pub struct ZooKeeperNodes {
    process: Process,
    _work: WorkDir,
}

impl ZooKeeperNodes {
    /// Connects, with the client of ZooKeeper 3.5.9.
    pub fn start(zookeeper: &ZooKeeper) -> Result<Self> {
        let libraries = KAFKA_OLD.class_path()?;
        let classes = java::classes("nodes", &libraries, SOURCES)?;
        let work = WorkDir::new("nodes")?;
        let jvm = Jvm {
            class_path: format!("{}:{libraries}", classes.display()),
            main: "ZooKeeperNodes",
            args: vec![zookeeper.addr()],
            heap_megabytes: 64,
            jdk: None,
            extra: vec!["-XX:+UseSerialGC".to_owned()],
            talk: true,
        };
        let process = jvm.start("a client of ZooKeeper", &work)?;
        process.hear("its connection", READY)?;
        Ok(Self {
            process,
            _work: work,
        })
    }

    /// Creates a node with its parents, or sets its data.
    pub fn set(&self, path: &str, data: &str) -> Result<()> {
        self.tell(&["set", path, data])
    }

    /// Creates a node that goes with this client.
    pub fn ephemeral(&self, path: &str, data: &str) -> Result<()> {
        self.tell(&["ephemeral", path, data])
    }

    /// Removes a node and all below it.
    pub fn delete(&self, path: &str) -> Result<()> {
        self.tell(&["delete", path])
    }

    /// Lets `user:password` of the digest scheme alone use a node.
    pub fn only(&self, user: &str, path: &str) -> Result<()> {
        self.tell(&["only", user, path])
    }

    /// Groups `many-<n>` below a path, each with offset 7 of so many partitions of `orders`.
    pub fn groups(&self, count: u32, partitions: u32, path: &str) -> Result<()> {
        self.tell(&["groups", &count.to_string(), &partitions.to_string(), path])
    }

    fn tell(&self, words: &[&str]) -> Result<()> {
        let answer = self.process.ask(&words.join("\t"), OBEY)?;
        match answer.as_str() {
            "ok" => Ok(()),
            _ => Err(Error::refused(words.join(" "), answer)),
        }
    }

    process_methods!();
}
