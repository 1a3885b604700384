//! What is said of an agent, and what strangers can do to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::{Method, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::report::Subject;
use super::server::{Server, answer};
use super::*;
use crate::clock::Millis;
use crate::files::TestDirectory;
use crate::ship::{Standing, append_lines};
use crate::spool::Spool;

fn subject(directory: &TestDirectory) -> Subject {
    Subject {
        agent_id: "a1".into(),
        output: "elasticsearch",
        standing: Arc::new(Standing::default()),
        spool: Arc::new(Spool::open(directory.path(), 1 << 30).unwrap().0),
        started: Instant::now(),
    }
}

async fn ask(method: Method, path: &str, subject: &Subject) -> (StatusCode, Value) {
    let answer = answer(&method, path, subject);
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn an_output_that_is_away_is_said_at_once_and_a_problem_after_a_while() {
    let directory = TestDirectory::new();
    let subject = subject(&directory);
    let (status, said) = ask(Method::GET, "/ready", &subject).await;
    assert_eq!((status, &said["status"]), (StatusCode::OK, &"ok".into()));
    assert_eq!(said["output"]["failing"], false);
    subject.standing.failed("refused");
    let (status, said) = ask(Method::GET, "/ready", &subject).await;
    assert_eq!(
        (status, &said["output"]["reason"]),
        (StatusCode::OK, &"refused".into())
    );
    let later = Millis(Millis::now().0 + 61_000);
    let report = serde_json::to_value(subject.report(later)).unwrap();
    assert_eq!(report["status"], "degraded");
    assert_eq!(
        report["problems"][0],
        "output.elasticsearch takes nothing: refused"
    );
    assert_eq!(report["output"]["failing_seconds"], 61);
    subject.standing.succeeded();
    assert!(subject.report(later).is_ok());
}

#[tokio::test]
async fn the_queue_and_the_accounts_are_in_the_answer() {
    let directory = TestDirectory::new();
    let subject = subject(&directory);
    append_lines(&subject.spool, "logs-brokerbeat.event-default", 0..3);
    let report = serde_json::to_value(subject.report(Millis(5_001))).unwrap();
    let queue = &report["queue"];
    assert_eq!(
        (&queue["documents"], &queue["written"]),
        (&3.into(), &true.into())
    );
    assert_eq!(
        (&queue["oldest_seconds"], queue["bytes"].as_u64() > Some(0)),
        (&5.into(), true)
    );
    assert_eq!(report["accounts"]["collected"], 3);
    assert_eq!(
        report["streams"]["logs-brokerbeat.event-default"]["queued"],
        3
    );
}

#[tokio::test]
async fn a_queue_that_cannot_be_written_is_a_problem_and_no_reason_to_end_the_agent() {
    let directory = TestDirectory::new();
    let subject = subject(&directory);
    std::fs::remove_dir_all(directory.path()).unwrap();
    append_lines(&subject.spool, "logs-brokerbeat.event-default", 3..4);
    let (status, said) = ask(Method::GET, "/ready", &subject).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(said["queue"]["written"], false);
    let (status, said) = ask(Method::GET, "/health", &subject).await;
    assert_eq!(
        (status, &said["status"]),
        (StatusCode::OK, &"degraded".into())
    );
}

#[tokio::test]
async fn only_what_is_there_can_be_asked_for() {
    let directory = TestDirectory::new();
    let subject = subject(&directory);
    let status = async |method, path| ask(method, path, &subject).await.0;
    assert_eq!(status(Method::GET, "/").await, StatusCode::NOT_FOUND);
    assert_eq!(status(Method::GET, "/metrics").await, StatusCode::NOT_FOUND);
    let post = status(Method::POST, "/health").await;
    assert_eq!(post, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(status(Method::HEAD, "/health").await, StatusCode::OK);
}

/// What a client gets for these bytes, until the other side closes.
async fn talk(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may have been refused before all of it was sent.
    stream.write_all(bytes).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn strangers_cost_nothing() {
    let directory = TestDirectory::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    let config = HttpConfig {
        host: "127.0.0.1".into(),
        port,
    };
    let taken = Server::bind(&config).unwrap_err().to_string();
    assert!(
        taken.contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{taken}"
    );
    drop(free);
    let server = tokio::spawn(Server::bind(&config).unwrap().run(subject(&directory)));
    let address = config.shown();
    let good = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
    assert!(talk(&address, good).await.starts_with("HTTP/1.1 200 OK"));
    let huge = [&b"GET /health HTTP/1.1\r\nX: "[..], &[b'a'; 100_000]].concat();
    let refused = talk(&address, &huge).await;
    assert!(
        refused.is_empty() || refused.starts_with("HTTP/1.1 4"),
        "{refused}"
    );
    assert!(
        talk(&address, b"\x16\x03\x01\x00\xff")
            .await
            .starts_with("HTTP/1.1 400")
    );

    // More than there is room for, which never say a word: they are sent away, and the next one is answered.
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    let patience = Duration::from_secs(60);
    let answered = tokio::time::timeout(patience, talk(&address, good)).await;
    assert!(answered.unwrap().starts_with("HTTP/1.1 200 OK"));
    server.abort();
}
