//! Effective configuration of topics and brokers: asked for rarely, kept between cycles.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::client::Client;
use super::rdkafka::{Answered, Configured, Request};
use super::snapshot::{
    Answer, BrokerConfig, Inventory, Metadata, Missing, Reason, Topic, TopicConfig,
};
use super::survey::unexpected;

/// How long an answer is believed: people change configurations, but not every minute.
const REFRESH: Duration = Duration::from_secs(300);

/// When a topic or broker that did not tell is asked again.
const RETRY: Duration = Duration::from_secs(60);

/// Topics in one request: an answer has some hundred bytes a topic, and librdkafka looks through
/// all of them for each.
const TOPICS_PER_CALL: usize = 200;

/// Topics that one cycle asks about, so that none becomes a long one: with more it takes turns.
const TOPICS_PER_CYCLE: usize = 2_000;

/// What is asked of a topic.
const OF_TOPIC: &[&str] = &[
    "retention.ms",
    "retention.bytes",
    "cleanup.policy",
    "max.message.bytes",
    "min.insync.replicas",
];

/// What is asked of a broker. The retention may be set in any of three units.
const OF_BROKER: &[&str] = &[
    "log.retention.ms",
    "log.retention.minutes",
    "log.retention.hours",
    "log.retention.bytes",
    "log.cleanup.policy",
    "message.max.bytes",
    "min.insync.replicas",
    "default.replication.factor",
    "num.partitions",
    "offsets.retention.minutes",
];

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// What has been read, and when.
#[derive(Debug, Default)]
pub struct Configs {
    topics: BTreeMap<String, Read<TopicConfig>>,
    brokers: BTreeMap<i32, Read<BrokerConfig>>,
}

#[derive(Debug)]
struct Read<T> {
    at: Instant,
    answer: Answer<T>,
}

impl<T> Read<T> {
    fn is_due(&self, now: Instant) -> bool {
        let believed = match &self.answer {
            Ok(_) => REFRESH,
            Err(missing) if missing.reason == Reason::NotAuthorized => REFRESH,
            Err(_) => RETRY,
        };
        now.saturating_duration_since(self.at) >= believed
    }
}

/// What a request is about.
enum Asked {
    Topics(Vec<String>),
    Broker(i32),
}

impl Configs {
    /// Asks for what is not known or no longer believed. `alive` are brokers that answer: only they
    /// are asked.
    pub async fn refresh(
        &mut self,
        client: &mut Client,
        metadata: &Metadata,
        alive: &[i32],
        deadline: Instant,
    ) {
        let now = Instant::now();
        self.forget(metadata);
        let topics = self.due_topics(&metadata.topics, now);
        let mut flight = client.flight(deadline);
        // Any broker knows all topics: the work is spread.
        for (topics, broker) in topics.chunks(TOPICS_PER_CALL).zip(alive.iter().cycle()) {
            let request = Request::TopicConfigs {
                broker: *broker,
                topics,
                names: OF_TOPIC,
            };
            let names = topics.iter().map(|topic| (*topic).to_owned()).collect();
            flight.ask(&request, Asked::Topics(names));
        }
        for broker in alive {
            let known = self.brokers.get(broker);
            if known.is_none_or(|read| read.is_due(now)) {
                let names = OF_BROKER;
                let request = Request::BrokerConfig {
                    broker: *broker,
                    names,
                };
                flight.ask(&request, Asked::Broker(*broker));
            }
        }
        while let Some((asked, answer)) = flight.next().await {
            self.take(asked, answer, now);
        }
    }

    /// What is gone needs no place.
    fn forget(&mut self, metadata: &Metadata) {
        let topics: std::collections::BTreeSet<&str> = metadata
            .topics
            .iter()
            .map(|topic| topic.name.as_str())
            .collect();
        self.topics.retain(|name, _| topics.contains(name.as_str()));
        let is_there = |id: &i32| metadata.brokers.iter().any(|broker| broker.id == *id);
        self.brokers.retain(|id, _| is_there(id));
    }

    /// New ones first, then those read longest ago.
    fn due_topics<'a>(&self, topics: &'a [Topic], now: Instant) -> Vec<&'a str> {
        let mut due: Vec<(Option<Instant>, &str)> = topics
            .iter()
            .filter(|topic| topic.error.is_none())
            .map(|topic| (self.topics.get(&topic.name), topic.name.as_str()))
            .filter(|(known, _)| known.is_none_or(|read| read.is_due(now)))
            .map(|(known, name)| (known.map(|read| read.at), name))
            .collect();
        due.sort();
        due.truncate(TOPICS_PER_CYCLE);
        due.into_iter().map(|(_, name)| name).collect()
    }

    fn take(&mut self, asked: Asked, answer: Answer<Answered>, at: Instant) {
        match (asked, answer) {
            (Asked::Topics(_), Ok(Answered::Configs(all))) => {
                for one in all {
                    let answer = values(&one).map(topic_config);
                    self.topics.insert(one.name, Read { at, answer });
                }
            }
            (Asked::Broker(id), Ok(Answered::Configs(all))) => {
                let nothing = || Missing::new(Reason::Error, "the answer is about nothing");
                let answer = all.first().map_or_else(|| Err(nothing()), values);
                let answer = answer.map(broker_config);
                self.brokers.insert(id, Read { at, answer });
            }
            (Asked::Topics(names), answer) => {
                let missing = unexpected(answer);
                for name in names {
                    let answer = Err(missing.clone());
                    self.topics.insert(name, Read { at, answer });
                }
            }
            (Asked::Broker(id), answer) => {
                let answer = Err(unexpected(answer));
                self.brokers.insert(id, Read { at, answer });
            }
        }
    }

    /// Into the snapshot of this cycle.
    pub fn tell(&self, inventory: &mut Inventory) {
        let topics = self.topics.iter();
        inventory.topics = topics
            .map(|(name, read)| (name.clone(), read.answer.clone()))
            .collect();
        let brokers = self.brokers.iter();
        inventory.brokers = brokers
            .map(|(id, read)| (*id, read.answer.clone()))
            .collect();
    }
}

type Values = BTreeMap<String, Option<String>>;

fn values(configured: &Configured) -> Answer<&Values> {
    match &configured.failure {
        None => Ok(&configured.values),
        Some(failure) => Err(failure.clone().into()),
    }
}

fn text(values: &Values, name: &str) -> Option<String> {
    values.get(name).cloned().flatten()
}

fn number(values: &Values, name: &str) -> Option<i64> {
    values.get(name)?.as_deref()?.trim().parse().ok()
}

fn topic_config(values: &Values) -> TopicConfig {
    TopicConfig {
        retention_ms: number(values, "retention.ms"),
        retention_bytes: number(values, "retention.bytes"),
        cleanup_policy: text(values, "cleanup.policy"),
        max_message_bytes: number(values, "max.message.bytes"),
        min_insync_replicas: number(values, "min.insync.replicas"),
    }
}

fn broker_config(values: &Values) -> BrokerConfig {
    let times = |value: i64, unit: i64| match value {
        ..0 => -1,
        _ => value.saturating_mul(unit),
    };
    let in_unit = |name: &str, unit: i64| Some(times(number(values, name)?, unit));
    // Kafka's order: the finest unit that is set.
    let retention_ms = in_unit("log.retention.ms", 1)
        .or_else(|| in_unit("log.retention.minutes", MINUTE_MS))
        .or_else(|| in_unit("log.retention.hours", HOUR_MS));
    BrokerConfig {
        topic: TopicConfig {
            retention_ms,
            retention_bytes: number(values, "log.retention.bytes"),
            cleanup_policy: text(values, "log.cleanup.policy"),
            max_message_bytes: number(values, "message.max.bytes"),
            min_insync_replicas: number(values, "min.insync.replicas"),
        },
        replication_factor: number(values, "default.replication.factor"),
        partitions: number(values, "num.partitions"),
        offsets_retention_ms: in_unit("offsets.retention.minutes", MINUTE_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str) -> Topic {
        Topic {
            name: name.into(),
            error: None,
            internal: false,
            selected: true,
            partitions: vec![],
        }
    }

    fn configured(name: &str, values: &[(&str, Option<&str>)]) -> Configured {
        let owned = |(name, value): &(&str, Option<&str>)| {
            ((*name).to_owned(), value.map(ToOwned::to_owned))
        };
        Configured {
            name: name.into(),
            failure: None,
            values: values.iter().map(owned).collect(),
        }
    }

    #[test]
    fn new_topics_are_asked_first_and_old_answers_again() {
        let mut configs = Configs::default();
        let start = Instant::now();
        let topics = [topic("a"), topic("b"), topic("c")];
        let answer = |name| Ok(Answered::Configs(vec![configured(name, &[])]));
        configs.take(Asked::Topics(vec![]), answer("a"), start);
        let refused = Missing::new(Reason::Timeout, "");
        configs.take(Asked::Topics(vec!["b".into()]), Err(refused), start);
        assert_eq!(configs.due_topics(&topics, start), ["c"]);
        assert_eq!(configs.due_topics(&topics, start + RETRY), ["c", "b"]);
        let later = start + REFRESH;
        assert_eq!(configs.due_topics(&topics, later), ["c", "a", "b"]);
        let many: Vec<Topic> = (0..=TOPICS_PER_CYCLE)
            .map(|n| topic(&n.to_string()))
            .collect();
        assert_eq!(configs.due_topics(&many, later).len(), TOPICS_PER_CYCLE);
        configs.forget(&Metadata {
            brokers: vec![],
            topics: vec![topic("b")],
        });
        assert_eq!(configs.topics.keys().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn the_finest_unit_that_is_set_is_the_retention() {
        let retention = |values: &[(&str, Option<&str>)]| {
            let configured = configured("1", values);
            broker_config(values_of(&configured)).topic.retention_ms
        };
        let hours = ("log.retention.hours", Some("168"));
        assert_eq!(
            retention(&[("log.retention.ms", None), hours]),
            Some(604_800_000)
        );
        let minutes = ("log.retention.minutes", Some("2"));
        assert_eq!(retention(&[minutes, hours]), Some(120_000));
        let forever = ("log.retention.ms", Some("-1"));
        assert_eq!(retention(&[forever, minutes, hours]), Some(-1));
        let huge = ("log.retention.hours", Some("9223372036854775807"));
        assert_eq!(retention(&[huge]), Some(i64::MAX));
        assert_eq!(retention(&[("log.retention.ms", Some("soon"))]), None);
    }

    fn values_of(configured: &Configured) -> &Values {
        values(configured).unwrap()
    }
}
