//! Records what real ZooKeepers say through each door, for the tests: `cargo run -p stack --example record_zookeeper [folder
//! [servers|ensembles]]`.
//!
//! 3.4.14, 3.5.9 and 3.9.4, alone and as members of an ensemble, and 3.9.4 with the metrics provider for Prometheus. Two
//! clients have sessions meanwhile, and write. Then ensembles of each version that lose members. Afterwards `BROKERBEAT_REWRITE_GOLDEN=1 cargo
//! test --lib zookeeper` writes what it means.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use serde_json::{Value, json};
use stack::{MoreDoors, Options, Vote, ZooKeeper, ZooKeeperNodes, ZooKeeperVersion, wait_until};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Every word but `stat`, and what the AdminServer calls the same.
const QUESTIONS: [(&str, &str); 9] = [
    ("srvr", "server_stats"),
    ("mntr", "monitor"),
    ("ruok", "ruok"),
    ("conf", "configuration"),
    ("cons", "connections"),
    ("envi", "environment"),
    ("wchs", "watch_summary"),
    ("isro", "is_read_only"),
    ("dirs", "dirs"),
];

/// What the environment says of the machine that recorded, and what is written instead.
const OF_THE_MACHINE: [(&str, &str); 7] = [
    ("java.class.path", "/opt/zookeeper/lib/zookeeper.jar"),
    ("java.home", "/usr/lib/jvm/java"),
    ("java.io.tmpdir", "/tmp"),
    ("os.version", "6.1.0"),
    ("user.name", "zookeeper"),
    ("user.home", "/var/lib/zookeeper"),
    ("user.dir", "/opt/zookeeper"),
];

fn main() -> Result<()> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/zookeeper");
    let folder = env::args().nth(1).map_or(default, PathBuf::from);
    let part = env::args().nth(2);
    if part.as_deref() != Some("ensembles") {
        servers(&folder)?;
    }
    if part.as_deref() != Some("servers") {
        ensembles(&folder)?;
    }
    Ok(())
}

fn servers(folder: &Path) -> Result<()> {
    let (old, new) = (ZooKeeperVersion::V3_5, ZooKeeperVersion::V3_9);
    let options = Options::new();
    for (name, version) in [
        ("3.4.14", ZooKeeperVersion::V3_4),
        ("3.5.9", old),
        ("3.9.4", new),
    ] {
        let alone = ZooKeeper::start_of(version, &options)?;
        record(folder, &format!("{name}-standalone"), &alone, version)?;
        let members = ZooKeeper::start_ensemble_of(version, &options)?;
        for member in &members {
            let state = state(member)?;
            record(folder, &format!("{name}-{state}"), member, version)?;
        }
    }
    let doors = MoreDoors {
        prometheus: true,
        ..MoreDoors::default()
    };
    let server = ZooKeeper::start_with_doors(doors, &options)?;
    record(folder, "3.9.4-prometheus", &server, new)?;
    let metrics = server.metrics()?;
    fs::write(
        folder.join("3.9.4-prometheus-provider-metrics.txt"),
        metrics,
    )?;
    Ok(())
}

/// Until an ensemble has found itself again, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Lines of `mntr` that an ensemble is seen by; the others stand in the recordings of servers.
const OF_ENSEMBLES: [&str; 5] = [
    "zk_version",
    "zk_server_state",
    "zk_quorum_size",
    "zk_synced_followers",
    "zk_followers",
];

fn ensembles(folder: &Path) -> Result<()> {
    let three = [Vote::Participant; 3];
    let options = Options::new();
    for (name, version) in [
        ("3.4.14", ZooKeeperVersion::V3_4),
        ("3.5.9", ZooKeeperVersion::V3_5),
    ] {
        let members = ZooKeeper::start_members(version, three, &options)?;
        losses(folder, name, &members)?;
    }
    let [one, two, three] = three;
    let votes = [one, two, three, Vote::Observer];
    let members = ZooKeeper::start_members(ZooKeeperVersion::V3_9, votes, &options)?;
    losses(folder, "3.9.4", &members)
}

/// All are there; the leader is away; there is no quorum; all are there again.
fn losses(folder: &Path, name: &str, members: &[ZooKeeper]) -> Result<()> {
    let write = |step: &str, value: &str| -> Result<()> {
        let client = ZooKeeperNodes::start(&members[0])?;
        client.set("/brokerbeat/a", value)?;
        client.set("/brokerbeat/a", step)?;
        Ok(())
    };
    write("1", "x")?;
    record_all(folder, &format!("{name}-ensemble-1-whole"), members)?;
    let leader = leader(members)?;
    members[leader].kill();
    let others = || {
        members
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != leader)
    };
    let found = || others().find(|(_, member)| state(member).is_ok_and(|state| state == "leader"));
    let (next, _) = wait_until("another leader", PATIENCE, found)?;
    for (_, member) in others() {
        wait_until("all follow", PATIENCE, || state(member).ok())?;
    }
    record_all(
        folder,
        &format!("{name}-ensemble-2-another-leader"),
        members,
    )?;
    members[next].kill();
    let lonely = others()
        .find(|(index, _)| *index != next)
        .ok_or("nobody is left")?
        .1;
    wait_until("no quorum", PATIENCE, || state(lonely).err())?;
    record_all(folder, &format!("{name}-ensemble-3-no-quorum"), members)?;
    members[leader].start_again()?;
    members[next].start_again()?;
    for member in members {
        wait_until("all serve again", PATIENCE, || state(member).ok())?;
    }
    record_all(folder, &format!("{name}-ensemble-4-back"), members)
}

fn leader(members: &[ZooKeeper]) -> Result<usize> {
    let is_leader = |member: &ZooKeeper| state(member).is_ok_and(|state| state == "leader");
    Ok(members.iter().position(is_leader).ok_or("no leader")?)
}

/// One file with what every member says; nothing of one that is away.
fn record_all(folder: &Path, name: &str, members: &[ZooKeeper]) -> Result<()> {
    let all: Vec<Value> = members
        .iter()
        .map(|member| {
            let word = |word| member.four_letter_word(word).ok().map(|said| plain(&said));
            let mntr = word("mntr").map(|said| {
                let wanted = |line: &&str| OF_ENSEMBLES.iter().any(|name| line.starts_with(name));
                let silent = !said.contains("zk_version");
                let lines = said.lines().filter(|line| silent || wanted(line));
                lines.map(|line| format!("{line}\n")).collect::<String>()
            });
            let (srvr, conf) = (word("srvr"), word("conf"));
            json!({"address": member.addr(), "srvr": srvr, "mntr": mntr, "conf": conf})
        })
        .collect();
    let text = serde_json::to_string_pretty(&all)?;
    fs::write(folder.join(format!("{name}-members.json")), text + "\n")?;
    eprintln!("{name}");
    Ok(())
}

fn state(server: &ZooKeeper) -> Result<String> {
    let answer = server.four_letter_word("srvr")?;
    let mode = answer.lines().find_map(|line| line.strip_prefix("Mode: "));
    Ok(mode.ok_or("no mode")?.to_owned())
}

fn record(folder: &Path, name: &str, server: &ZooKeeper, version: ZooKeeperVersion) -> Result<()> {
    let clients = [
        ZooKeeperNodes::start(server)?,
        ZooKeeperNodes::start(server)?,
    ];
    for client in &clients {
        client.set("/brokerbeat/a", "1")?;
        client.set("/brokerbeat/a", "2")?;
    }
    for (word, command) in QUESTIONS {
        // `dirs` came with 3.5.
        if version != ZooKeeperVersion::V3_4 || word != "dirs" {
            let answer = server.four_letter_word(word)?;
            fs::write(folder.join(format!("{name}-{word}.txt")), plain(&answer))?;
        }
        if version != ZooKeeperVersion::V3_4 {
            let answer = server.admin_command(command)?;
            let file = folder.join(format!("{name}-admin-{command}.json"));
            fs::write(file, plain(&answer))?;
        }
    }
    eprintln!("{name}");
    Ok(())
}

/// The answer without what belongs to this machine.
fn plain(answer: &str) -> String {
    let mut lines: Vec<String> = answer.split('\n').map(plain_line).collect();
    for line in &mut lines {
        // The folder of a server's data ends in `-zookeeper/data`.
        if let (Some(start), Some(end)) = (line.find("/tmp/"), line.find("-zookeeper/data")) {
            line.replace_range(start..end + "-zookeeper/data".len(), "/var/lib/zookeeper");
        }
    }
    lines.join("\n")
}

fn plain_line(line: &str) -> String {
    for (name, value) in OF_THE_MACHINE {
        if line.starts_with(&format!("{name}=")) {
            return format!("{name}={value}");
        }
        if line.starts_with(&format!("  \"{name}\" : ")) {
            return format!("  \"{name}\" : \"{value}\",");
        }
    }
    line.to_owned()
}
