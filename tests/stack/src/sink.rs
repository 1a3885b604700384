//! An Elasticsearch that takes everything at once, or answers as it is told: for tests and benchmarks of what the agent
//! ships, and of how where no real server can be made to do it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::error::{At, Result};

/// What a bulk request is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// So many documents were taken.
    Taken(usize),
    /// These items, as JSON: what became of each document.
    Items(Vec<Value>),
    /// A refusal of the whole.
    Refused {
        /// Its status.
        status: u16,
        /// `Retry-After`.
        retry_after: Option<String>,
    },
    /// Nothing, until the client goes away.
    Silence,
}

/// Takes the lines of a bulk request, an action and a document in turn.
type Take = dyn Fn(&[u8]) -> Reply + Send + Sync;

/// The server. Its threads end with their connections, and with the process.
pub struct Sink {
    address: String,
    received: Arc<AtomicU64>,
}

impl Sink {
    /// `take` says how many documents the lines were; `version`: of the agent's templates that it claims to have; without them the agent ships nothing to it.
    pub fn start(
        version: Option<u64>,
        take: impl Fn(&[u8]) -> usize + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::answering(version, move |body| Reply::Taken(take(body)))
    }

    /// As [`start`](Self::start), with any answer. What takes time in it takes time in the server, by the request.
    pub fn answering(
        version: Option<u64>,
        take: impl Fn(&[u8]) -> Reply + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").at("listen on", "127.0.0.1")?;
        let address = listener.local_addr().at("ask for", "the port")?;
        let take: Arc<Take> = Arc::new(take);
        let received = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (take, count) = (Arc::clone(&take), Arc::clone(&count));
                thread::spawn(move || serve(&stream, version, &*take, &count));
            }
        });
        Ok(Self {
            address: address.to_string(),
            received,
        })
    }

    /// For the agent's `output.elasticsearch.hosts`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Bytes of all bodies so far, as they came.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// The documents of a bulk request's lines; one that is no JSON, as with `NaN` in it, is an error.
    pub fn documents(body: &[u8]) -> serde_json::Result<Vec<Value>> {
        let lines = body.split(|byte| *byte == b'\n');
        let documents = lines.filter(|line| !line.is_empty()).skip(1).step_by(2);
        documents.map(serde_json::from_slice).collect()
    }
}

/// Answers until the client goes away.
fn serve(stream: &TcpStream, version: Option<u64>, take: &Take, received: &AtomicU64) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut reader = BufReader::new(stream);
    while let Some((path, body)) = request(&mut reader, received) {
        let (status, more, answer) = match (path.as_str(), version) {
            (path, _) if path.starts_with("/_bulk") => match take(&body) {
                Reply::Taken(items) => (200, String::new(), all_created(items)),
                Reply::Items(items) => {
                    let answer = json!({"errors": true, "items": items});
                    (200, String::new(), answer.to_string())
                }
                Reply::Refused {
                    status,
                    retry_after,
                } => {
                    let header = retry_after.map(|wait| format!("retry-after: {wait}\r\n"));
                    (status, header.unwrap_or_default(), "{}".to_owned())
                }
                Reply::Silence => {
                    // Whatever ends it.
                    reader.read_exact(&mut [0]).ok();
                    return;
                }
            },
            (path, Some(version)) if path.starts_with("/_index_template?") => {
                (200, String::new(), templates(version))
            }
            _ => (404, String::new(), "{}".to_owned()),
        };
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\n{more}content-length: {}\r\n\r\n",
            answer.len()
        );
        let mut stream = stream;
        if stream.write_all((head + &answer).as_bytes()).is_err() {
            return;
        }
    }
}

fn all_created(items: usize) -> String {
    let item = r#"{"create":{"status":201,"result":"created"}}"#;
    let items = vec![item; items].join(",");
    format!(r#"{{"errors":false,"items":[{items}]}}"#)
}

/// As of a server with time-series mode.
fn templates(version: u64) -> String {
    let meta = json!({"managed_by": "brokerbeat", "version": version});
    let template = |name: &str, mode: &str| {
        let template = json!({"index_patterns": [format!("{name}-brokerbeat.*")], "priority": 501,
            "template": {"mappings": {"_meta": meta}, "settings": {"index": {"mode": mode}}}});
        json!({"name": format!("brokerbeat-{name}"), "index_template": template})
    };
    let all = [
        template("metrics", "time_series"),
        template("logs", "standard"),
    ];
    json!({"index_templates": all}).to_string()
}

/// Path and unpacked body; none at the end.
fn request(reader: &mut impl BufRead, received: &AtomicU64) -> Option<(String, Vec<u8>)> {
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
    received.fetch_add(length as u64, Ordering::Relaxed);
    if packed {
        let mut unpacked = Vec::new();
        GzDecoder::new(&body[..]).read_to_end(&mut unpacked).ok()?;
        body = unpacked;
    }
    Some((path, body))
}
