//! What consumer lag means: from the offsets of a cycle to a status with its reason, rates and forecasts. Pure.
//!
//! The rules are Burrow's over a sliding window (linkedin/Burrow, `core/internal/evaluator/caching.go`), with its
//! false alarms mended. Burrow sees commits; we sample commits *and* log ends at every tick, so that
//!
//! - a consumer that stops is seen although it no longer commits (Burrow#58, #113): lag without a
//!   commit for a window is STOP (no members) or STALL (members);
//! - a quiet topic stays OK (Burrow#38, #123, #128, #303): time counts from the first sample
//!   with lag, not from the last commit, which may be days old;
//! - a consumer that commits rarely gets the patience it needs (Burrow#303): twice its own longest pause.
//!
//! In reading order: [`status`] the words, [`sight`] what goes in, [`rules`] settings and constants,
//! [`window`], [`rates`], [`series`] one partition, [`standing`] changes, [`group`], [`evaluator`] a cluster,
//! [`state`] what outlives a restart; [`seconds`] how old the first unread record is.

pub mod evaluator;
pub mod group;
pub mod rates;
pub mod rules;
pub mod seconds;
pub mod series;
pub mod sight;
pub mod standing;
pub mod state;
pub mod status;
#[cfg(test)]
mod tests;
pub mod window;

pub use evaluator::Evaluator;
pub use group::{Change, GroupVerdict, Verdict};
pub use rules::{Rules, Settings};
pub use sight::{Reader, Sample, Sight};
pub use status::{Cause, Status};
