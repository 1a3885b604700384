//! Dashboards and alerting rules: from the agent's inside into a Kibana.
//!
//! ```text
//! setup.kibana ─► client ─┬─► objects: export (what is there), import (judged by its `success`)
//!                         ├─► views: the data views' ids in this space
//!                         └─► rules: one by one, by the alerting API
//! ```
//!
//! They are made by the crate kibana-assets of `kibana/*.yml`.

mod client;
mod config;
mod error;
pub mod objects;
pub mod rules;
pub mod views;

pub use client::{Kibana, Version};
pub use config::{DEFAULT_SPACE, KibanaConfig, wrong_space};
pub use error::KibanaError;
