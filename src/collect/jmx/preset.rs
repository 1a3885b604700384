//! Presets: what to read, as tables.
//!
//! A preset is a YAML file in `presets/`. Its lines say which attribute of which bean becomes which field; types, units
//! and meanings of the fields stand in the catalogue. **A new metric is one line here and one line there.**
//!
//! ```yaml
//! identity: broker                 # what the documents are keyed by: broker, address or zookeeper
//! groups:
//!   - dataset: kafka.request       # groups of equal dataset, kind and keys fill one document together
//!     kind: request
//!     beans: kafka.network:type=RequestMetrics,name=$bean,request=*,version=*   # or a list
//!     keys: {request: kafka.request.name}   # these key properties tell documents apart: property and field
//!     sum: [version]               # these do not: their beans are added up; counters only
//!     ignore: [id]                 # these do not either, and only one bean can be meant
//!     except: {error: NONE}        # beans with this value are left alone
//!     twins: topic                 # of two beans that differ by `.` and `_` in this value the one with `_` is left out
//!     rank: [kafka.request.count]  # the budget counts its members, and these fields say which ones matter most
//!     lines:
//!       - {bean: RequestsPerSec, attribute: Count, field: kafka.request.count, kind: counter}
//! ```
//!
//! Every key property which the pattern leaves open stands in `keys`, `sum` or `ignore`. A dot in `attribute` goes into
//! a composite (`HeapMemoryUsage.used`); a dot in an attribute's own name is written `\.`. Of several patterns each may leave
//! open other properties: a key that a pattern has not is no key of its documents.
//!
//! `unless_zero` in a line leaves its field out while that attribute of the bean is 0: some servers say 0 of what they
//! have not measured yet (`{attribute: CollectionUsage.used, unless_zero: CollectionUsage.committed, …}`).
//!
//! Where `rank` stands, also without a field in it, there may be very many beans (topics, partitions, clients): see
//! [`budget`](super::budget). It counts for all groups of the same dataset and kind.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use crate::yaml::{self, YamlError};

/// The attribute that says how many samples a histogram has.
const SAMPLES: &str = "Count";

/// A file of `presets/`.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

/// One part a file.
macro_rules! part {
    ($name:literal) => {
        Part {
            name: $name,
            text: include_str!(concat!("presets/", $name, ".yml")),
        }
    };
}

const BROKER: Part = part!("kafka-broker");
const CONTROLLER: Part = part!("kafka-controller");
const RAFT: Part = part!("kafka-raft");
const COORDINATOR: Part = part!("kafka-coordinator");
const PARTITION: Part = part!("kafka-partition");
const PRODUCER: Part = part!("kafka-producer");
const CONSUMER: Part = part!("kafka-consumer");
const CONNECT: Part = part!("kafka-connect");
const MIRRORMAKER: Part = part!("mirrormaker");
const ZOOKEEPER: Part = part!("zookeeper");
const JVM: Part = part!("jvm");

/// All presets by the name which the configuration uses, each with its parts. A part that several presets have is read
/// once. The first part says whether the JVM is of that sort; of the others beans may be missing.
pub(super) const PRESETS: &[(&str, &[Part])] = &[
    ("kafka-broker", &[BROKER, COORDINATOR, RAFT]),
    ("kafka-controller", &[CONTROLLER, RAFT]),
    ("kafka-raft", &[RAFT]),
    ("kafka-coordinator", &[COORDINATOR]),
    ("kafka-partition", &[PARTITION]),
    ("kafka-producer", &[PRODUCER]),
    ("kafka-consumer", &[CONSUMER]),
    ("kafka-connect", &[CONNECT]),
    ("mirrormaker", &[MIRRORMAKER]),
    ("zookeeper", &[ZOOKEEPER]),
    ("jvm", &[JVM]),
    // Logstash has no beans of its own: what it counts it says over HTTP. Its Kafka plugins are plain Java clients.
    ("logstash", &[JVM, PRODUCER, CONSUMER]),
];

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Preset {
    pub(super) identity: Keyed,
    pub(super) groups: Vec<Group>,
}

/// What identifies the server in a preset's documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Keyed {
    /// `kafka.broker.id`, learnt from the bean `app-info`.
    Broker,
    /// `service.address`.
    Address,
    /// `zookeeper.server.id`, learnt from the beans' names.
    Zookeeper,
}

/// Beans that fill documents of one dataset and kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) dataset: String,
    pub(super) kind: String,
    pub(super) beans: OneOrMany,
    /// Key property → key field.
    #[serde(default)]
    pub(super) keys: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) sum: Vec<String>,
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "checked by the tests"))]
    pub(super) ignore: Vec<String>,
    /// Key property → value.
    #[serde(default)]
    pub(super) except: BTreeMap<String, String>,
    /// Key property by whose value a server names the same thing twice: with dots and with underscores.
    pub(super) twins: Option<String>,
    /// Fields whose sum says how much a member matters. Where it is absent, all members are read.
    pub(super) rank: Option<Vec<String>>,
    pub(super) lines: Vec<Line>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// One attribute.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// What `$bean` stands for in the group's patterns.
    #[serde(default)]
    pub(super) bean: String,
    pub(super) attribute: String,
    /// Absent for a cluster id and a node id only.
    #[serde(default)]
    pub(super) field: String,
    pub(super) kind: Kind,
    /// The unit in which the server gives the value; the field's unit is the same.
    #[cfg_attr(not(test), expect(dead_code, reason = "checked by the tests"))]
    pub(super) unit: Option<String>,
    /// The attribute that is 0 while this one is unknown.
    pub(super) unless_zero: Option<String>,
    /// Names of the numbers of a state.
    #[serde(default)]
    pub(super) states: BTreeMap<String, String>,
}

/// What a value is, and so when it is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// A number that only grows. Below zero is unknown.
    Counter,
    /// A number. −1 is unknown.
    Gauge,
    /// A part of one; a little more than one is possible (measured time over measured time). Below zero is unknown.
    Ratio,
    /// What a histogram says of its samples: unknown while its `Count` is 0, where the server says 0.0. No line has to
    /// say `unless_zero: Count`.
    Sample,
    /// A number that names something. −1 is unknown.
    Id,
    /// Text. Empty is unknown.
    Text,
    /// Text up to the first comma: ZooKeeper appends the date of its build.
    Version,
    /// True or false.
    Bool,
    /// A number with a name (see [`Line::states`]); without one it is shown as the number.
    State,
    /// Milliseconds since the epoch. Zero is unknown.
    Date,
    /// The id of the Kafka cluster: no field, but the identity of all documents.
    ClusterId,
    /// No field, either: the bean is read for its name, which holds the node's id.
    NodeId,
}

impl Kind {
    /// Whether a value of this kind becomes a field.
    pub(super) fn has_field(self) -> bool {
        !matches!(self, Self::ClusterId | Self::NodeId)
    }
}

/// Why a preset cannot be used. Presets are embedded and tested.
#[derive(Debug, Error)]
pub(super) enum PresetError {
    #[error("not YAML")]
    Yaml(#[from] YamlError),
    #[error("not a preset")]
    Form(#[from] serde_json::Error),
}

/// Reads a preset's text.
pub(super) fn parse(text: &str) -> Result<Preset, PresetError> {
    Ok(serde_json::from_value(yaml::parse(text)?.to_json())?)
}

impl Group {
    /// The patterns of a line's beans.
    pub(super) fn patterns(&self, line: &Line) -> impl Iterator<Item = String> {
        let templates = match &self.beans {
            OneOrMany::One(template) => std::slice::from_ref(template),
            OneOrMany::Many(templates) => templates,
        };
        let bean = line.bean.clone();
        templates
            .iter()
            .map(move |template| template.replace("$bean", &bean))
    }
}

impl Line {
    /// The attribute's name and the way into its composites.
    pub(super) fn path(&self) -> Vec<String> {
        path(&self.attribute)
    }

    /// The same of the attribute that is 0 while this one is unknown.
    pub(super) fn measured(&self) -> Option<Vec<String>> {
        match self.kind {
            Kind::Sample => Some(vec![SAMPLES.to_owned()]),
            _ => self.unless_zero.as_deref().map(path),
        }
    }
}

fn path(attribute: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = attribute.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '.' => parts.push(String::new()),
            '\\' if characters.peek() == Some(&'.') => {
                parts
                    .last_mut()
                    .expect("begins with one")
                    .extend(characters.next());
            }
            other => parts.last_mut().expect("begins with one").push(other),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_goes_into_a_composite_unless_it_belongs_to_the_name() {
        let line = |attribute: &str| Line {
            bean: String::new(),
            attribute: attribute.to_owned(),
            field: String::new(),
            kind: Kind::Gauge,
            unit: None,
            unless_zero: None,
            states: BTreeMap::new(),
        };
        assert_eq!(line("Usage.used").path(), ["Usage", "used"]);
        assert_eq!(line(r"QueueTimeMs\.p99").path(), ["QueueTimeMs.p99"]);
    }

    #[test]
    fn all_presets_are_presets() {
        for part in PRESETS.iter().flat_map(|(_, parts)| *parts) {
            if let Err(error) = parse(part.text) {
                let cause = std::error::Error::source(&error);
                panic!("{}: {error}: {cause:?}", part.name);
            }
        }
    }
}
