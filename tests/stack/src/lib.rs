//! Real servers for the tests and the demo: ZooKeeper, Kafka in both modes, Connect, MirrorMaker, Elasticsearch, Java
//! clients.
//!
//! Everything comes from Maven Central through the `mvn` command, is pinned, and stays in a cache
//! ([`cache_folder`]) between runs. Servers listen on free ports of the loopback address and are gone when their value
//! is dropped, when the test panics, and when the test's process is killed. A step that hangs ends with an
//! error that names it and shows the end of the server's log.
//!
//! ```no_run
//! # fn main() -> stack::Result<()> {
//! use stack::{Consumer, Kafka, Producer, Signal, ZooKeeper};
//! let zookeeper = ZooKeeper::start()?;
//! let kafka = Kafka::start_zookeeper_mode(&zookeeper, 1)?;
//! kafka.create_topic("orders", 3, 1)?;
//! let producer = Producer::start(&kafka.bootstrap(), "orders", 0.0)?;
//! let consumer = Consumer::start(&kafka.bootstrap(), "orders", "billing")?;
//! consumer.stop()?;
//! producer.send(100)?;
//! for row in kafka.describe_groups(Some("billing"))? {
//!     println!("{}-{}: {:?}", row.topic, row.partition, row.lag);
//! }
//! kafka.signal(Signal::Stop); // it hangs …
//! kafka.signal(Signal::Cont); // … and goes on
//! # Ok(())
//! # }
//! ```
//!
//! | module | |
//! |---|---|
//! | `zookeeper`, `nodes`, `kafka`, `connect`, `elasticsearch`, `clients`, `plain` | the servers and clients: configuration, start, readiness |
//! | `members` | members of groups of every kind in one JVM |
//! | `kerberos` | a realm with its KDC |
//! | `options`, `doors`, `jolokia`, `tls` | what a test may change; JMX ports, Jolokia ports, certificates |
//! | `jmx` | the kinds of JMX port, and what Java reads through them |
//! | `sessions` | sessions with a ZooKeeper, thousands of them without a JVM for each |
//! | `groups` | very many consumer groups, and Java's admin client that reads them |
//! | `java`, `jdk` | starting JVMs, compiling |
//! | `proxy`, `http_proxy` | a longer way to a server; the way out of a company |
//! | `sink` | where documents go that a test looks at, or nobody |
//! | `process`, `spawn`, `workdir`, `ports`, `wait` | lifetime, folders, ports, readiness |
//! | `packages`, `maven`, `cache` | what is downloaded, how, where it stays |

mod cache;
mod clients;
mod conditions;
mod connect;
mod doors;
mod elasticsearch;
mod error;
mod groups;
mod http;
mod http_proxy;
mod java;
mod jdk;
mod jmx;
mod jolokia;
mod kafka;
mod kerberos;
mod launch;
mod maven;
mod members;
mod nodes;
mod options;
mod packages;
mod plain;
mod ports;
mod process;
mod proxy;
mod sessions;
mod sink;
mod spawn;
mod tail;
mod tls;
mod wait;
mod workdir;
mod zookeeper;

pub use cache::cache_folder;
pub use clients::{Consumer, Producer};
pub use conditions::conditions;
pub use connect::{Connect, MirrorMaker};
pub use elasticsearch::Elasticsearch;
pub use error::{Error, Result};
pub use groups::{GroupAdmin, GroupPlan, GroupReading};
pub use http_proxy::HttpProxy;
pub use java::live_objects;
pub use jdk::jdks;
pub use jmx::{
    Canonical, JmxAccess, JmxCanon, JmxPort, JmxReader, JmxValue, Reading, RmiPort, jmx_attribute,
    jmx_dump, jmx_dump_with,
};
pub use jolokia::JolokiaPort;
pub use kafka::{GroupRow, GroupState, Kafka, KafkaVersion, Listener, password};
pub use kerberos::Kerberos;
pub use maven::{downloaded_bytes, megabytes};
pub use members::{MemberKind, Members, Order};
pub use nodes::ZooKeeperNodes;
pub use options::Options;
pub use plain::PlainJvm;
pub use process::{Process, Signal};
pub use proxy::{Passed, Proxy};
pub use sessions::ZooKeeperSession;
pub use sink::{Reply, Sink};
pub use tls::TlsFiles;
pub use wait::{interrupt, wait_until};
pub use workdir::WorkDir;
pub use zookeeper::{MoreDoors, Vote, ZooKeeper, ZooKeeperVersion};
