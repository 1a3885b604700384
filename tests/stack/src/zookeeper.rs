//! ZooKeeper 3.9.4, 3.5.9 and 3.4.14, alone and as an ensemble.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::doors::{Doors, door_methods};
use crate::error::{At, Error, Result};
use crate::java::Jvm;
use crate::maven::Package;
use crate::options::Options;
use crate::packages::{ZOOKEEPER, ZOOKEEPER_OLD, ZOOKEEPER_OLDEST};
use crate::ports;
use crate::process::{Process, process_methods};
use crate::tls::{self, TlsFiles};
use crate::wait;
use crate::workdir::WorkDir;

const READY: Duration = Duration::from_secs(60);

/// The ZooKeepers that the stack knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZooKeeperVersion {
    /// 3.4.14, the last one without an AdminServer.
    V3_4,
    /// 3.5.9, the one that Kafka 2.8.2 brings.
    V3_5,
    /// 3.9.4
    V3_9,
}

impl ZooKeeperVersion {
    fn package(self) -> &'static Package {
        match self {
            Self::V3_4 => &ZOOKEEPER_OLDEST,
            Self::V3_5 => &ZOOKEEPER_OLD,
            Self::V3_9 => &ZOOKEEPER,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::V3_4 => "ZooKeeper 3.4.14",
            Self::V3_5 => "ZooKeeper 3.5.9",
            Self::V3_9 => "ZooKeeper 3.9.4",
        }
    }
}

/// What a server opens beside its client port, its AdminServer and its JMX port.
#[derive(Clone, Copy, Debug, Default)]
pub struct MoreDoors {
    /// A `secureClientPort` that wants a client's certificate; the AdminServer takes HTTPS, too, on the same port.
    pub tls: bool,
    /// The metrics provider for Prometheus.
    pub prometheus: bool,
}

/// A member's part in an ensemble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vote {
    /// It votes.
    Participant,
    /// It follows without a vote.
    Observer,
}

/// A ZooKeeper: all four-letter words allowed, JMX open, AdminServer on.
pub struct ZooKeeper {
    port: u16,
    admin_port: u16,
    secure_port: u16,
    metrics_port: u16,
    tls: Option<TlsFiles>,
    doors: Doors,
    process: Process,
    work: WorkDir,
}

impl ZooKeeper {
    /// Starts a stand-alone 3.9.4 and waits until it serves.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::new())
    }

    /// As [`start`](Self::start), with changes to `zoo.cfg` and the JVM.
    pub fn start_with(options: &Options) -> Result<Self> {
        Self::start_of(ZooKeeperVersion::V3_9, options)
    }

    /// As [`start_with`](Self::start_with) of another version.
    pub fn start_of(version: ZooKeeperVersion, options: &Options) -> Result<Self> {
        Self::start_alone(version, MoreDoors::default(), options)
    }

    /// A stand-alone 3.9.4 with more doors.
    pub fn start_with_doors(doors: MoreDoors, options: &Options) -> Result<Self> {
        Self::start_with_doors_of(ZooKeeperVersion::V3_9, doors, options)
    }

    /// As [`start_with_doors`](Self::start_with_doors) of another version, as far as it has them: 3.5 has TLS.
    pub fn start_with_doors_of(
        version: ZooKeeperVersion,
        doors: MoreDoors,
        options: &Options,
    ) -> Result<Self> {
        Self::start_alone(version, doors, options)
    }

    fn start_alone(version: ZooKeeperVersion, more: MoreDoors, options: &Options) -> Result<Self> {
        wait::on_free_ports(|| {
            let server = Self::launch(version, &Place::alone(), more, options)?;
            server.wait_ready()?;
            Ok(server)
        })
    }

    /// An ensemble of three, of version 3.9.4; waits until all of them serve.
    pub fn start_ensemble(options: &Options) -> Result<[Self; 3]> {
        Self::start_ensemble_of(ZooKeeperVersion::V3_9, options)
    }

    /// As [`start_ensemble`](Self::start_ensemble) of another version.
    pub fn start_ensemble_of(version: ZooKeeperVersion, options: &Options) -> Result<[Self; 3]> {
        Self::launch_all(version, [Vote::Participant; 3], false, options)
    }

    /// An ensemble whose configuration names the client ports of its members, which 3.4 does not know yet.
    pub fn start_members<const N: usize>(
        version: ZooKeeperVersion,
        votes: [Vote; N],
        options: &Options,
    ) -> Result<[Self; N]> {
        Self::launch_all(version, votes, version != ZooKeeperVersion::V3_4, options)
    }

    fn launch_all<const N: usize>(
        version: ZooKeeperVersion,
        votes: [Vote; N],
        tells_ports: bool,
        options: &Options,
    ) -> Result<[Self; N]> {
        wait::on_free_ports(|| {
            let mut id = 0;
            let peers = votes.map(|vote| {
                id += 1;
                Peer {
                    id,
                    vote,
                    client: ports::free(),
                    tells_ports,
                    quorum: ports::free(),
                    election: ports::free(),
                }
            });
            let mut servers = Vec::new();
            for me in &peers {
                let place = Place {
                    me: Some(me),
                    peers: &peers,
                };
                let server = Self::launch(version, &place, MoreDoors::default(), options)?;
                servers.push(server);
            }
            servers.iter().try_for_each(Self::wait_ready)?;
            Ok(servers
                .try_into()
                .unwrap_or_else(|_| unreachable!("a server for each vote")))
        })
    }

    fn launch(
        version: ZooKeeperVersion,
        place: &Place<'_>,
        more: MoreDoors,
        options: &Options,
    ) -> Result<Self> {
        let [admin_port, secure_port, metrics_port] = [(); 3].map(|()| ports::free());
        let port = place.me.map_or_else(ports::free, |me| me.client);
        let tls = if more.tls { Some(tls::files()?) } else { None };
        let work = WorkDir::new("zookeeper")?;
        let doors = Doors::plan(options, &work)?;
        let data = work.folder("data")?;
        let mut name = version.name().to_owned();
        let mut lines = vec![format!("dataDir={}", data.display())];
        if let Some(Peer { id, vote, .. }) = place.me {
            work.write("data/myid", &id.to_string())?;
            name = format!("{name}, server {id}");
            if *vote == Vote::Observer {
                lines.push("peerType=observer".to_owned());
            }
        }
        lines.extend(config(version, port, admin_port));
        lines.extend(place.peers.iter().map(Peer::line));
        lines.extend(tls.iter().flat_map(|files| secure(files, secure_port)));
        if more.prometheus {
            lines.extend(prometheus(metrics_port));
        }
        let more = options.settings.iter();
        lines.extend(more.map(|(key, value)| format!("{key}={value}")));
        let config = work.write("zoo.cfg", &(lines.join("\n") + "\n"))?;
        let process = jvm(version, &config, &doors, options)?.start(&name, &work)?;
        Ok(Self {
            port,
            admin_port,
            secure_port,
            metrics_port,
            tls,
            doors,
            process,
            work,
        })
    }

    fn wait_ready(&self) -> Result<()> {
        // `ruok` is answered as soon as the port is open; every other word then still says "not currently serving".
        wait::until(&self.process, "the mode in srvr", READY, || {
            self.four_letter_word("srvr")
                .ok()
                .filter(|answer| answer.contains("Mode: "))
        })?;
        self.doors.wait_ready(&self.process)
    }

    /// Kills it if it runs and starts it again with its data and ports.
    pub fn restart(&self) -> Result<()> {
        self.start_again()?;
        self.wait_ready()
    }

    /// As [`restart`](Self::restart), without waiting: alone, a member of an ensemble does not serve.
    pub fn start_again(&self) -> Result<()> {
        self.process.again()
    }

    /// Starts it again as a server of its own, which knows of no ensemble.
    pub fn secede(&self) -> Result<()> {
        let [whole, kept] = self.configurations();
        let text = std::fs::read_to_string(&whole).at("read", &whole)?;
        std::fs::write(&kept, &text).at("write", &kept)?;
        let lines = text.lines().filter(|line| !line.starts_with("server."));
        let lines: Vec<&str> = lines.collect();
        std::fs::write(&whole, lines.join("\n") + "\n").at("write", &whole)?;
        self.restart()
    }

    /// Starts it again as the member that it was before it [seceded](Self::secede).
    pub fn rejoin(&self) -> Result<()> {
        let [whole, kept] = self.configurations();
        std::fs::rename(&kept, &whole).at("rename", &kept)?;
        self.restart()
    }

    fn configurations(&self) -> [PathBuf; 2] {
        ["zoo.cfg", "zoo.cfg.member"].map(|name| self.work.join(name))
    }

    /// "127.0.0.1:<client port>"
    pub fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// "http://127.0.0.1:<port>": the AdminServer, whose commands are under `/commands`.
    pub fn admin_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.admin_port)
    }

    /// "127.0.0.1:<secureClientPort>", where it was started with TLS.
    pub fn secure_addr(&self) -> String {
        format!("127.0.0.1:{}", self.secure_port)
    }

    /// The certificates and keys, where it was started with TLS.
    pub fn tls_files(&self) -> Option<&TlsFiles> {
        self.tls.as_ref()
    }

    /// The AdminServer's port.
    pub fn admin_port(&self) -> u16 {
        self.admin_port
    }

    /// Where the metrics provider for Prometheus listens, if it was started with it.
    pub fn metrics_port(&self) -> u16 {
        self.metrics_port
    }

    /// What the AdminServer answers to a command, as it came.
    pub fn admin_command(&self, command: &str) -> Result<String> {
        get(&format!("{}/commands/{command}", self.admin_url()))
    }

    /// What the metrics provider for Prometheus tells, as it came.
    pub fn metrics(&self) -> Result<String> {
        get(&format!("http://127.0.0.1:{}/metrics", self.metrics_port))
    }

    /// What it answers to `mntr`, `srvr` …
    pub fn four_letter_word(&self, word: &str) -> Result<String> {
        four_letter_word(self.port, word)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    door_methods!();
    process_methods!();
}

/// A server of an ensemble, as the others know it.
struct Peer {
    id: u8,
    vote: Vote,
    client: u16,
    /// Whether the configuration has its client port.
    tells_ports: bool,
    quorum: u16,
    election: u16,
}

impl Peer {
    fn line(&self) -> String {
        let Self {
            id,
            quorum,
            election,
            client,
            ..
        } = self;
        let vote = match self.vote {
            Vote::Participant => "participant",
            Vote::Observer => "observer",
        };
        let port = match self.tells_ports {
            true => format!(";127.0.0.1:{client}"),
            false => String::new(),
        };
        format!("server.{id}=127.0.0.1:{quorum}:{election}:{vote}{port}")
    }
}

/// Where a server stands: alone, or as one of an ensemble.
struct Place<'a> {
    me: Option<&'a Peer>,
    peers: &'a [Peer],
}

impl Place<'_> {
    fn alone() -> Self {
        Self {
            me: None,
            peers: &[],
        }
    }
}

fn jvm<'a>(
    version: ZooKeeperVersion,
    config: &Path,
    doors: &Doors,
    options: &Options,
) -> Result<Jvm<'a>> {
    // Its logger beans are log4j's, which is on the class path of 3.4 alone.
    let own = vec!["-Dzookeeper.jmx.log4j.disable=true".to_owned()];
    Ok(Jvm {
        class_path: version.package().class_path()?,
        main: "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        args: vec![config.display().to_string()],
        heap_megabytes: 128,
        jdk: options.jdk,
        extra: [own, doors.arguments.clone(), options.jvm.clone()].concat(),
        talk: false,
    })
}

pub(crate) fn four_letter_word(port: u16, word: &str) -> Result<String> {
    let mut answer = String::new();
    let read = wait::exchange(port, word.as_bytes())
        .and_then(|mut stream| stream.read_to_string(&mut answer));
    match read {
        Ok(_) => Ok(answer),
        Err(error) => Err(Error::refused(word, error.to_string())),
    }
}

fn get(url: &str) -> Result<String> {
    let answer = ureq::get(url).call();
    let text = answer.and_then(|mut answer| answer.body_mut().read_to_string());
    text.map_err(|error| Error::refused(url, error.to_string()))
}

fn config(version: ZooKeeperVersion, port: u16, admin_port: u16) -> Vec<String> {
    vec![
        "tickTime=1000".to_owned(),
        // Of an ensemble only: ticks until a follower has connected and may be behind.
        "initLimit=10".to_owned(),
        "syncLimit=5".to_owned(),
        "clientPortAddress=127.0.0.1".to_owned(),
        format!("clientPort={port}"),
        "maxClientCnxns=0".to_owned(),
        "4lw.commands.whitelist=*".to_owned(),
        format!("admin.enableServer={}", version != ZooKeeperVersion::V3_4),
        "admin.serverAddress=127.0.0.1".to_owned(),
        format!("admin.serverPort={admin_port}"),
    ]
}

/// Netty, as the other server of client ports knows no TLS; members' keys are the AdminServer's, too.
fn secure(files: &TlsFiles, port: u16) -> Vec<String> {
    let mut lines = vec![
        format!("secureClientPort={port}"),
        "secureClientPortAddress=127.0.0.1".to_owned(),
        "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory".to_owned(),
        "ssl.clientAuth=need".to_owned(),
        "admin.portUnification=true".to_owned(),
    ];
    for prefix in ["ssl", "ssl.quorum"] {
        for (kind, store) in [
            ("keyStore", &files.server_store),
            ("trustStore", &files.trust_store),
        ] {
            lines.extend([
                format!("{prefix}.{kind}.location={}", store.display()),
                format!("{prefix}.{kind}.password={}", TlsFiles::PASSWORD),
                format!("{prefix}.{kind}.type=PKCS12"),
            ]);
        }
    }
    lines
}

fn prometheus(port: u16) -> [String; 3] {
    [
        "metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider"
            .to_owned(),
        "metricsProvider.httpHost=127.0.0.1".to_owned(),
        format!("metricsProvider.httpPort={port}"),
    ]
}
