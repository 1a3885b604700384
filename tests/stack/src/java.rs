//! Starting JVMs and compiling our few Java files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache;
use crate::error::{At, Error, Result};
use crate::jdk::Jdk;
use crate::process::{Launch, Process};
use crate::workdir::WorkDir;

const COMPILE: Duration = Duration::from_secs(180);

/// A JVM as it will be started.
pub(crate) struct Jvm<'a> {
    pub(crate) class_path: String,
    pub(crate) main: &'a str,
    pub(crate) args: Vec<String>,
    pub(crate) heap_megabytes: u32,
    /// Open for remote JMX, without password. The port for RMI itself is left to the JVM, as `JMX_PORT` does in
    /// Kafka's own start scripts.
    pub(crate) jmx_port: Option<u16>,
    /// The caller's own arguments, last.
    pub(crate) extra: &'a [String],
    pub(crate) talk: bool,
}

impl Jvm<'_> {
    pub(crate) fn start(&self, name: &str, work: &WorkDir) -> Result<Process> {
        let mut launch = Launch::new(Jdk::find()?.program("java"), work.path());
        launch.args = self.arguments(&work.folder("tmp")?);
        launch.clear_env = true;
        launch.talk = self.talk;
        Process::start(name, launch, work.join("server.log"))
    }

    fn arguments(&self, tmp: &Path) -> Vec<String> {
        let mut all = vec![
            format!("-Xmx{}m", self.heap_megabytes),
            // These JVMs live for a minute: the second compiler would cost more than it gains.
            "-XX:TieredStopAtLevel=1".to_owned(),
            format!("-Djava.io.tmpdir={}", tmp.display()),
            "-Dorg.slf4j.simpleLogger.showDateTime=true".to_owned(),
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS".to_owned(),
        ];
        if let Some(port) = self.jmx_port {
            let jmx = "-Dcom.sun.management.jmxremote";
            all.push(jmx.to_owned());
            all.push(format!("{jmx}.port={port}"));
            all.push(format!("{jmx}.host=127.0.0.1"));
            all.push(format!("{jmx}.authenticate=false"));
            all.push(format!("{jmx}.ssl=false"));
            all.push("-Djava.rmi.server.hostname=127.0.0.1".to_owned());
        }
        all.extend(self.extra.iter().cloned());
        all.extend([
            "-cp".to_owned(),
            self.class_path.clone(),
            self.main.to_owned(),
        ]);
        all.extend(self.args.iter().cloned());
        all
    }
}

/// Runs a Java program to its end and gives what it printed on stdout and stderr.
pub(crate) fn run(class_path: &str, main: &str, args: &[&str], limit: Duration) -> Result<String> {
    let work = WorkDir::new("tool")?;
    let jvm = Jvm {
        class_path: class_path.to_owned(),
        main,
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        heap_megabytes: 96,
        jmx_port: None,
        extra: &[
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error".to_owned(),
            "-XX:+UseSerialGC".to_owned(),
        ],
        talk: false,
    };
    let what = format!("{main} {}", args.join(" "));
    let process = jvm.start(&what, &work)?;
    let status = process.wait(limit)?;
    let printed = fs::read_to_string(process.log()).at("read", process.log())?;
    match status.success() {
        true => Ok(printed),
        false => Err(Error::refused(what, format!("{status}\n{printed}"))),
    }
}

/// A Java source that is part of this crate: its file name and its text.
pub(crate) type Source = (&'static str, &'static str);

/// The folder with the compiled classes.
pub(crate) fn classes(key: &str, class_path: &str, sources: &[Source]) -> Result<PathBuf> {
    let mut inputs = vec![class_path];
    inputs.extend(sources.iter().map(|&(_, text)| text));
    cache::entry(key, &inputs, |folder| compile(class_path, sources, folder))
}

/// Compiles into `folder`. The classes run on any JDK that the stack accepts.
pub(crate) fn compile(class_path: &str, sources: &[Source], folder: &Path) -> Result<()> {
    let work = WorkDir::new("javac")?;
    let mut launch = Launch::new(Jdk::find()?.program("javac"), work.path());
    launch.args = [
        "-J-XX:TieredStopAtLevel=1",
        "--release",
        "21",
        "-nowarn",
        "-Xlint:none",
        "-proc:none",
        "-cp",
    ]
    .map(str::to_owned)
    .to_vec();
    launch.args.extend([
        class_path.to_owned(),
        "-d".to_owned(),
        folder.display().to_string(),
    ]);
    for &(name, text) in sources {
        launch
            .args
            .push(work.write(name, text)?.display().to_string());
    }
    launch.clear_env = true;
    let javac = Process::start("javac", launch, work.join("javac.log"))?;
    let status = javac.wait(COMPILE)?;
    match status.success() {
        true => Ok(()),
        false => Err(javac.died("it was done", status)),
    }
}

/// Packs a folder of classes.
pub(crate) fn jar(classes: &Path, file: &Path) -> Result<()> {
    let work = WorkDir::new("jar")?;
    let mut launch = Launch::new(Jdk::find()?.program("jar"), work.path());
    launch.args = ["--create", "--file"].map(str::to_owned).to_vec();
    launch.args.push(file.display().to_string());
    launch.args.extend([
        "-C".to_owned(),
        classes.display().to_string(),
        ".".to_owned(),
    ]);
    launch.clear_env = true;
    let jar = Process::start("jar", launch, work.join("jar.log"))?;
    let status = jar.wait(COMPILE)?;
    match status.success() {
        true => Ok(()),
        false => Err(jar.died("it was done", status)),
    }
}
