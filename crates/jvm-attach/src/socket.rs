//! Getting a connection to a JVM's attach socket, which it is asked to open if there is none.
//!
//! All that touches the JVM's files is done off the runtime's threads: its `/tmp` may be one that hangs.

use std::os::unix::net::UnixStream as Connected;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep};

use crate::blocking;
use crate::error::Error;
use crate::jvm::Jvm;
use crate::process::{Process, path_through, socket_name};
use crate::trigger::{self, AttachFile};

/// The first pauses between two looks for the socket; a JVM that is not busy needs 10 ms.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// The longest one.
const LAST_PAUSE: Duration = Duration::from_millis(100);

/// What a look for the socket finds.
enum Found {
    /// The JVM listens and has taken the connection.
    Open(Connected),
    /// It listens, and its queue is full: it needs time, and a signal would make it dump its threads.
    Busy,
    /// No socket, or one that is left over from a JVM that is gone.
    Closed,
}

/// A connection to the JVM itself.
///
/// # Cancel safety
/// May be dropped at any time; the file that asks the JVM for its socket is removed in every case.
pub(crate) async fn open(
    process: &Arc<Process>,
    jvm: &Arc<Jvm>,
    limit: Duration,
) -> Result<UnixStream, Error> {
    let mut file = None;
    let opened = wait(process, jvm, limit, &mut file).await;
    if let Some(file) = file {
        // Gone before anybody hears how it went. If that takes too long, it is removed later, as after a cancellation.
        let remove = move || {
            file.remove();
            Ok(())
        };
        blocking::run(limit, remove).await.ok();
    }
    opened
}

async fn wait(
    process: &Arc<Process>,
    jvm: &Arc<Jvm>,
    limit: Duration,
    file: &mut Option<AttachFile>,
) -> Result<UnixStream, Error> {
    let (pid, start) = (process.pid, Instant::now());
    let mut pause = FIRST_PAUSE;
    loop {
        let looking = Arc::clone(process);
        let found = blocking::run(limit, move || look(&looking)).await?;
        let is_late = start.elapsed() >= limit;
        match found {
            Found::Open(stream) => {
                if file.is_some() {
                    trigger::forget(pid);
                }
                return own(stream, pid);
            }
            Found::Busy if is_late => return Err(Error::Busy { pid, after: limit }),
            Found::Busy => {}
            Found::Closed if is_late => return Err(Error::NoSocket { pid, after: limit }),
            Found::Closed => ask(process, jvm, limit, file).await?,
        }
        sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Makes the file, the first time, and sends the signal if it is due.
async fn ask(
    process: &Arc<Process>,
    jvm: &Arc<Jvm>,
    limit: Duration,
    file: &mut Option<AttachFile>,
) -> Result<(), Error> {
    if file.is_none() {
        let process = Arc::clone(process);
        *file = Some(blocking::run(limit, move || trigger::create(&process)).await?);
    }
    if trigger::is_due(process.pid) {
        let (process, jvm) = (Arc::clone(process), Arc::clone(jvm));
        blocking::run(limit, move || trigger::remind(&process, &jvm)).await?;
    }
    Ok(())
}

fn look(process: &Process) -> Result<Found, Error> {
    let pid = process.pid;
    let status = process.status().map_err(|_| Error::Vanished { pid })?;
    let folder = process.temporary_folder()?;
    if !process.has_socket(&folder, &status) {
        return Ok(Found::Closed);
    }
    match dial(&path_through(&folder, &socket_name(status.inner_pid))) {
        Ok(socket) => Ok(Found::Open(socket.into())),
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(Found::Closed),
        Err(Errno::AGAIN) => Ok(Found::Busy),
        Err(error) => {
            let what = format!("connect to the attach socket of JVM {pid}");
            Err(Error::system(what, error))
        }
    }
}

/// Without waiting for a place in the queue.
fn dial(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// That the JVM itself listens, and not somebody who has put a socket in its place.
fn own(stream: Connected, pid: u32) -> Result<UnixStream, Error> {
    let ask = |error| Error::system("ask who holds the attach socket", error);
    let stream = UnixStream::from_std(stream).map_err(ask)?;
    let peer = stream.peer_cred().map_err(ask)?;
    match is_itself(peer.pid(), pid) {
        true => Ok(stream),
        false => Err(Error::Impostor { pid }),
    }
}

/// A peer that has no pid for us is in a namespace that we cannot see into: it is none of the processes in our `/proc`.
fn is_itself(peer: Option<i32>, pid: u32) -> bool {
    peer.is_some_and(|peer| u32::try_from(peer) == Ok(pid))
}

#[cfg(test)]
mod tests {
    use stack::{Options, PlainJvm};

    use super::*;

    /// With all the threads taken, as by a file system that hangs, the look waits and times out: it does not use the
    /// runtime's own.
    #[tokio::test]
    async fn a_jvm_is_looked_at_on_no_thread_of_the_runtime() {
        let started = PlainJvm::idle(&Options::new().without_jmx()).unwrap();
        let pid = started.process().pid();
        let process = Arc::new(Process::open(pid).unwrap());
        let jvm = Arc::new(crate::jvm::jvm(pid).unwrap());
        let patient = Duration::from_secs(60);
        open(&process, &jvm, patient).await.unwrap();
        let taken = blocking::take_all().await;
        let late = open(&process, &jvm, Duration::from_millis(50)).await;
        assert!(late.unwrap_err().is_timeout());
        drop(taken);
        open(&process, &jvm, patient).await.unwrap();
    }

    #[test]
    fn a_peer_that_cannot_be_seen_is_not_the_jvm() {
        for (peer, expected) in [
            (Some(7), true),
            (Some(8), false),
            (Some(0), false),
            (Some(-7), false),
            (None, false),
        ] {
            assert_eq!(is_itself(peer, 7), expected, "{peer:?}");
        }
    }
}
