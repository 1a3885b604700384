//! Integration tests: the real binary against real servers. One binary, so that everything links once.
//!
//! Servers are shared between tests where a test leaves them as they were; each test has its own
//! namespace, so that data streams never meet.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test's helpers are tests, too: a panic is the message, and figures are printed"
)]

mod agent;
mod backlog;
mod beans;
mod beans_of_ones_own;
mod cli;
mod dashboards;
mod delivery;
mod disk;
mod disks;
mod failure;
mod goldens;
mod groups;
mod ha_reload;
mod health;
mod hostile;
mod hosts;
mod https;
mod incidents;
mod inventory;
mod jmx_commands;
mod jmx_deadline;
mod jolokia;
#[cfg(feature = "gssapi")]
mod kerberos;
mod kibana;
mod lag_command;
mod lag_status;
mod local;
mod matrix;
mod model;
mod observer;
mod opensearch;
mod outage;
mod outputs;
mod permits;
mod pipelines;
mod pressure;
mod proof;
mod queue;
mod reload;
mod said;
mod seconds;
mod security;
mod servers;
mod setup;
mod shards;
mod shipping;
mod soak;
mod truth;
mod unasked;
mod verdicts;
mod zookeeper;
mod zookeeper_offsets;
