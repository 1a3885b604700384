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

/// What our own classes are compiled for: the oldest JDK that a test may ask for.
const RELEASE: u32 = 17;

/// A JVM as it will be started.
pub(crate) struct Jvm<'a> {
    pub(crate) class_path: String,
    pub(crate) main: &'a str,
    pub(crate) args: Vec<String>,
    pub(crate) heap_megabytes: u32,
    /// The JDK's version, or none for the usual one.
    pub(crate) jdk: Option<u32>,
    /// Further arguments, in order: the later one wins.
    pub(crate) extra: Vec<String>,
    pub(crate) talk: bool,
}

impl Jvm<'_> {
    pub(crate) fn start(&self, name: &str, work: &WorkDir) -> Result<Process> {
        let mut launch = Launch::new(Jdk::of(self.jdk)?.program("java"), work.path());
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

/// A Java program that does one thing and ends.
pub(crate) struct Tool<'a> {
    class_path: &'a str,
    main: &'a str,
    /// Arguments of its JVM.
    pub(crate) jvm: Vec<String>,
    /// The JDK's version, or none for the usual one.
    pub(crate) jdk: Option<u32>,
}

impl<'a> Tool<'a> {
    pub(crate) fn new(class_path: &'a str, main: &'a str) -> Self {
        Self {
            class_path,
            main,
            jvm: Vec::new(),
            jdk: None,
        }
    }

    /// Runs it to its end and gives what it printed on stdout and stderr.
    pub(crate) fn run(self, args: &[&str], limit: Duration) -> Result<String> {
        let work = WorkDir::new("tool")?;
        let mut extra = vec![
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error".to_owned(),
            "-XX:+UseSerialGC".to_owned(),
        ];
        extra.extend(self.jvm);
        let jvm = Jvm {
            class_path: self.class_path.to_owned(),
            main: self.main,
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            heap_megabytes: 96,
            jdk: self.jdk,
            extra,
            talk: false,
        };
        let what = format!("{} {}", self.main, args.join(" "));
        let process = jvm.start(&what, &work)?;
        let status = process.wait(limit)?;
        let printed = fs::read_to_string(process.log()).at("read", process.log())?;
        match status.success() {
            true => Ok(printed),
            false => Err(Error::refused(what, format!("{status}\n{printed}"))),
        }
    }
}

/// Runs a Java program to its end and gives what it printed on stdout and stderr.
pub(crate) fn run(class_path: &str, main: &str, args: &[&str], limit: Duration) -> Result<String> {
    Tool::new(class_path, main).run(args, limit)
}

/// A Java source that is part of this crate: its file name and its text.
pub(crate) type Source = (&'static str, &'static str);

/// The folder with the compiled classes.
pub(crate) fn classes(key: &str, class_path: &str, sources: &[Source]) -> Result<PathBuf> {
    let release = RELEASE.to_string();
    let mut inputs = vec![class_path, &release];
    inputs.extend(sources.iter().map(|&(_, text)| text));
    cache::entry(key, &inputs, |folder| {
        compile(RELEASE, class_path, sources, folder)
    })
}

/// Compiles into `folder`, for JDKs from `release` on.
pub(crate) fn compile(
    release: u32,
    class_path: &str,
    sources: &[Source],
    folder: &Path,
) -> Result<()> {
    let work = WorkDir::new("javac")?;
    let mut launch = Launch::new(Jdk::find()?.program("javac"), work.path());
    launch.args = [
        "-J-XX:TieredStopAtLevel=1",
        "--release",
        &release.to_string(),
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
    let args = ["--create", "--file"].map(str::to_owned).to_vec();
    let from = [
        "-C".to_owned(),
        classes.display().to_string(),
        ".".to_owned(),
    ];
    run_jar(
        &[args, vec![file.display().to_string()], from.to_vec()].concat(),
        classes,
    )
}

/// The opposite.
pub(crate) fn unjar(file: &Path, folder: &Path) -> Result<()> {
    let args = ["--extract", "--file"].map(str::to_owned).to_vec();
    run_jar(&[args, vec![file.display().to_string()]].concat(), folder)
}

fn run_jar(args: &[String], folder: &Path) -> Result<()> {
    let work = WorkDir::new("jar")?;
    let mut launch = Launch::new(Jdk::find()?.program("jar"), folder);
    launch.args = args.to_vec();
    launch.clear_env = true;
    let jar = Process::start("jar", launch, work.join("jar.log"))?;
    let status = jar.wait(COMPILE)?;
    match status.success() {
        true => Ok(()),
        false => Err(jar.died("it was done", status)),
    }
}

/// How many objects of a class live in a JVM, after a full collection: `jcmd <pid> GC.class_histogram`.
pub fn live_objects(process: &Process, class: &str) -> Result<u64> {
    let work = WorkDir::new("jcmd")?;
    let mut launch = Launch::new(Jdk::find()?.program("jcmd"), work.path());
    launch.args = [&process.pid().to_string(), "GC.class_histogram"]
        .map(str::to_owned)
        .to_vec();
    launch.clear_env = true;
    let jcmd = Process::start("jcmd", launch, work.join("jcmd.log"))?;
    let status = jcmd.wait(COMPILE)?;
    let printed = fs::read_to_string(jcmd.log()).at("read", jcmd.log())?;
    if !status.success() {
        return Err(Error::refused("jcmd", format!("{status}\n{printed}")));
    }
    // " 12:   3   96  java.lang.Thread (java.base@25)": rank, objects, bytes, class.
    let rows = printed
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let found = rows.into_iter().find(|cells| cells.get(3) == Some(&class));
    Ok(found.and_then(|cells| cells[1].parse().ok()).unwrap_or(0))
}
