//! Starts servers, says their process ids, and waits to be killed: for the test that nothing is left behind.

#![allow(
    clippy::print_stdout,
    reason = "the test that starts this program reads it"
)]

use std::time::Duration;

use stack::{Elasticsearch, Result, ZooKeeper};

/// Longer than the test lives, and an end if there is no test.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let zookeeper = ZooKeeper::start()?;
    let elasticsearch = Elasticsearch::start()?;
    let (first, second) = (zookeeper.process().pid(), elasticsearch.process().pid());
    println!("servers {first} {second}");
    zookeeper.process().wait(PATIENCE)?;
    Ok(())
}
