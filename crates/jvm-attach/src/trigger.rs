//! Asking a JVM to open its socket: a file and a signal.
//!
//! HotSpot looks for `.attach_pid<pid>` in its working folder and in `/tmp` when it gets a `SIGQUIT`. Without the file
//! the signal means a dump of all threads, so the file comes first and stays until the socket is there.

use std::os::fd::OwnedFd;
use std::os::unix::fs::fchown;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, statat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;
use tokio::runtime::Handle;

use crate::error::Error;
use crate::jvm::Jvm;
use crate::obstacle::Obstacle;
use crate::process::{Machine, Process};
use crate::status::Status;

/// The file; gone with this value, however that ends.
#[derive(Debug)]
pub(crate) struct AttachFile(Option<Made>);

#[derive(Debug)]
struct Made {
    folder: OwnedFd,
    name: String,
}

impl AttachFile {
    fn new(folder: OwnedFd, name: &str) -> Self {
        let name = name.to_owned();
        Self(Some(Made { folder, name }))
    }

    /// Removes it on this thread.
    pub(crate) fn remove(mut self) {
        drop(self.0.take());
    }
}

impl Drop for AttachFile {
    /// On another thread, if this one is a runtime's: the file system may hang.
    fn drop(&mut self) {
        if let (Some(made), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            // A runtime that ends drops the work, and the value with it.
            runtime.spawn_blocking(move || drop(made));
        }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // Somebody else who attaches at the same time may have removed it already.
        unlinkat(&self.folder, self.name.as_str(), AtFlags::empty()).ok();
    }
}

/// A JVM in its first moments catches the signal and loses it (seen with JDK 17, one start in ten), and one that comes to
/// it late finds the file gone: it gets another one after this time, then after twice the time, and so on.
const LOST: Duration = Duration::from_secs(1);
/// The longest pause between two signals. One that does not answer for long is stopped or hangs and keeps its signals until
/// it can take them: each of them would only make it dump its threads when it does.
const KEPT: Duration = Duration::from_secs(30);
/// JVMs that are remembered: more of them do not hang at once.
const MOST: usize = 64;

/// A signal that is not answered yet.
#[derive(Debug)]
struct Sent {
    pid: u32,
    last: Instant,
    pause: Duration,
}

/// In the order of `last`.
static SENT: Mutex<Vec<Sent>> = Mutex::new(Vec::new());

fn sent() -> MutexGuard<'static, Vec<Sent>> {
    SENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether it is time for a signal, the first one or another.
pub(crate) fn is_due(pid: u32) -> bool {
    let mut all = sent();
    all.retain(|sent| sent.last.elapsed() < 2 * KEPT);
    let pending = all.iter().find(|sent| sent.pid == pid);
    pending.is_none_or(|sent| sent.last.elapsed() >= sent.pause)
}

fn remember(pid: u32) {
    let mut all = sent();
    let before = all.iter().find(|sent| sent.pid == pid);
    let pause = before.map_or(LOST, |sent| (2 * sent.pause).min(KEPT));
    all.retain(|sent| sent.pid != pid);
    if all.len() == MOST {
        all.remove(0);
    }
    let last = Instant::now();
    all.push(Sent { pid, last, pause });
}

/// The JVM has answered: should its socket vanish, it may be asked again at once.
pub(crate) fn forget(pid: u32) {
    sent().retain(|sent| sent.pid != pid);
}

/// Sends the signal if it is due. The file must be there.
pub(crate) fn remind(process: &Process, jvm: &Jvm) -> Result<(), Error> {
    if is_due(process.pid) {
        signal(process, jvm)?;
        remember(process.pid);
    }
    Ok(())
}

/// Sends the signal to a process that is a HotSpot JVM and catches it, as far as a moment ago.
fn signal(process: &Process, jvm: &Jvm) -> Result<(), Error> {
    let pid = process.pid;
    match process.machine()? {
        Some(Machine::HotSpot) => {}
        Some(Machine::OpenJ9) => {
            let obstacle = Obstacle::OpenJ9;
            return Err(Error::Obstructed { pid, obstacle });
        }
        None => return Err(Error::NotAJvm { pid }),
    }
    // The mask is read last: a JVM maps the library first and sets the handler later. Under -Xrs a handler is not HotSpot's.
    if jvm.reduces_signals() || !process.status()?.catches_quit {
        let obstacle = jvm.why_not_caught();
        return Err(Error::Obstructed { pid, obstacle });
    }
    process.quit()
}

/// Writes the file. In `/tmp` if possible: should we be killed before the file is removed, it is no litter there. HotSpot before
/// JDK 9 wants it to be the JVM's own, even if root made it.
pub(crate) fn create(process: &Process) -> Result<AttachFile, Error> {
    let status = process.status()?;
    let name = format!(".attach_pid{}", status.inner_pid);
    let made = |folder| create_in(folder, &name, &status, process.pid);
    process.temporary_folder().and_then(made).or_else(|error| {
        let other = process.working_folder().ok();
        let other = other.filter(|folder| may_write_for(folder, &status));
        other.and_then(|folder| made(folder).ok()).ok_or(error)
    })
}

/// Root leaves no file in a folder where the JVM itself may be unable to: it chooses its working folder, and whether
/// `/tmp` is usable.
fn may_write_for(folder: &OwnedFd, status: &Status) -> bool {
    let is_theirs =
        || statat(folder, "", AtFlags::EMPTY_PATH).is_ok_and(|meta| meta.st_uid == status.uid);
    !geteuid().is_root() || is_theirs()
}

fn create_in(folder: OwnedFd, name: &str, status: &Status, pid: u32) -> Result<AttachFile, Error> {
    // EXCL does not follow a link, so nothing but a new file can be opened here.
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    match openat(&folder, name, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => {
            let ours = AttachFile::new(folder, name);
            // Newer JVMs take root's file, too: a system that refuses this is no reason to give up.
            fchown(file, Some(status.uid), Some(status.gid)).ok();
            Ok(ours)
        }
        // Of somebody who attaches at this moment, or was killed doing so: as good as ours if the JVM takes it.
        Err(Errno::EXIST) if is_valid(&folder, name, status) => Ok(AttachFile::new(folder, name)),
        Err(error) => Err(Error::system(format!("create {name} for JVM {pid}"), error)),
    }
}

fn is_valid(folder: &OwnedFd, name: &str, status: &Status) -> bool {
    statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|meta| {
        FileType::from_raw_mode(meta.st_mode) == FileType::RegularFile
            && [0, status.uid].contains(&meta.st_uid)
    })
}
