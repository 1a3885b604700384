//! Tests of the whole collector; small ones stand beside what they test.

mod budget;
mod capture;
mod config;
mod golden;
mod harm;
mod live;
mod map;
mod own;
mod page;
mod presets;
mod tls;
mod twins;
