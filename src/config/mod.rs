//! What was written → what is usable.

mod effective;
mod problem;
mod secret;
mod section;
mod tree;
pub mod units;

pub use effective::to_yaml;
pub use problem::Problem;
pub use secret::{Secret, without_user_info};
pub use section::{Findings, Section};
pub use tree::Tree;
