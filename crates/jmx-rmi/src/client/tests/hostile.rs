//! Peers that mean harm, or are broken enough to look like it: each ends in an error, in time, at a bounded cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Low, so that a test reaches them soon.
fn limits() -> Limits {
    Limits {
        bytes: 1 << 20,
        memory: 1 << 20,
        string: 1 << 16,
        array: 1 << 16,
        depth: 64,
        handles: 1 << 12,
        ..Limits::default()
    }
}

/// What a peer may get rid of before the client hangs up: the limits, and what the buffers of both sockets hold.
const MOST_BYTES: usize = 32 << 20;

/// The start of a reply: a return with a value.
const RETURN: &[u8] = b"\x51\xac\xed\0\x05\x77\x0f\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// An array of objects, up to its length.
const ARRAY: &[u8] = b"\x75\x72\x00\x02[L\0\0\0\0\0\0\0\0\x02\0\0\x78\x70";

/// A registry that answers the first call with `start`, and then with `repeat` for ever, or hangs up without it.
struct Hostile {
    port: u16,
    written: Arc<AtomicUsize>,
}

impl Hostile {
    async fn new(start: Vec<u8>, repeat: &'static [u8], pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let written = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&written);
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            take_first_call(&mut stream).await;
            stream.write_all(&start).await.unwrap();
            let large = if pause.is_zero() {
                repeat.repeat(1024)
            } else {
                repeat.to_vec()
            };
            while !large.is_empty() && stream.write_all(&large).await.is_ok() {
                count.fetch_add(large.len(), Ordering::Relaxed);
                tokio::time::sleep(pause).await;
            }
        });
        Self { port, written }
    }

    async fn error(&self, timeouts: Timeouts) -> Error {
        let endpoint = Endpoint::new("127.0.0.1", self.port);
        Client::connect_with(&endpoint, timeouts, limits())
            .await
            .unwrap_err()
    }
}

fn reply(parts: &[&[u8]]) -> Vec<u8> {
    [&[RETURN], parts].concat().concat()
}

#[tokio::test]
async fn every_claim_and_every_flood_ends_at_a_limit() {
    let whole = b"\x40\0\0\0";
    for (what, start, repeat, expected) in [
        (
            "a string of a terabyte",
            reply(&[b"\x7c\0\0\x01\0\0\0\0\0"]),
            &b"x"[..],
            "string",
        ),
        (
            "an array of a billion",
            reply(&[ARRAY, whole]),
            b"\x70",
            "array",
        ),
        (
            "strings without an end",
            reply(&[ARRAY, b"\0\0\xff\xff"]),
            b"\x74\0\x40xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "objects in a reply",
        ),
        (
            "arrays in arrays",
            reply(&[ARRAY, b"\0\0\0\x01"]),
            b"\x75\x71\0\x7e\0\0\0\0\0\x01",
            "nesting above the limit of 64",
        ),
        ("marks that say nothing", reply(&[]), b"\x79", "bytes"),
        (
            "block data without an end",
            reply(&[b"\x73\x72\0\x01X\0\0\0\0\0\0\0\0\x03\0\0"]),
            b"\x7a\0\0\0\x08\0\0\0\0\0\0\0\0",
            "bytes in a reply",
        ),
        (
            "a magic number that is none",
            b"\x51\xde\xad\xbe\xef".to_vec(),
            b"",
            "byte 0xde where the header of a return should be",
        ),
        ("a return that is none", b"\x52".to_vec(), b"", "byte 0x52"),
    ] {
        let peer = Hostile::new(start, repeat, Duration::ZERO).await;
        let error = peer.error(PATIENT).await;
        let told = sentence(&error);
        assert!(error.is_protocol(), "{what}: {told}");
        assert!(told.contains(expected), "{what}: {told}");
        assert!(peer.written.load(Ordering::Relaxed) < MOST_BYTES, "{what}");
    }
}

#[tokio::test]
async fn a_slow_drip_does_not_win_time() {
    let peer = Hostile::new(reply(&[ARRAY, b"\0\0\x80\0"]), b"\x70", SOON / 10).await;
    let start = Instant::now();
    let error = peer
        .error(Timeouts {
            call: SOON,
            ..PATIENT
        })
        .await;
    assert!(error.is_timeout(), "{error:?}");
    assert!(start.elapsed() >= SOON);
    assert!(peer.written.load(Ordering::Relaxed) > 0);
}

#[tokio::test]
async fn a_peer_that_hangs_up_is_told_apart() {
    let peer = Hostile::new(reply(&[ARRAY, b"\0\0\0\x02\x70"]), b"", Duration::ZERO).await;
    assert!(peer.error(PATIENT).await.is_closed());
}

#[tokio::test]
async fn a_stub_that_points_elsewhere_is_told_apart() {
    let (nobody, _taken) = nobody();
    let registry = FakeRegistry::on("127.0.0.1:0", stub("stub-jdk17-server", nobody)).await;
    let endpoint = Endpoint::new("127.0.0.1", registry.port);
    let error = Client::connect(&endpoint, PATIENT).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert!(error.to_string().contains(&nobody.to_string()), "{error}");

    let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = http.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = http.accept().await.unwrap();
        stream.read_exact(&mut [0; 7]).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
    });
    let registry = FakeRegistry::on("127.0.0.1:0", stub("stub-jdk17-server", port)).await;
    let endpoint = Endpoint::new("127.0.0.1", registry.port);
    let error = Client::connect(&endpoint, PATIENT).await.unwrap_err();
    let told = sentence(&error);
    assert!(
        told.contains(&format!(
            ":{port} is not a JMX/RMI port: it answered like an HTTP server"
        )),
        "{told}"
    );
}
