//! Bytes in flight, full buffers, and futures dropped at any moment.

use tokio::net::TcpSocket;

use super::*;
use crate::client::connection::{Connection, Stream, deadline};
use crate::client::read::{ReadResult, Reads};
use crate::codec::encode;

/// Bytes that one of the calls of [`reads`] takes, about.
fn call_size() -> usize {
    let mut out = Vec::new();
    let read = &reads(1)[0];
    let id = crate::codec::stub::ObjId::REGISTRY;
    encode::get_attributes(&mut out, &id, &read.name, &read.attributes);
    out.len()
}

/// A server with the smallest buffers there are.
struct Narrow {
    port: u16,
}

impl Narrow {
    async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // The kernel rounds up, to some two kilobytes.
        socket.set_recv_buffer_size(1).unwrap();
        socket.set_send_buffer_size(1).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(8).unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, port));
            }
        });
        Self { port }
    }
}

/// A server that writes the reply to a call before it reads the next one, and reads as little as it can.
async fn serve(mut stream: tokio::net::TcpStream, port: u16) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(b"\x4e\x00\x01h\x00\x00\x12\x34").await?;
    stream.read_exact(&mut [0; 7 + 6]).await?;
    let mut input = Vec::new();
    loop {
        let (kind, end) = loop {
            if let Some(call) = fake::next_call(&input, 0) {
                break call;
            }
            input.push(stream.read_u8().await?);
        };
        input.drain(..end);
        let reply = match (kind, fake::healthy(kind, port)) {
            (Called::Attributes, _) => capture("attributes-jdk17-all-types"),
            (_, Act::Reply(bytes)) => bytes,
            _ => Vec::new(),
        };
        stream.write_all(&reply).await?;
    }
}

#[tokio::test]
async fn full_buffers_on_both_sides_are_no_dead_lock() {
    let server = Narrow::start().await;
    let route = route(server.port);
    let socket = TcpSocket::new_v4().unwrap();
    // Or else one window of calls would fit in.
    socket.set_send_buffer_size(1).unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], server.port));
    let stream = Stream::Plain(socket.connect(address).await.unwrap());
    let until = deadline(PATIENT.connect);
    let mut connection = Connection::over(stream, &route, until).await.unwrap();
    // One window of calls, and replies to it that no buffer holds.
    let count = (64 << 10) / call_size();
    let (requests, mut read) = (reads(count), 0);
    let each = |_, result: ReadResult| read += usize::from(result.is_ok());
    let mut calls = Reads {
        connection: crate::codec::stub::ObjId::REGISTRY,
        requests: &requests,
        first: 0,
        step: 1,
        limits: &route.limits,
        each: &Mutex::new(each),
    };
    let done = connection.exchange(&mut calls, 0, PATIENT.call).await;
    assert_eq!(done.unwrap(), count);
    assert_eq!(read, count);
}

#[tokio::test]
async fn a_future_dropped_at_any_moment_leaves_a_client_that_says_so() {
    let jvm = FakeJvm::start(|kind, _| {
        (kind == Called::Attributes).then(|| Act::Drip(capture("attributes-jdk17-memory")))
    })
    .await;
    let mut finished = 0;
    // A step that is no divisor of anything: other moments in each reply.
    for polls in (1..).step_by(23) {
        let mut client = client(&jvm, PATIENT).await;
        let requests = reads(3);
        let done = {
            let mut reading = std::pin::pin!(client.read(&requests));
            let mut left = polls;
            std::future::poll_fn(|cx| {
                left -= 1;
                match reading.as_mut().poll(cx) {
                    std::task::Poll::Ready(done) => std::task::Poll::Ready(Some(done)),
                    std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
                    std::task::Poll::Pending => std::task::Poll::Pending,
                }
            })
            .await
        };
        let next = client.query_names(None).await;
        match done {
            Some(results) => {
                assert!(results.unwrap().iter().all(Result::is_ok));
                assert!(next.is_ok());
                finished += 1;
            }
            None => {
                let told = next.unwrap_err().to_string();
                assert!(
                    told.ends_with("an earlier call was cancelled half-way"),
                    "{told}"
                );
            }
        }
        drop(client);
        if finished == 3 {
            break;
        }
    }
    // Each session is left by its own task, closed in order or not: none stays.
    jvm.has_seen(Called::Close, jvm.count(Called::NewClient))
        .await;
}
