//! What is missing from a cycle, in sentences. Pure.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use super::client::Trouble;
use super::memory::without_coordinator;
use super::snapshot::{ByPartition, Group, LogEnds, Missing, Reason, Snapshot, Store};
use super::zookeeper_offsets;
use crate::collect::{Fault, FaultKind};

/// How many names a sentence lists before it says "and 7 more".
const NAMES: usize = 5;

/// A cluster of which nobody answered.
pub fn down(bootstrap: &[String], waited: Duration, trouble: Option<&Trouble>) -> Fault {
    let place = bootstrap.join(", ");
    let Some(trouble) = trouble else {
        let seconds = waited.as_secs_f32();
        let message = format!("no answer from kafka at {place} within {seconds:.1} s");
        return Fault::new(FaultKind::Timeout, message);
    };
    let (kind, what) = match trouble.auth {
        true => (
            FaultKind::Auth,
            "kafka refuses these credentials or wants another security.protocol",
        ),
        false => (FaultKind::Connect, "no connection to kafka"),
    };
    Fault::new(kind, format!("{what} at {place}: {}", trouble.text))
}

/// The parts that are missing from a cycle that was answered.
pub fn faults(snapshot: &Snapshot) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Err(missing) = &snapshot.metadata {
        faults.push(fault(
            "no metadata: brokers, topics and partitions are missing",
            missing,
        ));
    }
    if let Err(missing) = &snapshot.description {
        faults.push(fault(
            "no broker described the cluster: racks are missing",
            missing,
        ));
    }
    for (broker, missing) in &snapshot.unlisted {
        faults.push(fault(
            &format!("broker {broker} did not list its groups"),
            missing,
        ));
    }
    faults.extend(of_coordinators(snapshot));
    faults.extend(of_configs(snapshot));
    if let Some(Err(missing)) = &snapshot.inventory.other_groups
        && !is_limit(missing)
    {
        let what = "groups that are no consumer groups are not listed";
        faults.push(fault(what, missing));
    }
    faults.extend(of_groups(snapshot, "no committed offsets of", |group| {
        group.committed.as_ref().err()
    }));
    faults.extend(of_groups(snapshot, "no description of", |group| {
        group.description.as_ref().err()
    }));
    faults.extend(
        snapshot
            .old_store
            .iter()
            .flat_map(zookeeper_offsets::faults::faults),
    );
    faults.extend(of_logs(snapshot));
    faults.extend(of_records(snapshot));
    faults
}

fn fault(what: &str, missing: &Missing) -> Fault {
    let kind = match missing.reason {
        Reason::NotAuthorized => FaultKind::Refused,
        _ => FaultKind::Partial,
    };
    let why = match missing.message.as_str() {
        "" => missing.reason.as_str(),
        message => message,
    };
    Fault::new(kind, format!("{what}: {why}"))
}

/// Groups without a coordinator are listed by nobody: those that are not known by name are missing without a trace.
fn of_coordinators(snapshot: &Snapshot) -> Option<Fault> {
    let metadata = snapshot.metadata.as_ref().ok()?;
    let (leaderless, all) = without_coordinator(&metadata.topics);
    if leaderless.is_empty() {
        return None;
    }
    let message = format!(
        "{} of {all} in __consumer_offsets have no leader: groups that they coordinate cannot be read, and are missing if \
         they are not known by name",
        list("partition", &leaderless)
    );
    Some(Fault::new(FaultKind::Partial, message))
}

/// What no other try would bring: the documents say so, and it would hide what can be mended.
fn is_limit(missing: &Missing) -> bool {
    matches!(missing.reason, Reason::Unsupported | Reason::Pending)
}

/// A user who may not see configurations is told so by the documents alone: they are an extra.
fn of_configs(snapshot: &Snapshot) -> Vec<Fault> {
    let is_fault =
        |missing: &&Missing| !is_limit(missing) && missing.reason != Reason::NotAuthorized;
    let inventory = &snapshot.inventory;
    let topics = snapshot.metadata.iter().flat_map(|known| &known.topics);
    let topics: Vec<(&str, &Missing)> = topics
        .filter(|topic| topic.selected)
        .filter_map(|topic| Some((topic, inventory.topics.get(&topic.name)?)))
        .filter_map(|(topic, answer)| Some((topic.name.as_str(), answer.as_ref().err()?)))
        .filter(|(_, missing)| is_fault(missing))
        .collect();
    let brokers = inventory.brokers.iter();
    let brokers = brokers.filter_map(|(id, answer)| Some((id, answer.as_ref().err()?)));
    let brokers = brokers.filter(|(_, missing)| is_fault(missing));
    let mut faults: Vec<Fault> = brokers
        .map(|(id, missing)| fault(&format!("no configuration of broker {id}"), missing))
        .collect();
    if let Some((_, missing)) = topics.first() {
        let names: Vec<&str> = topics.iter().map(|(name, _)| *name).collect();
        let what = format!("no configuration of {}", list("topic", &names));
        faults.push(fault(&what, missing));
    }
    faults
}

fn of_groups(
    snapshot: &Snapshot,
    what: &str,
    missing: impl Fn(&Group) -> Option<&Missing>,
) -> Vec<Fault> {
    let mut by_reason: BTreeMap<Reason, (Vec<&str>, &Missing)> = BTreeMap::new();
    // Those of old consumers have faults of their own.
    let groups = snapshot.groups.iter();
    for group in groups.filter(|group| group.store == Store::Kafka) {
        if let Some(missing) = missing(group).filter(|missing| !is_limit(missing)) {
            by_reason
                .entry(missing.reason)
                .or_insert((Vec::new(), missing))
                .0
                .push(&group.id);
        }
    }
    by_reason
        .into_values()
        .map(|(groups, missing)| fault(&format!("{what} {}", list("group", &groups)), missing))
        .collect()
}

fn of_logs(snapshot: &Snapshot) -> Vec<Fault> {
    let missing = |ends: &LogEnds| {
        let ends = [&ends.latest, &ends.earliest];
        ends.into_iter().find_map(|end| end.as_ref().err().cloned())
    };
    of_partitions("no offsets of", &snapshot.logs, missing)
}

fn of_records(snapshot: &Snapshot) -> Vec<Fault> {
    let what = "lag.read_records: no record of";
    of_partitions(what, &snapshot.times.unread, |missing| {
        let mut missing = missing.clone();
        if missing.reason == Reason::NotAuthorized {
            missing.message += "; this user needs the right Read on topics for it";
        }
        Some(missing)
    })
}

fn of_partitions<T>(
    what: &str,
    all: &ByPartition<T>,
    missing: impl Fn(&T) -> Option<Missing>,
) -> Vec<Fault> {
    let mut by_reason: BTreeMap<Reason, (Vec<String>, Missing)> = BTreeMap::new();
    for (topic, partitions) in all {
        for (partition, value) in partitions {
            if let Some(missing) = missing(value) {
                let named = by_reason
                    .entry(missing.reason)
                    .or_insert((Vec::new(), missing));
                named.0.push(format!("{topic}-{partition}"));
            }
        }
    }
    by_reason
        .into_values()
        .map(|(names, missing)| fault(&format!("{what} {}", list("partition", &names)), &missing))
        .collect()
}

/// `3 groups (a, b, c)`.
fn list(what: &str, names: &[impl Display]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    let shown: Vec<String> = names.iter().take(NAMES).map(ToString::to_string).collect();
    let more = match names.len().saturating_sub(NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "{} {what}{plural} ({}{more})",
        names.len(),
        shown.join(", ")
    )
}
