//! Records what real ZooKeepers say through each door, for the tests: `cargo run -p stack --example record_zookeeper [folder]`.
//!
//! 3.4.14, 3.5.9 and 3.9.4, alone and as members of an ensemble, and 3.9.4 with the metrics provider for Prometheus. Two
//! clients have sessions meanwhile, and write. Afterwards `BROKERBEAT_REWRITE_GOLDEN=1 cargo
//! test --lib zookeeper` writes what it means.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use stack::{MoreDoors, Options, ZooKeeper, ZooKeeperNodes, ZooKeeperVersion};

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
    let (old, new) = (ZooKeeperVersion::V3_5, ZooKeeperVersion::V3_9);
    let options = Options::new();
    for (name, version) in [
        ("3.4.14", ZooKeeperVersion::V3_4),
        ("3.5.9", old),
        ("3.9.4", new),
    ] {
        let alone = ZooKeeper::start_of(version, &options)?;
        record(&folder, &format!("{name}-standalone"), &alone, version)?;
        let members = ZooKeeper::start_ensemble_of(version, &options)?;
        for member in &members {
            let state = state(member)?;
            record(&folder, &format!("{name}-{state}"), member, version)?;
        }
    }
    let doors = MoreDoors {
        prometheus: true,
        ..MoreDoors::default()
    };
    let server = ZooKeeper::start_with_doors(doors, &options)?;
    record(&folder, "3.9.4-prometheus", &server, new)?;
    let metrics = server.metrics()?;
    fs::write(
        folder.join("3.9.4-prometheus-provider-metrics.txt"),
        metrics,
    )?;
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
