//! Where documents go: a server that answers like `_bulk`, in a process of its own, so that its processor time is not ours.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use brokerbeat::assets;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Starts this binary as the server.
pub(crate) const ARGUMENT: &str = "--sink";

/// The process.
pub(crate) struct Sink {
    pub(crate) url: String,
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Sink {
    pub(crate) fn start() -> Self {
        let this = std::env::current_exe().unwrap();
        let mut command = Command::new(this);
        command
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let ask = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let url = line(&mut answers);
        Self {
            url,
            child,
            ask,
            answers,
        }
    }

    /// Bytes of all bodies so far, as they came.
    pub(crate) fn received(&mut self) -> u64 {
        writeln!(self.ask).unwrap();
        line(&mut self.answers).parse().unwrap()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn line(answers: &mut impl BufRead) -> String {
    let mut line = String::new();
    answers.read_line(&mut line).unwrap();
    line.trim().to_owned()
}

/// An action's line.
#[derive(Deserialize)]
struct Action {
    #[serde(rename = "create")]
    _create: Create,
}

#[derive(Deserialize)]
struct Create {
    #[serde(rename = "_index")]
    _index: IgnoredAny,
}

/// Reads actions and documents, as every `_bulk` has to before it can answer, and counts them.
fn documents(body: &[u8]) -> usize {
    let mut lines = body.split(|byte| *byte == b'\n');
    let mut count = 0;
    while let (Some(action), Some(document)) = (lines.next(), lines.next()) {
        serde_json::from_slice::<Action>(action).unwrap();
        serde_json::from_slice::<IgnoredAny>(document).unwrap();
        count += 1;
    }
    count
}

/// The server: says where it is, and for each line of stdin how much it has received. Ends with stdin.
pub(crate) fn serve() {
    let sink = stack::Sink::start(Some(assets::VERSION), documents).unwrap();
    println!("{}", sink.url());
    for _ in std::io::stdin().lines() {
        println!("{}", sink.received());
    }
}
