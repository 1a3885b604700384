//! Bytes in, values out: no socket, no clock, no runtime.
//!
//! - [`Decoder`]: the object stream, resumable; yields a [`Graph`] of objects as sent
//! - [`map`]: from objects to [`Value`](crate::Value)s and what else replies hold
//! - [`reply`], [`stub`], [`handshake`]: what RMI puts around objects
//! - `time`: `java.time`, whose classes only their own code can read
//! - `encode`: what a client sends
//! - [`Limits`], [`DecodeError`]: what a peer may cost, and what can be wrong with it

mod decoder;
pub(crate) mod encode;
mod error;
#[cfg(test)]
mod golden;
mod graph;
pub mod handshake;
mod limits;
pub mod map;
mod mutf8;
pub mod reply;
pub mod stub;
mod tags;
mod time;

pub use decoder::{Decoded, Decoder};
pub use error::DecodeError;
pub use graph::{Class, ClassId, Content, Graph, Item, Node, NodeId, ObjectNode};
pub use limits::Limits;
