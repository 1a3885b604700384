//! Records what real brokers write into their log directories and what the file system below says, for the tests: `cargo run -p
//! stack --example record_disks [folder]`. Afterwards `BROKERBEAT_REWRITE_GOLDEN=1 cargo test --lib disks` writes what it means.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::{Value, json};
use stack::{Kafka, KafkaVersion, Options, ZooKeeper};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/disks");
    let folder = env::args().nth(1).map_or(default, PathBuf::from);
    fs::create_dir_all(&folder)?;
    let options = Options::new();
    let zookeeper = ZooKeeper::start()?;
    let kraft = |version| Kafka::start_kraft_of(version, &options);
    let cases = [
        ("kafka-2.8.2", Kafka::start_zookeeper_mode(&zookeeper, 7)?),
        ("kafka-3.9.1-kraft", kraft(KafkaVersion::V3_9)?),
        ("kafka-4.2.0", kraft(KafkaVersion::V4_2)?),
    ];
    for (name, kafka) in cases {
        let look = look(&kafka.log_directory())?;
        let text = serde_json::to_string_pretty(&json!([look]))?;
        fs::write(folder.join(format!("{name}-looks.json")), text + "\n")?;
    }
    Ok(())
}

/// The path is written as an operator's, not as this machine's.
fn look(directory: &Path) -> Result<Value> {
    let stat = Command::new("stat")
        .args(["--file-system", "--format", "%S %b %f %a"])
        .arg(directory)
        .output()?;
    let numbers: Vec<u64> = String::from_utf8(stat.stdout)?
        .split_whitespace()
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()?;
    let [block, total, free, available] = numbers[..] else {
        return Err("stat says other than four numbers".into());
    };
    Ok(json!({
        "path": "/var/lib/kafka/data",
        "room": {"total": total * block, "free": free * block, "available": available * block},
        "properties": fs::read_to_string(directory.join("meta.properties"))?,
    }))
}
