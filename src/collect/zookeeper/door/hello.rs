//! Whether a port that says nothing to words is one with TLS.
//!
//! A word has four bytes, and the head of a record of TLS has five: such a port waits for the fifth, and after ten seconds ends
//! the connection without a word. To the first message of TLS it answers at once; a port without TLS ends the connection, as
//! it takes that for a message of 369 MB.

use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// What a record begins with: an alert or a handshake, and the version's first byte.
const RECORDS: [[u8; 2]; 2] = [[0x15, 3], [0x16, 3]];

/// Asks over a connection of its own, which is closed as soon as something comes.
pub(super) async fn speaks_tls(host: &str, port: u16, deadline: Instant) -> bool {
    let answer = timeout_at(deadline, answer(host, port)).await;
    matches!(answer, Ok(Ok(head)) if RECORDS.contains(&head))
}

async fn answer(host: &str, port: u16) -> io::Result<[u8; 2]> {
    let hello = hello()?;
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(&hello).await?;
    let mut head = [0; 2];
    stream.read_exact(&mut head).await?;
    Ok(head)
}

/// The first message of TLS. Nobody is trusted: nothing more will be said.
fn hello() -> io::Result<Vec<u8>> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    // Servers of ZooKeeper have one certificate, whatever name they are called by.
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello)?;
    Ok(hello)
}
