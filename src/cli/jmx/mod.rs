//! `brokerbeat jmx`: looking at beans and JVMs by hand. Needs no configuration file.
//!
//! - `reach`: which JVM, as whom, how patient
//! - `ls`, `get`: the commands
//! - `ps`: the JVMs of this machine; `role`: what each is; `discreet`: their command lines without secrets
//! - `show`: how values look to people and to programs

mod discreet;
mod get;
mod ls;
mod ps;
mod reach;
mod role;
mod show;

use std::process::ExitCode;

use clap::Subcommand;
use jmx_rmi::ObjectName;

use self::reach::Reach;
use crate::collect::jmx::door::Door;

/// What can be looked at.
#[derive(Debug, Subcommand)]
pub(super) enum Jmx {
    /// List beans, and with -l their attributes
    Ls(ls::Ls),
    /// Read attributes of one bean or of all that match a pattern
    Get(get::Get),
    /// List the JVMs of this machine, what they are and how each can be reached
    Ps(ps::Ps),
}

/// How a command ended, apart from its mistakes on the command line.
struct Done {
    /// Parts that are missing; a sentence each was written already.
    missing: usize,
}

impl Jmx {
    /// Does it. Exit code: 0 done, 1 could not, 2 command line wrong, 3 parts are missing.
    pub(super) fn execute(&self) -> ExitCode {
        match self {
            Self::Ls(ls) => look(&ls.reach, ls.pattern.as_deref(), async |door, pattern| {
                ls.run(door, pattern).await
            }),
            Self::Get(get) => look(&get.reach, Some(&get.bean), async |door, pattern| {
                get.run(door, pattern).await
            }),
            Self::Ps(ps) => ps.execute(),
        }
    }
}

/// Reads the command line's address and pattern, then does the work.
fn look(
    reach: &Reach,
    pattern: Option<&str>,
    work: impl AsyncFnOnce(&Door, &ObjectName) -> anyhow::Result<Done>,
) -> ExitCode {
    let read = reach
        .door()
        .and_then(|door| Ok((door, reach::pattern(pattern)?)));
    let (door, pattern) = match read {
        Ok(read) => read,
        Err(error) => return super::wrong(error),
    };
    match super::block_on(work(&door, &pattern)).flatten() {
        Ok(Done { missing: 0 }) => ExitCode::from(super::DONE),
        Ok(Done { .. }) => ExitCode::from(super::FINDINGS),
        Err(error) => super::finish(Err(error)),
    }
}
