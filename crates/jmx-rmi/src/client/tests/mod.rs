//! The client against peers that behave, misbehave, or are something else.

mod connect;
mod fake;
mod flow;
mod hostile;
mod hosts;
mod lease;
mod sessions;

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::connection::Route;
use super::*;
use crate::Value;
use fake::{Act, FakeJvm, Kind as Called, capture, stub};

/// Long for loopback, short for a test that waits for it.
const SOON: Duration = Duration::from_millis(500);

/// What is said of a peer that wants TLS.
const WANTS_TLS: &str = match cfg!(feature = "tls") {
    true => "wants TLS; turn TLS on for it",
    false => "wants TLS, which this program was built without",
};

const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(20),
    call: Duration::from_secs(20),
};

async fn client(jvm: &FakeJvm, timeouts: Timeouts) -> Client {
    Client::connect(&Endpoint::new("127.0.0.1", jvm.port), timeouts)
        .await
        .unwrap()
}

fn reads(count: usize) -> Vec<Read> {
    let name = |number| format!("test:number={number}").parse().unwrap();
    (0..count)
        .map(|number| Read {
            name: name(number),
            attributes: ["HeapMemoryUsage", "NonHeapMemoryUsage"]
                .map(str::to_owned)
                .to_vec(),
        })
        .collect()
}

fn route(port: u16) -> Route {
    Route {
        host: "127.0.0.1".to_owned(),
        port,
        tls: None,
        limits: Limits::default(),
        within: PATIENT.connect,
    }
}

/// A port where nobody listens, and nobody else will as long as the socket lives.
fn nobody() -> (u16, tokio::net::TcpSocket) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    (socket.local_addr().unwrap().port(), socket)
}

fn sentence(error: &Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or(error.to_string(), |source| format!("{error}: {source}"))
}

/// What a registry does before it answers: says hello, and takes hello, end point, header and argument of the call.
async fn take_first_call(stream: &mut TcpStream) {
    let hello = b"\x4e\x00\x01h\x00\x00\x12\x34";
    stream.write_all(hello).await.unwrap();
    stream.read_exact(&mut [0; 7 + 6 + 41 + 9]).await.unwrap();
}

/// A registry elsewhere than the server object.
struct FakeRegistry {
    port: u16,
}

impl FakeRegistry {
    async fn on(address: &str, stub: Vec<u8>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                take_first_call(&mut stream).await;
                stream.write_all(&stub).await.unwrap();
            }
        });
        Self { port }
    }
}

#[tokio::test]
async fn a_session_from_beginning_to_end() {
    let jvm = FakeJvm::start(|_, _| None).await;
    let mut client = client(&jvm, PATIENT).await;
    assert_eq!(client.query_names(None).await.unwrap().len(), 18);
    let name = "java.lang:type=Memory".parse().unwrap();
    let attributes = client
        .get_attributes(&name, &["HeapMemoryUsage".to_owned()])
        .await
        .unwrap();
    let (key, value) = &attributes[0];
    assert_eq!(key, "HeapMemoryUsage");
    assert_eq!(value.get("max").and_then(Value::as_i64), Some(134_217_728));
    assert!(!client.is_poisoned());
    client.close().await.unwrap();
    assert_eq!(jvm.count(Called::Close), 1);
    assert_eq!(jvm.count(Called::Dirty), 1);
}

#[tokio::test]
async fn reads_are_written_before_replies_come() {
    // A server that answers none of the calls before it has seen all of them.
    let jvm = FakeJvm::holding(50, |_, _| None).await;
    let mut client = client(&jvm, PATIENT).await;
    let results = client.read(&reads(50)).await.unwrap();
    assert_eq!(results.len(), 50);
    assert!(results.iter().all(Result::is_ok));
}

#[tokio::test]
async fn more_reads_than_fit_into_the_window_are_read() {
    let jvm = FakeJvm::start(|_, _| None).await;
    let mut client = client(&jvm, PATIENT).await;
    assert_eq!(client.read(&reads(5000)).await.unwrap().len(), 5000);
    assert_eq!(client.read(&[]).await.unwrap().len(), 0);
    assert_eq!(client.read(&reads(1)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn replies_may_drip() {
    let jvm = FakeJvm::start(|kind, _| {
        (kind == Called::Attributes).then(|| Act::Drip(capture("attributes-jdk17-memory")))
    })
    .await;
    let mut client = client(&jvm, PATIENT).await;
    assert!(
        client
            .read(&reads(3))
            .await
            .unwrap()
            .iter()
            .all(Result::is_ok)
    );
}

#[tokio::test]
async fn an_exception_about_one_bean_leaves_the_others_alone() {
    let jvm = FakeJvm::start(|kind, number| {
        (kind == Called::Attributes && number == 1)
            .then(|| Act::Reply(capture("exception-jdk25-no-such-bean")))
    })
    .await;
    let mut client = client(&jvm, PATIENT).await;
    let requests = reads(3);
    let results = client.read(&requests).await.unwrap();
    let exception = results[1].as_ref().unwrap_err();
    assert!(exception.is_instance_not_found());
    assert_eq!(exception.bean.as_ref(), Some(&requests[1].name));
    assert!(results[0].is_ok() && results[2].is_ok());
    assert!(!client.is_poisoned());

    let error = client.get_attributes(&requests[0].name, &[]).await;
    assert!(error.is_ok(), "the next call is not concerned either");
}

#[tokio::test]
async fn a_reply_the_jvm_cannot_write_costs_one_bean_and_one_connection() {
    let jvm = FakeJvm::start(|kind, number| {
        let not_serializable = || Act::ReplyAndClose(capture("exception-jdk17-not-serializable"));
        (kind == Called::Attributes && number == 1).then(not_serializable)
    })
    .await;
    let mut client = client(&jvm, PATIENT).await;
    let results = client.read(&reads(4)).await.unwrap();
    assert_eq!(
        results[1].as_ref().unwrap_err().class,
        "java.io.NotSerializableException"
    );
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3);
    client.close().await.unwrap();
    assert_eq!(jvm.count(Called::NewClient), 1, "the session is the same");
}

#[tokio::test]
async fn a_connection_that_breaks_names_the_bean_and_poisons() {
    let jvm = FakeJvm::start(|kind, number| {
        let part = || Act::ReplyAndClose(capture("attributes-jdk17-memory")[..100].to_vec());
        (kind == Called::Attributes && number == 1).then(part)
    })
    .await;
    let mut client = client(&jvm, PATIENT).await;
    let requests = reads(3);
    let error = client.read(&requests).await.unwrap_err();
    assert!(error.is_closed(), "{error:?}");
    assert_eq!(error.bean(), Some(&requests[1].name));
    assert!(client.is_poisoned());

    let later = client.query_names(None).await.unwrap_err();
    assert!(later.is_closed());
    assert!(
        sentence(&later).contains("unusable since an earlier failure: 127.0.0.1:"),
        "{}",
        sentence(&later)
    );
    assert_eq!(jvm.count(Called::Names), 0);
}

#[tokio::test]
async fn bytes_that_cannot_be_decoded_name_the_bean_and_poison() {
    let jvm = FakeJvm::start(|kind, number| {
        (kind == Called::Attributes && number == 2)
            .then(|| Act::Reply(capture("invalid-jdk17-externalizable")))
    })
    .await;
    let mut client = client(&jvm, PATIENT).await;
    let requests = reads(3);
    let error = client.read(&requests).await.unwrap_err();
    assert!(error.is_protocol());
    assert_eq!(error.bean(), Some(&requests[2].name));
    assert!(
        sentence(&error).contains("reading test:number=2: class Plain$Ext is externalizable"),
        "{error}"
    );
    assert!(client.is_poisoned());
}

#[tokio::test]
async fn bytes_nobody_asked_for_are_not_taken_for_a_reply() {
    let jvm = FakeJvm::start(|kind, _| {
        let twice = || [capture("names-jdk17"), capture("names-jdk17-none")].concat();
        (kind == Called::Names).then(|| Act::Reply(twice()))
    })
    .await;
    let mut client = client(&jvm, PATIENT).await;
    assert_eq!(client.query_names(None).await.unwrap().len(), 18);
    // The second reply may come before or with the next call; it never counts as the reply to it silently.
    let next = client.get_attributes(&"a:b=c".parse().unwrap(), &[]).await;
    assert!(next.unwrap_err().is_protocol());
}

#[tokio::test]
async fn a_session_the_jvm_no_longer_knows_is_told_apart() {
    let jvm = FakeJvm::start(|kind, _| {
        let gone = || Act::ReplyAndClose(capture("exception-jdk17-no-such-session"));
        (kind == Called::Attributes).then(gone)
    })
    .await;
    let mut client = client(&jvm, PATIENT).await;
    let error = client.read(&reads(3)).await.unwrap_err();
    assert!(error.is_no_such_object(), "{error:?}");
    assert!(client.is_poisoned());
    assert!(
        client
            .query_names(None)
            .await
            .unwrap_err()
            .is_no_such_object()
    );
}

#[tokio::test]
async fn a_jvm_that_hangs_is_a_time_out() {
    let jvm = FakeJvm::start(|kind, _| (kind == Called::Names).then_some(Act::Hang)).await;
    // The log-in has this time, too.
    let call = Duration::from_secs(2);
    let mut client = client(&jvm, Timeouts { call, ..PATIENT }).await;
    let error = client.query_names(None).await.unwrap_err();
    assert!(error.is_timeout());
    let told = error.to_string();
    assert!(told.ends_with("within 2s: asking for names"), "{told}");
    assert!(client.query_names(None).await.unwrap_err().is_timeout());
    assert_eq!(
        jvm.count(Called::Names),
        1,
        "a poisoned client does not ask"
    );
}

#[tokio::test]
async fn a_cancelled_call_poisons() {
    let jvm = FakeJvm::start(|kind, _| (kind == Called::Names).then_some(Act::Hang)).await;
    let mut client = client(&jvm, PATIENT).await;
    assert!(
        tokio::time::timeout(SOON, client.query_names(None))
            .await
            .is_err()
    );
    assert!(client.is_poisoned());
    let error = client.query_names(None).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("an earlier call was cancelled half-way"),
        "{error}"
    );
}
