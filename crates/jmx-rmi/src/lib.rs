//! JMX over RMI without a JVM: reads the MBeans of a Java program through the port that `JMX_PORT` or
//! `com.sun.management.jmxremote.port` opens.
//!
//! ```no_run
//! use jmx_rmi::{Client, Endpoint, ObjectName, Read, Timeouts};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = Client::connect(&Endpoint::new("broker-1", 9999), Timeouts::default()).await?;
//! let pattern = ObjectName::parse("kafka.server:type=BrokerTopicMetrics,*")?;
//! let names = client.query_names(Some(&pattern)).await?;
//! let reads: Vec<Read> =
//!     names.into_iter().map(|name| Read { name, attributes: vec!["Count".to_owned()] }).collect();
//! for (read, result) in reads.iter().zip(client.read(&reads).await?) {
//!     let count = result?.iter().find(|(name, _)| name == "Count").and_then(|(_, value)| value.as_i64());
//!     # let _ = (&read.name, count);
//! }
//! client.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # The way of a call
//!
//! ```text
//! Client::read ─ codec::encode ─► socket ─► JVM ─► socket ─ codec::Decoder ─► Graph ─ codec::map ─► Value
//! ```
//!
//! # The map
//!
//! - [`client`]: one session with one JVM. Registry, login, lease, pipelined reads, time-outs, and an [`Error`] to decide
//!   by. The only part that knows sockets.
//! - [`codec`]: the Java object stream and what RMI puts around it. Pure: bytes in, objects out, "need more" is a value.
//!   Every length is a claim with a limit ([`Limits`]).
//! - [`Value`]: what an attribute holds once Java's classes are out of the way.
//! - [`info`]: what a bean says of itself ([`MBeanInfo`]).
//! - [`ObjectName`]: names of beans, and patterns for them.
//!
//! # Words
//!
//! The *registry* answers on the configured port and knows one name, `jmxrmi`. Behind it is the *server object*, on a
//! port of its own; its `newClient` makes the *connection object*, which is the session. A *stub* is what the JVM sends
//! for such an object: host, port, id. A *lease* is what keeps the connection object alive.
//!
//! Specifications: *Java Object Serialization Specification* (chapter 6), *Java RMI Specification* (chapters 9 and 10),
//! JSR 160 (*JMX Remote API*).

#![forbid(unsafe_code)]

pub mod client;
pub mod codec;

mod exception;
pub mod info;
mod object_name;
mod value;

pub use client::{
    AdvertisedHost, Client, Credentials, Endpoint, Error, Read, ServiceUrlError, Stats, Timeouts,
    TlsProblem,
};
#[cfg(feature = "tls")]
pub use client::{RegistryTls, Tls};
pub use codec::{DecodeError, Limits};
pub use exception::RemoteException;
pub use info::MBeanInfo;
pub use object_name::{ObjectName, ObjectNameError, quote, unquote};
/// The version of rustls that [`Tls`] takes its configuration from.
#[cfg(feature = "tls")]
pub use tokio_rustls::rustls;
pub use value::{Attributes, Composite, Object, Omission, Tabular, Value};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
