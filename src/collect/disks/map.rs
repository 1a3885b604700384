//! Looks at directories → documents of brokers' disks.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::fetch::{Look, Room};
use crate::collect::{Collected, Fault, FaultKind};
use crate::document::Document;

/// Whose a log directory is, as `meta.properties` says (Kafka's `MetaProperties`).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owner {
    /// `node.id`, of brokers with a ZooKeeper `broker.id`.
    broker: u64,
    /// `cluster.id`; brokers before 2.4 write none.
    cluster: Option<String>,
}

/// Whose each directory was when it last said so: of one whose disk fails that is no longer read.
#[derive(Debug, Default)]
pub(super) struct Owners(BTreeMap<PathBuf, Owner>);

impl Owners {
    pub(super) fn collected(&mut self, looks: &[Look]) -> Collected {
        let mut collected = Collected::default();
        for look in looks {
            let Some((room, owner)) = self.known(look, &mut collected.faults) else {
                continue;
            };
            collected.up = true;
            if let (Some(first), Some(this)) = (&collected.cluster_id, &owner.cluster)
                && first != this
            {
                collected
                    .faults
                    .push(of_another_cluster(&look.path, this, first));
                continue;
            }
            collected.cluster_id = collected.cluster_id.or_else(|| owner.cluster.clone());
            collected.documents.push(document(&look.path, &owner, room));
        }
        collected
    }

    /// What a look has shown, and whose the directory is.
    fn known(&mut self, look: &Look, faults: &mut Vec<Fault>) -> Option<(Room, Owner)> {
        let path = &look.path;
        let Some(seen) = &look.seen else {
            let message = format!("{}: the file system does not answer", path.display());
            faults.push(Fault::new(FaultKind::Timeout, message));
            return None;
        };
        let room = match &seen.room {
            Ok(room) => *room,
            Err(error) => {
                faults.push(unseen(path, error));
                return None;
            }
        };
        let told = match &seen.properties {
            Ok(text) => owner(text).ok_or("it names no node.id or broker.id".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        match told {
            Ok(owner) => drop(self.0.insert(path.clone(), owner)),
            Err(why) => {
                // Perhaps it is no longer mounted: the room would be that of the file system below.
                if is_missing(&seen.properties) {
                    self.0.remove(path);
                }
                faults.push(nobodys(path, &why));
            }
        }
        Some((room, self.0.get(path)?.clone()))
    }
}

fn is_missing(properties: &io::Result<String>) -> bool {
    let error = properties.as_ref().err();
    error.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn unseen(path: &Path, error: &io::Error) -> Fault {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => {
            "; is it the broker's `log.dirs`, and mounted where the agent runs?"
        }
        io::ErrorKind::PermissionDenied => {
            "; the agent's user must be able to enter the directories above it"
        }
        _ => "",
    };
    Fault::new(
        FaultKind::Partial,
        format!("{}: {error}{hint}", path.display()),
    )
}

fn nobodys(path: &Path, why: &str) -> Fault {
    let message = format!(
        "{}/meta.properties: {why}; without it nobody knows which broker's the directory is",
        path.display()
    );
    Fault::new(FaultKind::Partial, message)
}

fn of_another_cluster(path: &Path, this: &str, first: &str) -> Fault {
    let message = format!(
        "{}: is of the Kafka cluster {this}, and the directories before it are of {first}; write each under its own cluster",
        path.display()
    );
    Fault::new(FaultKind::Identity, message)
}

/// Reads Java's properties: a key, `=`, a value, in which `store` puts a backslash before signs that have a meaning.
fn owner(properties: &str) -> Option<Owner> {
    let lines = properties
        .lines()
        .filter(|line| !line.starts_with(['#', '!']));
    let entries: BTreeMap<&str, String> = lines
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim(), value.trim().replace('\\', "")))
        .collect();
    let id = entries.get("node.id").or_else(|| entries.get("broker.id"));
    Some(Owner {
        broker: id?.parse().ok()?,
        cluster: entries.get("cluster.id").cloned(),
    })
}

fn document(path: &Path, owner: &Owner, room: Room) -> Document {
    Document::new("kafka.broker", "disk")
        .key("kafka.broker.id", owner.broker)
        .key(
            "kafka.broker.log.directory.path",
            path.display().to_string(),
        )
        .with("kafka.broker.log.directory.disk.total", room.total)
        .with("kafka.broker.log.directory.disk.available", room.available)
        .with_some("kafka.broker.log.directory.disk.used.pct", used(room))
}

/// As `df` says it: of what the broker has and may have, not of what is kept for root.
fn used(room: Room) -> Option<f64> {
    let used = room.total.saturating_sub(room.free);
    let all = used.saturating_add(room.available);
    (all > 0).then(|| used as f64 / all as f64)
}

#[cfg(test)]
mod tests;
