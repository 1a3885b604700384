//! What can be known of a JVM by looking.

use std::collections::HashMap;
use std::fmt;
use std::os::fd::OwnedFd;

use rustix::fs::{Dir, Mode, OFlags, openat};

use crate::command_line::{self, CommandLine, Options};
use crate::error::Error;
use crate::files;
use crate::hsperf;
use crate::obstacle::{self, Obstacle};
use crate::process::{Machine, Process};
use crate::status::Status;
use crate::users::Users;

/// Folders of `hsperfdata` that are looked into: one a user, and a container has few.
const MOST_FOLDERS: usize = 1_000;

/// A JVM of this machine. What may hold passwords, its arguments first of all, is not in its `Debug` text.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Jvm {
    /// Its pid for us.
    pub pid: u32,
    /// Its pid for itself; another one in a container.
    pub inner_pid: u32,
    /// Its effective user.
    pub uid: u32,
    /// The user's name, or the number where this machine has no name for it.
    pub user: String,
    /// Main class, path of the jar, or `module/class`; empty if it hides even that.
    pub main: String,
    /// Arguments of the program. They may hold what their owner should not have put there.
    pub arguments: Vec<String>,
    /// Its class path as it was written; empty with `-jar`.
    pub class_path: String,
    /// "17.0.16"; known where its counters (`hsperfdata`) may be read.
    pub version: Option<String>,
    /// What keeps us from attaching to it and reading its beans, if anything.
    pub obstacle: Option<Obstacle>,
    /// Whether it is known to be in another network namespace: its ports, and its loopback, are not ours.
    pub in_other_network: bool,
    options: Options,
}

impl fmt::Debug for Jvm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jvm")
            .field("pid", &self.pid)
            .field("inner_pid", &self.inner_pid)
            .field("user", &self.user)
            .field("main", &self.main)
            .field("version", &self.version)
            .field("obstacle", &self.obstacle)
            .finish_non_exhaustive()
    }
}

impl Jvm {
    /// What a command line (words, each ended by a zero byte) says of a JVM, and nothing else: for tests of what comes
    /// after, with the feature `fixture`.
    #[cfg(feature = "fixture")]
    pub fn from_command_line(pid: u32, words: &[u8]) -> Self {
        let line = CommandLine::parse(words);
        let (main, arguments) = command(&line, &HashMap::new());
        Self {
            pid,
            inner_pid: pid,
            uid: 0,
            user: String::new(),
            main,
            arguments,
            class_path: line.class_path,
            version: None,
            obstacle: None,
            in_other_network: false,
            options: Options::new(line.options),
        }
    }

    /// Main class without the module, file name of a jar.
    pub fn main_name(&self) -> &str {
        command_line::file_name(&self.main)
    }

    /// Main class and arguments in one line, as `sun.java.command` has it.
    pub fn command(&self) -> String {
        let mut line = self.main.clone();
        for argument in &self.arguments {
            line.push(' ');
            line.push_str(argument);
        }
        line
    }

    /// Value of a `-D` option, wherever it was written: on the command line, or in `JAVA_TOOL_OPTIONS` and its like.
    pub fn property(&self, key: &str) -> Option<&str> {
        self.options.property(key)
    }

    /// The port for remote JMX, if it was started with one (`JMX_PORT` of Kafka's scripts becomes this).
    pub fn jmx_port(&self) -> Option<u16> {
        let port = self
            .property("com.sun.management.jmxremote.port")?
            .parse()
            .ok()?;
        // Port 0 is one that nobody knows.
        (port != 0).then_some(port)
    }

    /// Whether HotSpot leaves the signal to others.
    pub(crate) fn reduces_signals(&self) -> bool {
        self.options.reduces_signals()
    }

    /// Why it does not catch the signal, as far as its options tell.
    pub(crate) fn why_not_caught(&self) -> Obstacle {
        obstacle::not_caught(&self.options)
    }

    /// Whether it has a library open whose file name holds this (`kafka-clients`): class paths are often written with a
    /// `*`, or hidden in a jar's manifest. Only the first thousand files are looked at.
    pub fn uses_library(&self, part: &str) -> bool {
        self.class_path.contains(part)
            || Process::open(self.pid).is_ok_and(|process| process.has_open_file(part))
    }

    /// A plain file that the JVM names, read as the JVM would: relative to its folder, links followed below
    /// its root and never out of it. For its configuration, up to `limit` bytes; nothing where that is not possible.
    /// With our rights, not the JVM's: root should not show the text to others.
    pub fn file(&self, path: &str, limit: u64) -> Option<String> {
        let process = Process::open(self.pid).ok()?;
        let root = process.root_folder().ok()?;
        let bytes = files::below(&root, &process.own_path(path)?, limit)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// All JVMs that we can see, by pid. Only looks: nothing is signalled, connected or written.
///
/// # Errors
/// If `/proc` cannot be listed. A process that cannot be looked at is left out, or has an [`Obstacle`].
pub fn jvms() -> Result<Vec<Jvm>, Error> {
    let us = Process::ourselves()?;
    let users = Users::load();
    let entries = std::fs::read_dir("/proc").map_err(|error| Error::system("list /proc", error))?;
    let mut pids: Vec<u32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    Ok(pids
        .into_iter()
        .filter_map(|pid| look(&Process::open(pid).ok()?, &users, &us).ok())
        .collect())
}

/// One JVM.
///
/// # Errors
/// If there is no such process, or it is none.
pub fn jvm(pid: u32) -> Result<Jvm, Error> {
    look(&Process::open(pid)?, &Users::load(), &Process::ourselves()?)
}

/// The same, through a handle that is kept.
pub(crate) fn look(process: &Process, users: &Users, us: &Status) -> Result<Jvm, Error> {
    let status = process.status()?;
    let raw = process.command_line()?;
    let not_one = || Error::NotAJvm { pid: process.pid };
    if raw.is_empty() {
        return Err(not_one());
    }
    let line = CommandLine::parse(&raw);
    let machine = match process.machine() {
        Ok(machine) => Some(machine.ok_or_else(not_one)?),
        // We may not look. What calls itself java is taken for a JVM: it is not touched anyway.
        Err(Error::System { .. }) if line.is_java() => None,
        Err(Error::System { .. }) => return Err(not_one()),
        Err(error) => return Err(error),
    };
    let counters = match machine {
        Some(_) => counters(process, &status).unwrap_or_default(),
        None => HashMap::new(),
    };
    let options = options(process, &line, &counters);
    let user = users.name(status.uid);
    let obstacle = match (
        machine,
        obstacle::find(process, &status, &options, &user, us),
    ) {
        (Some(Machine::OpenJ9), _) => Some(Obstacle::OpenJ9),
        (None, None) => Some(Obstacle::NoAccess { what: "maps" }),
        (_, found) => found,
    };
    let (main, arguments) = command(&line, &counters);
    Ok(Jvm {
        pid: process.pid,
        inner_pid: status.inner_pid,
        uid: status.uid,
        user,
        main,
        arguments,
        class_path: line.class_path,
        version: counters.get("java.property.java.version").cloned(),
        obstacle,
        in_other_network: process.is_in_our_network().is_ok_and(|is_ours| !is_ours),
        options,
    })
}

/// Options in the order in which they count.
fn options(process: &Process, line: &CommandLine, counters: &HashMap<String, String>) -> Options {
    let environment = process.environment();
    let words = |text: String| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let of = |name: &str| {
        let value = command_line::variable(&environment, name);
        value.map(words).unwrap_or_default()
    };
    let mut all: Vec<String> = command_line::BEFORE
        .iter()
        .flat_map(|name| of(name))
        .collect();
    // What the JVM says of its options holds those of files (`@file`), and is cut after 1 KiB.
    all.extend(
        counters
            .get("java.rt.vmArgs")
            .cloned()
            .map(words)
            .unwrap_or_default(),
    );
    all.extend(line.options.iter().cloned());
    all.extend(of(command_line::AFTER));
    // An option in a file (`-XX:Flags`) is nowhere to be seen, but what came of it is: the first capability is attaching.
    let capabilities = counters.get("sun.rt.jvmCapabilities");
    if capabilities.is_some_and(|all| all.starts_with('0')) {
        all.push(command_line::DISABLED.to_owned());
    }
    Options::new(all)
}

/// Main and arguments. The command line knows where an argument ends, the JVM's own text (cut after 1 KiB) knows what
/// stood in files of arguments: the first one counts unless the second contradicts it.
fn command(line: &CommandLine, counters: &HashMap<String, String>) -> (String, Vec<String>) {
    let said = counters
        .get("sun.rt.javaCommand")
        .map_or("", String::as_str);
    match &line.main {
        Some(main) if said.is_empty() || said.starts_with(main.as_str()) => {
            (main.clone(), line.arguments.clone())
        }
        _ => {
            let mut words = said.split(' ').map(str::to_owned);
            (words.next().unwrap_or_default(), words.collect())
        }
    }
}

/// The texts of `/tmp/hsperfdata_<user>/<pid>` below the process's root. The file must be the process's own: a stale one
/// of another user's JVM had the same number.
fn counters(process: &Process, status: &Status) -> Option<HashMap<String, String>> {
    let temporary = process.temporary_folder().ok()?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let listed = openat(&temporary, ".", flags, Mode::empty()).ok()?;
    let folders = Dir::read_from(&listed).ok()?.flatten();
    let names = folders.filter_map(|entry| {
        let name = entry.file_name().to_str().ok()?.to_owned();
        name.starts_with("hsperfdata_").then_some(name)
    });
    names
        .take(MOST_FOLDERS)
        .find_map(|name| of_folder(&temporary, &name, status))
}

fn of_folder(temporary: &OwnedFd, name: &str, status: &Status) -> Option<HashMap<String, String>> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let folder = openat(temporary, name, flags, Mode::empty()).ok()?;
    let file = status.inner_pid.to_string();
    let bytes = files::in_folder(&folder, &file, status.uid, hsperf::LIMIT)?;
    Some(hsperf::texts(&bytes)).filter(|texts| !texts.is_empty())
}
