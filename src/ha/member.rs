//! The consumer: a member of the agents' group that never reads.
//!
//! Nothing is given to librdkafka to fetch: the rebalance callback acknowledges every assignment with
//! an empty list, so that there is no partition to pause, no offset to look up and no right to read
//! that would be needed. The group's protocol goes on all the same: which partitions are whose is
//! between coordinator and members, what is fetched is a consumer's own affair.

use std::error::Error;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use serde::Deserialize;

use super::config::Ha;
use super::{Share, Standing};
use crate::collect::kafka::config::Config;

/// How long one poll may take, and so how long an agent that stops waits before it leaves.
const POLL: Duration = Duration::from_millis(200);

/// How long the topic's metadata may take; polling waits meanwhile.
const METADATA: Duration = Duration::from_secs(2);

/// How often the number of partitions is asked for again: somebody may add some.
const COUNT_AGAIN: Duration = Duration::from_secs(60);

/// Heartbeats in a session time-out: the others learn of a death this much later than the coordinator.
const HEARTBEATS: u32 = 10;

/// After a consumer that could not be made; the reason hardly goes away by itself.
const REMAKE: Duration = Duration::from_secs(30);

/// Properties of a consumer group that are ours to say.
const NOT_FOR_MEMBERS: &[&str] = &["group.", "partition.assignment.strategy", "enable.auto."];

/// A change worth a line.
pub struct Change<'a> {
    /// What is so from now on.
    pub standing: &'a Standing,
    /// What Kafka says, where there is no assignment.
    pub trouble: Option<String>,
}

/// Takes part in the group until told to stop, then leaves it, so that others take over at once.
///
/// Blocks its thread.
pub fn run(ha: &Ha, kafka: &Config, share: &Share, stop: &AtomicBool, say: &dyn Fn(&Change<'_>)) {
    let mut said = share.standing();
    let mut member = None;
    let mut remake = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        match &mut member {
            None if Instant::now() < remake => std::thread::park_timeout(POLL),
            None => {
                remake = Instant::now() + REMAKE;
                member = Member::join(ha, kafka, share);
            }
            Some(member) => member.turn(),
        }
        // Only a new consumer gets a new token that is made without a server.
        if member.as_ref().is_some_and(Member::is_expired) {
            member = None;
            remake = Instant::now();
        }
        let standing = share.standing();
        if std::mem::discriminant(&standing) != std::mem::discriminant(&said) {
            let trouble = member.as_ref().and_then(Member::trouble);
            say(&Change {
                standing: &standing,
                trouble,
            });
        }
        said = standing;
    }
}

/// The consumer at work; dropping it leaves the group.
struct Member {
    consumer: BaseConsumer<Context>,
    topic: String,
    /// When the number of partitions is to be asked for again.
    count_due: Instant,
}

impl Member {
    /// Makes the consumer. Touches no network: joining goes on in [`turn`](Self::turn).
    fn join(ha: &Ha, kafka: &Config, share: &Share) -> Option<Self> {
        let context = Context {
            share: share.clone(),
            topic: ha.topic.clone(),
            trouble: Mutex::new(None),
            is_expired: AtomicBool::new(false),
        };
        let made = properties(ha, kafka).create_with_context(context);
        let subscribed = made.and_then(|consumer: BaseConsumer<Context>| {
            consumer.subscribe(&[&ha.topic])?;
            Ok(consumer)
        });
        match subscribed {
            Ok(consumer) => Some(Self {
                consumer,
                topic: ha.topic.clone(),
                count_due: Instant::now(),
            }),
            Err(error) => {
                tracing::error!(group = ha.group, %error, "librdkafka refuses to make a member of the agents' group");
                None
            }
        }
    }

    /// One poll: rebalances are served in it.
    fn turn(&mut self) {
        // Nothing is fetched, and the context has been told of an error already, with its reason.
        if let Some(Err(error)) = self.consumer.poll(POLL) {
            tracing::trace!(%error, "agents' group");
        }
        let share = &self.consumer.context().share;
        let now = Instant::now();
        if share.with(|holding| holding.needs_count()) || now >= self.count_due {
            self.count_due = now + COUNT_AGAIN;
            match self.count() {
                Ok(count) => share.with(|holding| holding.set_count(count, Instant::now())),
                Err(error) => self.consumer.context().note(&error.to_string()),
            }
        }
    }

    fn count(&self) -> KafkaResult<Option<i32>> {
        let metadata = self.consumer.fetch_metadata(Some(&self.topic), METADATA)?;
        let mut topics = metadata.topics().iter();
        let topic = topics.find(|topic| topic.name() == self.topic);
        if let Some(code) = topic.and_then(|topic| topic.error()) {
            return Err(KafkaError::MetadataFetch(code.into()));
        }
        Ok(topic.and_then(|topic| i32::try_from(topic.partitions().len()).ok()))
    }

    fn is_expired(&self) -> bool {
        self.consumer.context().is_expired.load(Ordering::Relaxed)
    }

    fn trouble(&self) -> Option<String> {
        let context = self.consumer.context();
        context
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The cluster's properties with ours over them.
fn properties(ha: &Ha, kafka: &Config) -> ClientConfig {
    let mut all = ClientConfig::new();
    for (name, value) in kafka.pairs() {
        let is_ours = NOT_FOR_MEMBERS
            .iter()
            .any(|prefix| name.starts_with(prefix));
        if !is_ours {
            all.set(name, value);
        }
    }
    let millis = |time: Duration| time.as_millis().to_string();
    let session = millis(ha.session_timeout);
    all.set("bootstrap.servers", kafka.bootstrap.join(","))
        .set("group.id", &ha.group)
        .set("group.protocol", "classic")
        // Who has a partition keeps it when others come and go.
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", &session)
        .set(
            "heartbeat.interval.ms",
            millis(ha.session_timeout / HEARTBEATS),
        )
        // How long the others wait for one that hangs.
        .set("max.poll.interval.ms", &session)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("allow.auto.create.topics", "false")
        // By which we know that the group is in order.
        .set(
            "statistics.interval.ms",
            millis(ha.session_timeout / HEARTBEATS),
        )
        // The topic is made by the first group of a cluster, which may be this one.
        .set("topic.metadata.refresh.interval.ms", "30000");
    all.set_log_level(RDKafkaLogLevel::Info);
    all
}

struct Context {
    share: Share,
    topic: String,
    /// What Kafka said last, in case that there is no assignment.
    trouble: Mutex<Option<String>>,
    /// Whether the token of OAUTHBEARER is at its end.
    is_expired: AtomicBool,
}

impl Context {
    fn note(&self, what: &str) {
        tracing::debug!(group = &*self.share.group, "agents' group: {what}");
        let text = what.to_owned();
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    fn numbers(&self, partitions: &TopicPartitionList) -> Vec<i32> {
        let elements = partitions.elements();
        let ours = elements.iter().filter(|one| one.topic() == self.topic);
        ours.map(|one| one.partition()).collect()
    }
}

/// librdkafka's statistics: the part about the group.
#[derive(Deserialize)]
struct Statistics<'a> {
    #[serde(borrow)]
    cgrp: Option<Group<'a>>,
}

#[derive(Deserialize)]
struct Group<'a> {
    state: &'a str,
    join_state: &'a str,
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    /// Not called for OIDC, which librdkafka does by itself, nor for the first token.
    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.is_expired.store(true, Ordering::Relaxed);
        Err("the consumer is made anew for its next token".into())
    }

    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!("librdkafka: {facility}: {message}");
    }

    fn error(&self, _: KafkaError, reason: &str) {
        self.note(reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        let Ok(Statistics { cgrp: Some(group) }) = serde_json::from_slice(statistics) else {
            return;
        };
        if group.state == "up" && group.join_state == "steady" {
            self.share.with(|holding| holding.confirm(Instant::now()));
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        what: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let numbers = self.numbers(partitions);
        let now = Instant::now();
        let nothing = TopicPartitionList::new();
        let done = match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                tracing::debug!(?numbers, "assigned");
                self.share.with(|holding| holding.assign(numbers, now));
                *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
                consumer.incremental_assign(&nothing)
            }
            _ if consumer.assignment_lost() => {
                tracing::debug!("assignment lost");
                self.share.with(|holding| holding.lose());
                consumer.incremental_unassign(&nothing)
            }
            _ => {
                tracing::debug!(?numbers, "revoked");
                self.share.with(|holding| holding.revoke(numbers, now));
                consumer.incremental_unassign(&nothing)
            }
        };
        if let Err(error) = done {
            self.note(&error.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config as Whole, Source};

    fn config(more: &str) -> Whole {
        let source = Source {
            path: "brokerbeat.yml".into(),
            overrides: Vec::new(),
            only_groups: Vec::new(),
        };
        let text = format!(
            "ha: {{group: agents{more}}}\nclusters: [{{kafka: {{bootstrap: [\"b1:9092\"], properties: {{\
             group.instance.id: one, group.protocol: consumer, session.timeout.ms: 9000, sasl.username: me}}}}}}]\n"
        );
        source.parse(&text, &|_| None).ok().unwrap()
    }

    /// Of the user's properties the way to the brokers counts; what kind of member it is, is ours to say.
    #[test]
    fn a_member_is_reached_like_the_cluster_and_joins_like_all_agents() {
        for session in ["6s", "30m"] {
            let config = config(&format!(", session_timeout: {session}"));
            let (ha, kafka) = (config.ha.unwrap(), config.clusters[0].kafka().unwrap());
            let properties = properties(&ha, kafka);
            let millis = ha.session_timeout.as_millis().to_string();
            for (name, value) in [
                ("bootstrap.servers", Some("b1:9092")),
                ("sasl.username", Some("me")),
                ("client.id", Some("brokerbeat")),
                ("group.instance.id", None),
                ("group.protocol", Some("classic")),
                ("session.timeout.ms", Some(&millis)),
                ("enable.auto.commit", Some("false")),
            ] {
                assert_eq!(properties.get(name), value, "{name}");
            }
            let share = Share::new(&ha);
            assert!(Member::join(&ha, kafka, &share).is_some(), "{session}");
        }
    }
}
