//! In place of `tls` where the crate is built without it: TLS that there never is.

use std::io;

use tokio::net::TcpStream;

use super::connection::Stream;
use super::tls_problem::TlsProblem;

/// Has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tls {}

pub(super) fn problem(_error: &io::Error) -> Option<TlsProblem> {
    None
}

pub(super) async fn secure(tls: &Tls, _tcp: TcpStream, _host: &str) -> io::Result<Stream> {
    match *tls {}
}
