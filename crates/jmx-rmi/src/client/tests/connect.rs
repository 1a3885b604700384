//! Finding the server object, and whatever else answers there.

use super::*;

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
