//! The other end of [`client`](super::client): starts the process and talks to it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use stack::Reading;

use super::client::FLAG;

/// Our client in a process of its own; it ends with this value.
pub(crate) struct OurClient {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

/// What a process takes, in kilobytes.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

impl OurClient {
    /// Starts it; it does nothing until told.
    pub(crate) fn start(endpoint: &str, list: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([FLAG, endpoint])
            .arg(list)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Starts it, connects with so many TCP connections, and gives it its list.
    pub(crate) fn ready(endpoint: &str, list: &Path, connections: u32) -> Self {
        let mut client = Self::start(endpoint, list);
        client.ask(&format!("connect {connections}"));
        client.ask("list");
        client
    }

    pub(crate) fn read(&mut self) -> Reading {
        let answer = self.ask("read");
        Reading::parse(&answer).unwrap()
    }

    pub(crate) fn memory(&mut self) -> Memory {
        let answer = self.ask("memory");
        let (resident, peak) = answer.trim().split_once(' ').unwrap();
        Memory {
            resident: resident.parse().unwrap(),
            peak: peak.parse().unwrap(),
        }
    }

    pub(crate) fn ask(&mut self, line: &str) -> String {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).unwrap();
        assert!(!answer.is_empty(), "our client ended at `{line}`");
        answer
    }
}

impl Drop for OurClient {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It ends with its stdin; how does not matter any more.
        self.child.wait().ok();
    }
}
