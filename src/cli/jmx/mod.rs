//! `brokerbeat jmx`: looking at beans by hand. Needs no configuration file.
//!
//! - `reach`: which JVM, as whom, how patient
//! - `ls`, `get`: the commands
//! - `show`: how values look to people and to programs

mod get;
mod ls;
mod reach;
mod show;

use std::process::ExitCode;

use clap::Subcommand;

/// What can be looked at.
#[derive(Debug, Subcommand)]
pub(super) enum Jmx {
    /// List beans, and with -l their attributes
    Ls(ls::Ls),
    /// Read attributes of one bean or of all that match a pattern
    Get(get::Get),
}

/// How a command ended, apart from its mistakes on the command line.
struct Done {
    /// Parts that are missing; a sentence each was written already.
    missing: usize,
}

impl Jmx {
    /// Does it. Exit code: 0 done, 1 could not, 2 command line wrong, 3 parts are missing.
    pub(super) fn execute(&self) -> ExitCode {
        let reach = match self {
            Self::Ls(ls) => &ls.reach,
            Self::Get(get) => &get.reach,
        };
        let door = match reach.door() {
            Ok(door) => door,
            Err(error) => return super::wrong(error),
        };
        let pattern = match self {
            Self::Ls(ls) => reach::pattern(ls.pattern.as_deref()),
            Self::Get(get) => reach::pattern(Some(&get.bean)),
        };
        let pattern = match pattern {
            Ok(pattern) => pattern,
            Err(error) => return super::wrong(error),
        };
        let done = super::block_on(async {
            match self {
                Self::Ls(ls) => ls.run(&door, &pattern).await,
                Self::Get(get) => get.run(&door, &pattern).await,
            }
        });
        match done.flatten() {
            Ok(Done { missing: 0 }) => ExitCode::from(super::DONE),
            Ok(Done { .. }) => ExitCode::from(super::FINDINGS),
            Err(error) => super::finish(Err(error)),
        }
    }
}
