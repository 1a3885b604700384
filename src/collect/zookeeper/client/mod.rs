//! A client for ZooKeeper's own protocol: a session, and reading nodes.
//!
//! - [`jute`]: numbers, texts and lists as bytes. Pure
//! - [`message`]: the few requests that read, and their answers. Pure
//! - [`connection`]: many requests in flight, their answers in order
//! - [`session`]: what outlives a connection; [`error`]: why there is no answer
//!
//! Nothing here writes, watches or locks: four requests of the protocol's fifty are enough.

pub mod connection;
pub mod error;
pub mod jute;
pub mod message;
pub mod session;
