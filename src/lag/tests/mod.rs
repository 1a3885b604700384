//! A model of a partition, and what is said about it.

mod groups;
mod properties;
mod restart;
mod scenarios;

use std::time::Duration;

use super::evaluator::Evaluator;
use super::group::{GroupVerdict, Verdict};
use super::rules::{Rules, Settings};
use super::sight::{Reader, Sample, Sight};

/// Interval of the tests; the window is 30 of them.
pub(super) const INTERVAL: u64 = 10_000;

pub(super) fn rules() -> Rules {
    Rules::new(&Settings::default(), Duration::from_millis(INTERVAL))
}

/// A partition and a consumer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    pub(super) start: i64,
    pub(super) committed: i64,
    pub(super) end: i64,
}

impl Model {
    pub(super) fn sight(&self) -> Sight {
        Sight::Sample(Sample {
            committed: self.committed,
            log_start: Some(self.start),
            log_end: self.end,
        })
    }
}

/// One cycle of a group `g` with these partitions of the topic `t`.
pub(super) fn cycle(
    evaluator: &mut Evaluator,
    tick: u64,
    partitions: &[(i32, Sight, Reader)],
) -> (Vec<(i32, Verdict)>, GroupVerdict) {
    evaluator.begin(tick, Some("cluster"));
    let mut group = evaluator.group("g");
    let mut verdicts: Vec<_> = partitions
        .iter()
        .map(|(id, sight, reader)| (*id, group.partition("t", *id, *sight, *reader)))
        .collect();
    let verdict = group.finish(None);
    evaluator.end(true);
    verdicts.sort_by_key(|(id, _)| *id);
    (verdicts, verdict)
}
