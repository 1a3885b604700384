//! Connecting to hosts with several addresses.

use tokio::net::{TcpListener, TcpSocket};

use super::*;

/// Long for loopback; the test takes half of it.
const WITHIN: Duration = Duration::from_secs(4);

/// A listener whose queue is full, so that nobody answers a SYN, and what fills it.
async fn filtered() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    let pause = Duration::from_millis(300);
    while let Ok(Ok(one)) = timeout(pause, TcpStream::connect(address)).await {
        queue.push(one);
        assert!(queue.len() < 100, "the queue does not fill");
    }
    (listener, queue)
}

#[tokio::test]
async fn an_address_that_is_filtered_leaves_time_for_the_next() {
    let (listener, _queue) = filtered().await;
    let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let good = good.local_addr().map(|address| (good, address)).unwrap();
    let addresses = [listener.local_addr().unwrap(), good.1];
    let until = deadline(WITHIN);
    let tcp = first_of(&addresses, until).await.unwrap();
    assert_eq!(tcp.peer_addr().unwrap(), good.1);
    assert!(Instant::now() < until, "time is left");
    let nobody = first_of(&[], deadline(WITHIN)).await.unwrap_err();
    assert_eq!(nobody.kind(), io::ErrorKind::NotFound);
}
