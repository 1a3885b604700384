//! A Beat-like agent for Kafka and ZooKeeper. One process, no JVM.
//!
//! ```text
//!  per target, own tick             one task                             one task
//!  collect::* ──Vec<Document>──► enrich → spool (append) ──► spool (next) → ship ──► Elasticsearch _bulk
//!                 bounded                                        ▲                        │ per-item verdict
//!                                                                └──── ack / give back ───┘
//! ```
//!
//! In reading order:
//!
//! * [`cli`] — what a person typed; [`config`] — what the file says, all mistakes at once.
//! * [`agent`] — the only module that knows every task: start, reload, drain.
//! * [`collect`] — one folder a collector: config, fetch (awaits), map (pure). [`clock`] — the ticks they keep.
//! * [`lag`] — what the offsets of a consumer group mean: status, reason, rates, seconds behind. Pure.
//! * [`ha`] — which part of that is this agent's, where several share the work.
//! * [`document`] — what they make; [`catalogue`] — every field that may be in it.
//! * [`derive`] — fields made of other fields: what rose, how full it is.
//! * [`enrich`] and [`identity`] — who it is about, under which name for ever.
//! * [`writer`], [`spool`] — the queue and its accounting; [`ship`] — the way to the output. [`health`] — says how that goes.
//! * [`assets`] — templates and the fields page, generated from the catalogue. [`kibana`] — dashboards and rules, into Kibana.

pub mod agent;
pub mod assets;
pub mod catalogue;
pub mod cli;
pub mod clock;
pub mod collect;
pub mod config;
pub mod data_directory;
pub mod dead_letter;
pub mod derive;
pub mod document;
pub mod enrich;
pub mod event;
pub mod files;
#[cfg(test)]
mod golden;
pub mod ha;
pub mod health;
pub mod identity;
pub mod kibana;
pub mod lag;
pub mod logging;
pub mod reload;
pub mod ship;
pub mod spool;
pub mod writer;
pub mod yaml;
