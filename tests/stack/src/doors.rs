//! The ways into a JVM that a server was started with.

use crate::error::Result;
use crate::jmx::JmxAccess;
use crate::jolokia;
use crate::options::Options;
use crate::ports;
use crate::process::Process;
use crate::workdir::WorkDir;

/// The JMX port and Jolokia's, if there is one.
pub(crate) struct Doors {
    pub(crate) arguments: Vec<String>,
    pub(crate) jmx: JmxAccess,
    jolokia: Option<(&'static str, u16)>,
}

impl Doors {
    /// Picks ports and writes what the JVM needs for them.
    pub(crate) fn plan(options: &Options, work: &WorkDir) -> Result<Self> {
        let port = ports::free();
        let (mut arguments, jmx) = match &options.jmx {
            Some(kind) => kind.open(port, work)?,
            None => (Vec::new(), JmxAccess::open(&format!("127.0.0.1:{port}"))),
        };
        let jolokia = options.jolokia.as_ref().map(|kind| (kind, ports::free()));
        if let Some((kind, port)) = jolokia {
            arguments.push(kind.argument(port)?);
        }
        Ok(Self {
            arguments,
            jmx,
            jolokia: jolokia.map(|(kind, port)| (kind.scheme(), port)),
        })
    }

    /// "http(s)://127.0.0.1:<port>/jolokia/", or an address where nobody listens.
    pub(crate) fn jolokia_url(&self) -> String {
        let (scheme, port) = self.jolokia.unwrap_or(("http", 1));
        format!("{scheme}://127.0.0.1:{port}/jolokia/")
    }

    /// JMX's agent is up before `main` runs, so a server that is ready has it; Jolokia's may be a moment later.
    pub(crate) fn wait_ready(&self, process: &Process) -> Result<()> {
        match self.jolokia {
            Some((_, port)) => jolokia::wait_ready(process, port),
            None => Ok(()),
        }
    }
}

/// The part of a server's API that is about the ways into its JVM.
macro_rules! door_methods {
    () => {
        /// "127.0.0.1:<JMX port>"
        pub fn jmx(&self) -> String {
            self.doors.jmx.endpoint.clone()
        }

        /// How to get through the JMX port.
        pub fn jmx_access(&self) -> &crate::JmxAccess {
            &self.doors.jmx
        }

        /// "http(s)://127.0.0.1:<port>/jolokia/", where the server was started with Jolokia's agent.
        pub fn jolokia_url(&self) -> String {
            self.doors.jolokia_url()
        }
    };
}
pub(crate) use door_methods;
