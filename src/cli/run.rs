//! `brokerbeat run`.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::agent;
use crate::config::{Config, Source};
use crate::data_directory::DataDirectory;

/// Runs the agent until SIGINT or SIGTERM.
pub(super) fn run(source: Source, config: Config) -> ExitCode {
    tracing::info!(version = env!("CARGO_PKG_VERSION"), config = %source.path.display(), "starting");
    let started = super::output(&config).and_then(|_| DataDirectory::open(&config.path_data));
    let directory = match started {
        Ok(directory) => directory,
        Err(error) => return super::wrong(error),
    };
    let result = super::block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let stop = async move {
            tokio::select! {
                _ = interrupt.recv() => tracing::info!("SIGINT, stopping"),
                _ = terminate.recv() => tracing::info!("SIGTERM, stopping"),
                _ = hang_up.recv() => tracing::info!("SIGHUP, stopping"),
            }
        };
        agent::run(source, config, directory, stop).await
    });
    super::finish(result.flatten())
}
