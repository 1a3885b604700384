//! librdkafka behind safe types.
//!
//! The crate `rdkafka` has no wrapper for the admin calls needed here, `rdkafka-sys` has the
//! bindings.
//!
//! - [`request`]: what is asked
//! - [`answer`]: what comes back
//! - [`failure`]: why not
//! - [`sys`]: properties and client, the only `unsafe` of the agent

mod alive;
pub mod answer;
pub mod failure;
pub mod request;
pub mod sys;
#[cfg(test)]
mod tests;

pub use alive::wait_until_gone;
pub use answer::{Answered, AnyGroup, Cluster, Configured, Event, Offset, Record, TopicId};
pub use failure::{Failure, Refusal};
pub use request::{End, Request};
pub use sys::{Handle, Properties, Tap, share_one_heap};
