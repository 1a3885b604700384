//! What Elasticsearch needs before the first document: generated from the catalogue, installed by `setup`.

mod fields_page;
mod setup;
mod templates;

pub use fields_page::fields_page;
pub use setup::{Installed, SetupError, install};
pub use templates::{Asset, Owner, VERSION, for_dataset, owner_of, templates};
