//! A disk that fills, beside a broker.

use std::fs;
use std::path::{Path, PathBuf};

use stack::Kafka;

use super::stage::Stage;
use crate::agent::Agent;
use crate::disk::fill;

/// What Kafka keeps in a log directory: whose it is.
const PROPERTIES: &str = "meta.properties";
/// Nine tenths of the small disk.
const MOST_OF_IT: usize = 940 << 10;

/// Makes the agent's small disk a log directory of this broker.
pub(super) fn lend(agent: &Agent, disk: &Path, broker: &Kafka) {
    let file = broker.log_directory().join(PROPERTIES);
    fs::copy(file, inside(agent, disk).join(PROPERTIES)).expect("it can be copied");
}

/// The disk as seen from here.
fn inside(agent: &Agent, disk: &Path) -> PathBuf {
    format!("/proc/{}/root{}", agent.pid(), disk.display()).into()
}

pub(super) fn play(stage: &Stage<'_>) {
    let Some((agent, disk)) = stage.disk else {
        return;
    };
    let ballast = inside(agent, disk).join("ballast");
    let remove = || fs::remove_file(&ballast).expect("it can be removed");
    let whose = "orders 1";
    let most = || fs::write(&ballast, vec![0; MOST_OF_IT]).expect("there is room");
    let nearly = [("disk-nearly-full", whose)];
    stage.incident("disk nearly full", &nearly, most, remove);
    let all = || drop(fill(agent, disk));
    stage.incident("disk full", &[("disk-full", whose)], all, remove);
}
