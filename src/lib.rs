//! brokerbeat.

pub mod assets;
pub mod catalogue;
pub mod clock;
pub mod collect;
pub mod config;
pub mod document;
pub mod enrich;
pub mod files;
pub mod identity;
pub mod ship;
pub mod spool;
pub mod yaml;
