//! A server's process: its own process group, its log file, its end.
//!
//! Nothing is left behind: `Drop` kills the group; if we are killed ourselves, the kernel kills the child
//! (`setpriv --pdeathsig`, which needs no unsafe code in here).

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal;
use nix::unistd::Pid;

use crate::error::{At, Error, Result};
pub(crate) use crate::launch::Launch;
use crate::spawn::spawn;
use crate::tail::tail;
use crate::wait;
use crate::workdir::WorkDir;

const PAUSE: Duration = Duration::from_millis(50);
/// How many lines of a log an error shows.
const TAIL_LINES: usize = 40;

/// What can be sent to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGSTOP: the server hangs, its ports stay open.
    Stop,
    /// SIGCONT: it goes on.
    Cont,
    /// SIGTERM: it shuts down in order.
    Term,
    /// SIGINT, as Ctrl-C sends it.
    Int,
    /// SIGKILL: it is dead at once.
    Kill,
}

impl From<Signal> for signal::Signal {
    fn from(ours: Signal) -> Self {
        match ours {
            Signal::Stop => Self::SIGSTOP,
            Signal::Cont => Self::SIGCONT,
            Signal::Term => Self::SIGTERM,
            Signal::Int => Self::SIGINT,
            Signal::Kill => Self::SIGKILL,
        }
    }
}

struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    /// What it says on stdout, by line; read by a thread of its own, so that a wait for a line can time out.
    lines: Option<Receiver<String>>,
    ended: Option<ExitStatus>,
}

/// A process that ends with this value at the latest.
pub struct Process {
    name: String,
    launch: Launch,
    log: PathBuf,
    running: Mutex<Running>,
}

impl Process {
    pub(crate) fn start(name: &str, launch: Launch, log: PathBuf) -> Result<Self> {
        let running = Mutex::new(run(name, &launch, &log)?);
        Ok(Self {
            name: name.to_owned(),
            launch,
            log,
            running,
        })
    }

    /// Runs any program in a folder of its own, under the same promise: it ends with this value at the latest. What it
    /// prints goes to a log file there.
    pub fn program(name: &str, program: &Path, args: &[&str], work: &WorkDir) -> Result<Self> {
        let mut launch = Launch::new(program, work.path());
        launch.args = args.iter().map(|&arg| arg.to_owned()).collect();
        let log = work.join(&format!("{}.log", name.replace(' ', "-")));
        Self::start(name, launch, log)
    }

    /// Kills it if it still runs and starts it again, with the same arguments and the same log file.
    pub(crate) fn again(&self) -> Result<()> {
        self.kill();
        *self.lock() = run(&self.name, &self.launch, &self.log)?;
        Ok(())
    }

    /// "Kafka 4.2.0, node 1"
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id, also that of its process group.
    pub fn pid(&self) -> u32 {
        self.lock().child.id()
    }

    /// Its log file.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its log.
    pub fn log_tail(&self, lines: usize) -> String {
        tail(&self.log, lines)
    }

    /// Sends a signal to the process and to those it started.
    pub fn signal(&self, what: Signal) {
        let mut running = self.lock();
        if running.status().is_none() {
            send(&running.child, what);
        }
    }

    /// Kills it and waits until it is gone.
    pub fn kill(&self) {
        self.lock().end();
    }

    /// How it ended, or none while it runs.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.lock().status()
    }

    /// Waits until it ends by itself.
    pub fn wait(&self, limit: Duration) -> Result<ExitStatus> {
        let start = Instant::now();
        while start.elapsed() < limit {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            wait::pause(PAUSE)?;
        }
        Err(self.timed_out("its end", limit))
    }

    /// Sends a line and waits for the line that answers it.
    pub(crate) fn ask(&self, line: &str, limit: Duration) -> Result<String> {
        let mut running = self.lock();
        let written = running
            .stdin
            .as_mut()
            .map(|stdin| writeln!(stdin, "{line}"));
        match written {
            Some(Ok(())) => self.answer(&mut running, line, limit),
            _ => Err(self.gone(&mut running, line)),
        }
    }

    /// Waits for a line that it says without being asked.
    pub(crate) fn hear(&self, step: &str, limit: Duration) -> Result<String> {
        self.answer(&mut self.lock(), step, limit)
    }

    fn answer(&self, running: &mut Running, step: &str, limit: Duration) -> Result<String> {
        let Some(lines) = &running.lines else {
            return Err(Error::refused(step, "this process does not talk"));
        };
        let start = Instant::now();
        while start.elapsed() < limit {
            wait::check_interrupt()?;
            match lines.recv_timeout(PAUSE) {
                Ok(line) => return Ok(line),
                Err(RecvTimeoutError::Timeout) => (),
                Err(RecvTimeoutError::Disconnected) => return Err(self.gone(running, step)),
            }
        }
        Err(self.timed_out(step, limit))
    }

    /// The error for a process that closed its stdout or stdin. It is about to end, and how it does is worth a moment.
    fn gone(&self, running: &mut Running, step: &str) -> Error {
        for _ in 0..20 {
            if running.status().is_some() || wait::pause(PAUSE).is_err() {
                break;
            }
        }
        running.end();
        match running.ended {
            Some(status) => self.died(step, status),
            None => Error::refused(step, format!("{} cannot be waited for", self.name)),
        }
    }

    pub(crate) fn timed_out(&self, step: &str, limit: Duration) -> Error {
        Error::TimedOut {
            name: self.name.clone(),
            step: step.to_owned(),
            limit,
            tail: self.log_tail(TAIL_LINES),
        }
    }

    pub(crate) fn died(&self, step: &str, status: ExitStatus) -> Error {
        Error::Died {
            name: self.name.clone(),
            step: step.to_owned(),
            status,
            tail: self.log_tail(TAIL_LINES),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        // A test that panicked elsewhere must not keep the others from stopping their servers.
        self.running
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Running {
    fn status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    fn end(&mut self) {
        if self.status().is_none() {
            let members = members(&self.child);
            send(&self.child, Signal::Kill);
            self.ended = self.child.wait().ok();
            wait_for_group(&self.child);
            members.into_iter().for_each(forget_attach_socket);
        }
    }
}

/// The processes of a leader's group: what it started, and itself.
fn members(leader: &Child) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| group_of(*id) == Some(leader.id()))
        .collect()
}

/// The fifth field of `/proc/<pid>/stat`, counted behind the name in brackets.
fn group_of(pid: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    fields.split_whitespace().nth(2)?.parse().ok()
}

/// HotSpot leaves the socket by which it was attached to when it is killed. A JVM that gets the same id later, and another
/// user, cannot be attached to then: Elasticsearch, which attaches to itself, would not start.
fn forget_attach_socket(pid: u32) {
    drop(fs::remove_file(format!("/tmp/.java_pid{pid}")));
}

/// A killed launcher's child needs a moment more, and its files must not be removed under its hands. Where nobody
/// collects orphans (a container without an init) it stays a zombie: hence the bound.
fn wait_for_group(leader: &Child) {
    let group = Pid::from_raw(leader.id().cast_signed());
    let start = Instant::now();
    while signal::killpg(group, None).is_ok() && start.elapsed() < Duration::from_secs(2) {
        wait::sleep(Duration::from_millis(10));
    }
}

/// Signals the group, since a server may be a launcher and its child.
fn send(child: &Child, what: Signal) {
    let group = Pid::from_raw(child.id().cast_signed());
    // The one error left is "no such process": it ended between the check and here.
    signal::killpg(group, signal::Signal::from(what)).ok();
}

fn run(name: &str, launch: &Launch, log: &Path) -> Result<Running> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .at("open", log)?;
    let fail = |source| start_error(name, source);
    let mut child = spawn(launch.command(file).map_err(fail)?).map_err(fail)?;
    let stdin = child.stdin.take();
    let lines = child.stdout.take().map(read_lines);
    Ok(Running {
        child,
        stdin,
        lines,
        ended: None,
    })
}

fn start_error(name: &str, source: std::io::Error) -> Error {
    if source.kind() == std::io::ErrorKind::NotFound {
        return Error::Missing {
            what: "setpriv".to_owned(),
            hint: "install the package util-linux".to_owned(),
        };
    }
    Error::Spawn {
        name: name.to_owned(),
        source,
    }
}

fn read_lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout)
            .lines()
            .map_while(std::io::Result::ok)
        {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The part of a server's API that is its process's.
macro_rules! process_methods {
    () => {
        /// Sends a signal to the process and to those it started.
        pub fn signal(&self, what: crate::Signal) {
            self.process.signal(what);
        }

        /// Kills it (SIGKILL) and waits until it is gone. Its data stay until the value is dropped.
        pub fn kill(&self) {
            self.process.kill();
        }

        /// The process itself: its id, its log, how it ended.
        pub fn process(&self) -> &crate::Process {
            &self.process
        }

        /// The last lines of its log.
        pub fn log_tail(&self, lines: usize) -> String {
            self.process.log_tail(lines)
        }
    };
}
pub(crate) use process_methods;
