//! A TCP proxy that makes a way longer, and counts what passes.
//!
//! Bytes that come in are handed on after a fixed time, however many follow them: it delays and does not slow down, as a
//! longer cable would. Threads and the system's own sleep, since a runtime's timer counts whole milliseconds.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{At, Result};
use crate::wait;

/// One read; as large as a socket's usual buffer.
const CHUNK: usize = 64 * 1024;
/// Chunks on their way in one direction: more than any test has, so that this bound never slows anything down.
const CHUNKS: usize = 4096;

/// What has passed a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Bytes from the clients to the server.
    pub to_server: u64,
    /// Bytes from the server to the clients.
    pub to_clients: u64,
    /// Connections made so far.
    pub connections: u64,
}

#[derive(Default)]
struct Counters {
    to_server: AtomicU64,
    to_clients: AtomicU64,
    connections: AtomicU64,
    stop: AtomicBool,
    /// Both ends of every connection, the ended ones among them.
    streams: Mutex<Vec<TcpStream>>,
}

/// A proxy. It takes no more connections once it is dropped; those it has end with their client or server, or are
/// [`cut`](Self::cut).
pub struct Proxy {
    address: SocketAddr,
    counters: Arc<Counters>,
}

impl Proxy {
    /// Another loopback address than servers have, so that a proxy can have a server's port: what a stub says then leads
    /// to the proxy, if [`JmxPort::hostname`](crate::JmxPort::hostname) says this address.
    pub const HOST: &str = "127.0.0.2";

    /// Listens on the server's port at [`HOST`](Self::HOST). Each way takes `delay` longer.
    pub fn start(server: &str, delay: Duration) -> Result<Self> {
        let server: SocketAddr = server
            .parse()
            .map_err(io::Error::other)
            .at("understand", server)?;
        let host = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
        let listener = TcpListener::bind((host, server.port())).at("listen on", Self::HOST)?;
        let address = SocketAddr::from((host, server.port()));
        let counters = Arc::new(Counters::default());
        let own = Arc::clone(&counters);
        thread::spawn(move || accept(&listener, server, delay, &own));
        Ok(Self { address, counters })
    }

    /// "127.0.0.2:<port>"
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Ends all connections and takes no more, as a cable that is pulled and a host that then refuses.
    pub fn cut(self) {
        let counters = Arc::clone(&self.counters);
        drop(self);
        let streams = counters.streams.lock();
        for stream in streams.unwrap_or_else(PoisonError::into_inner).drain(..) {
            // One that has ended already is what is wanted.
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    /// What has passed so far.
    pub fn passed(&self) -> Passed {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Passed {
            to_server: count(&self.counters.to_server),
            to_clients: count(&self.counters.to_clients),
            connections: count(&self.counters.connections),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.counters.stop.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections; if it is gone, that is what is wanted.
        TcpStream::connect(self.address).ok();
    }
}

fn accept(listener: &TcpListener, server: SocketAddr, delay: Duration, counters: &Arc<Counters>) {
    for client in listener.incoming() {
        if counters.stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok(client) = client else { continue };
        // A server that is down refuses; through us, the connection just ends.
        let Ok(upstream) = TcpStream::connect(server) else {
            continue;
        };
        counters.connections.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = join(&client, &upstream, delay, counters) {
            eprintln!("proxy: {error}");
        }
    }
}

fn join(
    client: &TcpStream,
    server: &TcpStream,
    delay: Duration,
    counters: &Arc<Counters>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ends = [client.try_clone()?, server.try_clone()?];
    let streams = counters.streams.lock();
    streams.unwrap_or_else(PoisonError::into_inner).extend(ends);
    for (from, to, up) in [(client, server, true), (server, client, false)] {
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        let (sender, receiver) = sync_channel(CHUNKS);
        let counters = Arc::clone(counters);
        thread::spawn(move || take(from, &sender, up, &counters));
        thread::spawn(move || hand_on(to, &receiver, delay));
    }
    Ok(())
}

fn take(mut from: TcpStream, sender: &SyncSender<(Instant, Vec<u8>)>, up: bool, all: &Counters) {
    let mut buffer = vec![0; CHUNK];
    let counter = if up { &all.to_server } else { &all.to_clients };
    while let Ok(count) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return;
        };
        counter.fetch_add(count as u64, Ordering::Relaxed);
        if sender.send((Instant::now(), bytes.to_vec())).is_err() {
            return;
        }
    }
}

/// Ends when the other side has closed and everything is handed on.
fn hand_on(mut to: TcpStream, receiver: &Receiver<(Instant, Vec<u8>)>, delay: Duration) {
    for (since, bytes) in receiver {
        let left = delay.saturating_sub(since.elapsed());
        if !left.is_zero() {
            wait::sleep(left);
        }
        if to.write_all(&bytes).is_err() {
            // The taker of the other direction notices, too.
            to.shutdown(Shutdown::Both).ok();
            return;
        }
    }
    // It may be gone already.
    to.shutdown(Shutdown::Write).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_requests_at_once_are_delayed_once() {
        let echo = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = echo.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let (mut stream, _) = echo.accept().unwrap();
            let mut copy = stream.try_clone().unwrap();
            io::copy(&mut stream, &mut copy).unwrap();
        });
        let delay = Duration::from_millis(40);
        let proxy = Proxy::start(&address, delay).unwrap();
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        let start = Instant::now();
        for _ in 0..50 {
            stream.write_all(b"0123456789").unwrap();
        }
        stream.read_exact(&mut [0; 500]).unwrap();
        let took = start.elapsed();
        assert!(took >= 2 * delay, "{took:?}");
        // One after the other would be four seconds.
        assert!(took < 20 * delay, "{took:?}");
        let passed = proxy.passed();
        assert_eq!(
            (passed.to_server, passed.to_clients, passed.connections),
            (500, 500, 1)
        );
    }
}
