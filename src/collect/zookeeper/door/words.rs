//! Four-letter words: four bytes out, text back until the server closes. Over TCP, or TLS where `ssl` is set.

use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{join, join_all};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::error::{DoorError, beginning};
use super::hello;
use crate::collect::zookeeper::Server;
use crate::collect::zookeeper::answer::{Answer, Answers, Door, Question};
use crate::config::Tls;
use crate::config::units::show_host_port;

/// What every version of ZooKeeper answers to a word that is off.
const NOT_WHITELISTED: &str = "is not executed because it is not in the whitelist";

/// As much as a server sends at once.
const CHUNK: usize = 16 << 10;

/// A connection.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Asks everything at once, each over a connection of its own, as the server closes after the answer. Cancel safe:
/// connections are closed when the future is dropped.
pub(super) async fn ask(server: &Server, deadline: Instant) -> Answers {
    let mut answers = Answers {
        door: Door::Words,
        replies: replies(server, deadline).await,
        closed: Vec::new(),
    };
    let srvr = answers.get(Question::Server);
    let is_closed = matches!(srvr, Some(Err(DoorError::NotWhitelisted { .. })));
    // `stat` says what `srvr` says; it may be the one that is open.
    let heard = &AtomicBool::new(false);
    if is_closed && let Ok(answer) = word(server, Question::Statistics, deadline, heard).await {
        answers.replies.push((Question::Statistics, Ok(answer)));
    }
    answers
}

type Replies = Vec<(Question, Result<Answer, DoorError>)>;

/// Where nothing is said to any of them until all have ended or half of the time is over, it is found out whether that is
/// because the port has TLS.
async fn replies(server: &Server, deadline: Instant) -> Replies {
    let questions = server.questions_at(Door::Words).into_iter();
    let heard = &AtomicBool::new(false);
    let asked = questions
        .map(|question| async move { (question, word(server, question, deadline, heard).await) });
    let mut asked = pin!(join_all(asked));
    let half = Instant::now() + deadline.saturating_duration_since(Instant::now()) / 2;
    let early = timeout_at(half, &mut asked).await;
    if server.tls.is_some() {
        return match early {
            Ok(replies) => replies,
            Err(_) => asked.await,
        };
    }
    let hello = hello::speaks_tls(&server.host, server.port, deadline);
    let (replies, has_tls) = match early {
        Ok(replies) if !are_silent(&replies) => return replies,
        Ok(replies) => (replies, hello.await),
        // One word that takes long is no reason: a server without TLS would log an error about it.
        Err(_) if heard.load(Ordering::Relaxed) => return asked.await,
        Err(_) => join(asked, hello).await,
    };
    match has_tls && are_silent(&replies) {
        true => want_tls(server, replies),
        false => replies,
    }
}

/// Whether there were connections, and not a byte over them.
fn are_silent(replies: &Replies) -> bool {
    let is_silent = |reply: &Result<Answer, DoorError>| {
        use DoorError::{Broken, Nothing, Timeout};
        matches!(reply, Err(Timeout { .. } | Nothing { .. } | Broken { .. }))
    };
    replies.iter().all(|(_, reply)| is_silent(reply))
}

fn want_tls(server: &Server, replies: Replies) -> Replies {
    let place = show_host_port(&server.host, server.port);
    let questions = replies.into_iter().map(|(question, _)| question);
    let told = questions.map(|question| {
        let place = place.clone();
        (question, Err(DoorError::WantsTls { place }))
    });
    told.collect()
}

/// `heard`: set as soon as a byte comes.
async fn word(
    server: &Server,
    question: Question,
    deadline: Instant,
    heard: &AtomicBool,
) -> Result<Answer, DoorError> {
    let place = show_host_port(&server.host, server.port);
    let connected = timeout_at(deadline, connect(server, &place)).await;
    let mut stream = connected.map_err(|_| DoorError::late(&place))??;
    let received = exchange(&mut *stream, question, deadline, &place, heard).await;
    check(question, received, &place)
}

async fn connect(server: &Server, place: &str) -> Result<Box<dyn Stream>, DoorError> {
    let connect = TcpStream::connect((server.host.as_str(), server.port));
    let tcp = connect.await.map_err(|cause| DoorError::Connect {
        place: place.to_owned(),
        cause: cause.to_string(),
    })?;
    let Some(tls) = &server.tls else {
        return Ok(Box::new(tcp));
    };
    let name = name(tls, &server.host).ok_or_else(|| DoorError::Tls {
        place: place.to_owned(),
        cause: "this host cannot be the name in a certificate; write ssl.server_name".to_owned(),
    })?;
    let shaken = TlsConnector::from(Arc::clone(&tls.client))
        .connect(name, tcp)
        .await;
    match shaken {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(DoorError::Tls {
            place: place.to_owned(),
            cause: error.to_string(),
        }),
    }
}

fn name(tls: &Tls, host: &str) -> Option<ServerName<'static>> {
    let name = tls.server_name.as_deref().unwrap_or(host);
    // A scope is this machine's own word for an interface; no certificate has it.
    let name = name.split_once('%').map_or(name, |(address, _)| address);
    ServerName::try_from(name.to_owned()).ok()
}

/// What came, and why the rest did not.
type Received = (Vec<u8>, Option<DoorError>);

/// Sends the word and reads until the server closes, the answer is too long or the time is up. What is there by then is
/// kept.
async fn exchange(
    stream: &mut dyn Stream,
    question: Question,
    deadline: Instant,
    place: &str,
    heard: &AtomicBool,
) -> Received {
    let mut bytes = Vec::new();
    let mut step = timeout_at(deadline, send(stream, question.word().as_bytes())).await;
    loop {
        match step {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return (bytes, None),
            // ZooKeeper may close the connection without TLS's own good-bye.
            Ok(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => return (bytes, None),
            Ok(Err(error)) => return (bytes, Some(DoorError::of_io(place, &error))),
            Err(_) => return (bytes, Some(DoorError::late(place))),
        }
        if !bytes.is_empty() {
            heard.store(true, Ordering::Relaxed);
        }
        let limit = question.max_bytes();
        if bytes.len() > limit {
            let place = place.to_owned();
            return (bytes, Some(DoorError::TooLong { place, limit }));
        }
        step = timeout_at(deadline, receive(stream, &mut bytes)).await;
    }
}

/// Whether there may be an answer: always.
async fn send(stream: &mut dyn Stream, word: &[u8]) -> io::Result<bool> {
    stream.write_all(word).await?;
    stream.flush().await?;
    Ok(true)
}

/// Whether anything came; else it was all.
async fn receive(stream: &mut dyn Stream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    bytes.reserve(CHUNK);
    Ok(stream.read_buf(bytes).await? > 0)
}

fn check(question: Question, (mut bytes, cut): Received, place: &str) -> Result<Answer, DoorError> {
    let strange = |what| {
        let place = place.to_owned();
        Err(DoorError::Strange { place, what })
    };
    if let Some(error) = &cut {
        // Half a line may look like a whole one.
        let end = bytes.iter().rposition(|byte| *byte == b'\n');
        bytes.truncate(end.map_or(0, |end| end + 1));
        tracing::debug!(word = question.word(), "cut off: {error}");
    }
    match cut {
        Some(error) if bytes.is_empty() => return Err(error),
        None if bytes.is_empty() => {
            let place = place.to_owned();
            return Err(DoorError::Nothing { place });
        }
        _ => {}
    }
    let Ok(text) = String::from_utf8(bytes) else {
        return strange("bytes that are no text".to_owned());
    };
    if text.contains(NOT_WHITELISTED) {
        let place = place.to_owned();
        return Err(DoorError::NotWhitelisted { place });
    }
    if !looks_right(question, &text) {
        return strange(beginning(&text));
    }
    let cut = cut.map(|error| error.to_string());
    Ok(Answer { text, cut })
}

/// What a server answers that is up and does not serve: without a quorum, or while it starts.
pub(in crate::collect::zookeeper) const NOT_SERVING: &str = "not currently serving";

/// The mark by which the answer to a word is known.
fn looks_right(question: Question, text: &str) -> bool {
    let text = text.trim();
    if text.contains(NOT_SERVING) {
        return true;
    }
    match question {
        Question::Monitor => text.contains("zk_"),
        Question::Server | Question::Statistics => text.contains("Zookeeper version"),
        Question::Alive => text == "imok",
        // "null": it does not serve.
        Question::ReadOnly => ["rw", "ro", "null"].contains(&text),
        Question::Watches => text.contains("watch"),
        Question::Directories => text.contains("dir_size"),
        Question::Configuration | Question::Environment => text.contains('='),
        // Without a connection there is nothing to say; ours is one.
        Question::Connections => text.is_empty() || text.contains("](queued="),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn half_a_line_is_not_taken_for_a_whole_one() {
        let cut = |bytes: &[u8]| {
            let received = (bytes.to_vec(), Some(DoorError::late("zk1:2181")));
            check(Question::Monitor, received, "zk1:2181")
        };
        let answer = cut(b"zk_version\t3.9.4\nzk_packets_sent\t12").unwrap();
        assert_eq!(answer.text, "zk_version\t3.9.4\n");
        assert!(answer.cut.unwrap().contains("in time"));
        assert!(matches!(cut(b""), Err(DoorError::Timeout { .. })));
    }

    #[tokio::test]
    async fn what_is_beyond_the_bound_is_not_read() {
        let limit = Question::Monitor.max_bytes();
        let (mut ours, mut theirs) = tokio::io::duplex(CHUNK);
        let poured = tokio::spawn(async move { theirs.write_all(&vec![b'a'; 4 * limit]).await });
        let deadline = Instant::now() + Duration::from_secs(60);
        let heard = AtomicBool::new(false);
        let asked = exchange(&mut ours, Question::Monitor, deadline, "zk1:2181", &heard);
        let (bytes, cut) = asked.await;
        assert!(heard.into_inner());
        drop(ours);
        assert!(poured.await.unwrap().is_err(), "nobody reads the rest");
        assert!(matches!(cut, Some(DoorError::TooLong { .. })), "{cut:?}");
        assert!(bytes.len() <= limit + CHUNK);
    }
}
