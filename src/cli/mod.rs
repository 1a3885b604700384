//! The command line: a Beats user's habits. One file a subcommand.
//!
//! stdout is data, stderr is for people.

mod dead_letter;
mod export;
mod jmx;
mod lag;
mod once;
mod queue;
mod run;
mod setup;
mod show;

use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::collect::kafka::rdkafka::{share_one_heap, wait_until_gone};
use crate::config::{Config, Source};
use crate::ship::OutputConfig;

/// Done.
const DONE: u8 = 0;
/// Could not do it.
const FAILED: u8 = 1;
/// Command line or configuration wrong.
const WRONG: u8 = 2;
/// Done, with findings or parts missing.
const FINDINGS: u8 = 3;

/// Kafka and ZooKeeper metrics, JMX without a JVM, and consumer lag, into Elasticsearch.
#[derive(Debug, Parser)]
#[command(name = "brokerbeat", disable_version_flag = true)]
pub struct Cli {
    /// Configuration file
    #[arg(
        short = 'c',
        long = "config",
        global = true,
        default_value = "brokerbeat.yml"
    )]
    config: PathBuf,
    /// Lay a setting over the file (-E output.elasticsearch.hosts='["es:9200"]'); may be repeated
    #[arg(short = 'E', global = true, value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Log to stderr as text, whatever logging.format says
    #[arg(short = 'e', global = true)]
    stderr: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Collect and ship until SIGINT or SIGTERM
    Run,
    /// Collect once and write the documents to stdout, a JSON object a line
    Once,
    /// Install what Elasticsearch needs (pipelines, lifecycle policies, templates, roles), or remove it
    Setup(setup::Setup),
    /// Check something
    #[command(subcommand)]
    Test(Test),
    /// Write something to stdout
    #[command(subcommand)]
    Export(export::Export),
    /// Look at the JVMs of this machine and at the beans of any JVM, without a configuration
    #[command(subcommand)]
    Jmx(jmx::Jmx),
    /// Show the lag of consumer groups as a table, with seconds, status and reason
    Lag(lag::Lag),
    /// Look at the queue
    #[command(subcommand)]
    Queue(queue::Queue),
    /// Write version and platform
    Version,
}

#[derive(Debug, Subcommand)]
enum Test {
    /// Read the configuration and say all mistakes at once
    Config,
}

impl Cli {
    /// Does what was asked and says how it ended.
    pub fn execute(self) -> ExitCode {
        let mut source = Source {
            path: self.config,
            overrides: self.settings,
            only_groups: Vec::new(),
        };
        if let Command::Version = self.command {
            return version();
        }
        if let Command::Export(export) = &self.command
            && let Some(result) = export.without_config()
        {
            return finish(result);
        }
        if let Command::Jmx(jmx) = &self.command {
            return jmx.execute();
        }
        let loaded = match &self.command {
            Command::Lag(lag) => lag.config(&mut source),
            _ => source.load(),
        };
        let config = match loaded {
            Ok(config) => config,
            Err(error) => return wrong(error),
        };
        crate::logging::start(&config.logging, self.stderr);
        match self.command {
            Command::Run => run::run(source, config),
            Command::Once => once::once(&config),
            Command::Setup(setup) => setup.execute(&config),
            Command::Test(Test::Config) => finish(say("config OK")),
            Command::Export(export) => finish(export.with_config(&config)),
            Command::Jmx(jmx) => jmx.execute(),
            Command::Lag(lag) => lag.execute(&config),
            Command::Queue(queue) => queue.execute(&config),
            Command::Version => version(),
        }
    }
}

/// Command line or configuration wrong: says why.
fn wrong(error: impl Into<anyhow::Error>) -> ExitCode {
    complain(&error.into());
    ExitCode::from(WRONG)
}

fn version() -> ExitCode {
    finish(say(&format!(
        "brokerbeat {} ({}-{})",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS
    )))
}

/// The whole chain of an error in one line, on stderr.
fn complain(error: &anyhow::Error) {
    remark(&format!("brokerbeat: {error:#}"));
}

/// A line for people on stderr. Where nobody can hear it any more there is nobody to tell, either.
fn remark(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

fn finish(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::from(DONE),
        Err(error) => {
            complain(&error);
            ExitCode::from(FAILED)
        }
    }
}

/// Writes a line of data to stdout. A reader that has gone (`| head`) is no failure.
fn say(line: &str) -> anyhow::Result<()> {
    say_on(line).map(|_| ())
}

/// As [`say`]: whether anybody still reads.
fn say_on(line: &str) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A blocking call that is still under way when a command is done is left behind after this time.
const RUNTIME_SHUTDOWN: Duration = Duration::from_secs(1);

/// Runs a command that talks to servers. Two threads: one may be busy decoding while the other
/// keeps ticks on time.
fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    share_one_heap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
    wait_until_gone(RUNTIME_SHUTDOWN);
    Ok(done)
}

/// Notices signals to stop from now on; the future gives the first one's name.
fn stop_signal() -> std::io::Result<impl Future<Output = &'static str>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            _ = hang_up.recv() => "SIGHUP",
        }
    })
}

/// The output, which a command needs and a configuration may lack.
fn output(config: &Config) -> anyhow::Result<&OutputConfig> {
    let Some(output) = &config.output else {
        anyhow::bail!(
            "the configuration has no output; write output.elasticsearch: {{hosts: [\"http://localhost:9200\"]}}, or output.file, output.kafka or output.console: {{}}"
        );
    };
    Ok(output)
}
