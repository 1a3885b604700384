//! Servers that no real one can be made to be; `tests/it/zookeeper_offsets.rs` has the real ones.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::message::Op;
use super::*;

const PATIENCE: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(200);

/// `ConnectResponse` of session 1 with a time-out of 6 s.
fn greeting() -> Vec<u8> {
    let mut out = vec![0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0x17, 0x70];
    out.extend(1_i64.to_be_bytes());
    out.extend(16_i32.to_be_bytes());
    out.extend([7; 16]);
    out
}

/// An answer without a value.
fn refusal(xid: i32, code: i32) -> Vec<u8> {
    let mut out = vec![0, 0, 0, 16];
    out.extend(xid.to_be_bytes());
    out.extend(5_i64.to_be_bytes());
    out.extend(code.to_be_bytes());
    out
}

/// Answers every connection with these bytes as soon as it has said something, then waits.
async fn server(says: Vec<u8>) -> (String, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut first = [0; 1];
            if stream.read_exact(&mut first).await.is_ok() {
                drop(stream.write_all(&says).await);
            }
            open.push(stream);
        }
    });
    ("127.0.0.1".to_owned(), port)
}

async fn nobody() -> (String, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (
        "127.0.0.1".to_owned(),
        listener.local_addr().unwrap().port(),
    )
}

fn session(hosts: Vec<(String, u16)>) -> Session {
    Session::new(Options {
        hosts,
        digest: None,
        timeout: Duration::from_secs(6),
    })
}

async fn open_error(says: &[u8]) -> String {
    let mut session = session(vec![server(says.to_vec()).await]);
    let error = session.open(Instant::now() + PATIENCE).await.unwrap_err();
    error.to_string()
}

#[tokio::test]
async fn what_is_no_zookeeper_is_named_and_believed_nothing() {
    for says in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(),
        &[0x7f, 255, 255, 255],
        &[255; 64],
        &[0, 0, 0, 1, 0],
    ] {
        let error = open_error(says).await;
        assert!(error.contains("not ZooKeeper's"), "{error}");
    }
}

#[tokio::test]
async fn a_host_that_is_silent_or_dead_is_followed_by_the_next() {
    let (silent, dead) = (server(Vec::new()).await, nobody().await);
    let alive = server(greeting()).await;
    let mut session = session(vec![silent, dead, alive]);
    let opened = session.open(Instant::now() + 15 * SHORT).await;
    assert_eq!(opened.unwrap(), Opened::New);
    // The one that answered is the first from now on.
    session.disconnect();
    let started = Instant::now();
    let opened = session.open(started + PATIENCE).await;
    assert_eq!(opened.unwrap(), Opened::Resumed);
    assert!(started.elapsed() < PATIENCE / 3);
}

/// A server that takes nobody who comes with a session, as one does that has seen less than he.
async fn behind() -> (String, u16) {
    /// Where in `ConnectRequest`, with its length before it, the number of the session stands.
    const SESSION: std::ops::Range<usize> = 20..28;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; SESSION.end];
            stream.read_exact(&mut head).await.unwrap();
            if head[SESSION].iter().all(|byte| *byte == 0) {
                stream.write_all(&greeting()).await.unwrap();
                open.push(stream);
            }
        }
    });
    ("127.0.0.1".to_owned(), port)
}

#[tokio::test]
async fn a_server_that_is_behind_is_believed_only_where_no_other_one_may_know_more() {
    for (hosts, is_believed) in [
        (vec![behind().await], true),
        (vec![behind().await, behind().await], true),
        (vec![nobody().await, behind().await], false),
    ] {
        let mut session = session(hosts);
        session.open(Instant::now() + PATIENCE).await.unwrap();
        session.disconnect();
        let again = session.open(Instant::now() + PATIENCE).await;
        assert_eq!(again.is_ok(), is_believed);
        // Nobody has heard of the session for longer than it lasts: what it has seen is past.
        session.ends = Some(Instant::now());
        session.disconnect();
        session.open(Instant::now() + PATIENCE).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_the_deadline() {
    let mut session = session(vec![server(Vec::new()).await, server(Vec::new()).await]);
    let error = session.open(Instant::now() + SHORT).await.unwrap_err();
    assert!(matches!(error, SessionError::Timeout { .. }), "{error}");
}

async fn ask(says: Vec<u8>, count: usize, bytes: usize) -> (Vec<usize>, Result<(), SessionError>) {
    let mut session = session(vec![server([greeting(), says].concat()).await]);
    session.open(Instant::now() + PATIENCE).await.unwrap();
    let request = || Request {
        op: Op::Data,
        path: "/a".to_owned(),
    };
    let requests: Vec<Request> = std::iter::repeat_with(request).take(count).collect();
    let mut bounds = Bounds {
        deadline: Instant::now() + SHORT,
        bytes,
    };
    let mut answered = Vec::new();
    let take = |index: usize, answer: Result<Payload<'_>, Code>| {
        assert_eq!(answer, Err(Code::NO_NODE));
        answered.push(index);
    };
    let asked = session.ask(&requests, &mut bounds, take).await;
    // What was given up is closed, what is whole goes on.
    assert_eq!(session.connection.is_some(), asked.is_ok());
    (answered, asked)
}

#[tokio::test]
async fn answers_are_taken_in_order_and_those_that_nobody_asked_for_passed_over() {
    let says = [
        refusal(-1, 0),
        refusal(1, -101),
        refusal(-2, 0),
        refusal(2, -101),
    ]
    .concat();
    let (answered, asked) = ask(says, 2, 1_000).await;
    asked.unwrap();
    assert_eq!(answered, [0, 1]);
}

#[tokio::test]
async fn what_came_before_an_error_is_kept() {
    let (answered, asked) = ask(refusal(1, -101), 300, 1_000).await;
    assert!(
        matches!(asked, Err(SessionError::Timeout { .. })),
        "{asked:?}"
    );
    assert_eq!(answered, [0]);
    let says = [refusal(1, -101), refusal(3, -101)].concat();
    let (answered, asked) = ask(says, 3, 1_000).await;
    assert!(
        matches!(asked, Err(SessionError::Strange { .. })),
        "{asked:?}"
    );
    assert_eq!(answered, [0]);
    let says = [refusal(1, -101), refusal(2, -101)].concat();
    let (answered, asked) = ask(says, 2, 30).await;
    assert!(
        matches!(asked, Err(SessionError::TooMuch { .. })),
        "{asked:?}"
    );
    assert_eq!(answered, [0]);
}
