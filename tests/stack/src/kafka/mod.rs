//! Kafka 2.8.2 with ZooKeeper, Kafka 3.9.1 with either, Kafka 4.2.0 with KRaft.

mod config;
mod groups;
mod metadata;
mod secured;
mod tools;

use std::path::PathBuf;
use std::time::Duration;

pub use groups::{GroupRow, GroupState};
pub use secured::{Listener, password};

use crate::doors::{Doors, door_methods};
use crate::error::{At, Error, Result};
use crate::java::Jvm;
use crate::maven::Package;
use crate::options::Options;
use crate::packages::{KAFKA_MIDDLE, KAFKA_NEW, KAFKA_OLD};
use crate::process::{Process, process_methods};
use crate::wait;
use crate::workdir::WorkDir;
use crate::zookeeper::{ZooKeeper, four_letter_word};
use config::Ports;

const READY: Duration = Duration::from_secs(90);
const FORMAT: Duration = Duration::from_secs(60);

/// The Kafkas that the stack knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KafkaVersion {
    /// 2.8.2
    V2_8,
    /// 3.9.1
    V3_9,
    /// 4.2.0
    V4_2,
}

impl KafkaVersion {
    pub(crate) fn package(self) -> &'static Package {
        match self {
            Self::V2_8 => &KAFKA_OLD,
            Self::V3_9 => &KAFKA_MIDDLE,
            Self::V4_2 => &KAFKA_NEW,
        }
    }
}

/// Where the cluster keeps what it knows.
#[derive(Clone)]
enum Mode {
    /// In the ZooKeeper at this port.
    ZooKeeper(u16),
    /// In the cluster's only controller: "1@127.0.0.1:9093".
    Kraft(String),
}

/// One server of a Kafka cluster.
pub struct Kafka {
    version: KafkaVersion,
    id: i32,
    ports: Ports,
    mode: Mode,
    secured: Option<secured::Ports>,
    doors: Doors,
    process: Process,
    work: WorkDir,
}

impl Kafka {
    /// A broker of Kafka 2.8.2 in the cluster that keeps its data in this ZooKeeper. Call it with another id for
    /// another broker.
    pub fn start_zookeeper_mode(zookeeper: &ZooKeeper, id: i32) -> Result<Self> {
        Self::start_zookeeper_mode_with(zookeeper, id, &Options::new())
    }

    /// As [`start_zookeeper_mode`](Self::start_zookeeper_mode), with changes to `server.properties` and the JVM.
    pub fn start_zookeeper_mode_with(
        zookeeper: &ZooKeeper,
        id: i32,
        options: &Options,
    ) -> Result<Self> {
        Self::start_zookeeper_mode_of(KafkaVersion::V2_8, zookeeper, id, options)
    }

    /// As [`start_zookeeper_mode`](Self::start_zookeeper_mode) of another version: 3.9 is the last one that can.
    pub fn start_zookeeper_mode_of(
        version: KafkaVersion,
        zookeeper: &ZooKeeper,
        id: i32,
        options: &Options,
    ) -> Result<Self> {
        wait::on_free_ports(|| {
            let ports = Ports::pick();
            let settings = config::zookeeper_mode(zookeeper, id, &ports);
            let parts = Parts::new(version, id, ports, Mode::ZooKeeper(zookeeper.port()))?;
            parts.start(settings, options)
        })
    }

    /// A cluster of Kafka 4.2.0 made of one node that is both controller and broker, with the id 1.
    pub fn start_kraft() -> Result<Self> {
        Self::start_kraft_with(&Options::new())
    }

    /// As [`start_kraft`](Self::start_kraft), with changes to `server.properties` and the JVM.
    pub fn start_kraft_with(options: &Options) -> Result<Self> {
        Self::start_kraft_of(KafkaVersion::V4_2, options)
    }

    /// As [`start_kraft`](Self::start_kraft) of another version: 3.9 can, too.
    pub fn start_kraft_of(version: KafkaVersion, options: &Options) -> Result<Self> {
        wait::on_free_ports(|| {
            let ports = Ports::pick();
            let voter = format!("1@127.0.0.1:{}", ports.controller);
            let settings = config::kraft(1, &ports, &voter, true, options.advertised.as_deref());
            let parts = Parts::new(version, 1, ports, Mode::Kraft(voter))?;
            parts.format(&settings, &config::new_cluster_id()?)?;
            parts.start(settings, options)
        })
    }

    /// One more broker for the cluster of `first`, which stays the only controller.
    pub fn join_kraft(first: &Kafka, id: i32) -> Result<Self> {
        Self::join_kraft_with(first, id, &Options::new())
    }

    /// As [`join_kraft`](Self::join_kraft), with changes to `server.properties` and the JVM.
    pub fn join_kraft_with(first: &Kafka, id: i32, options: &Options) -> Result<Self> {
        let cluster = first.cluster_id()?;
        let Mode::Kraft(voter) = &first.mode else {
            return Err(Error::refused(
                "joining a KRaft cluster",
                "its first node is in ZooKeeper mode",
            ));
        };
        wait::on_free_ports(|| {
            let ports = Ports::pick();
            let settings = config::kraft(id, &ports, voter, false, options.advertised.as_deref());
            let parts = Parts::new(first.version, id, ports, first.mode.clone())?;
            parts.format(&settings, &cluster)?;
            parts.start(settings, options)
        })
    }

    fn wait_ready(&self) -> Result<()> {
        wait::until(
            &self.process,
            "metadata that list the broker",
            READY,
            || metadata::lists_broker(self.ports.broker, self.id).then_some(()),
        )?;
        self.doors.wait_ready(&self.process)
    }

    /// Kills it if it runs and starts it again with its data and ports.
    pub fn restart(&self) -> Result<()> {
        self.kill();
        if let Mode::ZooKeeper(port) = self.mode {
            self.wait_forgotten(port)?;
        }
        self.process.again()?;
        self.wait_ready()
    }

    /// A killed broker's entry lives as long as its ZooKeeper session, and a new one of the same id ends when it finds
    /// the entry.
    fn wait_forgotten(&self, zookeeper: u16) -> Result<()> {
        let entry = format!("/brokers/ids/{}", self.id);
        wait::wait_until(&format!("ZooKeeper without {entry}"), READY, || {
            let sessions = four_letter_word(zookeeper, "dump").ok()?;
            (!sessions.lines().any(|line| line.trim() == entry)).then_some(())
        })
    }

    /// "127.0.0.1:<port>"
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.ports.broker)
    }

    /// The broker's id.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// Which Kafka it is.
    pub fn version(&self) -> KafkaVersion {
        self.version
    }

    /// Its only log directory.
    pub fn log_directory(&self) -> PathBuf {
        self.work.join("data")
    }

    /// The cluster's id, as the server wrote it on its disk.
    pub fn cluster_id(&self) -> Result<String> {
        let path = self.log_directory().join("meta.properties");
        let text = std::fs::read_to_string(&path).at("read", &path)?;
        text.lines()
            .find_map(|line| line.strip_prefix("cluster.id="))
            .map(|id| id.replace('\\', ""))
            .ok_or_else(|| Error::refused("the cluster id", format!("{} has none", path.display())))
    }

    door_methods!();
    process_methods!();
}

/// A server before its start.
struct Parts {
    version: KafkaVersion,
    id: i32,
    ports: Ports,
    mode: Mode,
    class_path: String,
    work: WorkDir,
}

impl Parts {
    fn new(version: KafkaVersion, id: i32, ports: Ports, mode: Mode) -> Result<Self> {
        let class_path = version.package().class_path()?;
        let work = WorkDir::new(&format!("kafka-{id}"))?;
        Ok(Self {
            version,
            id,
            ports,
            mode,
            class_path,
            work,
        })
    }

    /// KRaft wants its folder prepared with the cluster's id.
    fn format(&self, settings: &config::Settings, cluster: &str) -> Result<()> {
        let file = self.work.write(
            "format.properties",
            &config::text(settings, &self.work, &[]),
        )?;
        let file = file.display().to_string();
        let args = ["format", "--cluster-id", cluster, "--config", &file];
        crate::java::run(&self.class_path, "kafka.tools.StorageTool", &args, FORMAT)?;
        Ok(())
    }

    fn start(self, settings: config::Settings, options: &Options) -> Result<Kafka> {
        let mut more = Vec::new();
        let mut secured = None;
        if let Some(users) = &options.users {
            let ports = secured.insert(secured::Ports::pick());
            more = secured::settings(users, *ports, &self.mode, &settings)?;
        }
        more.extend_from_slice(&options.settings);
        let text = config::text(&settings, &self.work, &more);
        let file = self.work.write("server.properties", &text)?;
        let doors = Doors::plan(options, &self.work)?;
        let jvm = Jvm {
            class_path: self.class_path,
            main: "kafka.Kafka",
            args: vec![file.display().to_string()],
            heap_megabytes: 384,
            jdk: options.jdk,
            // What a broker runs with in production; a small machine would get the serial one.
            extra: [
                vec!["-XX:+UseG1GC".to_owned()],
                doors.arguments.clone(),
                options.jvm.clone(),
            ]
            .concat(),
            talk: false,
        };
        let name = format!("{}, broker {}", self.version.package().name, self.id);
        let kafka = Kafka {
            version: self.version,
            id: self.id,
            ports: self.ports,
            mode: self.mode,
            secured,
            doors,
            process: jvm.start(&name, &self.work)?,
            work: self.work,
        };
        kafka.wait_ready()?;
        Ok(kafka)
    }
}
