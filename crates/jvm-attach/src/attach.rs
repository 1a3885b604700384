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
use tokio::time::timeout;

use crate::blocking;
use crate::error::Error;
use crate::jvm::{Jvm, look};
use crate::obstacle::Obstacle;
use crate::process::Process;
use crate::properties;
use crate::socket;
use crate::users::Users;

/// Version of the protocol.
const VERSION: &str = "1";
/// A command has as many arguments, used or not.
const ARGUMENTS: usize = 3;
/// An answer that is used here is some kilobytes; the properties of a JVM hold its class path.
const ANSWER_LIMIT: u64 = 4 << 20;

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
    attach(pid, timeouts).await?.connector_address().await
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

    /// The service URL of the JVM's local JMX connector, as [`connector_address`](connector_address()) has it.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and if the JVM is in another network namespace or lacks the module
    /// `jdk.management.agent`.
    pub async fn connector_address(&self) -> Result<String, Error> {
        // It is reached over the loopback address, while the attach socket is a file.
        if let Some(obstacle) = &self.jvm.obstacle {
            return Err(self.obstructed(obstacle));
        }
        if let Some(url) = self.address().await? {
            return Ok(url);
        }
        self.diagnostic("ManagementAgent.start_local").await?;
        let url = self.address().await?;
        let pid = self.process.pid;
        url.ok_or(Error::NoAddress { pid })
    }

    /// The address of the local connector, if it runs.
    async fn address(&self) -> Result<Option<String>, Error> {
        match self.agent_properties().await {
            Ok(mut properties) => Ok(properties.remove(ADDRESS)),
            // Java writes the date above properties. One that was asked for a date in its first moments may not find its
            // names of time zones ever after (seen with JDK 17). The status (JDK 9 and later) has no date.
            Err(refused @ Error::Refused { .. }) => {
                match self.diagnostic("ManagementAgent.status").await {
                    Ok(status) => Ok(local_url(&status)),
                    Err(_) => Err(refused),
                }
            }
            Err(error) => Err(error),
        }
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
        let shown = shown(command, arguments);
        let request = request(command, arguments, &shown)?;
        let mut stream = socket::open(&self.process, &self.jvm, self.timeouts.socket).await?;
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
            Ok(0) => Err(self.hung_up(command()).await),
            Ok(_) => Ok(answer),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
                ) =>
            {
                Err(self.hung_up(command()).await)
            }
            Err(error) => Err(Error::system(
                format!("read the answer of JVM {pid}"),
                error,
            )),
        }
    }

    /// Closed without an answer: a refusal, unless the JVM is gone.
    async fn hung_up(&self, command: String) -> Error {
        let (pid, process) = (self.process.pid, Arc::clone(&self.process));
        match blocking::run(self.timeouts.answer, move || process.status()).await {
            Err(error) if error.is_gone() => Error::Vanished { pid },
            _ => Error::HungUp { pid, command },
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

    fn obstructed(&self, obstacle: &Obstacle) -> Error {
        let (pid, obstacle) = (self.process.pid, obstacle.clone());
        Error::Obstructed { pid, obstacle }
    }
}

/// What errors say of a command: `jcmd` says little without the first word of what it was asked, and any further word
/// may be somebody's password.
fn shown(command: &str, arguments: &[&str]) -> String {
    let asked = arguments
        .first()
        .and_then(|asked| asked.split_whitespace().next());
    let shown = match asked {
        Some(asked) if command == "jcmd" => format!("jcmd {asked}"),
        _ => command.to_owned(),
    };
    shown.replace('\0', "\\0")
}

/// The bytes of a command.
fn request(command: &str, arguments: &[&str], shown: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let padded = arguments
        .iter()
        .copied()
        .chain([""; ARGUMENTS])
        .take(ARGUMENTS);
    for word in [VERSION, command].into_iter().chain(padded) {
        if word.contains('\0') {
            let command = shown.to_owned();
            return Err(Error::Argument { command });
        }
        bytes.extend(word.bytes().chain([0]));
    }
    Ok(bytes)
}

/// `URL : service:jmx:rmi://127.0.0.1/stub/…` in the status of the management agent. A port's URL has no stub.
fn local_url(status: &str) -> Option<String> {
    let mut urls = status.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "URL").then_some(value.trim())
    });
    let local = urls.find(|url| url.starts_with("service:jmx:rmi:") && url.contains("/stub/"));
    local.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_always_has_three_arguments() {
        assert_eq!(request("a", &[], "").unwrap(), b"1\0a\0\0\0\0");
        assert_eq!(
            request("a", &["b", "c", "d", "e"], "").unwrap(),
            b"1\0a\0b\0c\0d\0"
        );
    }

    #[test]
    fn the_local_connector_is_the_one_with_a_stub() {
        let status = "Agent: enabled\n\nConnection Type: remote\nURL            : service:jmx:rmi://h:1/jndi/rmi://h:1/jmxrmi\n\n\
            Connection Type: local\nURL            : service:jmx:rmi://127.0.0.1/stub/rO0A\n";
        let url = "service:jmx:rmi://127.0.0.1/stub/rO0A".to_owned();
        assert_eq!(local_url(status), Some(url));
        assert_eq!(local_url("Agent: disabled\n"), None);
    }

    #[test]
    fn errors_show_the_command_and_no_argument() {
        assert_eq!(shown("load", &["a", "false", "x=hush"]), "load");
        assert_eq!(shown("jcmd", &["VM.log x=hush"]), "jcmd VM.log");
        assert_eq!(shown("jcmd", &[" "]), "jcmd");
        assert_eq!(shown("a\0", &[]), "a\\0");
        let error = request("a", &["b\0hush"], "a").unwrap_err();
        let said = "an argument of `a` (or its name) holds a zero byte and cannot be sent";
        assert_eq!(error.to_string(), said);
    }
}
