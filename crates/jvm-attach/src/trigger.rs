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

/// A JVM that has not taken a signal yet keeps it and takes it when it can; then the file must be there, and another
/// signal would only make it dump its threads.
const PATIENCE: Duration = Duration::from_secs(30);
/// JVMs that are remembered: more of them do not hang at once.
const MOST: usize = 64;

/// Who was signalled of late, and when.
static SIGNALLED: Mutex<Vec<(u32, Instant)>> = Mutex::new(Vec::new());

/// Writes the file and sends the signal, unless the JVM still has one.
pub(crate) fn request(process: &Process, jvm: &Jvm) -> Result<AttachFile, Error> {
    let file = create(process)?;
    if !is_pending(process.pid) {
        signal(process, jvm)?;
        remember(process.pid);
    }
    Ok(file)
}

fn signalled() -> MutexGuard<'static, Vec<(u32, Instant)>> {
    SIGNALLED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_pending(pid: u32) -> bool {
    let mut all = signalled();
    all.retain(|(_, at)| at.elapsed() < PATIENCE);
    all.iter().any(|(signalled, _)| *signalled == pid)
}

fn remember(pid: u32) {
    let mut all = signalled();
    if all.len() == MOST {
        all.remove(0);
    }
    all.push((pid, Instant::now()));
}

/// The JVM has answered: should its socket vanish, it may be asked again at once.
pub(crate) fn forget(pid: u32) {
    signalled().retain(|(signalled, _)| *signalled != pid);
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

/// In `/tmp` if possible: should we be killed before the file is removed, it is no litter there. HotSpot before
/// JDK 9 wants it to be the JVM's own, even if root made it.
fn create(process: &Process) -> Result<AttachFile, Error> {
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
