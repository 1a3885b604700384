//! `brokerbeat jmx`: looking at JVMs by hand. Needs no configuration file.
//!
//! - `ps`: the command; `role`: what a JVM is

mod ps;
mod role;

use std::process::ExitCode;

use clap::Subcommand;

/// What can be looked at.
#[derive(Debug, Subcommand)]
pub(super) enum Jmx {
    /// List the JVMs of this machine, what they are and how each can be reached
    Ps(ps::Ps),
}

impl Jmx {
    /// Does it and says how it ended.
    pub(super) fn execute(&self) -> ExitCode {
        match self {
            Self::Ps(ps) => ps.execute(),
        }
    }
}
