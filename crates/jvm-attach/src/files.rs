//! Files that a JVM names or leaves behind. It may be hostile and we may be root: a name leads nowhere but below the
//! JVM's own root, and nothing but a plain file is ever opened.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags, fstatfs, openat, openat2,
    statat,
};
use rustix::io::Errno;

/// The kernel gives up on a path with `..` while anything anywhere is renamed: it is asked again, so often at most.
const TRIES: usize = 8;

/// A file right in a folder, no link, of that user, up to a limit of bytes.
pub(crate) fn in_folder(folder: &OwnedFd, name: &str, owner: u32, limit: u64) -> Option<Vec<u8>> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = openat(folder, name, flags, Mode::empty()).ok()?;
    read(&found, Some(owner), limit)
}

/// A file below a root, up to a limit of bytes. Links and `..` are followed as that root sees them, never out of it
/// (`openat2(2)`, Linux 5.6; nothing is read by an older one).
pub(crate) fn below(root: &OwnedFd, path: &Path, limit: u64) -> Option<Vec<u8>> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let found = (0..TRIES).find_map(|_| match openat2(root, path, flags, Mode::empty(), how) {
        Err(Errno::AGAIN) => None,
        found => Some(found),
    });
    read(&found?.ok()?, None, limit)
}

/// Opens what was found only if it is a plain file: opening a device or a pipe does something.
fn read(found: &OwnedFd, owner: Option<u32>, limit: u64) -> Option<Vec<u8>> {
    let meta = statat(found, "", AtFlags::EMPTY_PATH).ok()?;
    let is_theirs = owner.is_none_or(|owner| meta.st_uid == owner);
    // What stands in `/proc/self` would be about us.
    let is_proc = fstatfs(found.as_fd()).ok()?.f_type == PROC_SUPER_MAGIC;
    if FileType::from_raw_mode(meta.st_mode) != FileType::RegularFile || !is_theirs || is_proc {
        return None;
    }
    let again = format!("/proc/self/fd/{}", found.as_raw_fd());
    let file = openat(CWD, again, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut bytes = Vec::new();
    File::from(file).take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir, write};
    use std::os::unix::fs::symlink;

    use stack::WorkDir;

    use super::*;

    fn open(path: &Path) -> OwnedFd {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(CWD, path, flags, Mode::empty()).unwrap()
    }

    /// A root with a file of its own, and beside it one that it must not reach.
    fn roots() -> (WorkDir, OwnedFd) {
        let work = WorkDir::new("roots").unwrap();
        let root = work.join("root");
        create_dir(&root).unwrap();
        create_dir(root.join("etc")).unwrap();
        write(root.join("etc/own"), "inside").unwrap();
        write(root.join("etc/long"), [b'x'; 100]).unwrap();
        write(work.join("secret"), "outside").unwrap();
        symlink(work.path(), root.join("out")).unwrap();
        symlink(work.join("secret"), root.join("secret")).unwrap();
        symlink("/etc", root.join("absolute")).unwrap();
        symlink("../../../etc/own", root.join("etc/up")).unwrap();
        let root = open(&root);
        (work, root)
    }

    #[test]
    fn names_lead_nowhere_but_below_the_root() {
        let (_work, root) = roots();
        let read = |path: &str| {
            let bytes = below(&root, Path::new(path), 10)?;
            Some(String::from_utf8(bytes).unwrap())
        };
        for own in [
            "etc/own",
            "/etc/own",
            "absolute/own",
            "/absolute/own",
            "etc/up",
            "../etc/own",
        ] {
            assert_eq!(read(own).as_deref(), Some("inside"), "{own}");
        }
        for foreign in [
            "../secret",
            "/../secret",
            "etc/../../secret",
            "out/secret",
            "/secret",
            "etc",
            "none",
            "",
        ] {
            assert_eq!(read(foreign), None, "{foreign}");
        }
        assert_eq!(read("etc/long").unwrap().len(), 10);
    }

    #[test]
    fn what_is_no_plain_file_is_not_opened() {
        let root = open(Path::new("/"));
        for path in [
            "/proc/self/environ",
            "/proc/self/root/etc/passwd",
            "/dev/zero",
            "/tmp",
        ] {
            assert_eq!(below(&root, Path::new(path), 10), None, "{path}");
        }
        let (work, root) = roots();
        let owner = rustix::process::geteuid().as_raw();
        assert_eq!(in_folder(&root, "secret", owner, 10), None);
        let work = open(work.path());
        assert_eq!(in_folder(&work, "secret", owner, 3).unwrap(), b"out");
        assert_eq!(in_folder(&work, "secret", owner + 1, 3), None);
    }
}
