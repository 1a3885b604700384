//! The agent as a child process.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use stack::{Error, Process, Result, Signal, WorkDir};

use crate::config;
use crate::servers::Servers;

const SETUP: Duration = Duration::from_secs(120);
/// The agent's own `shutdown_timeout` is 20 s.
const STOP: Duration = Duration::from_secs(30);

pub(crate) struct Agent {
    process: Process,
    binary: PathBuf,
    _work: WorkDir,
}

impl Agent {
    /// Writes the configuration, runs `setup`, then `run` until told otherwise.
    pub(crate) fn start(binary: &str, servers: &Servers) -> Result<Self> {
        let binary = std::path::absolute(binary).unwrap_or_else(|_| binary.into());
        let work = WorkDir::new("agent")?;
        let data = work.join("data").display().to_string();
        let file = work.write("brokerbeat.yml", &config::text(servers, &data))?;
        let file = file.display().to_string();
        println!("configuration: {file}");
        let setup = Process::program("brokerbeat setup", &binary, &["-c", &file, "setup"], &work)?;
        let status = setup.wait(SETUP)?;
        if !status.success() {
            return Err(Error::Refused {
                what: "brokerbeat setup".to_owned(),
                answer: format!("{status}\n{}", setup.log_tail(40)),
            });
        }
        let process = Process::program("brokerbeat run", &binary, &["-c", &file, "run"], &work)?;
        println!("log of the agent: {}", process.log().display());
        Ok(Self {
            process,
            binary,
            _work: work,
        })
    }

    /// An error if it has ended, which it never does by itself.
    pub(crate) fn check(&self) -> Result<()> {
        match self.process.ended() {
            None => Ok(()),
            Some(status) => Err(Error::Refused {
                what: "brokerbeat run".to_owned(),
                answer: format!("it ended ({status})\n{}", self.process.log_tail(40)),
            }),
        }
    }

    /// As Ctrl-C does, with its time to drain.
    pub(crate) fn stop(&self) -> Result<()> {
        self.process.signal(Signal::Int);
        let status = self.process.wait(STOP)?;
        println!("the agent ended ({status})");
        Ok(())
    }

    pub(crate) fn binary_bytes(&self) -> u64 {
        fs::metadata(&self.binary).map_or(0, |meta| meta.len())
    }

    /// Resident memory; none once it has ended.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    }
}
