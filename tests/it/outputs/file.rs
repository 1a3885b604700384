//! `output.file`.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stack::{WorkDir, wait_until};

use super::{assert_balanced, config, parsed};
use crate::agent::{PATIENCE, Setting};
use crate::disk::{fill, with_small_disk};

const DEATHS: usize = 5;

/// Documents of all files of a directory; a line that is still being written is left out if it may be.
fn read(directory: &Path) -> Vec<Value> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|of| of == "ndjson"));
    files.sort();
    let mut documents = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        documents.extend(parsed(text.get(..whole).unwrap()));
    }
    documents
}

fn output(directory: &Path, more: &str) -> String {
    format!("output.file: {{path: \"{}\"{more}}}", directory.display())
}

#[test]
fn an_agent_that_is_killed_again_and_again_writes_every_document_once() {
    let work = WorkDir::new("files").unwrap();
    let directory = work.join("out");
    let output = output(&directory, ", rotate_every: 64KiB, number_of_files: 1000");
    let mut agent = Setting::new(&config(&output)).run();
    for death in 0..=DEATHS {
        let before = read(&directory).len();
        let more = || (read(&directory).len() > before).then_some(());
        wait_until(&format!("documents before death {death}"), PATIENCE, more)
            .unwrap_or_else(|error| panic!("{error}\n{}", agent.log()));
        if death < DEATHS {
            agent = agent.killed().run();
        }
    }
    agent.stop_clean();
    let documents = read(&directory);
    assert_balanced(&agent.setting, &documents);
    assert_eq!(documents.len(), super::ids(&documents).len());
}

#[test]
fn a_full_disk_holds_documents_and_leaves_no_torn_line() {
    let disk = WorkDir::new("full").unwrap();
    let Some(wrapper) = with_small_disk(disk.path()) else {
        return;
    };
    let output = output(disk.path(), ", rotate_every: 64KiB, number_of_files: 1000");
    let agent = Setting::new(&config(&output)).run_under(&wrapper);
    // Its disk, which is there until the last one who holds it has gone.
    let inside = format!("/proc/{}/root{}", agent.pid(), disk.path().display());
    let more = |what: &str| {
        let before = read(Path::new(&inside)).len();
        let more = || (read(Path::new(&inside)).len() > before).then_some(());
        wait_until(what, PATIENCE, more)
            .unwrap_or_else(|error| panic!("{what}: {error}\n{}", agent.log()));
    };
    more("first documents");
    let held = File::open(&inside).unwrap();
    let ballast = fill(&agent, disk.path());
    agent.says("cannot be written: No space left on device");
    std::fs::remove_file(ballast).unwrap();
    agent.says("the output takes documents again");
    more("documents that waited");
    agent.stop_clean();
    let log = agent.log();
    assert_eq!(log.matches("No space left").count(), 1, "{log}");
    let documents = read(Path::new(&format!("/proc/self/fd/{}", held.as_raw_fd())));
    assert_balanced(&agent.setting, &documents);
    assert_eq!(documents.len(), super::ids(&documents).len());
}
