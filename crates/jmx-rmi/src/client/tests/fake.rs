//! A JVM made of recorded replies. It knows a call by the header in front of it, answers with a capture, or does what a
//! test wants it to do instead. Registry and server object share one port.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Far above what anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a call is, told by operation and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Lookup,
    NewClient,
    Dirty,
    Names,
    Attributes,
    Close,
}

/// What to do about a call.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Reply(Vec<u8>),
    /// A part of a reply, then the end of the connection.
    ReplyAndClose(Vec<u8>),
    /// A reply in pieces of one byte.
    Drip(Vec<u8>),
    Hang,
}

pub(super) struct FakeJvm {
    pub(super) port: u16,
    pub(super) seen: watch::Receiver<HashMap<Kind, usize>>,
    task: JoinHandle<()>,
}

impl Drop for FakeJvm {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn capture(name: &str) -> Vec<u8> {
    std::fs::read(format!(
        "{}/tests/data/{name}.bin",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

/// A recorded stub that points to another port.
pub(super) fn stub(name: &str, port: u16) -> Vec<u8> {
    let mut bytes = capture(name);
    let host = b"\x00\x09127.0.0.1";
    let at = bytes
        .windows(host.len())
        .position(|window| window == host)
        .unwrap()
        + host.len();
    bytes[at..at + 4].copy_from_slice(&u32::from(port).to_be_bytes());
    bytes
}

/// The lease a JVM grants: ten minutes.
fn lease() -> Vec<u8> {
    capture("lease-jdk17")
}

type Script = dyn FnMut(Kind, usize) -> Option<Act> + Send;

struct Shared {
    port: u16,
    script: Mutex<Box<Script>>,
    seen: watch::Sender<HashMap<Kind, usize>>,
    hold: usize,
}

impl FakeJvm {
    /// `script` is asked about each call, by kind and number from 0; `None` is the reply of a healthy JVM.
    pub(super) async fn start(
        script: impl FnMut(Kind, usize) -> Option<Act> + Send + 'static,
    ) -> Self {
        Self::holding(0, script).await
    }

    /// Answers calls for attributes only when `hold` of them are there.
    pub(super) async fn holding(
        hold: usize,
        script: impl FnMut(Kind, usize) -> Option<Act> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serving(listener, hold, script)
    }

    /// Listens where it is told to.
    pub(super) fn serving(
        listener: TcpListener,
        hold: usize,
        script: impl FnMut(Kind, usize) -> Option<Act> + Send + 'static,
    ) -> Self {
        let port = listener.local_addr().unwrap().port();
        let (sender, seen) = watch::channel(HashMap::new());
        let shared = Arc::new(Shared {
            port,
            script: Mutex::new(Box::new(script)),
            seen: sender,
            hold,
        });
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { port, seen, task }
    }

    /// Waits until so many calls of a kind have come; says how many there were when they do not come.
    pub(super) async fn has_seen(&self, kind: Kind, count: usize) {
        let mut seen = self.seen.clone();
        let enough = |seen: &HashMap<Kind, usize>| seen.get(&kind).copied() >= Some(count);
        let waited = tokio::time::timeout(PATIENCE, seen.wait_for(enough)).await;
        assert!(waited.is_ok(), "{} of {count} {kind:?}", self.count(kind));
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.seen.borrow().get(&kind).copied().unwrap_or_default()
    }
}

/// Returns when the peer is gone or the script says so.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) -> Option<()> {
    let mut hello = [0; 7];
    stream.read_exact(&mut hello).await.ok()?;
    assert_eq!(&hello, b"JRMI\0\x02\x4b");
    stream
        .write_all(b"\x4e\x00\x09127.0.0.1\x00\x00\x12\x34")
        .await
        .ok()?;
    stream.read_exact(&mut [0; 6]).await.ok()?;
    let (mut input, mut from, mut held) = (Vec::new(), 0, Vec::new());
    loop {
        if stream.read_buf(&mut input).await.ok()? == 0 {
            return None;
        }
        while let Some((kind, next)) = next_call(&input, from) {
            from = next;
            let number = count(&shared, kind);
            let act = (shared.script.lock().unwrap())(kind, number);
            held.push(act.unwrap_or_else(|| healthy(kind, shared.port)));
            let attributes = shared
                .seen
                .borrow()
                .get(&Kind::Attributes)
                .copied()
                .unwrap_or_default();
            if kind != Kind::Attributes || attributes >= shared.hold {
                for act in held.drain(..) {
                    perform(&mut stream, act).await?;
                }
            }
        }
    }
}

fn count(shared: &Shared, kind: Kind) -> usize {
    let mut number = 0;
    shared.seen.send_modify(|seen| {
        let count = seen.entry(kind).or_default();
        number = *count;
        *count += 1;
    });
    number
}

async fn perform(stream: &mut TcpStream, act: Act) -> Option<()> {
    match act {
        Act::Reply(bytes) => stream.write_all(&bytes).await.ok(),
        Act::ReplyAndClose(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            stream.shutdown().await.ok()?;
            None
        }
        Act::Drip(bytes) => {
            for byte in bytes {
                stream.write_all(&[byte]).await.ok()?;
                tokio::task::yield_now().await;
            }
            Some(())
        }
        Act::Hang => std::future::pending().await,
    }
}

/// The next header of a call at or after `from`, and where to go on.
pub(super) fn next_call(input: &[u8], from: usize) -> Option<(Kind, usize)> {
    const MARK: &[u8] = &[0x50, 0xac, 0xed, 0, 5, 0x77, 34];
    const LENGTH: usize = MARK.len() + 34;
    let at = from
        + input[from..]
            .windows(MARK.len())
            .position(|window| window == MARK)?;
    let header = input.get(at..at + LENGTH)?;
    let operation = i32::from_be_bytes(header[29..33].try_into().unwrap());
    let hash = i64::from_be_bytes(header[33..41].try_into().unwrap());
    let kind = match (operation, hash) {
        (2, _) => Kind::Lookup,
        (1, _) => Kind::Dirty,
        (_, -1_089_742_558_549_201_240) => Kind::NewClient,
        (_, 9_152_567_528_369_059_802) => Kind::Names,
        (_, 6_285_293_806_596_348_999) => Kind::Attributes,
        (_, -4_742_752_445_160_157_748) => Kind::Close,
        other => panic!("an unknown call: {other:?}"),
    };
    Some((kind, at + LENGTH))
}

pub(super) fn healthy(kind: Kind, port: u16) -> Act {
    Act::Reply(match kind {
        Kind::Lookup => stub("stub-jdk17-server", port),
        Kind::NewClient => stub("stub-jdk17-connection", port),
        Kind::Dirty => lease(),
        Kind::Names => capture("names-jdk17"),
        Kind::Attributes => capture("attributes-jdk17-memory"),
        Kind::Close => capture("void-jdk17-close"),
    })
}
