//! The same documents, later: what grows in a busy cluster grows, what wavers wavers, all else stays.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use brokerbeat::catalogue::{Catalogue, Dataset, Metric};
use brokerbeat::clock::Millis;
use brokerbeat::document::leaves;
use serde_json::{Value, json};

/// One of so many things rests for good, as quiet topics and beans do.
const QUIET: u64 = 4;
/// The fastest grows by so much a tick.
const FASTEST: u64 = 5_000;
/// A gauge up to here counts things (replicas, leaders, threads of a pool) which do not waver.
const COUNTS: f64 = 10.0;
/// How far a gauge goes in a tick, to either side.
const WAVERS: f64 = 0.02;
/// When the documents of a tick are read: milliseconds after it.
const READ_AFTER: u64 = 400;

/// A number that changes.
enum Course {
    Grows { by: u64, value: u64 },
    Wavers { value: f64, is_whole: bool },
}

/// A document and its numbers that change.
pub(crate) struct Moving {
    document: Value,
    courses: BTreeMap<String, Course>,
    noise: u64,
}

impl Moving {
    pub(crate) fn new(document: &Value) -> Self {
        let fields = document.as_object().unwrap();
        let name = document["data_stream"]["dataset"].as_str().unwrap();
        let dataset = name.strip_prefix("brokerbeat.").unwrap();
        let dataset = Catalogue::get().dataset(dataset).unwrap();
        let courses = leaves(fields).into_iter();
        let courses = courses.filter_map(|(name, value)| {
            Some((name.clone(), course(dataset, &name, value, document)?))
        });
        Self {
            document: document.clone(),
            courses: courses.collect(),
            noise: hash(&document["brokerbeat"]["series"].to_string()),
        }
    }

    /// Which stream it goes to, in a namespace.
    pub(crate) fn stream(&self, namespace: &str) -> String {
        let dataset = self.document["data_stream"]["dataset"].as_str().unwrap();
        format!("metrics-{dataset}-{namespace}")
    }

    /// The document of the next tick.
    pub(crate) fn next(&mut self, tick: Millis, namespace: &str) -> &Value {
        for (name, course) in &mut self.courses {
            self.noise = hash(&self.noise);
            // Between 0 and 1.
            #[expect(clippy::cast_precision_loss, reason = "noise")]
            let noise = self.noise as f64 / u64::MAX as f64;
            let pointer = format!("/{}", name.replace('.', "/"));
            *self.document.pointer_mut(&pointer).unwrap() = course.next(noise);
        }
        let (from, spread) = (READ_AFTER, self.noise % 100);
        self.document["@timestamp"] = tick.to_rfc3339().into();
        self.document["event"]["created"] = Millis(tick.0 + from + spread).to_rfc3339().into();
        self.document["data_stream"]["namespace"] = namespace.into();
        &self.document
    }
}

impl Course {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "values are made up"
    )]
    fn next(&mut self, noise: f64) -> Value {
        match self {
            Self::Grows { by, value } => {
                *value += (*by as f64 * 2.0 * noise) as u64;
                json!(value)
            }
            Self::Wavers { value, is_whole } => {
                *value *= 1.0 + WAVERS * (2.0 * noise - 1.0);
                match is_whole {
                    true => json!(*value as i64),
                    false => json!(value),
                }
            }
        }
    }
}

/// How a field changes. The offsets of a partition grow alike in all documents about it.
fn course(dataset: &Dataset, name: &str, value: &Value, document: &Value) -> Option<Course> {
    let metric = Catalogue::get().known(dataset).get(name)?.metric?;
    let number = value.as_f64()?;
    let is_offset = name.ends_with("offset");
    if metric == Metric::Counter || is_offset {
        let topic = &document["kafka"]["topic"]["name"];
        let partition = &document["kafka"]["partition"]["id"];
        let of = match is_offset {
            true => hash(&format!("{topic} {partition}")),
            false => hash(&format!("{} {name}", document["brokerbeat"]["series"])),
        };
        let by = if of.is_multiple_of(QUIET) {
            0
        } else {
            of % FASTEST
        };
        let value = value.as_u64()?;
        return Some(Course::Grows { by, value });
    }
    let is_whole = value.is_i64() || value.is_u64();
    (number.abs() > COUNTS || !is_whole && number != 0.0).then_some(Course::Wavers {
        value: number,
        is_whole,
    })
}

fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
