//! `http`: a port on which the agent says how it is doing.
//!
//! `/health` is answered with 200 as long as the agent runs at all: an agent whose output is away does what it is for, it
//! collects and queues, and to start it anew would help nobody. `/ready` has the same text and 503 where somebody should look.

mod config;
mod report;
mod server;
#[cfg(test)]
mod tests;

pub use config::HttpConfig;
pub use report::Subject;
pub use server::{BindError, Server};
