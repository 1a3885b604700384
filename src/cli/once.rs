//! `brokerbeat once`: one cycle of every target as NDJSON.

use std::process::ExitCode;
use std::sync::Arc;

use crate::clock::{Millis, Rhythm};
use crate::collect::{Batch, Target};
use crate::config::Config;
use crate::enrich::Agent;
use crate::identity::{ClusterIdentity, IdentityStore};
use crate::writer;

/// Collects once. Writes nothing but stdout.
pub(super) fn once(config: &Config) -> ExitCode {
    let agent = Agent::of(config, agent_id(config));
    let collected = super::block_on(collect(config, &agent.id));
    let batches = match collected {
        Ok(batches) => batches,
        Err(error) => return super::finish(Err(error)),
    };
    let complete = batches.iter().all(is_complete);
    for batch in batches {
        let mut result = Ok(());
        writer::encode(&agent, batch, |encoded| {
            result = super::say(&String::from_utf8_lossy(encoded.body));
            result.is_ok()
        });
        if result.is_err() {
            return super::finish(result);
        }
    }
    ExitCode::from(if complete {
        super::DONE
    } else {
        super::FINDINGS
    })
}

/// The stored id, or one for this cycle alone: `once` writes nothing.
fn agent_id(config: &Config) -> String {
    crate::data_directory::known_agent_id(&config.path_data)
        .unwrap_or_else(|| uuid::Uuid::new_v4().to_string())
}

async fn collect(config: &Config, agent_id: &str) -> Vec<Batch> {
    let stored = IdentityStore::new(&config.path_data)
        .load()
        .unwrap_or_default();
    let tick = Rhythm::new(config.interval, "once").last(Millis::now());
    let agent_id: Arc<str> = agent_id.into();
    let mut running = Vec::new();
    let mut clusters = Vec::new();
    for plan in &config.clusters {
        let stored = stored.get(&plan.name).cloned();
        let cluster = Arc::new(ClusterIdentity::new(
            plan.name.clone(),
            plan.id.clone(),
            stored,
        ));
        for target in &plan.targets {
            let mut target = Target::new(
                target,
                config.interval,
                agent_id.clone(),
                cluster.clone(),
                None,
            );
            running.push(tokio::spawn(async move {
                let batch = target.cycle(tick).await;
                target.close().await;
                batch
            }));
        }
        clusters.push(cluster);
    }
    let mut batches = Vec::new();
    for target in running {
        // A task that panicked has said so on stderr; the others' documents are still worth writing.
        if let Ok(batch) = target.await {
            batches.push(batch);
        }
    }
    // Alone, this cycle has no tick before it: what was learnt in it counts for it.
    clusters.iter().for_each(|cluster| cluster.settle());
    batches
}

fn is_complete(batch: &Batch) -> bool {
    let faults = batch
        .summary
        .iter()
        .filter_map(|summary| summary.get("brokerbeat.target.faults")?.as_u64());
    faults.sum::<u64>() == 0
}
