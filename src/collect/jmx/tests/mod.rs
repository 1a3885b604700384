//! Tests of the whole collector; small ones stand beside what they test.

mod budget;
mod capture;
mod config;
mod golden;
mod harm;
mod live;
mod map;
mod own;
mod page;
mod presets;
mod tls;
mod twins;

use std::time::Duration;

use tokio::time::Instant;

use super::super::{Collected, Cycle};

/// One cycle of the one target of a section.
async fn collect(section: &str, patience: Duration) -> Collected {
    let (plans, problems) = config::read(section);
    assert_eq!(problems, [""; 0]);
    let mut collector = (plans[0].build)();
    let deadline = Instant::now() + patience;
    let collected = collector.collect(&Cycle::until(deadline)).await;
    collector.close().await;
    collected
}
