//! What can be wrong with a partition, and how many of a topic or cluster have it. Pure.
//!
//! As `kafka-topics.sh --describe` with `--unavailable-partitions` … tells them, but for one: a
//! partition without a leader is below its least ISR, and not also at it.

use super::snapshot::{Inventory, Partition, Topic};
use crate::document::Document;

/// Whether a partition has the problem. The number is `min.insync.replicas`; without it some
/// cannot be told.
type Has = fn(&Partition, Option<i64>) -> Option<bool>;

/// Name in the fields, and how it shows.
const PROBLEMS: &[(&str, Has)] = &[
    ("offline", |one, _| Some(is_offline(one))),
    ("under_replicated", |one, _| {
        Some(one.isr.len() < one.replicas.len())
    }),
    ("under_min_isr", |one, min| {
        let min = min?;
        Some(is_offline(one) || in_sync(one) < min)
    }),
    ("at_min_isr", |one, min| {
        let min = min?;
        Some(!is_offline(one) && in_sync(one) == min)
    }),
    ("non_preferred_leader", |one, _| {
        let preferred = one.replicas.first();
        Some(one.leader.is_some() && one.leader.as_ref() != preferred)
    }),
];

fn is_offline(partition: &Partition) -> bool {
    partition.leader.is_none()
}

fn in_sync(partition: &Partition) -> i64 {
    i64::try_from(partition.isr.len()).unwrap_or(i64::MAX)
}

/// `min.insync.replicas` of a topic, where it is known.
pub(super) fn min_isr(inventory: &Inventory, topic: &str) -> Option<i64> {
    let config = inventory.topics.get(topic)?.as_ref().ok()?;
    config.min_insync_replicas
}

/// A flag for each.
pub(super) fn flags(mut document: Document, one: &Partition, min_isr: Option<i64>) -> Document {
    for (name, has) in PROBLEMS {
        let field = format!("kafka.partition.partition.{name}");
        document = document.with_some(field, has(one, min_isr));
    }
    document
}

/// How many partitions have each, of those for which it can be told; nothing where it can be told
/// for none.
pub(super) fn counts<'a>(
    mut document: Document,
    prefix: &str,
    topics: impl Iterator<Item = &'a Topic> + Clone,
    inventory: &Inventory,
) -> Document {
    for (name, has) in PROBLEMS {
        let told = topics.clone().flat_map(|topic| {
            let min_isr = min_isr(inventory, &topic.name);
            let partitions = topic.partitions.iter();
            partitions.filter_map(move |one| has(one, min_isr))
        });
        let (mut any, mut count) = (false, 0_u64);
        for one in told {
            any = true;
            count += u64::from(one);
        }
        let is_empty = topics.clone().all(|topic| topic.partitions.is_empty());
        let field = format!("{prefix}.{name}_partitions");
        document = document.with_some(field, (any || is_empty).then_some(count));
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(name: &str, leader: Option<i32>, isr: &[i32], min_isr: Option<i64>) -> Option<bool> {
        let partition = Partition {
            id: 0,
            error: None,
            leader,
            replicas: vec![1, 2, 3],
            isr: isr.to_vec(),
        };
        let (_, has) = PROBLEMS.iter().find(|(known, _)| *known == name)?;
        has(&partition, min_isr)
    }

    /// Problem, leader, ISR, least ISR, and whether the partition has it.
    type Case<'a> = (&'a str, Option<i32>, &'a [i32], Option<i64>, Option<bool>);

    #[test]
    fn problems_are_those_of_kafkas_tool() {
        let table: &[Case<'_>] = &[
            ("offline", None, &[1], None, Some(true)),
            ("offline", Some(1), &[1], None, Some(false)),
            ("under_replicated", Some(1), &[1, 2], None, Some(true)),
            ("under_replicated", Some(1), &[1, 2, 3], None, Some(false)),
            ("under_min_isr", Some(1), &[1], Some(2), Some(true)),
            ("under_min_isr", Some(1), &[1, 2], Some(2), Some(false)),
            ("under_min_isr", Some(1), &[1], None, None),
            ("under_min_isr", None, &[1, 2], Some(1), Some(true)),
            ("under_min_isr", None, &[1], None, None),
            ("at_min_isr", Some(1), &[1, 2], Some(2), Some(true)),
            ("at_min_isr", Some(1), &[1], Some(2), Some(false)),
            ("at_min_isr", Some(1), &[1, 2], None, None),
            ("at_min_isr", None, &[1, 2], Some(2), Some(false)),
            ("non_preferred_leader", Some(2), &[2], None, Some(true)),
            ("non_preferred_leader", Some(1), &[1], None, Some(false)),
            ("non_preferred_leader", None, &[1], None, Some(false)),
        ];
        for (name, leader, isr, min, wanted) in table {
            let found = has(name, *leader, isr, *min);
            assert_eq!(found, *wanted, "{name} {leader:?} {isr:?} {min:?}");
        }
    }
}
