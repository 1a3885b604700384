//! What several benchmarks need.

#![allow(dead_code, reason = "no benchmark needs all of it")]

pub(crate) mod agent;
pub(crate) mod figures;
pub(crate) mod process;
pub(crate) mod words;
