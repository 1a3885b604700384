//! The fields that documents may carry, as far as a panel or a rule asks for them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// Field types, metrics and units by name, and which dataset has which field.
#[derive(Debug)]
pub struct Catalogue {
    fields: BTreeMap<String, Field>,
    datasets: BTreeMap<String, Dataset>,
}

/// One dataset.
#[derive(Debug)]
struct Dataset {
    is_logs: bool,
    fields: BTreeSet<String>,
}

/// What is known of a field.
#[derive(Debug, Clone, Deserialize)]
pub struct Field {
    name: String,
    /// Elasticsearch type.
    #[serde(rename = "type")]
    pub field_type: String,
    /// gauge or counter.
    pub metric: Option<String>,
    /// As in `fields.yml`.
    pub unit: Option<String>,
    /// What the agent makes it of: other fields of the same document, by how.
    #[serde(default)]
    pub derived: BTreeMap<String, String>,
}

impl Field {
    /// Whether it only grows.
    pub fn is_counter(&self) -> bool {
        self.metric.as_deref() == Some("counter")
    }

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        matches!(self.field_type.as_str(), "long" | "double")
    }

    /// Whether Elasticsearch can make buckets of it.
    pub fn is_aggregatable(&self) -> bool {
        self.field_type != "text"
    }

    /// Kibana's word for the type.
    pub fn kibana_type(&self) -> &'static str {
        match self.field_type.as_str() {
            "long" | "double" => "number",
            "boolean" => "boolean",
            "date" => "date",
            "ip" => "ip",
            _ => "string",
        }
    }
}

#[derive(Deserialize)]
struct Source {
    base: Vec<Field>,
    shared: Vec<Field>,
    datasets: Vec<SourceDataset>,
}

#[derive(Deserialize)]
struct SourceDataset {
    name: String,
    #[serde(default, rename = "type")]
    stream_type: Option<String>,
    shared: Vec<String>,
    fields: Vec<Field>,
}

impl Catalogue {
    /// Out of the text of `fields.yml`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let tree = crate::yaml::parse(text).map_err(|error| error.to_string())?;
        let source: Source = serde_json::from_value(tree.to_json()).map_err(|e| e.to_string())?;
        let base: BTreeSet<String> = source.base.iter().map(|f| f.name.clone()).collect();
        let datasets = source.datasets.iter().map(|dataset| {
            let own = dataset.fields.iter().map(|f| f.name.clone());
            let fields = base.iter().chain(&dataset.shared).cloned().chain(own);
            let is_logs = dataset.stream_type.as_deref() == Some("logs");
            let fields = fields.collect();
            (dataset.name.clone(), Dataset { is_logs, fields })
        });
        let datasets = datasets.collect();
        let own = source.datasets.into_iter().flat_map(|d| d.fields);
        let all = source.base.into_iter().chain(source.shared).chain(own);
        Ok(Self {
            fields: all.map(|field| (field.name.clone(), field)).collect(),
            datasets,
        })
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(name)
    }

    /// Whether there is such a dataset.
    pub fn has_dataset(&self, dataset: &str) -> bool {
        self.datasets.contains_key(dataset)
    }

    /// Whether documents of the dataset may carry the field.
    pub fn has(&self, dataset: &str, field: &str) -> bool {
        let dataset = self.datasets.get(dataset);
        dataset.is_some_and(|dataset| dataset.fields.contains(field))
    }

    /// Whether the dataset is in the streams of logs.
    pub fn is_logs(&self, dataset: &str) -> bool {
        self.datasets.get(dataset).is_some_and(|d| d.is_logs)
    }
}
