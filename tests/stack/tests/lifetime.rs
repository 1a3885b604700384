//! The promise that the rest stands on: servers come up, can be made to hang, and never outlive their owner.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use stack::{Result, Signal, ZooKeeper, wait_until};

const SOON: Duration = Duration::from_secs(10);

/// State and process group. The name in front of them is in brackets and may hold anything.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(1)?.parse().ok()?))
}

/// A zombie is dead: who its new parent is and when that looks is not ours to say.
fn lives(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z')
}

fn group(leader: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("Linux has it").flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid| stat(pid).is_some_and(|(_, group)| group == leader))
        .collect()
}

fn gone(pid: u32) -> Result<()> {
    wait_until("the end of the process", SOON, || {
        (!lives(pid)).then_some(())
    })
}

#[test]
fn a_stopped_server_hangs_and_a_continued_one_answers() -> Result<()> {
    let zookeeper = ZooKeeper::start()?;
    assert_eq!(zookeeper.four_letter_word("ruok")?, "imok");
    zookeeper.signal(Signal::Stop);
    assert!(zookeeper.four_letter_word("ruok").is_err());
    zookeeper.signal(Signal::Cont);
    assert_eq!(zookeeper.four_letter_word("ruok")?, "imok");

    let before = zookeeper.process().pid();
    zookeeper.kill();
    assert!(!lives(before));
    zookeeper.restart()?;
    assert_eq!(zookeeper.four_letter_word("ruok")?, "imok");

    let pid = zookeeper.process().pid();
    drop(zookeeper);
    assert!(!lives(pid));
    Ok(())
}

#[test]
fn a_server_that_cannot_start_shows_its_log() {
    let error = ZooKeeper::start_with(&stack::Options::new().set("tickTime", "soon")).err();
    let text = error.map(|error| error.to_string()).unwrap_or_default();
    assert!(text.contains("ZooKeeper 3.9.4 ended"), "{text}");
    assert!(text.contains("NumberFormatException"), "{text}");
}

#[test]
fn a_killed_owner_leaves_no_server() -> Result<()> {
    let mut owner = Command::new(env!("CARGO_BIN_EXE_owner"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(owner.stdout.take().unwrap());
    let mut lines = stdout.lines().map_while(std::io::Result::ok);
    let line = lines.find_map(|line| Some(line.split_once("servers ")?.1.to_owned()));
    let servers: Vec<u32> = line
        .unwrap()
        .split(' ')
        .map(|pid| pid.parse().unwrap())
        .flat_map(group)
        .collect();
    // ZooKeeper, Elasticsearch's launcher, Elasticsearch.
    assert_eq!(servers.len(), 3);
    assert!(servers.iter().all(|&pid| lives(pid)));
    owner.kill().unwrap();
    owner.wait().unwrap();
    servers.into_iter().try_for_each(gone)
}
