//! Dashboards and alerting rules for Kibana, made of a readable source and checked without a Kibana.
//!
//! ```text
//! fields.yml ──► catalogue ─┐
//! kibana/*.yml ─► source ───┴─► objects + lens ──► dashboards.ndjson ──► query ──► queries.ndjson
//!                            └► rules ───────────► rules.ndjson, slos.ndjson
//!                            └► pages ───────────► docs/dashboards.md, docs/alerts.md
//! ```
//!
//! - [`source`]: what is written by hand
//! - [`catalogue`]: which fields there are
//! - [`objects`]: saved objects, with Lens panels by value
//! - [`rules`]: bodies for the alerting API
//! - [`validate`]: what Kibana would refuse, or take and show wrong
//! - [`query`]: what Lens would ask Elasticsearch, for tests with a real one
//! - [`picture`]: pages that draw dashboards from these answers
//! - [`kql`]: Kibana's query language

pub mod catalogue;
mod ids;
pub mod kql;
mod lens;
pub mod objects;
pub mod pages;
pub mod picture;
pub mod query;
pub mod rules;
pub mod source;
mod source_dashboard;
mod source_rule;
pub mod validate;
#[path = "../../../src/yaml.rs"]
pub mod yaml;

use std::path::Path;

use catalogue::Catalogue;
use source::Source;

/// A generated file: its path below the repository, and its text.
pub type Generated = (&'static str, String);

/// Everything that is made, as files.
pub fn generate(source: &Source, catalogue: &Catalogue) -> Result<Vec<Generated>, String> {
    let objects = objects::saved_objects(source, catalogue);
    Ok(vec![
        ("kibana/dashboards.ndjson", objects::to_ndjson(&objects)),
        (
            "kibana/queries.ndjson",
            objects::to_ndjson(&query::queries(&objects)?),
        ),
        (
            "kibana/rules.ndjson",
            objects::to_ndjson(&rules::rules(source, catalogue)?),
        ),
        (
            "kibana/slos.ndjson",
            objects::to_ndjson(&rules::slos(source)),
        ),
        ("docs/dashboards.md", pages::dashboards(source)),
        ("docs/alerts.md", pages::alerts(source)),
    ])
}

/// Source and catalogue of the repository at `root`.
pub fn read(root: &Path) -> Result<(Source, Catalogue), Box<dyn std::error::Error>> {
    let source = Source::read(root)?;
    let text = source::read_text(&root.join("fields.yml"))?;
    let catalogue = Catalogue::parse(&text).map_err(|what| format!("fields.yml: {what}"))?;
    Ok((source, catalogue))
}
