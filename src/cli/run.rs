//! `brokerbeat run`.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::agent;
use crate::config::{Config, Source};

/// Runs the agent until SIGINT or SIGTERM.
pub(super) fn run(source: Source, config: Config) -> ExitCode {
    tracing::info!(version = env!("CARGO_PKG_VERSION"), config = %source.path.display(), "starting");
    if let Err(error) = crate::data_directory::agent_id(&config.path_data) {
        super::complain(&error);
        return ExitCode::from(super::WRONG);
    }
    let result = super::runtime().and_then(|runtime| {
        runtime.block_on(async {
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            let stop = async move {
                tokio::select! {
                    _ = interrupt.recv() => tracing::info!("SIGINT, stopping"),
                    _ = terminate.recv() => tracing::info!("SIGTERM, stopping"),
                }
            };
            agent::run(source, config, stop).await
        })
    });
    super::finish(result)
}
