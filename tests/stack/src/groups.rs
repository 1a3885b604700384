//! Very many consumer groups, made quickly, and Java's admin client that reads them all.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::java::{self, Jvm, Source};
use crate::packages::KAFKA_NEW;
use crate::process::Process;
use crate::workdir::WorkDir;

const SOURCES: &[Source] = &[("GroupAdmin.java", include_str!("../java/GroupAdmin.java"))];
/// Until its JVM is up: it does not connect before it is told something.
const READY: Duration = Duration::from_secs(60);
/// The longest order: thousands of partitions, or hundreds of members one after the other, on a busy machine.
const OBEY: Duration = Duration::from_secs(600);

/// How many groups on how many topics, each of which has so many partitions. Group `n` is on topic `n % topics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupPlan {
    /// `g-0`, `g-1` …
    pub groups: u32,
    /// `t-0`, `t-1` …
    pub topics: u32,
    /// Of each topic: every group has a commit on each of them.
    pub partitions: u32,
}

/// What Java's admin client needed to read the commits of all groups and the ends of all logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupReading {
    /// From the first call to the last answer.
    pub time: Duration,
    /// Committed offsets.
    pub offsets: u64,
    /// Processor time of its JVM.
    pub cpu: Duration,
}

/// A Java program with an admin client that stays.
pub struct GroupAdmin {
    process: Process,
    _work: WorkDir,
}

impl GroupAdmin {
    /// Starts it; its JVM optimises as any does that is meant to be fast.
    pub fn start(bootstrap: &str) -> Result<Self> {
        let libraries = KAFKA_NEW.class_path()?;
        let classes = java::classes("group-admin", &libraries, SOURCES)?;
        let work = WorkDir::new("group-admin")?;
        let jvm = Jvm {
            class_path: format!("{}:{libraries}", classes.display()),
            main: "GroupAdmin",
            args: vec![bootstrap.to_owned()],
            heap_megabytes: 512,
            jdk: None,
            extra: vec!["-XX:TieredStopAtLevel=4".to_owned()],
            talk: true,
        };
        let process = jvm.start("Java's admin client", &work)?;
        process.hear("its start", READY)?;
        Ok(Self {
            process,
            _work: work,
        })
    }

    /// Makes the topics, with so many records in each partition.
    pub fn make_topics(&self, plan: GroupPlan, records: u32) -> Result<()> {
        let GroupPlan {
            topics, partitions, ..
        } = plan;
        self.tell(&format!("topics {topics} {partitions} {records}"))
    }

    /// Commits offsets of all groups that nobody ever joins.
    pub fn commit(&self, plan: GroupPlan) -> Result<()> {
        self.order("commit", plan)
    }

    /// Joins each group with a static member that commits and goes away without leaving: for half an hour the groups
    /// are stable.
    pub fn join(&self, plan: GroupPlan) -> Result<()> {
        self.order("join", plan)
    }

    /// Reads the commits of all groups, then both ends of the logs they are on.
    pub fn read(&self) -> Result<GroupReading> {
        let answer = self.process.ask("read", OBEY)?;
        GroupReading::parse(&answer).ok_or_else(|| Error::refused("a read of all groups", answer))
    }

    fn order(&self, word: &str, plan: GroupPlan) -> Result<()> {
        let GroupPlan {
            groups,
            topics,
            partitions,
        } = plan;
        self.tell(&format!("{word} 0 {groups} {topics} {partitions}"))
    }

    fn tell(&self, order: &str) -> Result<()> {
        let answer = self.process.ask(order, OBEY)?;
        match answer.as_str() {
            "ok" => Ok(()),
            _ => Err(Error::refused(order, answer)),
        }
    }
}

impl GroupReading {
    /// "nanoseconds offsets nanoseconds"
    fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self {
            time: Duration::from_nanos(next()?),
            offsets: next()?,
            cpu: Duration::from_nanos(next()?),
        })
    }
}
