//! What is missing of the old consumers' groups, in sentences. Pure.

use super::store::{OddNodes, OldStore};
use crate::collect::kafka::snapshot::{Missing, Reason};
use crate::collect::{Fault, FaultKind};

/// The faults of the store.
pub fn faults(store: &OldStore) -> Vec<Fault> {
    let away = store.away.as_ref().map(|why| away(store, why));
    let odd = store.odd.iter().map(|(kind, (count, examples))| {
        let sentence = sentence(*kind, *count, &examples.join(", "));
        Fault::new(
            fault_kind(*kind),
            format!("ZooKeeper {}: {sentence}", store.place),
        )
    });
    away.into_iter().chain(odd).collect()
}

fn away(store: &OldStore, why: &Missing) -> Fault {
    let kind = match why.reason {
        Reason::NotAuthorized => FaultKind::Refused,
        _ => FaultKind::Partial,
    };
    let what = match store.incomplete {
        true => "some offsets of old consumers are missing",
        false => "the offsets of old consumers are missing",
    };
    Fault::new(
        kind,
        format!("ZooKeeper {}: {what}: {}", store.place, why.message),
    )
}

fn fault_kind(kind: OddNodes) -> FaultKind {
    match kind {
        OddNodes::Refused => FaultKind::Refused,
        _ => FaultKind::Partial,
    }
}

fn sentence(kind: OddNodes, count: u64, examples: &str) -> String {
    match kind {
        OddNodes::Refused => format!(
            "{count} nodes are not for us ({examples}); let this user read them, or exclude the groups"
        ),
        OddNodes::Failed => format!("{count} nodes answer with an error ({examples})"),
        OddNodes::NoOffset => format!("{count} nodes have no offset ({examples})"),
        OddNodes::BadName => format!("{count} nodes have no usable name ({examples})"),
        OddNodes::TooManyGroups => format!(
            "{count} groups are left out, {examples} are the most; exclude some with `kafka.groups`"
        ),
        OddNodes::TooManyTopics => format!(
            "{count} topics of groups are left out, {examples} are the most; exclude some with `kafka.groups` or `kafka.topics`"
        ),
        OddNodes::TooManyPartitions => format!(
            "{count} partitions of groups are left out, {examples} are the most; exclude some with `kafka.groups` or `kafka.topics`"
        ),
    }
}
