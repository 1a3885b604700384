//! `make demo`: real servers, the agent beside them, and what arrives in Elasticsearch.
//!
//! `demo [--once] [BINARY]`: BINARY is the agent, `target/release/brokerbeat` by default. With `--once`, or with
//! `DEMO_SECONDS` set, it ends by itself: with 0 if every expected data stream has documents, else with 1.

#![allow(
    clippy::print_stdout,
    reason = "this program is for people, and stdout is where they look"
)]

mod agent;
mod config;
mod report;
mod servers;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use stack::{Error, Result, downloaded_bytes, megabytes};

use agent::Agent;
use servers::Servers;

const REPORT_EVERY: Duration = Duration::from_secs(5);
const ONCE_SECONDS: u64 = 45;

fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(sentence) => {
            eprintln!("demo: {sentence}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("demo: {error:?}");
            ExitCode::FAILURE
        }
    }
}

struct Arguments {
    binary: String,
    /// When to end; none means at Ctrl-C.
    seconds: Option<u64>,
}

impl Arguments {
    fn read() -> std::result::Result<Self, String> {
        let mut read = Self {
            binary: "target/release/brokerbeat".to_owned(),
            seconds: None,
        };
        if let Ok(text) = std::env::var("DEMO_SECONDS") {
            let seconds = text.parse();
            read.seconds = Some(
                seconds
                    .map_err(|_| format!("DEMO_SECONDS is `{text}`, not a number of seconds"))?,
            );
        }
        for argument in std::env::args().skip(1) {
            match argument.as_str() {
                "--once" => read.seconds = read.seconds.or(Some(ONCE_SECONDS)),
                option if option.starts_with('-') => {
                    return Err(format!("`{option}` is unknown; there is --once"));
                }
                _ => read.binary = argument,
            }
        }
        match std::path::Path::new(&read.binary).is_file() {
            true => Ok(read),
            false => Err(format!(
                "{} is not there; `make demo` builds it",
                read.binary
            )),
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let interrupted = on_interrupt();
    let Some(servers) = start_interruptible(&interrupted)? else {
        return Ok(ExitCode::SUCCESS);
    };
    println!("downloaded {} MB in all", megabytes(downloaded_bytes()));
    let agent = Agent::start(&arguments.binary, &servers)?;
    let start = Instant::now();
    let over = || {
        let seconds = start.elapsed().as_secs();
        arguments.seconds.is_some_and(|limit| seconds >= limit)
    };
    while !interrupted.load(Ordering::Relaxed) && !over() {
        wait(REPORT_EVERY, &interrupted);
        agent.check()?;
        report::print(&servers, &agent);
    }
    agent.stop()?;
    let code = match arguments.seconds {
        Some(_) if !interrupted.load(Ordering::Relaxed) => report::verdict(&servers),
        _ => ExitCode::SUCCESS,
    };
    println!("stopping the servers");
    Ok(code)
}

/// Set by Ctrl-C. A second one ends the demo at once; the kernel then kills the servers.
fn on_interrupt() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let registered = flag::register_conditional_shutdown(signal, 130, Arc::clone(&interrupted))
            .and_then(|_| flag::register(signal, Arc::clone(&interrupted)));
        if let Err(error) = registered {
            eprintln!("demo: signal {signal} will end it without a word: {error}");
        }
    }
    interrupted
}

/// Starts the servers, or none of them if Ctrl-C comes first: a download takes minutes, and nobody waits for it.
fn start_interruptible(interrupted: &AtomicBool) -> Result<Option<Servers>> {
    let starter = thread::spawn(Servers::start);
    while !starter.is_finished() && !interrupted.load(Ordering::Relaxed) {
        wait(Duration::from_millis(200), interrupted);
    }
    if interrupted.load(Ordering::Relaxed) {
        stack::interrupt();
    }
    match starter.join() {
        Ok(Err(Error::Interrupted)) => Ok(None),
        Ok(servers) => servers.map(Some),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Waits for a while, or until Ctrl-C.
fn wait(time: Duration, interrupted: &AtomicBool) {
    let start = Instant::now();
    while start.elapsed() < time && !interrupted.load(Ordering::Relaxed) {
        thread::park_timeout(Duration::from_millis(100));
    }
}
