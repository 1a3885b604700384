//! What Elasticsearch needs before the first document: generated from the catalogue or
//! written in `pipelines/`, installed by `setup`.

mod fields_page;
mod pipelines;
mod setup;
mod templates;

pub use fields_page::fields_page;
pub use pipelines::pipelines;
pub use setup::{Installed, SetupError, install};
pub use templates::{Asset, Owner, VERSION, all, for_dataset, owner_of, templates};
