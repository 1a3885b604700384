//! Our client in a process of its own, so that its memory is what it needs and nothing else.
//!
//! On stdin: "connect N" connects with N TCP connections, "list" takes the list, "read" reads it, "idle" waits, "memory"
//! measures. Each is answered by a line.

use std::fs;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::{Duration, Instant};

use jmx_rmi::{Client, Endpoint, ObjectName, Read, Timeouts};

use super::process;

/// The argument that makes this program a client.
pub(crate) const FLAG: &str = "--client";

/// Ends when stdin does.
pub(crate) fn run(endpoint: &str, list: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (host, port) = endpoint.rsplit_once(':').unwrap();
    let mut endpoint = Endpoint::new(host, port.parse().unwrap());
    let mut client = None;
    let mut reads = Vec::new();
    for line in stdin().lock().lines() {
        let line = line.unwrap();
        let (command, number) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match command {
            "memory" => memory(),
            "connect" => runtime.block_on(async {
                endpoint.connections = number.parse().unwrap();
                client = Some(connect(&endpoint).await);
                "connected".to_owned()
            }),
            "idle" => runtime.block_on(async {
                // The session's own task may run, and nothing else does.
                tokio::time::sleep(Duration::from_secs(2)).await;
                "idled".to_owned()
            }),
            "list" => {
                reads = parse(&fs::read_to_string(list).unwrap());
                reads.len().to_string()
            }
            "read" => {
                let client = client.as_mut().expect("`connect` comes first");
                runtime.block_on(read(client, &reads))
            }
            other => panic!("{other}?"),
        };
        let mut out = stdout().lock();
        writeln!(out, "{answer}").unwrap();
        out.flush().unwrap();
    }
    if let Some(client) = client {
        runtime.block_on(client.close()).unwrap();
    }
}

async fn connect(endpoint: &Endpoint) -> Client {
    Client::connect(endpoint, Timeouts::default())
        .await
        .unwrap()
}

/// "nanoseconds values"
async fn read(client: &mut Client, reads: &[Read]) -> String {
    let start = Instant::now();
    let results = client.read(reads).await.unwrap();
    let took = start.elapsed();
    let values: usize = results.iter().flatten().map(Vec::len).sum();
    format!("{} {values}", took.as_nanos())
}

fn parse(list: &str) -> Vec<Read> {
    let read = |line: &str| {
        let mut cells = line.split('\t');
        Read {
            name: ObjectName::parse(cells.next().unwrap()).unwrap(),
            attributes: cells.map(str::to_owned).collect(),
        }
    };
    list.lines().map(read).collect()
}

/// "resident peak" in kilobytes.
fn memory() -> String {
    let process::Memory { resident, peak } = process::memory(std::process::id());
    format!("{resident} {peak}")
}
