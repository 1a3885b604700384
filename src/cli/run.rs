//! `brokerbeat run`.

use std::process::ExitCode;
use std::sync::Arc;

use crate::agent::{self, Resources};
use crate::config::{Config, QueuePlan, Source};
use crate::data_directory::DataDirectory;
use crate::health::Server;
use crate::ship::Shipper;
use crate::spool::{Recovered, Spool};

/// Runs the agent until SIGINT or SIGTERM.
pub(super) fn run(source: Source, config: Config) -> ExitCode {
    tracing::info!(version = env!("CARGO_PKG_VERSION"), config = %source.path.display(), "starting");
    let ended = super::block_on(async {
        match open(&config) {
            Ok(resources) => super::finish(run_with(source, config, resources).await),
            Err(error) => super::wrong(error),
        }
    });
    ended.unwrap_or_else(|error| super::finish(Err(error)))
}

/// Takes what the agent needs of this machine. What cannot be had here is a mistake of the configuration.
fn open(config: &Config) -> anyhow::Result<Resources> {
    let output = super::output(config)?;
    let directory = DataDirectory::open(&config.path_data)?;
    let spool = Arc::new(open_queue(&config.queue)?);
    Ok(Resources {
        directory,
        shipper: Shipper::new(config, output, spool.clone())?,
        spool,
        http: config.http.as_ref().map(Server::bind).transpose()?,
    })
}

async fn run_with(source: Source, config: Config, resources: Resources) -> anyhow::Result<()> {
    let signal = super::stop_signal()?;
    let stop = async {
        let name = signal.await;
        tracing::info!("{name}, stopping");
    };
    agent::run(source, config, resources, stop).await
}

/// Opens the queue and says what an earlier run has left in it.
fn open_queue(plan: &QueuePlan) -> anyhow::Result<Spool> {
    let (spool, recovered) = Spool::open(&plan.path, plan.max_bytes)?;
    spool.set_max_age(plan.max_age);
    let Recovered {
        waiting,
        lost,
        damaged_bytes,
        cursor_lost,
    } = recovered;
    let directory = plan.path.display();
    if waiting > 0 {
        tracing::info!(documents = waiting, %directory, "documents of an earlier run wait in the queue");
    }
    if cursor_lost {
        tracing::warn!(%directory, "the queue's cursor is damaged: everything in the queue is shipped again, what is there already counts as duplicate");
    }
    if lost > 0 || damaged_bytes > 0 {
        tracing::error!(documents = lost, bytes = damaged_bytes, %directory, "parts of the queue are damaged: left aside and counted as dropped");
    }
    Ok(spool.with_dead_letter(plan.dead_letter_max_bytes))
}
