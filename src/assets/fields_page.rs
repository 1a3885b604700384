//! `docs/fields.md`.

use std::fmt::Write;

use crate::catalogue::{Catalogue, Derived, Field};

/// The page of all fields, by dataset.
pub fn fields_page(catalogue: &Catalogue) -> String {
    let mut page = String::from(
        "# Fields\n\nGenerated from `fields.yml` by `make generate`; do not edit.\n\n\
         Every document has the base fields; each dataset is a data stream \
         `metrics-brokerbeat.<dataset>-<namespace>` (or `logs-…`). A field that is absent is unknown, never 0.\n\n\
         An *increase* is what a counter rose by since the document before of the same series: absent in the first one after the agent's \
         start or a reload of its configuration, and the new value where the counter fell, as after a restart of its server.\n",
    );
    section(
        &mut page,
        "Base fields",
        "In every document.",
        catalogue.base.iter(),
    );
    for dataset in &catalogue.datasets {
        let title = format!(
            "{}-brokerbeat.{}",
            dataset.stream_type.as_str(),
            dataset.name
        );
        let meaning = format!("{}.", dataset.meaning);
        section(&mut page, &title, &meaning, catalogue.fields_of(dataset));
        for object in &dataset.dynamic {
            let name = format!("{}.*", object.name);
            page.push_str(&row(&name, object));
        }
    }
    page
}

fn section<'a>(
    page: &mut String,
    title: &str,
    meaning: &str,
    fields: impl Iterator<Item = &'a Field>,
) {
    write!(page, "\n## {title}\n\n{meaning}\n\n| field | type | unit | meaning | source |\n|---|---|---|---|---|\n")
        .expect("a String takes everything");
    for field in fields {
        page.push_str(&row(&field.name, field));
    }
}

fn row(name: &str, field: &Field) -> String {
    let mut kind = field.field_type.as_str().to_owned();
    if let Some(metric) = field.metric {
        kind = format!("{kind}, {}", metric.as_str());
    }
    if field.dimension {
        kind.push_str(", dimension");
    }
    let unit = field.unit.map_or("", |unit| unit.as_str());
    let source = source(field);
    let cell = |text: &str| text.replace('|', "\\|");
    format!(
        "| `{name}` | {kind} | {unit} | {} | {} |\n",
        cell(&field.meaning),
        cell(&source)
    )
}

fn source(field: &Field) -> String {
    match &field.derived {
        Some(Derived::Increase { increase }) => format!("increase of {increase}"),
        Some(Derived::Share { share, of }) => format!("{share} / {of}"),
        None => field.source.clone().unwrap_or_default(),
    }
}
