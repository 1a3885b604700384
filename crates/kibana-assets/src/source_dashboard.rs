//! The readable form of a dashboard.

use serde::{Deserialize, Deserializer};

/// One file of `kibana/dashboards/`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dashboard {
    /// Part of the saved object's id: `brokerbeat-<id>`. Never changes.
    pub id: String,
    /// Place in the bar of links.
    pub order: u32,
    /// Without the product's name.
    pub title: String,
    /// What the whole dashboard answers.
    pub question: String,
    /// Names of controls, from the widest to the narrowest.
    pub controls: Vec<String>,
    /// From top to bottom; the first one answers "is anything wrong?".
    pub rows: Vec<Row>,
}

/// Panels side by side.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// In grid units of about 20 pixels.
    pub height: u64,
    /// From left to right.
    pub panels: Vec<Panel>,
}

/// One panel.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// Above the panel.
    pub title: String,
    /// The question that it answers.
    pub question: String,
    /// How it is drawn.
    pub chart: Chart,
    /// In 48ths of the dashboard.
    pub width: u64,
    /// Whose documents: `dataset/kind`; without a kind in the streams of logs.
    #[serde(default)]
    pub of: String,
    /// KQL that narrows them.
    #[serde(default, rename = "where")]
    pub filter: Option<String>,
    /// The numbers.
    #[serde(default)]
    pub show: Vec<Measure>,
    /// Fields whose values make lines, stacks or tiles (one name out of several fields), or the rows of a table.
    #[serde(default)]
    pub by: Vec<String>,
    /// How many values of these fields.
    #[serde(default = "ten")]
    pub top: u64,
    /// A line of reference.
    #[serde(default)]
    pub threshold: Option<Threshold>,
    /// Where a click on a value leads.
    #[serde(default)]
    pub drill: Option<String>,
    /// Controls of the dashboard that its documents do not know: while one is set, the panel is empty, and says so.
    #[serde(default)]
    pub blind: Vec<String>,
    /// Markdown, of `chart: text`.
    #[serde(default)]
    pub text: Option<String>,
}

fn ten() -> u64 {
    10
}

/// How a panel is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chart {
    /// One number, or a tile for each value of `by`.
    Metric,
    /// Lines over time.
    Line,
    /// Stacked areas over time: only of what may be added up.
    Area,
    /// Stacked bars over time.
    Bars,
    /// Rows.
    Table,
    /// Colour over time.
    Heatmap,
    /// Markdown.
    Text,
}

impl Chart {
    /// Whether time is its horizontal axis.
    pub fn has_time(self) -> bool {
        matches!(self, Self::Line | Self::Area | Self::Bars | Self::Heatmap)
    }

    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metric => "number",
            Self::Line => "lines",
            Self::Area => "stacked areas",
            Self::Bars => "stacked bars",
            Self::Table => "table",
            Self::Heatmap => "heat map",
            Self::Text => "text",
        }
    }
}

/// One number of a panel: `last kafka.group.lag.sum`, `count documents` …
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// What is computed.
    #[serde(deserialize_with = "operation")]
    pub value: (Operation, String),
    /// In the legend or above the column.
    pub label: String,
    /// KQL that narrows the documents of this number alone.
    #[serde(default, rename = "where")]
    pub filter: Option<String>,
    /// Name of a scale (numbers, tables) or of a colour (lines).
    #[serde(default)]
    pub colour: Option<String>,
}

/// What is computed of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The value of the latest document.
    Last,
    /// Largest.
    Max,
    /// Smallest.
    Min,
    /// Mean.
    Average,
    /// Growth of a counter in a second.
    Rate,
    /// How many different values.
    Unique,
    /// How many documents.
    Count,
}

impl Operation {
    /// For people, and in the source.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Max => "max",
            Self::Min => "min",
            Self::Average => "average",
            Self::Rate => "rate",
            Self::Unique => "unique",
            Self::Count => "count",
        }
    }
}

const OPERATIONS: [Operation; 7] = [
    Operation::Last,
    Operation::Max,
    Operation::Min,
    Operation::Average,
    Operation::Rate,
    Operation::Unique,
    Operation::Count,
];

fn operation<'de, D: Deserializer<'de>>(from: D) -> Result<(Operation, String), D::Error> {
    let text = String::deserialize(from)?;
    let (word, field) = text.split_once(' ').unwrap_or((&text, ""));
    let found = OPERATIONS.into_iter().find(|one| one.as_str() == word);
    let operation = found.ok_or_else(|| {
        serde::de::Error::custom(format!("{text}: no operation; write e.g. `last <field>`"))
    })?;
    Ok((operation, field.to_owned()))
}

/// A horizontal line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// Where.
    pub value: f64,
    /// What it means.
    pub label: String,
    /// Name of a colour.
    pub colour: String,
}
