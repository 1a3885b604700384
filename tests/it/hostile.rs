//! Peers that no real server can be made to be.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use serde_json::Value;

use crate::agent::{Setting, field, of_dataset, text};

/// Answers every connection with these bytes after the first bytes came; `None`: accepts and never answers.
fn peer(answer: Option<&'static [u8]>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut kept: Vec<TcpStream> = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(answer) = answer else {
                kept.push(stream);
                continue;
            };
            std::thread::spawn(move || {
                // Every protocol here begins with at least this.
                stream.read_exact(&mut [0; 4]).ok();
                stream.write_all(answer).ok();
                // Closing with unread bytes would reset the connection and may take the answer with it.
                stream.shutdown(Shutdown::Write).ok();
                std::io::copy(&mut stream, &mut std::io::sink()).ok();
            });
        }
    });
    address
}

/// Runs `once` against one target and gives its `target` document.
fn target_document(cluster: &str) -> Value {
    let (code, documents, said) =
        Setting::new(&format!("clusters: [{{name: a, {cluster}}}]\n")).once_in("2s");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(code, 3, "{said}");
    // Servers of ZooKeeper have a target for all of them together, too.
    let is_whole = |target: &Value| text(target, "brokerbeat.target.name").contains(" ensemble ");
    let mut targets = of_dataset(&documents, "target");
    targets.retain(|target| !is_whole(target));
    assert_eq!(targets.len(), 1, "{said}");
    targets[0].clone()
}

fn assert_error(document: &Value, up: u64, kind: &str, sentences: &[&str]) {
    let message = text(document, "brokerbeat.target.error.message");
    assert_eq!(
        field(document, "brokerbeat.target.up").and_then(Value::as_u64),
        Some(up),
        "{message}"
    );
    assert_eq!(
        text(document, "brokerbeat.target.error.kind"),
        kind,
        "{message}"
    );
    for sentence in sentences {
        assert!(message.contains(sentence), "no `{sentence}` in: {message}");
    }
}

#[test]
fn a_four_letter_port_that_answers_rubbish() {
    let address = peer(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    let document = target_document(&format!("zookeeper: {{hosts: [\"{address}\"]}}"));
    assert_error(
        &document,
        0,
        "protocol",
        &[&address, "not ZooKeeper's", "HTTP/1.1 400"],
    );
    let address = peer(Some(&[0xff, 0xfe, 0x00]));
    let document = target_document(&format!("zookeeper: {{hosts: [\"{address}\"]}}"));
    assert_error(&document, 0, "protocol", &[&address, "no text"]);
}

#[test]
fn a_four_letter_port_that_never_answers_costs_its_budget_and_no_more() {
    let address = peer(None);
    let document = target_document(&format!("zookeeper: {{hosts: [\"{address}\"]}}"));
    assert_error(&document, 0, "timeout", &[&address, "in time"]);
    let duration = field(&document, "brokerbeat.target.duration")
        .and_then(Value::as_f64)
        .unwrap();
    assert!(duration < 2_000.0, "{duration} ms of an interval of 2 s");
}

#[test]
fn a_port_where_nobody_listens() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let document = target_document(&format!("zookeeper: {{hosts: [\"{address}\"]}}"));
    assert_error(&document, 0, "connect", &[&address, "refused"]);
}

#[test]
fn a_jmx_port_that_speaks_http_hangs_or_talks_rubbish() {
    let jmx = |address: &str| {
        target_document(&format!(
            "jmx: [{{endpoint: \"{address}\", presets: [jvm]}}]"
        ))
    };
    let address = peer(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    assert_error(&jmx(&address), 0, "protocol", &[&address, "HTTP"]);
    let address = peer(Some(&[0x4e, 0xff, 0xff, 0xff]));
    assert_error(&jmx(&address), 0, "protocol", &[&address]);
    let address = peer(None);
    assert_error(&jmx(&address), 0, "timeout", &[&address]);
}

#[test]
fn a_kafka_that_is_away_or_no_kafka() {
    let kafka = |address: &str| target_document(&format!("kafka: {{bootstrap: [\"{address}\"]}}"));
    let address = peer(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    let document = kafka(&address);
    assert_eq!(
        field(&document, "brokerbeat.target.up").and_then(Value::as_u64),
        Some(0)
    );
    assert!(
        text(&document, "brokerbeat.target.error.message").contains(&address),
        "{document}"
    );
    let address = peer(None);
    assert_error(&kafka(&address), 0, "timeout", &[&address]);
}
