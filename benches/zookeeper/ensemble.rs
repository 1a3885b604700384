//! Three servers and their clients.

use std::time::Duration;

use stack::{Options, ZooKeeper, ZooKeeperSession};

/// Longer than the benchmark: nobody has to say that he is still there.
const LASTS: Duration = Duration::from_secs(3600);

/// The servers.
pub(crate) struct Ensemble([ZooKeeper; 3]);

impl Ensemble {
    /// As in production: both of the JVM's compilers, and some memory.
    pub(crate) fn start() -> Self {
        let options = Options::new()
            .jvm("-XX:TieredStopAtLevel=4")
            .jvm("-Xmx512m")
            .set("maxSessionTimeout", &LASTS.as_millis().to_string());
        Self(ZooKeeper::start_ensemble(&options).unwrap())
    }

    /// For the agent's `zookeeper.hosts`.
    pub(crate) fn hosts(&self) -> String {
        let Self(servers) = self;
        let hosts: Vec<String> = servers
            .iter()
            .map(|server| format!("\"{}\"", server.addr()))
            .collect();
        hosts.join(", ")
    }

    /// For a profiler: until whoever started this has seen enough.
    pub(crate) fn stay(&self, sessions: usize) {
        let _sessions = Sessions::open(self, sessions);
        println!("{}", self.hosts());
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
    }
}

/// Open sessions.
pub(crate) struct Sessions(Vec<ZooKeeperSession>);

impl Sessions {
    /// As many with each server.
    pub(crate) fn open(ensemble: &Ensemble, each: usize) -> Self {
        let Ensemble(servers) = ensemble;
        let mut all = Vec::new();
        for server in servers {
            all.extend(ZooKeeperSession::open_many(&server.addr(), LASTS, each).unwrap());
        }
        Self(all)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}
