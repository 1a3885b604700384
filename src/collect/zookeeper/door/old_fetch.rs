//! Asking: four bytes out, text back until the server closes.

use std::io;

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::Server;
use crate::collect::FaultKind;
use crate::config::units::show_host_port;

/// Longest answer that is read. `mntr` of a 3.9 leader is 20 KB.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// What every version of ZooKeeper answers to a word that is off.
const NOT_WHITELISTED: &str = "is not executed because it is not in the whitelist";

/// The answers of one cycle.
pub(super) struct Answers {
    pub(super) mntr: Result<String, WordError>,
    pub(super) srvr: Result<String, WordError>,
    pub(super) ruok: Result<String, WordError>,
    /// For the server's id only: nobody has to open this word for us.
    pub(super) conf: Result<String, WordError>,
}

impl Answers {
    /// The answers that matter, by word.
    pub(super) fn all(&self) -> [(&'static str, &Result<String, WordError>); 3] {
        [
            ("srvr", &self.srvr),
            ("mntr", &self.mntr),
            ("ruok", &self.ruok),
        ]
    }
}

/// Why a word has no answer.
#[derive(Debug, Error)]
pub(super) enum WordError {
    #[error("cannot connect to {address}: {cause}")]
    Connect { address: String, cause: io::Error },
    #[error("{address} did not answer in time")]
    Timeout { address: String },
    #[error("the connection to {address} broke: {cause}")]
    Broken { address: String, cause: io::Error },
    #[error("{address} does not run this word; add it to 4lw.commands.whitelist there")]
    NotWhitelisted { address: String },
    #[error("{address} answers something that is not ZooKeeper's: {what}")]
    Strange { address: String, what: String },
}

impl WordError {
    pub(super) fn kind(&self) -> FaultKind {
        match self {
            Self::Connect { .. } => FaultKind::Connect,
            Self::Timeout { .. } => FaultKind::Timeout,
            Self::Broken { .. } | Self::Strange { .. } => FaultKind::Protocol,
            Self::NotWhitelisted { .. } => FaultKind::Refused,
        }
    }
}

/// All words at once. Cancel safe: connections are closed when the future is dropped.
pub(super) async fn all(server: &Server, deadline: Instant) -> Answers {
    let (mntr, srvr, ruok, conf) = tokio::join!(
        word(server, "mntr", deadline),
        word(server, "srvr", deadline),
        word(server, "ruok", deadline),
        word(server, "conf", deadline),
    );
    Answers {
        mntr,
        srvr,
        ruok,
        conf,
    }
}

async fn word(server: &Server, word: &str, deadline: Instant) -> Result<String, WordError> {
    let address = show_host_port(&server.host, server.port);
    match timeout_at(deadline, ask(server, word, &address)).await {
        Ok(answer) => check(word, answer?, address),
        Err(_) => Err(WordError::Timeout { address }),
    }
}

async fn ask(server: &Server, word: &str, address: &str) -> Result<Vec<u8>, WordError> {
    let connect = TcpStream::connect((server.host.as_str(), server.port));
    let mut stream = connect.await.map_err(|cause| WordError::Connect {
        address: address.to_owned(),
        cause,
    })?;
    let broken = |cause| WordError::Broken {
        address: address.to_owned(),
        cause,
    };
    stream.write_all(word.as_bytes()).await.map_err(broken)?;
    let mut answer = Vec::new();
    stream
        .take(MAX_ANSWER_BYTES)
        .read_to_end(&mut answer)
        .await
        .map_err(broken)?;
    Ok(answer)
}

fn check(word: &str, answer: Vec<u8>, address: String) -> Result<String, WordError> {
    let strange = |what: String| {
        Err(WordError::Strange {
            address: address.clone(),
            what,
        })
    };
    if u64::try_from(answer.len()).unwrap_or(u64::MAX) >= MAX_ANSWER_BYTES {
        return strange(format!("more than {MAX_ANSWER_BYTES} bytes"));
    }
    if answer.is_empty() {
        return strange("nothing at all".to_owned());
    }
    let Ok(text) = String::from_utf8(answer) else {
        return strange("bytes that are no text".to_owned());
    };
    if text.contains(NOT_WHITELISTED) {
        return Err(WordError::NotWhitelisted { address });
    }
    if !looks_right(word, &text) {
        let start: String = text
            .chars()
            .take(40)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        return strange(format!("`{start}`"));
    }
    Ok(text)
}

/// The mark by which the answer to a word is known. A server that does not serve (yet) says so
/// in words of its own and is told apart by [`super::map`].
fn looks_right(word: &str, text: &str) -> bool {
    match word {
        "mntr" => text.contains("zk_") || text.contains("not currently serving"),
        "srvr" => text.contains("Zookeeper version") || text.contains("not currently serving"),
        "ruok" => text.trim() == "imok",
        _ => text.contains('=') || text.contains("not currently serving"),
    }
}
