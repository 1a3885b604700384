//! Members of groups of every kind, in one JVM, and the administration around them.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::java::{self, Jvm, Source};
use crate::packages::KAFKA_NEW;
use crate::process::Process;
use crate::workdir::WorkDir;

const SOURCES: &[Source] = &[(
    "StackMembers.java",
    include_str!("../java/StackMembers.java"),
)];
/// Until its JVM is up.
const READY: Duration = Duration::from_secs(90);
/// Longer than a client's own time-outs, so that its error comes first.
const OBEY: Duration = Duration::from_secs(150);

/// How a member takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// Joins its group, by the classic protocol unless `group.protocol` says otherwise.
    Subscribe,
    /// Takes all partitions without joining: the group has commits and no members.
    Assign,
    /// Joins a share group.
    Share,
}

/// What a member is told. It keeps its place until then: it polls, but reads nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Read up to the ends of the logs, and commit.
    Drain,
    /// Commit the ends that it has read up to, whatever the logs are by now.
    Commit,
    /// Do not poll: a rebalance waits for it.
    Hang,
    /// Poll again.
    Wake,
    /// Leave the group.
    Leave,
}

/// A Java program with many members. Its client library is that of Kafka 4.2.
pub struct Members {
    process: Process,
    _work: WorkDir,
}

impl Members {
    /// Starts it, with no member yet.
    pub fn start(bootstrap: &str) -> Result<Self> {
        let libraries = KAFKA_NEW.class_path()?;
        let classes = java::classes("members", &libraries, SOURCES)?;
        let work = WorkDir::new("members")?;
        let jvm = Jvm {
            class_path: format!("{}:{libraries}", classes.display()),
            main: "StackMembers",
            args: vec![bootstrap.to_owned()],
            heap_megabytes: 160,
            jdk: None,
            extra: vec![
                "-XX:+UseSerialGC".to_owned(),
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn".to_owned(),
            ],
            talk: true,
        };
        let process = jvm.start("the members of groups", &work)?;
        process.hear("its start", READY)?;
        Ok(Self {
            process,
            _work: work,
        })
    }

    /// A member that has its partitions when this returns. Its group has its name, unless `group.id` is set, and so has
    /// its client.
    pub fn add(
        &self,
        name: &str,
        kind: MemberKind,
        topic: &str,
        settings: &[(&str, &str)],
    ) -> Result<()> {
        self.make("add", name, kind, topic, settings)
    }

    /// As [`add`](Self::add), without waiting.
    pub fn join(
        &self,
        name: &str,
        kind: MemberKind,
        topic: &str,
        settings: &[(&str, &str)],
    ) -> Result<()> {
        self.make("join", name, kind, topic, settings)
    }

    /// Gives a member an order and waits until it is done.
    pub fn tell(&self, name: &str, order: Order) -> Result<()> {
        let word = match order {
            Order::Drain => "drain",
            Order::Commit => "commit",
            Order::Hang => "hang",
            Order::Wake => "wake",
            Order::Leave => "leave",
        };
        self.order(&format!("{word} {name}"))
    }

    /// Makes a topic with one replica.
    pub fn create_topic(
        &self,
        name: &str,
        partitions: u32,
        settings: &[(&str, &str)],
    ) -> Result<()> {
        let settings = words(settings);
        self.order(&format!("topic {name} {partitions}{settings}"))
    }

    /// Deletes a topic.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        self.order(&format!("delete-topic {name}"))
    }

    /// Deletes a group without members.
    pub fn delete_group(&self, name: &str) -> Result<()> {
        self.order(&format!("delete-group {name}"))
    }

    /// Sends so many records, evenly over the partitions.
    pub fn send(&self, topic: &str, count: u32) -> Result<()> {
        self.order(&format!("send {topic} {count}"))
    }

    fn make(
        &self,
        word: &str,
        name: &str,
        kind: MemberKind,
        topic: &str,
        settings: &[(&str, &str)],
    ) -> Result<()> {
        let kind = match kind {
            MemberKind::Subscribe => "subscribe",
            MemberKind::Assign => "assign",
            MemberKind::Share => "share",
        };
        let settings = words(settings);
        self.order(&format!("{word} {name} {kind} {topic}{settings}"))
    }

    fn order(&self, order: &str) -> Result<()> {
        let answer = self.process.ask(order, OBEY)?;
        match answer.as_str() {
            "ok" => Ok(()),
            _ => Err(Error::refused(order, answer)),
        }
    }
}

fn words(settings: &[(&str, &str)]) -> String {
    let word = |(key, value): &(&str, &str)| format!(" {key}={value}");
    settings.iter().map(word).collect()
}
