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

use crate::error::Error;
use crate::jvm::Jvm;
use crate::obstacle::Obstacle;
use crate::process::{Machine, Process};
use crate::status::Status;

/// The file; gone with this value, however that ends.
#[derive(Debug)]
pub(crate) struct AttachFile {
    folder: OwnedFd,
    name: String,
}

impl Drop for AttachFile {
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
    // The mask is read last: a JVM maps the library first and sets the handler later.
    if !process.status()?.catches_quit {
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
    let folders = [process.temporary_folder(), process.working_folder()];
    let mut failure = None;
    for folder in folders {
        match folder.and_then(|folder| create_in(folder, &name, &status, process.pid)) {
            Ok(file) => return Ok(file),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or(Error::Vanished { pid: process.pid }))
}

fn create_in(folder: OwnedFd, name: &str, status: &Status, pid: u32) -> Result<AttachFile, Error> {
    // EXCL does not follow a link, so nothing but a new file can be opened here.
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    match openat(&folder, name, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => {
            let ours = AttachFile {
                folder,
                name: name.to_owned(),
            };
            // Newer JVMs take root's file, too: a system that refuses this is no reason to give up.
            fchown(file, Some(status.uid), Some(status.gid)).ok();
            Ok(ours)
        }
        // Of somebody who attaches at this moment, or was killed doing so: as good as ours if the JVM takes it.
        Err(Errno::EXIST) if is_valid(&folder, name, status) => Ok(AttachFile {
            folder,
            name: name.to_owned(),
        }),
        Err(error) => Err(Error::system(format!("create {name} for JVM {pid}"), error)),
    }
}

fn is_valid(folder: &OwnedFd, name: &str, status: &Status) -> bool {
    statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|meta| {
        FileType::from_raw_mode(meta.st_mode) == FileType::RegularFile
            && [0, status.uid].contains(&meta.st_uid)
    })
}
