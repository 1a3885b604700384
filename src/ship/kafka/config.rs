//! `output.kafka`.

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};

use crate::collect::kafka::config::{DEFAULTS, read_addresses, read_properties};
use crate::config::{Secret, Section};

/// Kafka's own bound of a topic's name.
const LONGEST_TOPIC: usize = 249;

/// What may stand for a part of a document's stream.
const DATASET: &str = "{dataset}";
const STREAM: &str = "{stream}";

/// Our defaults for a producer, each with the other name that librdkafka knows it by. The user's properties win.
const PRODUCER: [(&str, &str, &str); 4] = [
    // No record twice and none lost while the producer lives, whatever brokers and connections do.
    ("enable.idempotence", "", "true"),
    ("acks", "request.required.acks", "all"),
    // Never: a record that was given up might have arrived, and would come twice. What waits, waits in the queue.
    ("message.timeout.ms", "delivery.timeout.ms", "0"),
    // Part of librdkafka in every build, and of every client that reads.
    ("compression.codec", "compression.type", "lz4"),
];

/// A topic, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// Seeds, `host:port`.
    pub hosts: Vec<String>,
    /// Its name, perhaps with `{dataset}` or `{stream}`.
    pub topic: String,
    /// librdkafka properties as the user wrote them.
    pub properties: Vec<(String, Secret)>,
}

impl KafkaConfig {
    /// Reads the section.
    pub fn read(section: &mut Section<'_>) -> Self {
        let (hosts, _) = read_addresses(section, "hosts");
        let topic = section.text_or("topic", "brokerbeat");
        if let Some(wrong) = wrong_topic(&topic) {
            section.problem("topic", format!("`{topic}` {wrong}"));
        }
        Self {
            hosts,
            topic,
            properties: read_properties(section, "hosts"),
        }
    }

    /// The topic of a stream's documents.
    pub(super) fn topic_of(&self, stream: &str) -> String {
        let topic = self.topic.replace(DATASET, dataset(stream));
        let topic = topic.replace(STREAM, stream);
        // A namespace may have letters that a topic cannot have.
        let legal = |c: char| if is_legal(c) { c } else { '_' };
        topic.chars().map(legal).collect()
    }

    /// Properties of the producer: ours, the user's, and then the largest batch.
    pub(super) fn client(&self, batch_size: usize) -> ClientConfig {
        let mut all = ClientConfig::new();
        for (name, value) in DEFAULTS {
            all.set(*name, *value);
        }
        let is_written = |name: &str| self.properties.iter().any(|(written, _)| written == name);
        for (name, alias, value) in PRODUCER {
            if !is_written(alias) {
                all.set(name, value);
            }
        }
        for (name, value) in &self.properties {
            all.set(name, value.reveal());
        }
        all.set("bootstrap.servers", self.hosts.join(","));
        all.set("batch.size", batch_size.to_string());
        all.set_log_level(RDKafkaLogLevel::Info);
        all
    }

    /// The largest batch that is tried, in bytes before compression.
    pub(super) fn batch_size(&self) -> usize {
        /// librdkafka's own.
        const DEFAULT: usize = 1_000_000;
        let mut written = self.properties.iter().rev();
        let written = written.find(|(name, _)| name == "batch.size");
        written.map_or(DEFAULT, |(_, value)| {
            value.reveal().parse().unwrap_or(DEFAULT)
        })
    }
}

/// `kafka.broker` of `metrics-brokerbeat.kafka.broker-default`: the last two parts of a stream's name have no `-` before them.
fn dataset(stream: &str) -> &str {
    let parts = stream.split_once('-').map(|(_, rest)| rest);
    parts
        .and_then(|rest| rest.split_once('-'))
        .map_or(stream, |(dataset, _)| dataset)
}

fn wrong_topic(topic: &str) -> Option<String> {
    let fixed = topic.replace(DATASET, "d").replace(STREAM, "s");
    if topic.is_empty() || topic.len() > LONGEST_TOPIC || matches!(topic, "." | "..") {
        return Some(format!(
            "is not the name of a topic: it has 1 to {LONGEST_TOPIC} characters"
        ));
    }
    let wrong = fixed.chars().find(|c| !is_legal(*c))?;
    Some(format!(
        "has a `{wrong}`; a topic's name has letters, digits, `.`, `_` and `-`, and here perhaps {DATASET} or {STREAM}"
    ))
}

fn is_legal(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Findings;

    fn read(text: &str) -> (KafkaConfig, Vec<String>) {
        let findings = Findings::default();
        let node = crate::yaml::parse(text).unwrap();
        let tree = crate::config::build(&node, &|_| None, &findings.problems);
        let config = KafkaConfig::read(&mut Section::new(&tree, "output.kafka", &findings));
        let problems = findings.problems.into_sorted();
        (config, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_topic_may_be_one_for_each_dataset_or_stream() {
        let topic = |topic: &str, stream: &str| {
            let (config, problems) = read(&format!("{{hosts: [\"b:9092\"], topic: \"{topic}\"}}"));
            assert_eq!(problems, [""; 0]);
            config.topic_of(stream)
        };
        let stream = "metrics-brokerbeat.kafka.broker-prod";
        assert_eq!(topic("all", stream), "all");
        assert_eq!(topic("a-{dataset}", stream), "a-brokerbeat.kafka.broker");
        assert_eq!(topic("{stream}", stream), stream);
        assert_eq!(
            topic("{stream}", "logs-brokerbeat.event-é"),
            "logs-brokerbeat.event-_"
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (text, sentence) in [
            ("{}", "output.kafka.hosts: is empty"),
            ("{hosts: [b]}", "`b` has no port"),
            ("{hosts: [\"b:1\"], topic: \"a b\"}", "has a ` `"),
            ("{hosts: [\"b:1\"], topic: \"{data}\"}", "has a `{`"),
            (
                "{hosts: [\"b:1\"], properties: {bootstrap.servers: \"c:1\"}}",
                "write the addresses under `hosts`",
            ),
            (
                "{hosts: [\"b:1\"], properties: {compresion.type: lz4}}",
                "did you mean `compression.codec`?",
            ),
        ] {
            let problems = read(text).1;
            let said = problems.iter().any(|problem| problem.contains(sentence));
            assert!(said, "no `{sentence}` in {problems:?}");
        }
    }

    #[test]
    fn what_the_user_writes_wins_over_our_defaults_and_the_batch_over_both() {
        let (config, _) = read(
            "{hosts: [\"b:1\", \"c:2\"], properties: {compression.type: gzip, batch.size: 5000}}",
        );
        assert_eq!(config.batch_size(), 5_000);
        let client = config.client(1_000);
        assert_eq!(client.get("compression.type"), Some("gzip"));
        assert_eq!(
            client.get("compression.codec"),
            None,
            "the same by another name"
        );
        assert_eq!(client.get("enable.idempotence"), Some("true"));
        assert_eq!(client.get("bootstrap.servers"), Some("b:1,c:2"));
        assert_eq!(client.get("batch.size"), Some("1000"));
    }
}
