//! brokerbeat.

pub mod collect;
pub mod config;
pub mod document;
pub mod yaml;
