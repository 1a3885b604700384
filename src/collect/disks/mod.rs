//! Log directories of brokers on this machine: how much room is left on their file systems, which Kafka's JMX does not tell.

mod config;
mod fetch;
mod map;

use super::{Collected, Collector, Cycle, Kind, Pending};
use fetch::Directories;
use map::Owners;

/// The line of the list of collectors.
pub const KIND: Kind = Kind {
    key: "disks",
    read: config::read,
};

/// The directories of this machine.
struct Disks {
    directories: Directories,
    owners: Owners,
}

impl Collector for Disks {
    fn collect<'a>(&'a mut self, cycle: &'a Cycle) -> Pending<'a, Collected> {
        Box::pin(async move {
            let looks = self.directories.look(cycle.deadline).await;
            self.owners.collected(&looks)
        })
    }
}
