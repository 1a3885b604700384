//! The tests of the assets: one binary, as it links faster.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its message")]

mod drift;
mod faults;
mod goldens;
mod meaning;
mod rule_faults;

use std::path::{Path, PathBuf};

use kibana_assets::catalogue::Catalogue;
use kibana_assets::source::Source;

/// The folder of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read() -> (Source, Catalogue) {
    kibana_assets::read(&root()).expect("the source of the repository can be read")
}
