//! The client against peers that behave, misbehave, or are something else.

mod fake;
mod flow;
mod hostile;
mod hosts;
mod sessions;

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

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
            attributes: vec!["HeapMemoryUsage".to_owned()],
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

#[tokio::test]
async fn a_wrong_password_is_told_apart() {
    let jvm = FakeJvm::start(|kind, _| {
        (kind == Called::NewClient).then(|| Act::Reply(capture("exception-jdk17-wrong-password")))
    })
    .await;
    let mut endpoint = Endpoint::new("127.0.0.1", jvm.port);
    endpoint.credentials = Some(Credentials::new("monitor", "hunter2"));
    assert!(!format!("{endpoint:?}").contains("hunter2"));
    let error = Client::connect(&endpoint, PATIENT).await.unwrap_err();
    assert!(error.is_auth());
    assert!(!sentence(&error).contains("hunter2"));
}

#[tokio::test]
async fn a_stub_that_wants_tls_is_told_apart() {
    let jvm = FakeJvm::start(|kind, _| {
        (kind == Called::Lookup).then(|| Act::Reply(capture("stub-jdk17-tls")))
    })
    .await;
    let error = Client::connect(&Endpoint::new("127.0.0.1", jvm.port), PATIENT)
        .await
        .unwrap_err();
    assert!(error.is_tls() && error.is_protocol());
    assert!(error.to_string().contains("wants TLS"), "{error}");
}

#[tokio::test]
async fn the_port_of_the_stub_can_be_overridden() {
    let jvm = FakeJvm::start(|kind, _| {
        (kind == Called::Lookup).then(|| Act::Reply(stub("stub-jdk17-server", 1)))
    })
    .await;
    let mut endpoint = Endpoint::new("127.0.0.1", jvm.port);
    assert!(
        Client::connect(&endpoint, PATIENT)
            .await
            .unwrap_err()
            .is_connect()
    );
    endpoint.rmi_port = Some(jvm.port);
    Client::connect(&endpoint, PATIENT).await.unwrap();
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
                stream
                    .write_all(b"\x4e\x00\x01h\x00\x00\x12\x34")
                    .await
                    .unwrap();
                // Hello, end point, header and argument of the call.
                stream.read_exact(&mut [0; 7 + 6 + 41 + 9]).await.unwrap();
                stream.write_all(&stub).await.unwrap();
            }
        });
        Self { port }
    }
}

/// Something that is not a JVM: says `words` when `patience` bytes have come.
async fn stranger(patience: usize, words: &'static [u8]) -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_exact(&mut vec![0; patience]).await.unwrap();
        stream.write_all(words).await.unwrap();
        // Keeps the connection until the client goes, or at once where there are no words.
        if !words.is_empty() {
            stream.read_to_end(&mut Vec::new()).await.ok();
        }
    });
    // Only one that says nothing to the first seven bytes is waited for.
    let connect = if patience > 7 { SOON } else { PATIENT.connect };
    let timeouts = Timeouts { connect, ..PATIENT };
    let error = Client::connect(&Endpoint::new("127.0.0.1", port), timeouts)
        .await
        .unwrap_err();
    serving.await.unwrap();
    assert!(
        error.to_string().starts_with(&format!("127.0.0.1:{port} ")),
        "{error}"
    );
    error
}

#[tokio::test]
async fn strangers_are_named() {
    for (patience, words, expected) in [
        (
            7,
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "is not a JMX/RMI port: it answered like an HTTP server",
        ),
        // One that waits for the end of a line.
        (
            11,
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "is not a JMX/RMI port: it answered like an HTTP server",
        ),
        (
            0,
            b"SSH-2.0-x\r\n",
            "is not a JMX/RMI port: it answered like an SSH server",
        ),
        (
            7,
            b"",
            "is not a JMX/RMI port: it closed the connection without a word",
        ),
        (7, b"\x15\x03\x03\0\x02\x02\x50", WANTS_TLS),
        (
            7,
            b"\x4f",
            "is not a JMX/RMI port: it refused the RMI stream protocol",
        ),
        (7, b"imok", "is not a JMX/RMI port: it answered \"imok\""),
    ] {
        let error = stranger(patience, words).await;
        assert!(error.to_string().ends_with(expected), "{error}");
        assert!(error.is_protocol(), "{error:?}");
    }
}

#[tokio::test]
async fn a_silent_port_is_a_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let timeouts = Timeouts {
        connect: SOON,
        call: SOON,
    };
    let error = Client::connect(&Endpoint::new("127.0.0.1", port), timeouts)
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn nobody_there_is_told_apart() {
    let (port, _taken) = nobody();
    let error = Client::connect(&Endpoint::new("127.0.0.1", port), PATIENT)
        .await
        .unwrap_err();
    assert!(error.is_connect());
    assert_eq!(
        error.to_string(),
        format!("cannot connect to 127.0.0.1:{port}")
    );
}

#[tokio::test]
async fn an_endless_reply_ends_at_a_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"\x4e\x00\x01h\x00\x00\x12\x34")
            .await
            .unwrap();
        stream.read_exact(&mut [0; 7 + 6 + 41 + 9]).await.unwrap();
        let mut start = vec![0x51, 0xac, 0xed, 0, 5, 0x77, 15, 1];
        start.extend([0; 14]);
        // An object array which is said to have four million elements, all null.
        start.extend(b"\x75\x72\x00\x02[L\0\0\0\0\0\0\0\0\x02\0\0\x78\x70\x00\x40\x00\x00");
        stream.write_all(&start).await.unwrap();
        while stream.write_all(&[0x70; 4096]).await.is_ok() {}
    });
    let limits = Limits {
        memory: 1 << 20,
        ..Limits::default()
    };
    let error = Client::connect_with(&Endpoint::new("127.0.0.1", port), PATIENT, limits)
        .await
        .unwrap_err();
    assert!(error.is_protocol());
    assert!(
        sentence(&error).ends_with("memory for a reply above the limit of 1048576"),
        "{}",
        sentence(&error)
    );
}

mod lease {
    use super::*;
    use crate::client::lease::{Holder, Lease};
    use crate::codec::stub::ObjId;

    fn holder(port: u16) -> Holder {
        Holder::new(ObjId::REGISTRY, route(port), PATIENT.call)
    }

    #[tokio::test]
    async fn it_is_renewed_half_way() {
        let jvm = FakeJvm::start(|_, _| None).await;
        let lease = Lease::keep(holder(jvm.port), Duration::from_millis(20));
        jvm.has_seen(Called::Dirty, 1).await;
        assert!(lease.lost().is_none());
    }

    #[tokio::test]
    async fn a_failure_is_tried_again_until_it_runs_out() {
        let (port, _taken) = nobody();
        let mut lease = Lease::keep(holder(port), Duration::from_millis(50));
        lease.ended().await;
        assert!(lease.lost().unwrap().is_connect());
    }

    #[tokio::test]
    async fn a_lost_lease_poisons() {
        let jvm = FakeJvm::start(|_, _| None).await;
        let mut client = client(&jvm, PATIENT).await;
        let (port, _taken) = nobody();
        client.session.lease = Lease::keep(holder(port), Duration::from_millis(20));
        client.session.lease.ended().await;
        assert!(client.is_poisoned());
        assert!(client.query_names(None).await.unwrap_err().is_connect());
    }
}
