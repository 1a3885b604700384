//! A Java producer and a Java consumer that do what they are told.

use std::time::Duration;

use crate::doors::{Doors, door_methods};
use crate::error::{Error, Result};
use crate::java::{self, Jvm, Source};
use crate::kafka::KafkaVersion;
use crate::options::Options;
use crate::process::{Process, process_methods};
use crate::wait;
use crate::workdir::WorkDir;

const SOURCES: &[Source] = &[
    (
        "StackProducer.java",
        include_str!("../java/StackProducer.java"),
    ),
    (
        "StackConsumer.java",
        include_str!("../java/StackConsumer.java"),
    ),
];
/// Until the first metadata or the first assignment.
const READY: Duration = Duration::from_secs(90);
/// Longer than a client's own time-outs, so that its error comes first.
const OBEY: Duration = Duration::from_secs(150);

/// Timestamps in one command.
const STAMPS_PER_LINE: usize = 500;

/// A Java producer with a JMX port.
pub struct Producer {
    doors: Doors,
    process: Process,
    _work: WorkDir,
}

impl Producer {
    /// Sends `rate` records per second to a topic, spread over its partitions, until told otherwise.
    pub fn start(bootstrap: &str, topic: &str, rate: f64) -> Result<Self> {
        Self::start_with(KafkaVersion::V4_2, bootstrap, topic, rate, &Options::new())
    }

    /// As [`start`](Self::start) with another client library, client properties and JVM arguments. The client id is
    /// `producer-<topic>` unless `client.id` is set.
    pub fn start_with(
        version: KafkaVersion,
        bootstrap: &str,
        topic: &str,
        rate: f64,
        options: &Options,
    ) -> Result<Self> {
        let fixed = [
            ("bootstrap.servers", bootstrap),
            ("client.id", &format!("producer-{topic}")),
        ];
        let args = arguments(&[topic, &rate.to_string()], &fixed, options);
        let name = format!("the producer for {topic}");
        let (doors, process, work) = start(version, &name, "StackProducer", args, options)?;
        Ok(Self {
            doors,
            process,
            _work: work,
        })
    }

    /// Sends this many records per second from now on; 0 for silence.
    pub fn rate(&self, per_second: f64) -> Result<()> {
        tell(&self.process, &format!("rate {per_second}"))
    }

    /// Sends this many records now and waits until the brokers have them.
    pub fn send(&self, count: u32) -> Result<()> {
        tell(&self.process, &format!("send {count}"))
    }

    /// Sends a record for each timestamp, in milliseconds since the epoch, to a partition and waits until the brokers
    /// have them.
    pub fn send_stamped(&self, partition: i32, timestamps: &[i64]) -> Result<()> {
        for some in timestamps.chunks(STAMPS_PER_LINE) {
            let stamps: Vec<String> = some.iter().map(ToString::to_string).collect();
            let command = format!("stamped {partition} {}", stamps.join(" "));
            tell(&self.process, &command)?;
        }
        Ok(())
    }

    /// Sends this many records in one transaction, which ends in a marker that takes an offset in each partition.
    /// The producer must have been started with `transactional.id`.
    pub fn send_transaction(&self, count: u32) -> Result<()> {
        tell(&self.process, &format!("transaction {count}"))
    }

    /// Commits an offset for a group without members, as an administrator does. Any topic will do.
    pub fn commit(&self, group: &str, topic: &str, partition: i32, offset: i64) -> Result<()> {
        let command = format!("commit {group} {topic} {partition} {offset}");
        tell(&self.process, &command)
    }

    door_methods!();
    process_methods!();
}

/// A Java consumer with a JMX port. It reads from the beginning where its group has no commit.
pub struct Consumer {
    doors: Doors,
    process: Process,
    _work: WorkDir,
}

impl Consumer {
    /// Joins a group and waits until it has its partitions.
    pub fn start(bootstrap: &str, topic: &str, group: &str) -> Result<Self> {
        Self::start_with(KafkaVersion::V4_2, bootstrap, topic, group, &Options::new())
    }

    /// As [`start`](Self::start) with another client library, client properties and JVM arguments. The client id is
    /// `consumer-<group>` unless `client.id` is set; `group.protocol` set to `consumer` is the protocol of KIP-848.
    pub fn start_with(
        version: KafkaVersion,
        bootstrap: &str,
        topic: &str,
        group: &str,
        options: &Options,
    ) -> Result<Self> {
        let fixed = [
            ("bootstrap.servers", bootstrap),
            ("group.id", group),
            ("client.id", &format!("consumer-{group}")),
            ("auto.offset.reset", "earliest"),
            ("enable.auto.commit", "false"),
        ];
        let args = arguments(&[topic], &fixed, options);
        let name = format!("the consumer of group {group}");
        let (doors, process, work) = start(version, &name, "StackConsumer", args, options)?;
        Ok(Self {
            doors,
            process,
            _work: work,
        })
    }

    /// Stays a member of its group, but neither reads nor commits: its lag grows.
    pub fn pause(&self) -> Result<()> {
        tell(&self.process, "pause")
    }

    /// Does not even poll, as an application that works on one record for ever: it is put out of its group after
    /// `max.poll.interval.ms`.
    pub fn hang(&self) -> Result<()> {
        tell(&self.process, "hang")
    }

    /// Leaves its group, which then has commits and no members.
    pub fn stop(&self) -> Result<()> {
        tell(&self.process, "stop")
    }

    /// Goes on after [`pause`](Self::pause), [`hang`](Self::hang) or [`stop`](Self::stop).
    pub fn resume(&self) -> Result<()> {
        tell(&self.process, "resume")
    }

    /// Commits its positions now; it does so by itself after each read.
    pub fn commit(&self) -> Result<()> {
        tell(&self.process, "commit")
    }

    door_methods!();
    process_methods!();
}

fn arguments(words: &[&str], fixed: &[(&str, &str)], options: &Options) -> Vec<String> {
    let mut all: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    all.extend(fixed.iter().map(|(key, value)| format!("{key}={value}")));
    all.extend(
        options
            .settings
            .iter()
            .map(|(key, value)| format!("{key}={value}")),
    );
    all
}

fn start(
    version: KafkaVersion,
    name: &str,
    main: &str,
    args: Vec<String>,
    options: &Options,
) -> Result<(Doors, Process, WorkDir)> {
    let libraries = version.package().class_path()?;
    let classes = java::classes("clients", &libraries, SOURCES)?;
    wait::on_free_ports(|| {
        let work = WorkDir::new("client")?;
        let doors = Doors::plan(options, &work)?;
        let jvm = Jvm {
            class_path: format!("{}:{libraries}", classes.display()),
            main,
            args: args.clone(),
            heap_megabytes: 64,
            jdk: options.jdk,
            extra: [
                vec!["-XX:+UseSerialGC".to_owned()],
                doors.arguments.clone(),
                options.jvm.clone(),
            ]
            .concat(),
            talk: true,
        };
        let process = jvm.start(name, &work)?;
        process.hear("its first answer from the brokers", READY)?;
        doors.wait_ready(&process)?;
        Ok((doors, process, work))
    })
}

fn tell(process: &Process, command: &str) -> Result<()> {
    let answer = process.ask(command, OBEY)?;
    match answer.as_str() {
        "ok" => Ok(()),
        _ => Err(Error::refused(
            format!("{}: {command}", process.name()),
            answer,
        )),
    }
}
