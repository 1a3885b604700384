//! Java's own client as a program that stays: one session, one answer a line.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::JmxAccess;
use crate::error::{Error, Result};
use crate::java::{self, Jvm, Source};
use crate::process::Process;
use crate::workdir::WorkDir;

const CONNECT: Source = (
    "JmxConnect.java",
    include_str!("../../java/JmxConnect.java"),
);
const READ: Source = ("JmxRead.java", include_str!("../../java/JmxRead.java"));
const CANON: Source = ("JmxCanon.java", include_str!("../../java/JmxCanon.java"));
/// Until it is connected.
const READY: Duration = Duration::from_secs(60);
/// The longest answer: a full read of some ten thousand beans, a bean a round trip, on a busy machine.
const OBEY: Duration = Duration::from_secs(180);

/// Starts one of our programs; its JVM optimises as any does that is meant to be fast.
fn start(
    main: &'static str,
    access: &JmxAccess,
    more: &[&str],
    jdk: Option<u32>,
) -> Result<(Process, WorkDir)> {
    let own = if main == "JmxRead" { READ } else { CANON };
    let classes = java::classes(main, ".", &[CONNECT, own])?;
    let work = WorkDir::new("jmx-client")?;
    let mut extra = access.java_arguments();
    extra.push("-XX:TieredStopAtLevel=4".to_owned());
    let jvm = Jvm {
        class_path: classes.display().to_string(),
        main,
        args: [&[access.endpoint.as_str()], more]
            .concat()
            .iter()
            .map(|&arg| arg.to_owned())
            .collect(),
        heap_megabytes: 512,
        jdk,
        extra,
        talk: true,
    };
    let process = jvm.start(&format!("Java's client for {}", access.endpoint), &work)?;
    process.hear("its session", READY)?;
    Ok((process, work))
}

/// A Java client that reads a list of beans and attributes as fast as it can, again and again.
pub struct JmxReader {
    process: Process,
    _work: WorkDir,
}

/// One full read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// From the first call to the last answer.
    pub time: Duration,
    /// How many attributes came back.
    pub values: u64,
}

impl JmxReader {
    /// Connects. The list has a line per bean: its name and the attributes, separated by tabs.
    pub fn start(access: &JmxAccess, list: &Path, jdk: Option<u32>) -> Result<Self> {
        let list = list.display().to_string();
        let (process, work) = start("JmxRead", access, &[&list], jdk)?;
        Ok(Self {
            process,
            _work: work,
        })
    }

    /// Reads the list once, with this many threads.
    pub fn read(&self, threads: u32) -> Result<Reading> {
        let answer = self.process.ask(&format!("read {threads}"), OBEY)?;
        Reading::parse(&answer).ok_or_else(|| Error::refused("a full read", answer))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

impl Reading {
    /// "nanoseconds values"
    pub fn parse(line: &str) -> Option<Self> {
        let (nanos, values) = line.split_once(' ')?;
        Some(Self {
            time: Duration::from_nanos(nanos.parse().ok()?),
            values: values.trim().parse().ok()?,
        })
    }
}

/// What each readable attribute of a bean holds as canonical text, or the exception that reading it gave.
pub type Canonical = BTreeMap<String, std::result::Result<String, String>>;

/// A Java client that says what it reads in a text which shows a value's kind and every bit of it.
pub struct JmxCanon {
    process: Process,
    _work: WorkDir,
}

impl JmxCanon {
    /// Connects.
    pub fn start(access: &JmxAccess, jdk: Option<u32>) -> Result<Self> {
        let (process, work) = start("JmxCanon", access, &[], jdk)?;
        Ok(Self {
            process,
            _work: work,
        })
    }

    /// The names of the beans that match, in order.
    pub fn names(&self, pattern: &str) -> Result<Vec<String>> {
        let answer = self.ask(&format!("names {pattern}"))?;
        let mut names: Vec<String> = answer
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect();
        names.sort();
        Ok(names)
    }

    /// All readable attributes of a bean, each read by itself; none if the bean is gone.
    pub fn read(&self, name: &str) -> Result<Option<Canonical>> {
        let answer = self.ask(&format!("read {name}"))?;
        let Some(attributes) = answer.as_object() else {
            return Ok(None);
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let pairs = attributes.iter().map(|(attribute, outcome)| {
            let result = match outcome[0] == "value" {
                true => Ok(text(&outcome[1])),
                false => Err(text(&outcome[1])),
            };
            (attribute.clone(), result)
        });
        Ok(Some(pairs.collect()))
    }

    fn ask(&self, line: &str) -> Result<Value> {
        let answer = self.process.ask(line, OBEY)?;
        serde_json::from_str(&answer).map_err(|error| Error::refused(line, error.to_string()))
    }
}
