//! A JVM that runs a Java file of ours, or just lives.

use std::time::Duration;

use crate::doors::{Doors, door_methods};
use crate::error::Result;
use crate::java::{self, Jvm, Source};
use crate::options::Options;
use crate::process::{Process, process_methods};
use crate::wait;
use crate::workdir::WorkDir;

/// Until the program says its first line.
const READY: Duration = Duration::from_secs(60);
/// Until it answers a line.
const OBEY: Duration = Duration::from_secs(60);
const HEAP_MEGABYTES: u32 = 64;

/// A JVM with a program of the test's own.
pub struct PlainJvm {
    doors: Doors,
    process: Process,
    _work: WorkDir,
}

impl PlainJvm {
    /// Runs a program that says "ready" and waits for the end of its stdin.
    pub fn idle(options: &Options) -> Result<Self> {
        let source = include_str!("../java/Idle.java");
        Self::start(("Idle.java", source), &[], options)
    }

    /// Compiles a Java file (its name and its text, `("Busy.java", include_str!(…))`; the class is called as the file) and runs it. It must print a line
    /// when it is ready and end when its stdin does.
    pub fn start(source: Source, args: &[&str], options: &Options) -> Result<Self> {
        wait::on_free_ports(|| {
            let jvm = Self::launch(source, args, options)?;
            while is_jolokias(&jvm.process.hear("its first line", READY)?) {}
            jvm.doors.wait_ready(&jvm.process)?;
            Ok(jvm)
        })
    }

    /// As [`start`](Self::start), but waits for nothing: the JVM may not even have begun.
    pub fn launch(source: Source, args: &[&str], options: &Options) -> Result<Self> {
        let (file, _) = source;
        let main = file.trim_end_matches(".java");
        let classes = java::classes(&format!("plain-{main}"), ".", &[source])?;
        let work = WorkDir::new("plain-jvm")?;
        let doors = Doors::plan(options, &work)?;
        let jvm = Jvm {
            class_path: classes.display().to_string(),
            main,
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            heap_megabytes: HEAP_MEGABYTES,
            jdk: options.jdk,
            extra: [
                vec!["-XX:+UseSerialGC".to_owned()],
                doors.arguments.clone(),
                options.jvm.clone(),
            ]
            .concat(),
            talk: true,
        };
        Ok(Self {
            doors,
            process: jvm.start(&format!("the JVM with {main}"), &work)?,
            _work: work,
        })
    }

    /// Sends the program a line and gives the line that it answers with.
    pub fn ask(&self, line: &str) -> Result<String> {
        self.process.ask(line, OBEY)
    }

    /// As [`ask`](Self::ask), for an answer that takes its time.
    pub fn ask_within(&self, line: &str, limit: Duration) -> Result<String> {
        self.process.ask(line, limit)
    }

    /// Waits for a line that it says without being asked.
    pub fn hear(&self, step: &str, limit: Duration) -> Result<String> {
        self.process.hear(step, limit)
    }

    door_methods!();
    process_methods!();
}

/// Whether a line is of Jolokia's agent, which talks on stdout, too.
fn is_jolokias(line: &str) -> bool {
    line.starts_with("I> ") || line.starts_with("Jolokia: ")
}
