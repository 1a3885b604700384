//! What consumer lag means: from offsets to seconds. Pure.

pub mod seconds;
