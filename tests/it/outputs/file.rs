//! `output.file`.

use std::path::{Path, PathBuf};

use serde_json::Value;
use stack::{Process, Signal, WorkDir, wait_until};

use super::{assert_balanced, config, parsed};
use crate::agent::{PATIENCE, Setting};

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

/// In a mount namespace of its own, with a small disk that is full from the start.
#[test]
fn a_full_disk_holds_documents_and_leaves_no_torn_line() {
    let work = WorkDir::new("full").unwrap();
    let directory = work.join("out");
    std::fs::create_dir(&directory).unwrap();
    let setting = Setting::new(&config(&output(&directory, ", rotate_every: 64KiB")));
    let run = setting.prepared(&["run"]);
    let words: Vec<String> = std::iter::once(run.get_program())
        .chain(run.get_args())
        .map(|word| word.to_str().unwrap().to_owned())
        .collect();
    let mount = format!("mount -t tmpfs -o size=1m none {}", directory.display());
    if !is_permitted(&mount) {
        return;
    }
    let shown = directory.display();
    let fill = format!("head -c 1040000 /dev/zero > {shown}/filler");
    let script = format!("{mount} && {fill} && exec {}", words.join(" "));
    let args = ["-rm", "sh", "-c", &script];
    let agent = Process::program("full", Path::new("unshare"), &args, &work).unwrap();
    let log = || std::fs::read_to_string(agent.log()).unwrap();
    let says = |what: &str| {
        let said = || log().contains(what).then_some(());
        wait_until(what, PATIENCE, said).unwrap_or_else(|error| panic!("{error}\n{}", log()));
    };
    says("cannot be written: No space left on device");
    // Its disk, as it sees it.
    let inside = format!("/proc/{}/root{shown}", agent.pid());
    let before = read(Path::new(&inside)).len();
    std::fs::remove_file(format!("{inside}/filler")).unwrap();
    says("the output takes documents again");
    let more = || (read(Path::new(&inside)).len() > before + 10).then_some(());
    wait_until("documents", PATIENCE, more).unwrap();
    assert_eq!(log().matches("No space left").count(), 1, "{}", log());
    // The disk goes with the process: it is read while the process waits to be told to end.
    let copied = work.join("copied");
    let hold = Process::program(
        "hold",
        Path::new("nsenter"),
        &[
            "-U",
            "-m",
            &format!("--target={}", agent.pid()),
            "sh",
            "-c",
            &format!(
                "while kill -0 {} 2>/dev/null; do sleep 0.1; done; cp -r {shown} {}",
                agent.pid(),
                copied.display()
            ),
        ],
        &work,
    )
    .unwrap();
    let entered = || {
        let of = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
        (of(hold.pid()).is_some() && of(hold.pid()) == of(agent.pid())).then_some(())
    };
    wait_until("the other process sees the disk", PATIENCE, entered).unwrap();
    agent.signal(Signal::Term);
    assert_eq!(agent.wait(PATIENCE).unwrap().code(), Some(0), "{}", log());
    hold.wait(PATIENCE).unwrap();
    let documents = read(&copied);
    assert_balanced(&setting, &documents);
    assert_eq!(documents.len(), super::ids(&documents).len());
}

/// Whether a small disk can be had here. Where `CI` is `true` it must be.
fn is_permitted(mount: &str) -> bool {
    let probe = std::process::Command::new("unshare")
        .args(["-rm", "sh", "-c", mount])
        .output()
        .unwrap();
    if !probe.status.success() {
        let said = String::from_utf8_lossy(&probe.stderr);
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{said}");
        println!("SKIPPED a full disk: not permitted here: {said}");
    }
    probe.status.success()
}
