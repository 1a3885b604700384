//! `output`: exactly one place where documents go.

use super::console::ConsoleConfig;
use super::elasticsearch::ElasticsearchConfig;
use super::file::FileConfig;
use super::kafka::KafkaConfig;
use crate::config::Section;

/// Where documents go.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "there is one of them")]
pub enum OutputConfig {
    /// `output.elasticsearch`
    Elasticsearch(ElasticsearchConfig),
    /// `output.file`
    File(FileConfig),
    /// `output.console`
    Console(ConsoleConfig),
    /// `output.kafka`
    Kafka(KafkaConfig),
}

type Read = fn(&mut Section<'_>) -> OutputConfig;

/// Their keys, and who reads them.
const OUTPUTS: [(&str, Read); 4] = [
    ("elasticsearch", |section| {
        OutputConfig::Elasticsearch(ElasticsearchConfig::read(section))
    }),
    ("file", |section| {
        OutputConfig::File(FileConfig::read(section))
    }),
    ("console", |section| {
        OutputConfig::Console(ConsoleConfig::read(section))
    }),
    ("kafka", |section| {
        OutputConfig::Kafka(KafkaConfig::read(section))
    }),
];

impl OutputConfig {
    /// Reads `output`; nothing where there is none.
    pub fn read(root: &mut Section<'_>) -> Option<Self> {
        let mut output = root.section("output")?;
        let mut found = Vec::new();
        for (key, read) in OUTPUTS {
            if let Some(mut section) = output.section(key) {
                found.push((key, read(&mut section)));
            }
        }
        if found.len() > 1 {
            for (key, _) in &found {
                let others: Vec<&str> = found.iter().map(|(other, _)| *other).collect();
                let others: Vec<&str> = others.into_iter().filter(|other| other != key).collect();
                output.problem(
                    key,
                    format!(
                        "stands beside output.{}: several outputs are not combined, leave one",
                        others.join(" and output.")
                    ),
                );
            }
        }
        found.into_iter().next().map(|(_, config)| config)
    }

    /// Its key below `output`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Elasticsearch(_) => "elasticsearch",
            Self::File(_) => "file",
            Self::Console(_) => "console",
            Self::Kafka(_) => "kafka",
        }
    }
}
