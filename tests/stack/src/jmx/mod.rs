//! JMX ports of servers, and what Java's own client reads through them: the second opinion.

mod access;
mod dump;
mod port;
mod talk;

pub use access::JmxAccess;
pub use dump::{JmxValue, jmx_attribute, jmx_dump, jmx_dump_with};
pub use port::{JmxPort, RmiPort};
pub use talk::{Canonical, JmxCanon, JmxReader, Reading};
