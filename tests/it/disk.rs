//! What can be wrong with the disk below the queue: it is full, may not be written, is used by another agent, is damaged.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use stack::{Elasticsearch, Signal, WorkDir, wait_until};

use crate::agent::{Agent, PATIENCE, Setting, assert_no_gap, search, text};
use crate::permits::permitted;
use crate::servers;
use crate::shipping::stop_accounted;

const INTERVAL: Duration = Duration::from_secs(2);

/// A queue at a path, in front of an Elasticsearch that is noticed soon when it hangs.
fn setting(elasticsearch: &Elasticsearch, namespace: &str, queue: &Path) -> Setting {
    let config = format!(
        "clusters: [{{name: orders, zookeeper: {{hosts: [\"{}\"]}}}}]\nnamespace: {namespace}\n\
         spool.path: {}\n\
         output.elasticsearch: {{hosts: [\"{}\"], username: elastic, password: {}, timeout: 2s}}\n",
        servers::zookeeper().addr(),
        queue.display(),
        elasticsearch.url(),
        servers::PASSWORD,
    );
    Setting::every(INTERVAL, &config)
}

fn stream(namespace: &str) -> String {
    format!("metrics-brokerbeat.zookeeper.server-{namespace}")
}

fn ticks(elasticsearch: &Elasticsearch, namespace: &str) -> Vec<String> {
    let found = search(elasticsearch, &stream(namespace));
    found
        .iter()
        .map(|document| text(document, "@timestamp").to_owned())
        .collect()
}

/// An Elasticsearch that answers nothing, until this ends.
struct Hung<'e>(&'e Elasticsearch);

impl<'e> Hung<'e> {
    fn new(elasticsearch: &'e Elasticsearch) -> Self {
        elasticsearch.signal(Signal::Stop);
        Self(elasticsearch)
    }
}

impl Drop for Hung<'_> {
    fn drop(&mut self) {
        self.0.signal(Signal::Cont);
    }
}

/// Waits until Elasticsearch has more than it has now.
fn more(elasticsearch: &Elasticsearch, namespace: &str, agent: &Agent) {
    let before = ticks(elasticsearch, namespace).len();
    let grown = || (ticks(elasticsearch, namespace).len() > before).then_some(());
    if let Err(error) = wait_until("more documents", PATIENCE, grown) {
        panic!("{error}\n{}", agent.log());
    }
}

/// A user and mount namespace with a small disk of its own at the path; nothing where this system does not permit it.
pub(crate) fn with_small_disk(path: &Path) -> Option<Vec<String>> {
    let mount = format!(
        "mount -t tmpfs -o size=1m brokerbeat-test '{}' && exec \"$@\"",
        path.display()
    );
    let wrapper = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &mount,
        "sh",
    ];
    let words = || wrapper.iter().map(|word| (*word).to_owned()).collect();
    permitted("a small disk", &wrapper).then(words)
}

/// A file that takes all room that is left; gives its path, as seen from here.
pub(crate) fn fill(agent: &Agent, disk: &Path) -> PathBuf {
    let ballast = format!("/proc/{}/root{}/ballast", agent.pid(), disk.display());
    let mut options = OpenOptions::new();
    let mut file = options
        .create(true)
        .append(true)
        .open(&ballast)
        .expect("the disk is there");
    let full = loop {
        if let Err(error) = file.write_all(&[0; 4096]) {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
    ballast.into()
}

#[test]
fn a_full_disk_is_said_once_costs_nothing_and_is_over_when_there_is_room() {
    let disk = WorkDir::new("disk").expect("a folder");
    let Some(wrapper) = with_small_disk(disk.path()) else {
        return;
    };
    let elasticsearch = servers::secured();
    let agent = setting(&elasticsearch, "full", disk.path()).run_under(&wrapper);
    more(&elasticsearch, "full", &agent);
    let hung = Hung::new(&elasticsearch);
    agent.says("nothing shipped, will retry");
    let ballast = fill(&agent, disk.path());
    agent.says("the queue cannot be written");
    agent.says("the queue's cursor cannot be written");
    drop(hung);
    more(&elasticsearch, "full", &agent);
    fs::remove_file(ballast).expect("it can be removed");
    agent.says("the queue is written to disk again");
    more(&elasticsearch, "full", &agent);
    stop_accounted(&agent, &elasticsearch, "full");
    let log = agent.log();
    assert_eq!(
        log.matches("the queue cannot be written").count(),
        1,
        "{log}"
    );
    assert_no_gap(&ticks(&elasticsearch, "full"), INTERVAL);
}

#[test]
fn a_directory_without_rights_and_one_of_another_agent_end_a_start_with_a_sentence() {
    let folder = WorkDir::new("rights").expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).expect("it is ours");
    let elasticsearch = servers::secured();
    let queue = folder.path().join("spool");
    let refused = |setting: &Setting, wrapper: &[&str], more: &[&str]| {
        let output = setting.under(wrapper, &[more, &["run"]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        said
    };
    // A user namespace without a mapping takes from root the right to everything.
    if permitted("a directory without rights", &["unshare", "--user"]) {
        let setting = setting(&elasticsearch, "rights", &queue);
        setting.open_to_all();
        let said = refused(&setting, &["unshare", "--user"], &[]);
        let sentence = format!("cannot use the queue's directory {}", queue.display());
        assert!(
            said.contains(&sentence) && said.contains("spool.path"),
            "{said}"
        );
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("it is ours");
    let agent = setting(&elasticsearch, "rights", &queue).run();
    agent.says("collecting");
    let said = refused(&setting(&elasticsearch, "rights", &queue), &[], &[]);
    assert!(
        said.contains("another agent uses the queue's directory"),
        "{said}"
    );
    agent.stop_clean();
}

/// Cuts the last eighth off a file, or turns a bit where it begins: among what was written last, and still waits.
fn damage(file: &Path, cut: bool) {
    let length = file.metadata().expect("it is there").len();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(file)
        .expect("it is ours");
    let place = length - length / 8;
    if cut {
        return file.set_len(place).expect("it can be cut");
    }
    let mut byte = [0];
    file.read_exact_at(&mut byte, place)
        .expect("it is that long");
    file.write_all_at(&[byte[0] ^ 1], place)
        .expect("it can be written");
}

fn segments(queue: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(queue).expect("the queue is there");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    let mut segments: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "seg"))
        .collect();
    segments.sort();
    segments
}

/// Waits until there are more records on disk than now. A segment begins with its agent's first record.
fn longer(queue: &Path, agent: &Agent) {
    let length = || -> u64 {
        let lengths = segments(queue)
            .into_iter()
            .map(|segment| segment.metadata());
        lengths
            .map(|found| found.map_or(0, |found| found.len()))
            .sum()
    };
    let before = length();
    let grown = || (length() > before).then_some(());
    if let Err(error) = wait_until("a longer queue", PATIENCE, grown) {
        panic!("{error}\n{}", agent.log());
    }
}

#[test]
fn a_damaged_queue_costs_what_is_damaged_and_says_so() {
    let queue = WorkDir::new("damaged").expect("a folder");
    let elasticsearch = servers::secured();
    let mut agent = setting(&elasticsearch, "damaged", queue.path()).run();
    more(&elasticsearch, "damaged", &agent);
    let hung = Hung::new(&elasticsearch);
    // Two agents leave a segment each; one is cut off, the other one has a wrong bit.
    for _ in 0..2 {
        longer(queue.path(), &agent);
        longer(queue.path(), &agent);
        agent = agent.killed().run();
    }
    let left = segments(queue.path());
    let setting = agent.killed();
    assert!(left.len() >= 2, "{left:?}");
    damage(&left[0], false);
    damage(&left[1], true);
    let agent = setting.run();
    agent.says("parts of the queue are damaged");
    drop(hung);
    more(&elasticsearch, "damaged", &agent);
    agent.stop_clean();
    let accounts = agent.setting.accounts();
    for (stream, account) in &accounts {
        let number = |name: &str| account[name].as_u64().expect("a number");
        let came = number("indexed") + number("duplicate");
        let found = search(&elasticsearch, stream).len() as u64;
        // A document of a damaged segment may have arrived before: then it is there, and counted as dropped.
        assert!(
            came <= found && found <= came + number("dropped"),
            "{stream}: {account}"
        );
        assert_eq!(
            number("collected"),
            came + number("dropped") + number("queued"),
            "{stream}"
        );
    }
    let dropped = accounts
        .values()
        .map(|one| one["dropped"].as_u64().expect("a number"));
    assert!(dropped.sum::<u64>() > 0, "{accounts:?}");
}
