//! A file system that is soon full.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::stage::Stage;

/// Of all that Kafka needs, several times.
const MEGABYTES: usize = 256;
/// What is written to it: nine tenths, of which less is not nearly full and more would be a broken log directory.
const FILLS: usize = MEGABYTES * 9 / 10;

/// A small file system in memory, for which one must be root; gone with the value.
pub(super) struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts it at a folder, which is made.
    pub(super) fn mount(path: &Path) -> Self {
        std::fs::create_dir_all(path).expect("a folder");
        let size = format!("size={MEGABYTES}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(path)
            .status();
        let mounted = mounted.is_ok_and(|status| status.success());
        assert!(
            mounted,
            "a small disk wants root; leave the word `disk` out"
        );
        Self { path: path.into() }
    }

    /// For the agent's configuration.
    pub(super) fn entry(&self) -> String {
        format!("  disks: {{directories: [\"{}\"]}}\n", self.path.display())
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.path).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            println!("{} is still mounted", self.path.display());
        }
    }
}

/// Something else takes the room.
pub(super) fn play(stage: &Stage<'_>) {
    let small = stage.scene.small.as_ref().expect("it was wished for");
    let begin = || {
        let written = std::fs::write(small.filler(), vec![7; FILLS << 20]);
        written.expect("there is room");
    };
    let end = || std::fs::remove_file(small.filler()).expect("it is there");
    let full = [("disk-nearly-full", "orders 3")];
    stage.incident("a disk nearly full", &full, begin, end);
}
