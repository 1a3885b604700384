//! Tests of the whole collector; small ones stand beside what they test.

mod capture;
mod config;
mod golden;
mod live;
mod map;
mod presets;
mod tls;
