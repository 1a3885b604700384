//! A server that answers as versions and products do which no real one can be had of: it keeps what is put, gives it back, and
//! refuses what it has not.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Map, Value, json};

/// What it is and what it was told.
pub(super) struct Server {
    address: String,
    kept: Kept,
}

/// What was put, by path; and in which order.
#[derive(Default)]
struct Store {
    bodies: BTreeMap<String, Value>,
    puts: Vec<String>,
}

type Kept = Arc<Mutex<Store>>;

/// Which server it is.
#[derive(Clone)]
pub(super) struct Kind {
    /// `version` in the answer to `GET /`.
    pub(super) version: Value,
    /// Beginnings of paths that it does not know.
    pub(super) unknown: &'static [&'static str],
    /// Settings and fields of bodies that it refuses.
    pub(super) refused: &'static [&'static str],
}

impl Server {
    pub(super) fn start(kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let kept = Kept::default();
        let of_thread = Arc::clone(&kept);
        thread::spawn(move || {
            for stream in listener.incoming() {
                serve(&stream.unwrap(), &kind, &of_thread);
            }
        });
        Self { address, kept }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The paths that were put since the last time this was asked.
    pub(super) fn puts(&self) -> Vec<String> {
        std::mem::take(&mut self.kept.lock().unwrap().puts)
    }

    pub(super) fn body(&self, path: &str) -> Value {
        let kept = self.kept.lock().unwrap();
        kept.bodies.get(path).cloned().unwrap_or_default()
    }
}

fn serve(stream: &TcpStream, kind: &Kind, kept: &Kept) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    if reader.read_line(&mut first).unwrap_or(0) == 0 {
        return;
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut words = first.split_whitespace();
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let path = path.split('?').next().unwrap();
    let (status, answer) = answer(kind, kept, method, path, &body);
    let answer = answer.to_string();
    let head = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        answer.len()
    );
    let mut stream = stream;
    stream.write_all((head + &answer).as_bytes()).ok();
}

fn answer(kind: &Kind, kept: &Kept, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
    if path == "/" {
        return (
            200,
            json!({"version": kind.version, "tagline": "You Know, for Search"}),
        );
    }
    if kind
        .unknown
        .iter()
        .any(|beginning| path.starts_with(beginning))
    {
        let why = format!("no handler found for uri [{path}] and method [{method}]");
        return (400, json!({"error": why}));
    }
    let mut store = kept.lock().unwrap();
    match method {
        "PUT" => {
            let text = String::from_utf8_lossy(body);
            if let Some(word) = kind.refused.iter().find(|word| text.contains(**word)) {
                let why = format!("{path}: unknown [{word}]");
                return (400, json!({"error": {"reason": why}}));
            }
            let body: Value = serde_json::from_str(&text).unwrap();
            store.puts.push(path.to_owned());
            store.bodies.insert(path.to_owned(), body);
            (200, json!({"acknowledged": true}))
        }
        "GET" => (200, list(&store, path)),
        _ => (405, json!({"error": format!("{method} is not for here")})),
    }
}

/// Everything below a path, as each of the four lists is written.
fn list(store: &Store, path: &str) -> Value {
    let path = path
        .split('*')
        .next()
        .unwrap_or_default()
        .trim_end_matches("brokerbeat-");
    let path = path.trim_end_matches("brokerbeat").trim_end_matches('/');
    let below = format!("{path}/");
    let found = store.bodies.iter();
    let found = found.filter_map(|(put, body)| Some((put.strip_prefix(&below)?, body)));
    let listed = |what: &str| -> Value {
        let items = found
            .clone()
            .map(|(name, body)| json!({"name": name, what: settings_as_texts(body)}));
        json!({format!("{what}s"): items.collect::<Vec<_>>()})
    };
    match path {
        "/_component_template" => listed("component_template"),
        "/_index_template" => listed("index_template"),
        _ => {
            let all: Map<String, Value> = found
                .map(|(name, body)| (name.to_owned(), body.clone()))
                .collect();
            Value::Object(all)
        }
    }
}

/// As each version gives settings back.
fn settings_as_texts(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(settings) = body.pointer_mut("/template/settings/index") {
        for value in settings.as_object_mut().unwrap().values_mut() {
            if value.is_number() || value.is_boolean() {
                *value = value.to_string().into();
            }
        }
    }
    body
}
