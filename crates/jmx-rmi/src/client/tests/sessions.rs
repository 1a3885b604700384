//! What becomes of sessions and their connections when something goes wrong, or nothing happens for long.

use super::*;

#[tokio::test]
async fn a_log_in_that_fails_leaves_no_session() {
    let jvm =
        FakeJvm::start(|kind, _| (kind == Called::Dirty).then(|| Act::ReplyAndClose(Vec::new())))
            .await;
    let mut endpoint = Endpoint::new("127.0.0.1", jvm.port);
    endpoint.advertised_host = AdvertisedHost::Never;
    let error = Client::connect(&endpoint, PATIENT).await.unwrap_err();
    assert!(error.is_closed(), "{error:?}");
    jvm.has_seen(Called::Close, 1).await;
}

#[tokio::test]
async fn a_log_in_that_is_cancelled_leaves_no_session() {
    let jvm = FakeJvm::start(|kind, _| (kind == Called::Dirty).then_some(Act::Hang)).await;
    let endpoint = Endpoint::new("127.0.0.1", jvm.port);
    tokio::select! {
        connected = Client::connect(&endpoint, PATIENT) => panic!("{connected:?}"),
        () = jvm.has_seen(Called::Dirty, 1) => {}
    }
    jvm.has_seen(Called::Close, 1).await;
}

/// Ends the connection instead of replying to the calls for names with these numbers.
async fn closing(numbers: &'static [usize]) -> FakeJvm {
    FakeJvm::start(|kind, number| {
        let closes = kind == Called::Names && numbers.contains(&number);
        closes.then(|| Act::ReplyAndClose(Vec::new()))
    })
    .await
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_was_idle_is_opened_again() {
    let jvm = closing(&[0]).await;
    let mut client = client(&jvm, PATIENT).await;
    assert_eq!(client.query_names(None).await.unwrap().len(), 18);
    assert!(!client.is_poisoned());
    assert_eq!(jvm.count(Called::NewClient), 1, "the session is the same");
}

#[tokio::test]
async fn a_connection_is_opened_again_once() {
    let jvm = closing(&[0, 1]).await;
    let mut client = client(&jvm, PATIENT).await;
    assert!(client.query_names(None).await.unwrap_err().is_closed());
    assert_eq!(jvm.count(Called::Names), 2);
    assert!(client.is_poisoned());
}

#[tokio::test]
async fn connections_that_nobody_needs_are_closed() {
    let jvm = FakeJvm::start(|_, _| None).await;
    let mut endpoint = Endpoint::new("127.0.0.1", jvm.port);
    endpoint.connections = 3;
    let mut client = Client::connect(&endpoint, PATIENT).await.unwrap();
    let requests = reads(2000);
    assert_eq!(client.read(&requests).await.unwrap().len(), 2000);
    assert_eq!(client.session.lanes.open(), 3);
    client.query_names(None).await.unwrap();
    assert_eq!(client.session.lanes.open(), 3, "they are kept for a while");
    let before = client.stats();
    client.session.lanes.idle = Duration::ZERO;
    client.query_names(None).await.unwrap();
    assert_eq!(client.session.lanes.open(), 1);
    assert!(client.stats().bytes_received > before.bytes_received);
    assert_eq!(client.read(&requests).await.unwrap().len(), 2000);
}
