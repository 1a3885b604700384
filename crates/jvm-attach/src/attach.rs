//! Talking to a JVM over its attach socket.
//!
//! A connection is one command: `"1\0"`, the command and three arguments, each ended by a zero byte; the JVM answers
//! with a line that holds a number (0: done) and text until it closes. HotSpot serves one connection after another, so
//! none is ever kept. (`attachListener.cpp`; JDK 24 has a second version of the protocol and still takes this one.)

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout};

use crate::blocking;
use crate::error::Error;
use crate::jvm::{Jvm, look};
use crate::obstacle::Obstacle;
use crate::process::{Process, path_through, socket_name};
use crate::properties;
use crate::trigger;
use crate::users::Users;

/// Version of the protocol.
const VERSION: &str = "1";
/// A command has as many arguments, used or not.
const ARGUMENTS: usize = 3;
/// An answer that is used here is some kilobytes; the properties of a JVM hold its class path.
const ANSWER_LIMIT: u64 = 4 << 20;
/// The first pauses between two looks for the socket; a JVM that is not busy needs 10 ms.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// The longest one.
const LAST_PAUSE: Duration = Duration::from_millis(100);

/// The agent's property with the service URL of the local connector.
const ADDRESS: &str = "com.sun.management.jmxremote.localConnectorAddress";

/// How long a JVM may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To open its socket. It does so at its next safepoint.
    pub socket: Duration,
    /// To answer a command.
    pub answer: Duration,
}

impl Default for Timeouts {
    /// 5 s and 10 s: starting the connector loads some hundred classes.
    fn default() -> Self {
        Self {
            socket: Duration::from_secs(5),
            answer: Duration::from_secs(10),
        }
    }
}

/// A JVM that takes commands.
#[derive(Debug)]
pub struct Attached {
    process: Arc<Process>,
    jvm: Arc<Jvm>,
    timeouts: Timeouts,
}

/// Makes sure that a JVM may be attached to. Its socket is opened with the first command, if it is not there yet.
///
/// # Errors
/// If there is no such JVM, or something known is in the way.
pub async fn attach(pid: u32, timeouts: Timeouts) -> Result<Attached, Error> {
    let attached = open(pid, timeouts).await?;
    match &attached.jvm.obstacle {
        // The socket is a file: it works across networks.
        None | Some(Obstacle::OtherNetwork) => Ok(attached),
        Some(obstacle) => Err(attached.obstructed(obstacle)),
    }
}

/// The service URL of a JVM's local JMX connector, which is started if it does not run yet. It is
/// `service:jmx:rmi://127.0.0.1/stub/<serialized stub>`, and refuses peers from other machines.
///
/// # Errors
/// If the JVM cannot be attached to, is in another network namespace, or lacks the module `jdk.management.agent`.
///
/// # Cancel safety
/// May be dropped at any time; the file that asks the JVM for its socket is removed in every case.
pub async fn connector_address(pid: u32, timeouts: Timeouts) -> Result<String, Error> {
    let attached = open(pid, timeouts).await?;
    if let Some(obstacle) = &attached.jvm.obstacle {
        return Err(attached.obstructed(obstacle));
    }
    if let Some(url) = attached.agent_properties().await?.remove(ADDRESS) {
        return Ok(url);
    }
    attached.diagnostic("ManagementAgent.start_local").await?;
    let url = attached.agent_properties().await?.remove(ADDRESS);
    url.ok_or(Error::NoAddress { pid })
}

async fn open(pid: u32, timeouts: Timeouts) -> Result<Attached, Error> {
    blocking::run(timeouts.socket, move || {
        let process = Process::open(pid)?;
        let jvm = look(&process, &Users::load(), &Process::ourselves()?)?;
        Ok(Attached {
            process: Arc::new(process),
            jvm: Arc::new(jvm),
            timeouts,
        })
    })
    .await
}

impl Attached {
    /// What is known of the JVM.
    pub fn jvm(&self) -> &Jvm {
        &self.jvm
    }

    /// Properties of the JVM's agents: `sun.java.command`, the local connector's address.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn agent_properties(&self) -> Result<BTreeMap<String, String>, Error> {
        Ok(properties::parse(
            &self.execute("agentProperties", &[]).await?,
        ))
    }

    /// System properties. They may hold passwords.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn system_properties(&self) -> Result<BTreeMap<String, String>, Error> {
        Ok(properties::parse(&self.execute("properties", &[]).await?))
    }

    /// A diagnostic command with its arguments, as `jcmd <pid> <command>` sends it: `VM.version`, `Thread.print -l`.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn diagnostic(&self, command: &str) -> Result<String, Error> {
        self.execute("jcmd", &[command]).await
    }

    /// Any command of the attach protocol, with up to three arguments (further ones are not sent).
    ///
    /// # Errors
    /// If the JVM does not open its socket, does not answer in time, refuses the command, or has gone.
    pub async fn execute(&self, command: &str, arguments: &[&str]) -> Result<String, Error> {
        let request = request(command, arguments)?;
        // `jcmd` says little: what it was asked to do is its argument.
        let shown = [&[command], arguments].concat().join(" ");
        let mut stream = self.stream().await?;
        match timeout(
            self.timeouts.answer,
            self.exchange(&mut stream, &request, &shown),
        )
        .await
        {
            Ok(answer) => self.verdict(answer?, shown),
            Err(_) => Err(Error::NoAnswer {
                pid: self.process.pid,
                command: shown,
                after: self.timeouts.answer,
            }),
        }
    }

    async fn exchange(
        &self,
        stream: &mut UnixStream,
        request: &[u8],
        command: &str,
    ) -> Result<Vec<u8>, Error> {
        let pid = self.process.pid;
        let command = || command.to_owned();
        let mut answer = Vec::new();
        let done = async {
            stream.write_all(request).await?;
            stream.take(ANSWER_LIMIT + 1).read_to_end(&mut answer).await
        };
        match done.await {
            Ok(_) if answer.len() as u64 > ANSWER_LIMIT => {
                let limit = ANSWER_LIMIT;
                Err(Error::TooLong {
                    pid,
                    command: command(),
                    limit,
                })
            }
            Ok(0) => Err(self.hung_up(command())),
            Ok(_) => Ok(answer),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
                ) =>
            {
                Err(self.hung_up(command()))
            }
            Err(error) => Err(Error::system(
                format!("read the answer of JVM {pid}"),
                error,
            )),
        }
    }

    /// Closed without an answer: a refusal, unless the JVM is gone.
    fn hung_up(&self, command: String) -> Error {
        let pid = self.process.pid;
        match self.process.status() {
            Ok(_) => Error::HungUp { pid, command },
            Err(_) => Error::Vanished { pid },
        }
    }

    /// The first line is a number, and 0 means done.
    fn verdict(&self, answer: Vec<u8>, command: String) -> Result<String, Error> {
        let pid = self.process.pid;
        let answer = String::from_utf8_lossy(&answer);
        let (code, text) = answer.split_once('\n').unwrap_or((&answer, ""));
        match code.trim().parse::<i32>() {
            Ok(0) => Ok(text.to_owned()),
            Ok(code) => {
                let message = match text.lines().map(str::trim).find(|line| !line.is_empty()) {
                    Some(line) => line.to_owned(),
                    None => format!("code {code}"),
                };
                Err(Error::Refused {
                    pid,
                    command,
                    message,
                })
            }
            Err(_) => Err(Error::Unintelligible { pid, command }),
        }
    }

    /// A connection to the socket, which the JVM is asked to open if it is not there, or left over from another JVM.
    async fn stream(&self) -> Result<UnixStream, Error> {
        match self.connect().await? {
            Some(stream) => Ok(stream),
            None => self.wake().await,
        }
    }

    async fn wake(&self) -> Result<UnixStream, Error> {
        let limit = self.timeouts.socket;
        let process = Arc::clone(&self.process);
        let _file = blocking::run(limit, move || trigger::create(&process)).await?;
        let start = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(stream) = self.connect().await? {
                trigger::forget(self.process.pid);
                return Ok(stream);
            }
            if start.elapsed() >= limit {
                let pid = self.process.pid;
                return Err(Error::NoSocket { pid, after: limit });
            }
            if trigger::is_due(self.process.pid) {
                let (process, jvm) = (Arc::clone(&self.process), Arc::clone(&self.jvm));
                blocking::run(limit, move || trigger::remind(&process, &jvm)).await?;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// A connection, if there is a socket and somebody listens.
    async fn connect(&self) -> Result<Option<UnixStream>, Error> {
        let pid = self.process.pid;
        let status = self.process.status().map_err(|_| Error::Vanished { pid })?;
        let folder = self.process.temporary_folder()?;
        if !self.process.has_socket(&folder, &status) {
            return Ok(None);
        }
        let path = path_through(&folder, &socket_name(status.inner_pid));
        let stream = match UnixStream::connect(path).await {
            Ok(stream) => stream,
            Err(error) => {
                return match error.kind() {
                    // Left over from a JVM that is gone; or its queue is full, and it will answer in a moment.
                    ErrorKind::ConnectionRefused | ErrorKind::NotFound | ErrorKind::WouldBlock => {
                        Ok(None)
                    }
                    _ => Err(Error::system(
                        format!("connect to the attach socket of JVM {pid}"),
                        error,
                    )),
                };
            }
        };
        self.check_peer(&stream).map(|()| Some(stream))
    }

    /// That the JVM itself listens, and not somebody who has put a socket in its place.
    fn check_peer(&self, stream: &UnixStream) -> Result<(), Error> {
        let pid = self.process.pid;
        let peer = stream
            .peer_cred()
            .map_err(|error| Error::system("ask who holds the attach socket", error))?;
        match peer.pid() {
            // None: it is in a pid namespace that ours cannot see into.
            None | Some(0) => Ok(()),
            Some(theirs) if u32::try_from(theirs) == Ok(pid) => Ok(()),
            Some(_) => Err(Error::Impostor { pid }),
        }
    }

    fn obstructed(&self, obstacle: &Obstacle) -> Error {
        let (pid, obstacle) = (self.process.pid, obstacle.clone());
        Error::Obstructed { pid, obstacle }
    }
}

/// The bytes of a command.
fn request(command: &str, arguments: &[&str]) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let padded = arguments
        .iter()
        .copied()
        .chain([""; ARGUMENTS])
        .take(ARGUMENTS);
    for word in [VERSION, command].into_iter().chain(padded) {
        if word.contains('\0') {
            let argument = word.replace('\0', "\\0");
            return Err(Error::Argument { argument });
        }
        bytes.extend(word.bytes().chain([0]));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_always_has_three_arguments() {
        assert_eq!(request("a", &[]).unwrap(), b"1\0a\0\0\0\0");
        assert_eq!(
            request("a", &["b", "c", "d", "e"]).unwrap(),
            b"1\0a\0b\0c\0d\0"
        );
        let error = request("a", &["b\0c"]).unwrap_err().to_string();
        assert_eq!(error, "`b\\0c` holds a zero byte and cannot be sent");
    }
}
