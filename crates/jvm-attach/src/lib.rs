//! The JVMs of a Linux machine: who they are, and how to talk to them without a JVM.
//!
//! HotSpot's attach mechanism is a Unix socket. A JVM that was started with no option for it opens that socket when it
//! is asked to (a file and a `SIGQUIT`), takes commands, and among them is the one that starts a JMX connector for
//! local peers. So a JVM can be monitored with no port of its own and no restart.
//!
//! ```text
//! /proc ── process ──► status, command_line, hsperf (pure) ──► Jvm ── obstacle ──► what is in the way, if anything
//!                                                               │
//!                     trigger (file, signal) ◄── socket ◄── attach ──► commands ──► properties (pure)
//! ```
//!
//! ```no_run
//! # async fn example() -> Result<(), jvm_attach::Error> {
//! for jvm in jvm_attach::jvms()? {
//!     println!("{} {} {:?}", jvm.pid, jvm.main, jvm.obstacle);
//! }
//! let url = jvm_attach::connector_address(4711, jvm_attach::Timeouts::default()).await?;
//! assert!(url.starts_with("service:jmx:rmi://"));
//! # Ok(())
//! # }
//! ```
//!
//! # The signal
//! `SIGQUIT` ends a process that does not catch it: one with `-Xrs`, a JVM in its first milliseconds, and whatever has
//! got the pid of a JVM that is gone. It is sent only to a process that was started without `-Xrs` (with it, whoever
//! catches the signal is not HotSpot), has `libjvm.so` mapped and catches the signal, the latter two read immediately
//! before. All of it goes through one handle on `/proc/<pid>`, the signal included
//! (`pidfd_send_signal(2)`), so a pid that is given to another process in between means no signal at all.
//!
//! # Limits
//! Linux 5.1 or newer (5.6 for [`Jvm::file`]), HotSpot JVMs (OpenJDK and what is made of it). The JVM's own user and group, or root.

#[cfg(not(target_os = "linux"))]
compile_error!("jvm-attach reads /proc: it is for Linux only");

mod attach;
mod blocking;
mod command_line;
mod error;
mod files;
mod hsperf;
mod jvm;
mod obstacle;
mod process;
mod properties;
mod socket;
mod status;
mod trigger;
mod users;

pub use attach::{Attached, Timeouts, attach, connector_address};
pub use blocking::scan;
pub use error::Error;
pub use jvm::{Jvm, jvm, jvms};
pub use obstacle::Obstacle;
pub use properties::parse as parse_properties;
