//! Out of the queue: to where documents go.
//!
//! A record leaves the queue only by a verdict of its output.

pub mod elasticsearch;
