//! An Elasticsearch that takes everything at once and keeps nothing: what is measured is the agent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use brokerbeat::assets;
use flate2::read::GzDecoder;
use serde_json::json;

use super::bulk::{self, Counter, Cycle};

/// No cycle takes that long, on any machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The address, and a cycle for each of the target's documents.
pub(crate) struct Sink {
    pub(crate) address: String,
    cycles: Receiver<Cycle>,
}

impl Sink {
    /// `open`: whether it has the agent's templates; if not the agent ships nothing to it.
    pub(crate) fn start(open: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, cycles) = channel();
        // A cycle may come over several connections, one request after the other.
        let documents = Arc::new(Mutex::new(Counter::default()));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (sender, documents) = (sender.clone(), documents.clone());
                thread::spawn(move || serve(&stream.unwrap(), open, &documents, &sender));
            }
        });
        Self { address, cycles }
    }

    /// Waits for the next whole cycle; none if it does not come.
    pub(crate) fn next(&self) -> Option<Cycle> {
        self.cycles.recv_timeout(PATIENCE).ok()
    }
}

/// Answers until the client goes away.
fn serve(stream: &TcpStream, open: bool, documents: &Mutex<Counter>, cycles: &Sender<Cycle>) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    while let Some((path, body)) = request(&mut reader) {
        let (status, answer) = match path.as_str() {
            path if path.starts_with("/_bulk") => {
                let (items, cycle) = documents.lock().unwrap().take(&body);
                if let Some(cycle) = cycle {
                    // The benchmark may have seen enough.
                    cycles.send(cycle).ok();
                }
                (200, bulk::answer(items))
            }
            path if path.contains("_simulate_index") && open => (200, template()),
            _ => (404, "{}".to_owned()),
        };
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        let mut stream = stream;
        if stream.write_all((head + &answer).as_bytes()).is_err() {
            return;
        }
    }
}

fn template() -> String {
    let meta = json!({"managed_by": "brokerbeat", "version": assets::VERSION});
    json!({"template": {"mappings": {"_meta": meta}}}).to_string()
}

/// Path and unpacked body; none at the end.
fn request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut packed) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        match header.split_once(": ") {
            None => break,
            Some(("content-length", value)) => length = value.parse().ok()?,
            Some(("content-encoding", value)) => packed = value == "gzip",
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if packed {
        let mut unpacked = Vec::new();
        GzDecoder::new(&body[..])
            .read_to_end(&mut unpacked)
            .unwrap();
        body = unpacked;
    }
    Some((path, body))
}
