//! The field catalogue `fields.yml`: the single source of names, types, units and meanings.
//!
//! Embedded in the binary. Templates, `docs/fields.md` and the checks of the tests come from here.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use crate::document::leaves;

const SOURCE: &str = include_str!("../fields.yml");

/// The whole catalogue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// In every document.
    pub base: Vec<Field>,
    /// In the datasets that name them.
    pub shared: Vec<Field>,
    /// One entry a data stream.
    pub datasets: Vec<Dataset>,
}

/// One dataset: the middle of a data stream's name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Without the prefix `brokerbeat.`.
    pub name: String,
    /// `metrics` streams are time-series data streams; `logs` streams are not.
    #[serde(default, rename = "type")]
    pub stream_type: StreamType,
    /// Whether a metrics stream is a time-series one, which the documents of others cannot go to: they have no series.
    #[serde(default = "yes")]
    pub time_series: bool,
    /// The ingest pipeline that makes its documents of what is shipped; the agent's own need none.
    pub pipeline: Option<String>,
    /// What one document is about.
    pub meaning: String,
    /// Fields of other datasets, by name or as `prefix.*`.
    #[serde(default)]
    pub borrowed: Vec<String>,
    /// Names of shared fields.
    pub shared: Vec<String>,
    /// Its own fields.
    pub fields: Vec<Field>,
    /// Objects whose fields have names that the catalogue does not know; `name` is the object's, all else the fields'.
    #[serde(default)]
    pub dynamic: Vec<Field>,
}

fn yes() -> bool {
    true
}

impl Dataset {
    /// Whether its stream is a time-series data stream.
    pub fn is_time_series(&self) -> bool {
        self.stream_type == StreamType::Metrics && self.time_series
    }

    /// Whether it borrows the field of another one. Derived ones are made of the agent's own documents alone.
    fn borrows(&self, field: &Field) -> bool {
        let name = field.name.as_str();
        let is_meant = |wanted: &String| {
            wanted
                .strip_suffix('*')
                .map_or(wanted == name, |prefix| name.starts_with(prefix))
        };
        field.derived.is_none() && self.borrowed.iter().any(is_meant)
    }
}

/// First part of a data stream's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamType {
    /// Time series.
    #[default]
    Metrics,
    /// Lines.
    Logs,
}

impl StreamType {
    /// As in the data stream's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

/// One field.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Dotted name.
    pub name: String,
    /// Elasticsearch type.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// Gauge or counter, on measured numbers.
    pub metric: Option<Metric>,
    /// Unit as Elasticsearch's `meta.unit` has it.
    pub unit: Option<Unit>,
    /// Whether it is a key of the time series.
    #[serde(default)]
    pub dimension: bool,
    /// One sentence.
    pub meaning: String,
    /// Where the value comes from.
    pub source: Option<String>,
    /// Where it does not come from a server: what the agent makes it of.
    pub derived: Option<Derived>,
}

/// What a field is made of: other fields of the same dataset, which are not derived themselves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Derived {
    /// What a counter rose by since the document before of its series.
    Increase {
        /// The counter.
        increase: String,
    },
    /// The quotient of two fields of one document.
    Share {
        /// The part.
        share: String,
        /// The whole.
        of: String,
    },
}

impl Derived {
    /// The fields that it takes.
    pub fn inputs(&self) -> Vec<&str> {
        match self {
            Self::Increase { increase } => vec![increase],
            Self::Share { share, of } => vec![share, of],
        }
    }
}

/// Elasticsearch types in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "Elasticsearch's own names")]
pub enum FieldType {
    Keyword,
    ConstantKeyword,
    Text,
    Long,
    Double,
    Boolean,
    Date,
    Ip,
}

/// `time_series_metric`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "Elasticsearch's own names")]
pub enum Metric {
    Gauge,
    Counter,
}

/// `meta.unit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "Elasticsearch's own names")]
pub enum Unit {
    Percent,
    Byte,
    D,
    H,
    M,
    S,
    Ms,
    Micros,
    Nanos,
}

impl FieldType {
    /// As mappings write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::ConstantKeyword => "constant_keyword",
            Self::Text => "text",
            Self::Long => "long",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Ip => "ip",
        }
    }

    /// Whether a document may carry this value in such a field (each value of a list).
    pub fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Array(items)) => items.iter().all(|item| self.accepts(item)),
            (Self::Long, value) => value.is_i64(),
            (Self::Double, value) => value.is_number(),
            (Self::Boolean, value) => value.is_boolean(),
            (_, value) => value.is_string(),
        }
    }
}

impl Metric {
    /// As mappings write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}

impl Unit {
    /// As mappings write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Byte => "byte",
            Self::D => "d",
            Self::H => "h",
            Self::M => "m",
            Self::S => "s",
            Self::Ms => "ms",
            Self::Micros => "micros",
            Self::Nanos => "nanos",
        }
    }
}

impl Field {
    /// Whether the name is one of this dynamic object's fields.
    fn has(&self, name: &str) -> bool {
        let rest = name.strip_prefix(self.name.as_str());
        let rest = rest.and_then(|rest| rest.strip_prefix('.'));
        rest.is_some_and(|rest| !rest.is_empty() && !rest.contains('.'))
    }
}

impl Catalogue {
    /// The catalogue that this binary was built with.
    pub fn get() -> &'static Self {
        static PARSED: OnceLock<Catalogue> = OnceLock::new();
        PARSED.get_or_init(|| {
            let tree = crate::yaml::parse(SOURCE).expect("fields.yml is embedded and under test");
            serde_json::from_value(tree.to_json()).expect("fields.yml is embedded and under test")
        })
    }

    /// The dataset of that name.
    pub fn dataset(&self, name: &str) -> Option<&Dataset> {
        self.datasets.iter().find(|dataset| dataset.name == name)
    }

    /// The shared field of that name.
    fn shared_field(&self, name: &str) -> Option<&Field> {
        self.shared.iter().find(|field| field.name == name)
    }

    /// Fields of a dataset besides the base: shared ones first, borrowed ones last.
    pub fn fields_of<'a>(&'a self, dataset: &'a Dataset) -> impl Iterator<Item = &'a Field> {
        let shared = dataset
            .shared
            .iter()
            .filter_map(|name| self.shared_field(name));
        let others = self.datasets.iter().flat_map(|other| &other.fields);
        let borrowed = others.filter(|field| dataset.borrows(field));
        shared.chain(&dataset.fields).chain(borrowed)
    }

    /// All fields that a document of the dataset may carry, by name.
    pub fn known<'a>(&'a self, dataset: &'a Dataset) -> BTreeMap<&'a str, &'a Field> {
        // A dataset may make a base field a dimension, so its own definition comes last.
        self.base
            .iter()
            .chain(self.fields_of(dataset))
            .map(|field| (field.name.as_str(), field))
            .collect()
    }

    /// What in these (nested) fields the catalogue does not have, or has with another type.
    /// Labels are the user's own.
    pub fn strangers(&self, dataset: &str, fields: &serde_json::Map<String, Value>) -> Vec<String> {
        let Some(dataset) = self.dataset(dataset) else {
            return vec![format!("dataset {dataset} is not in fields.yml")];
        };
        let known = self.known(dataset);
        let find = |name: &str| {
            let dynamic = dataset.dynamic.iter();
            let mut dynamic = dynamic.filter(|object| object.has(name));
            known.get(name).copied().or_else(|| dynamic.next())
        };
        let complaint = |(name, value): (String, &Value)| match find(&name) {
            _ if name.starts_with("labels.") => None,
            None => Some(format!("{}: {name} is not in fields.yml", dataset.name)),
            Some(field) if field.field_type.accepts(value) => None,
            Some(field) => Some(format!(
                "{}: {name} is {value}, which is no {}",
                dataset.name,
                field.field_type.as_str()
            )),
        };
        leaves(fields).into_iter().filter_map(complaint).collect()
    }
}

#[cfg(test)]
mod tests;
