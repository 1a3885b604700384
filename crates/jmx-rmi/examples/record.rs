//! Records replies of real JVMs for the tests: `cargo run -p jmx-rmi --example record [folder]`.
//!
//! Starts the zoo (`tests/java/Zoo.java`) under the oldest and the newest installed JDK, brokers and ZooKeepers, and
//! asks each over a forwarder that notes what the server sends. One call is under way at a time, so what came between
//! two calls is one reply. Afterwards `JMX_RMI_GOLDEN=write cargo test -p jmx-rmi golden` writes what they mean.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::{env, fs, thread};

use jmx_rmi::{Client, Endpoint, ObjectName, Timeouts};
use stack::{
    JmxPort, Kafka, KafkaVersion, Options, PlainJvm, RmiPort, ZooKeeper, ZooKeeperVersion,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// All that servers sent so far.
type Log = Arc<Mutex<Vec<u8>>>;

const ZOO: (&str, &str) = ("Zoo.java", include_str!("../tests/java/Zoo.java"));

/// Beans of servers, one of each kind: server, name, what the file is called.
const BEANS: [(&str, &str, &str); 7] = [
    (
        "kafka",
        "kafka.server:type=BrokerTopicMetrics,name=BytesInPerSec",
        "meter",
    ),
    (
        "kafka",
        "kafka.network:type=RequestMetrics,name=TotalTimeMs,request=Metadata",
        "histogram",
    ),
    ("kafka", "kafka.server:type=app-info", "app-info"),
    ("kafka", "java.lang:type=Memory", "memory"),
    (
        "kafka",
        "java.lang:name=G1 Young Generation,type=GarbageCollector",
        "garbage-collector",
    ),
    (
        "zookeeper",
        "org.apache.ZooKeeperService:name0=StandaloneServer_port*",
        "server",
    ),
    (
        "zookeeper",
        "org.apache.ZooKeeperService:name0=StandaloneServer_port*,name1=InMemoryDataTree",
        "tree",
    ),
];

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<()> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let folder = env::args().nth(1).map_or(default, PathBuf::from);
    let port = || JmxPort::new().rmi_port(RmiPort::Same);
    let jdks = stack::jdks();
    for version in [jdks.first(), jdks.last()].into_iter().flatten() {
        let zoo = PlainJvm::start(ZOO, &[], &Options::new().jdk(*version).jmx(port()))?;
        let label = format!("jdk{version}-zoo");
        let mut recorder = Recorder::open(&zoo.jmx(), &folder, &label).await?;
        recorder.session().await?;
        recorder.beans("zoo:*", None).await?;
    }
    for (label, version) in [("2.8.2", KafkaVersion::V2_8), ("4.2.0", KafkaVersion::V4_2)] {
        let options = Options::new().jmx(port());
        let zookeeper = ZooKeeper::start()?;
        let broker = match version {
            KafkaVersion::V2_8 => Kafka::start_zookeeper_mode_of(version, &zookeeper, 1, &options)?,
            _ => Kafka::start_kraft_of(version, &options)?,
        };
        server(&broker.jmx(), &folder, "kafka", label).await?;
    }
    for (label, version) in [
        ("3.5.9", ZooKeeperVersion::V3_5),
        ("3.9.4", ZooKeeperVersion::V3_9),
    ] {
        let zookeeper = ZooKeeper::start_of(version, &Options::new().jmx(port()))?;
        server(&zookeeper.jmx(), &folder, "zookeeper", label).await?;
    }
    Ok(())
}

/// The infos of a server's beans. Their values are recorded too; what changes by itself makes a difference of no
/// meaning, so those are kept as they are unless `RECORD_VALUES` is set.
async fn server(address: &str, folder: &Path, kind: &str, version: &str) -> Result<()> {
    let label = format!("{kind}-{version}");
    let mut recorder = Recorder::open(address, folder, &label).await?;
    for (_, pattern, what) in BEANS.iter().filter(|(server, ..)| *server == kind) {
        recorder.beans(pattern, Some(what)).await?;
    }
    Ok(())
}

/// A client whose replies are noted.
struct Recorder<'a> {
    client: Client,
    log: Log,
    folder: &'a Path,
    label: &'a str,
}

impl<'a> Recorder<'a> {
    async fn open(server: &str, folder: &'a Path, label: &'a str) -> Result<Self> {
        let log = Log::default();
        let port = forward(server, Arc::clone(&log))?;
        let mut endpoint = Endpoint::new("127.0.0.1", port);
        endpoint.rmi_port = Some(port);
        let client = Client::connect(&endpoint, Timeouts::default()).await?;
        Ok(Self {
            client,
            log,
            folder,
            label,
        })
    }

    /// Writes what came since the last time.
    fn keep(&self, kind: &str, what: &str) -> Result<()> {
        let reply = std::mem::take(&mut *self.log.lock().map_err(|_| "a forwarder panicked")?);
        let file = format!("{kind}-{}-{what}.bin", self.label);
        Ok(fs::write(self.folder.join(file), reply)?)
    }

    fn skip(&self) -> Result<()> {
        self.log.lock().map_err(|_| "a forwarder panicked")?.clear();
        Ok(())
    }

    async fn session(&mut self) -> Result<()> {
        self.skip()?;
        self.client.default_domain().await?;
        self.keep("text", "default-domain")?;
        self.client.connection_id().await?;
        self.keep("text", "connection-id")
    }

    /// Info and values of the beans that match. Their files are called `what`, or else by the `type` of the bean.
    async fn beans(&mut self, pattern: &str, what: Option<&str>) -> Result<()> {
        let mut names = self
            .client
            .query_names(Some(&ObjectName::parse(pattern)?))
            .await?;
        names.sort();
        if names.is_empty() {
            return Err(format!("{}: no bean is called {pattern}", self.label).into());
        }
        for name in names {
            let what = what.or(name.key("type")).unwrap_or("bean").to_owned();
            self.skip()?;
            let info = self.client.mbean_info(&name).await?;
            // What made-up beans say of themselves is made up.
            if &*info.class_name != "Zoo$Cage" {
                self.keep("info", &what)?;
            }
            self.skip()?;
            if self.label.ends_with("zoo") || env::var_os("RECORD_VALUES").is_some() {
                let attributes: Vec<String> = info
                    .attributes
                    .iter()
                    .map(|attribute| attribute.name.to_string())
                    .collect();
                self.client.get_attributes(&name, &attributes).await?;
                self.keep("attributes", &what)?;
            }
        }
        Ok(())
    }
}

/// A port of this machine behind which the server is. Its threads end with their connections.
fn forward(server: &str, log: Log) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let server = server.to_owned();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if let Ok(server) = TcpStream::connect(&server) {
                connect(client, server, Arc::clone(&log));
            }
        }
    });
    Ok(port)
}

fn connect(client: TcpStream, server: TcpStream, log: Log) {
    let (Ok(from_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    thread::spawn(move || copy(from_client, to_server, None));
    thread::spawn(move || copy(server, client, Some(log)));
}

/// Copies until either side ends. What is noted is noted before the client can see it.
fn copy(mut from: TcpStream, mut to: TcpStream, log: Option<Log>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..length) else {
            break;
        };
        if let Some(mut log) = log.as_ref().and_then(|log| log.lock().ok()) {
            log.extend_from_slice(bytes);
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    // The other side may be gone already.
    if to.shutdown(Shutdown::Write).is_err() {}
}
