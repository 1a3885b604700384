//! `output.console`.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use stack::wait_until;

use super::{assert_balanced, config, parsed};
use crate::agent::{PATIENCE, Setting};

#[test]
fn documents_go_to_stdout_until_nobody_reads_them_and_then_wait_in_the_queue() {
    let setting = Setting::new(&config("output.console: {}"));
    let mut agent = setting
        .prepared(&["run"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(agent.stdout.take().unwrap());
    let mut read = String::new();
    for _ in 0..5 {
        assert!(out.read_line(&mut read).unwrap() > 0);
    }
    drop(out);
    let ended = wait_until("the end", PATIENCE, || agent.try_wait().unwrap()).unwrap();
    let mut said = String::new();
    agent.stderr.unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(ended.code(), Some(1), "{said}");
    let sentence = "brokerbeat: stdout is closed: nobody reads what output.console writes; the documents wait in the queue";
    assert!(said.ends_with(&format!("{sentence}\n")), "{said}");
    assert!(super::sum(&setting, "queued") > 0);

    // The next one finds a reader: all that waited comes, beside what the pipe took of the first one.
    let lines = run_into_a_file(&setting);
    let mut documents = parsed(&lines);
    documents.extend(parsed(&read));
    assert!(super::sum(&setting, "queued") == 0);
    assert_no_more(&setting, &documents);
}

/// Runs until there are some lines in a file, stops, and gives the lines.
fn run_into_a_file(setting: &Setting) -> String {
    let out = setting.file("out.ndjson", "");
    let mut agent = setting
        .prepared(&["run"])
        .stdout(std::fs::File::create(&out).unwrap())
        .spawn()
        .unwrap();
    let lines = || std::fs::read_to_string(&out).unwrap();
    wait_until("documents", PATIENCE, || {
        (lines().lines().count() > 10).then_some(())
    })
    .unwrap();
    assert!(stop(&mut agent));
    lines()
}

/// SIGTERM, and a clean end.
fn stop(agent: &mut std::process::Child) -> bool {
    let pid = agent.id().to_string();
    let told = std::process::Command::new("kill").arg(pid).status();
    told.unwrap().success() && agent.wait().unwrap().success()
}

/// Lines that were in the pipe when its reader went are with nobody: they were taken by stdout.
fn assert_no_more(setting: &Setting, documents: &[serde_json::Value]) {
    let taken = super::sum(setting, "indexed");
    assert!(super::ids(documents).len() as u64 <= taken);
    assert_eq!(super::sum(setting, "collected"), taken);
}

#[test]
fn a_clean_run_into_a_file_has_every_document_once() {
    let setting = Setting::new(&config("output.console: {pretty: false}"));
    let lines = run_into_a_file(&setting);
    let documents = parsed(&lines);
    assert_balanced(&setting, &documents);
    assert_eq!(documents.len() as u64, super::sum(&setting, "indexed"));
}

#[test]
fn templates_are_for_elasticsearch_alone() {
    let set_up = Setting::new(&config("output.console: {}")).command(&["setup"]);
    let said = String::from_utf8_lossy(&set_up.stderr).into_owned();
    assert_eq!(set_up.status.code(), Some(2), "{said}");
    assert!(said.contains("documents go to output.console"), "{said}");
    assert!(said.contains("export assets --dir DIR"), "{said}");
}
