//! An HTTP proxy as companies have them: the only way out, by `CONNECT`, for those who say who they are.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::error::{At, Result};

/// The proxy. Its threads end with their connections, and with the process.
pub struct HttpProxy {
    address: SocketAddr,
    tunnels: Arc<AtomicU64>,
}

impl HttpProxy {
    /// `authorization`: what `Proxy-Authorization` must be; without it everybody is let through.
    pub fn start(authorization: Option<&str>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").at("listen on", "127.0.0.1")?;
        let address = listener.local_addr().at("ask for", "the port")?;
        let wanted: Option<Arc<str>> = authorization.map(Arc::from);
        let tunnels = Arc::new(AtomicU64::new(0));
        let made = Arc::clone(&tunnels);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (wanted, made) = (wanted.clone(), Arc::clone(&made));
                thread::spawn(move || {
                    if let Err(error) = serve(client, wanted.as_deref(), &made) {
                        eprintln!("proxy: {error}");
                    }
                });
            }
        });
        Ok(Self { address, tunnels })
    }

    /// "127.0.0.1:<port>"
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Tunnels made so far.
    pub fn tunnels(&self) -> u64 {
        self.tunnels.load(Ordering::Relaxed)
    }
}

fn serve(mut client: TcpStream, wanted: Option<&str>, made: &AtomicU64) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.trim() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let given = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization")
            .then_some(value)
    });
    if wanted.is_some() && given != wanted {
        return answer(&mut client, "407 Proxy Authentication Required");
    }
    let mut words = lines.first().map_or("", String::as_str).split(' ');
    let (Some("CONNECT"), Some(server)) = (words.next(), words.next()) else {
        return answer(&mut client, "405 Method Not Allowed");
    };
    let Ok(server) = TcpStream::connect(server) else {
        return answer(&mut client, "502 Bad Gateway");
    };
    made.fetch_add(1, Ordering::Relaxed);
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let back = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || pass(back.0, back.1));
    // What the client sent behind the head may be in the reader already.
    pass(reader, server);
    Ok(())
}

fn answer(client: &mut TcpStream, status: &str) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    client.write_all(head.as_bytes())
}

fn pass(mut from: impl io::Read, mut to: TcpStream) {
    // However it ended, the other side has to see the end.
    io::copy(&mut from, &mut to).ok();
    to.shutdown(Shutdown::Write).ok();
}
