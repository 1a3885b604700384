//! A process, held by its folder in `/proc`: everything is read through that handle, and the signal goes through it,
//! so all of it is about one and the same process whatever happens to its number.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, readlinkat, statat};
use rustix::io::Errno;
use rustix::process::{Signal, pidfd_send_signal};

use crate::error::Error;
use crate::status::Status;

/// `status` is 1.5 KiB; long lists of groups make it longer.
const STATUS_LIMIT: u64 = 1 << 20;
/// The kernel's own limit of arguments and environment together is 6 MiB.
const ARGUMENTS_LIMIT: u64 = 6 << 20;
/// A mapping is a line of about 100 bytes, and there are 65,530 of them by default; Elasticsearch wants 262,144.
const MAPS_LIMIT: u64 = 64 << 20;

/// A JVM opens its class path early; what it opens later (a broker: a file a segment) is not looked through.
const MOST_FILES: usize = 1_000;

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// What a process has mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    /// `libjvm.so`, and nothing that says otherwise.
    HotSpot,
    /// `libj9vm….so` beside a `libjvm.so` that leads to it.
    OpenJ9,
}

/// A handle on `/proc/<pid>`.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    folder: OwnedFd,
}

impl Process {
    pub(crate) fn open(pid: u32) -> Result<Self, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match openat(CWD, format!("/proc/{pid}"), flags, Mode::empty()) {
            Ok(folder) => Ok(Self { pid, folder }),
            Err(Errno::NOENT | Errno::SRCH) => Err(Error::NoSuchProcess { pid }),
            Err(error) => Err(Error::system(format!("open /proc/{pid}"), error)),
        }
    }

    /// The process that this is.
    pub(crate) fn ourselves() -> Result<Status, Error> {
        let pid = std::process::id();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(CWD, "/proc/self", flags, Mode::empty())
            .map_err(|error| Error::system("open /proc/self", error))?;
        Self { pid, folder }.status()
    }

    /// An error's sentence about a file in the folder.
    fn cannot(&self, what: &str, name: &str) -> String {
        format!("{what} /proc/{}/{name}", self.pid)
    }

    fn failed(&self, what: &str, name: &str, error: std::io::Error) -> Error {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::SRCH | Errno::NOENT) => Error::NoSuchProcess { pid: self.pid },
            _ => Error::system(self.cannot(what, name), error),
        }
    }

    fn file(&self, name: &str) -> Result<File, Error> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        openat(&self.folder, name, flags, Mode::empty())
            .map(File::from)
            .map_err(|error| self.failed("read", name, error.into()))
    }

    fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        match self.file(name)?.take(limit).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(self.failed("read", name, error)),
        }
    }

    /// Fresh at every call: signal masks change.
    pub(crate) fn status(&self) -> Result<Status, Error> {
        let text = self.read("status", STATUS_LIMIT)?;
        Status::parse(&String::from_utf8_lossy(&text))
            .filter(|status| !status.is_zombie)
            .ok_or(Error::NoSuchProcess { pid: self.pid })
    }

    /// Empty for a kernel thread.
    pub(crate) fn command_line(&self) -> Result<Vec<u8>, Error> {
        self.read("cmdline", ARGUMENTS_LIMIT)
    }

    /// The environment that it was started with; empty where we may not look.
    pub(crate) fn environment(&self) -> Vec<u8> {
        self.read("environ", ARGUMENTS_LIMIT).unwrap_or_default()
    }

    /// What kind of JVM it is, if it is one. Fresh at every call: a process may become another program.
    pub(crate) fn machine(&self) -> Result<Option<Machine>, Error> {
        let mut maps = BufReader::new(self.file("maps")?.take(MAPS_LIMIT));
        let (mut line, mut found) = (Vec::new(), None);
        loop {
            line.clear();
            match maps.read_until(b'\n', &mut line) {
                Ok(0) => return Ok(found),
                Ok(_) => {}
                Err(error) => return Err(self.failed("read", "maps", error)),
            }
            let line = String::from_utf8_lossy(&line);
            // A JDK that was upgraded under a running JVM.
            let path = line.trim_end().trim_end_matches(" (deleted)");
            match crate::command_line::file_name(path) {
                "libjvm.so" if path.contains('/') => found = Some(Machine::HotSpot),
                name if name.starts_with("libj9vm") => return Ok(Some(Machine::OpenJ9)),
                _ => {}
            }
        }
    }

    /// Whether one of its first open files has this in its name; false where we may not look.
    pub(crate) fn has_open_file(&self, part: &str) -> bool {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(folder) = openat(&self.folder, "fd", flags, Mode::empty()) else {
            return false;
        };
        let Ok(entries) = Dir::read_from(&folder) else {
            return false;
        };
        entries.flatten().take(MOST_FILES).any(|entry| {
            readlinkat(&folder, entry.file_name(), Vec::new()).is_ok_and(|path| {
                let path = path.to_string_lossy();
                crate::command_line::file_name(&path).contains(part)
            })
        })
    }

    /// Sends `SIGQUIT`, to this process or to none.
    pub(crate) fn quit(&self) -> Result<(), Error> {
        pidfd_send_signal(&self.folder, Signal::QUIT).map_err(|error| match error {
            Errno::SRCH => Error::Vanished { pid: self.pid },
            Errno::NOSYS => {
                Error::system("signal a JVM safely; this needs Linux 5.1 or newer", error)
            }
            Errno::INVAL | Errno::BADF => Error::system(
                "signal a JVM through /proc, which belongs to another pid namespace; mount its own",
                error,
            ),
            error => Error::system(format!("signal JVM {}", self.pid), error),
        })
    }

    /// Whether its network is ours, so that its loopback address is.
    pub(crate) fn is_in_our_network(&self) -> Result<bool, Error> {
        let theirs = readlinkat(&self.folder, "ns/net", Vec::new())
            .map_err(|error| self.failed("read", "ns/net", error.into()))?;
        let ours = readlinkat(CWD, "/proc/self/ns/net", Vec::new())
            .map_err(|error| Error::system("read /proc/self/ns/net", error))?;
        Ok(theirs == ours)
    }

    /// Its working folder.
    pub(crate) fn working_folder(&self) -> Result<OwnedFd, Error> {
        openat(&self.folder, "cwd", FOLDER, Mode::empty())
            .map_err(|error| self.failed("open", "cwd", error.into()))
    }

    /// Where a name that the process uses leads, seen from its root.
    pub(crate) fn own_path(&self, name: &str) -> Option<PathBuf> {
        if name.starts_with('/') {
            return Some(PathBuf::from(name));
        }
        let link = |name| {
            let path = readlinkat(&self.folder, name, Vec::new()).ok()?;
            Some(PathBuf::from(OsString::from_vec(path.into_bytes())))
        };
        // Both as they are for us: in a changed root, one begins with the other.
        let (folder, root) = (link("cwd")?, link("root")?);
        Some(folder.strip_prefix(root).ok()?.join(name))
    }

    /// Its root folder.
    pub(crate) fn root_folder(&self) -> Result<OwnedFd, Error> {
        openat(&self.folder, "root", FOLDER, Mode::empty())
            .map_err(|error| self.failed("open", "root", error.into()))
    }

    /// `/tmp` as it sees it: HotSpot uses that, whatever `java.io.tmpdir` says. In another root it must be
    /// no symbolic link, which would lead into ours.
    pub(crate) fn temporary_folder(&self) -> Result<OwnedFd, Error> {
        let root = self.root_folder()?;
        let ours = openat(CWD, "/", FOLDER, Mode::empty());
        let is_ours =
            ours.is_ok_and(|ours| identity(&ours).is_some_and(|id| identity(&root) == Some(id)));
        let follow = if is_ours {
            OFlags::empty()
        } else {
            OFlags::NOFOLLOW
        };
        openat(root, "tmp", FOLDER | follow, Mode::empty())
            .map_err(|error| Error::system(self.cannot("open", "root/tmp"), error))
    }

    /// Whether the JVM's socket is there: a socket, its own, no link to one.
    pub(crate) fn has_socket(&self, folder: &OwnedFd, status: &Status) -> bool {
        statat(
            folder,
            socket_name(status.inner_pid),
            AtFlags::SYMLINK_NOFOLLOW,
        )
        .is_ok_and(|meta| {
            FileType::from_raw_mode(meta.st_mode) == FileType::Socket && meta.st_uid == status.uid
        })
    }
}

/// Device and number of a folder.
fn identity(folder: &OwnedFd) -> Option<(u64, u64)> {
    let meta = statat(folder, "", AtFlags::EMPTY_PATH).ok()?;
    Some((meta.st_dev, meta.st_ino))
}

/// `.java_pid<pid>`, with the pid that the JVM has for itself.
pub(crate) fn socket_name(inner_pid: u32) -> String {
    format!(".java_pid{inner_pid}")
}

/// A path through an open folder: short enough for a socket address wherever the folder is.
pub(crate) fn path_through(folder: &OwnedFd, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()))
}
