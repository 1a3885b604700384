//! librdkafka's clients, which write into the model what they do, before and after.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use stack::wait_until;

use super::world::World;
use crate::agent::PATIENCE;

/// One request to a broker that is busy with everybody else's.
const ANSWER: Duration = Duration::from_secs(30);

fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}

/// Tells the model of acknowledgements.
pub(crate) struct Acknowledge {
    world: Arc<World>,
    topic: String,
}

impl ClientContext for Acknowledge {}

impl ProducerContext for Acknowledge {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let Ok(record) = result else {
            panic!("a record was not delivered: the model does not know what to think");
        };
        let acknowledge = |log: &mut super::history::Log| log.acknowledge(record.offset());
        self.world.log(&self.topic, record.partition(), acknowledge);
    }
}

/// A producer for the topic that is there now.
pub(crate) struct Writer(ThreadedProducer<Acknowledge>);

impl Writer {
    pub(crate) fn new(bootstrap: &str, world: &Arc<World>, topic: &str) -> Self {
        let context = Acknowledge {
            world: Arc::clone(world),
            topic: topic.to_owned(),
        };
        // Offsets are counted: in order, and nothing twice.
        let made = config(bootstrap)
            .set("enable.idempotence", "true")
            .set("linger.ms", "1")
            .create_with_context(context);
        Self(made.expect("a producer"))
    }

    /// Sends records to a partition, with the moment of sending as their timestamp.
    pub(crate) fn send(&self, partition: i32, count: usize) {
        let Acknowledge { world, topic } = &**self.0.context();
        for _ in 0..count {
            let (_, stamp) = world.log(topic, partition, super::history::Log::send);
            let record = BaseRecord::<(), [u8]>::to(topic)
                .partition(partition)
                .timestamp(stamp)
                .payload(b"x".as_slice());
            let sent = self.0.send(record).map_err(|(error, _)| error);
            sent.expect("the producer's queue has room");
        }
    }

    /// Waits until everything is acknowledged.
    pub(crate) fn flush(&self) {
        self.0.flush(ANSWER).expect("delivered");
    }
}

/// Commits offsets for a group, as a member of it or without.
pub(crate) struct Committer {
    pub(crate) consumer: BaseConsumer,
    world: Arc<World>,
    group: String,
    topic: String,
}

impl Committer {
    pub(crate) fn new(bootstrap: &str, world: &Arc<World>, group: &str, topic: &str) -> Self {
        let made = config(bootstrap)
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "500")
            .create();
        Self {
            consumer: made.expect("a consumer"),
            world: Arc::clone(world),
            group: group.to_owned(),
            topic: topic.to_owned(),
        }
    }

    /// Commits in one request. Gives whether the coordinator took it; a refusal is an error. Of one that came to nothing on
    /// the way, as on a machine that is very busy, the model thinks that both may be.
    pub(crate) fn commit(&self, offsets: &[(i32, i64)]) -> Result<bool, KafkaError> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            let added = list.add_partition_offset(&self.topic, *partition, Offset::Offset(*offset));
            added.expect("an offset");
        }
        let (group, topic) = (&self.group, &self.topic);
        let partitions = || offsets.iter().map(|(partition, _)| *partition);
        let mut values = offsets.iter().map(|(_, offset)| Some(*offset));
        self.world
            .each_commit(group, topic, partitions(), |_, commits| {
                commits.send(values.next().expect("as many"));
            });
        let answer = self.consumer.commit(&list, CommitMode::Sync);
        self.world
            .each_commit(group, topic, partitions(), |_, commits| match &answer {
                Ok(()) => commits.acknowledge(),
                Err(error) if is_refusal(error) => commits.refuse(),
                Err(_) => {}
            });
        match answer {
            Err(error) if is_refusal(&error) => Err(error),
            answer => Ok(answer.is_ok()),
        }
    }

    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Commits one record more than the last time, on each of these partitions.
    pub(crate) fn advance(&self, partitions: &[i32]) -> bool {
        let mut offsets = Vec::new();
        let next = |partition, commits: &mut super::world::Commits| {
            offsets.push((partition, commits.latest().unwrap_or(0) + 1));
        };
        let partitions = partitions.iter().copied();
        self.world
            .each_commit(&self.group, &self.topic, partitions, next);
        self.commit(&offsets) == Ok(true)
    }

    /// Waits until the coordinator has forgotten the commits on these partitions, as it does after their deletion. The
    /// deletion was told to the model as a write of nothing.
    pub(crate) fn wait_forgotten(&self, partitions: i32) {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.topic, 0, partitions - 1);
        wait_until("commits of a deleted topic gone", PATIENCE, || {
            let found = self.consumer.committed_offsets(list.clone(), ANSWER).ok()?;
            let gone = |one: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
                one.offset() == Offset::Invalid
            };
            found.elements().iter().all(gone).then_some(())
        })
        .unwrap();
        let (group, topic) = (&self.group, &self.topic);
        let acknowledge = |_, commits: &mut super::world::Commits| commits.acknowledge();
        self.world
            .each_commit(group, topic, 0..partitions, acknowledge);
    }
}

/// What a coordinator says to a commit that it does not take.
fn is_refusal(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let code = error.rdkafka_error_code();
    matches!(
        code,
        Some(
            Code::RebalanceInProgress
                | Code::IllegalGeneration
                | Code::UnknownMemberId
                | Code::StaleMemberEpoch
                | Code::UnknownTopicOrPartition
        )
    )
}

/// Administration.
pub(crate) struct Admin {
    client: AdminClient<DefaultClientContext>,
    runtime: tokio::runtime::Runtime,
    world: Arc<World>,
}

impl Admin {
    pub(crate) fn new(bootstrap: &str, world: &Arc<World>) -> Self {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        Self {
            client: config(bootstrap).create().expect("an admin client"),
            runtime: runtime.enable_all().build().expect("a runtime"),
            world: Arc::clone(world),
        }
    }

    /// Makes a topic and waits until all its partitions have a leader.
    pub(crate) fn make(&self, topic: &str, partitions: i32, replicas: i32) {
        self.world.make(topic, partitions);
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(replicas));
        let made = self
            .runtime
            .block_on(self.client.create_topics([&new], &options()));
        one(made).expect("made");
        wait_until("a topic with leaders", PATIENCE, || {
            let metadata = self
                .client
                .inner()
                .fetch_metadata(Some(topic), ANSWER)
                .ok()?;
            let found = metadata.topics().first()?;
            let led = found.partitions().iter().filter(|one| one.leader() >= 0);
            (found.error().is_none() && led.count() == partitions as usize).then_some(())
        })
        .unwrap();
    }

    /// Deletes a topic, with the commits of a group on it, and waits until both are gone.
    pub(crate) fn delete(&self, topic: &str, partitions: i32, of: &Committer) {
        let group = &of.group;
        let forget = |_, commits: &mut super::world::Commits| commits.send(None);
        self.world.each_commit(group, topic, 0..partitions, forget);
        let deleted = self
            .runtime
            .block_on(self.client.delete_topics(&[topic], &options()));
        one(deleted).expect("deleted");
        wait_until("a topic gone", PATIENCE, || {
            let metadata = self.client.inner().fetch_metadata(None, ANSWER).ok()?;
            let there = metadata.topics().iter().any(|one| one.name() == topic);
            (!there).then_some(())
        })
        .unwrap();
        self.world.end(topic);
        of.wait_forgotten(partitions);
    }

    /// Deletes the records before an offset.
    pub(crate) fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        self.world
            .log(topic, partition, |log| log.start.send(before));
        let mut list = TopicPartitionList::new();
        let added = list.add_partition_offset(topic, partition, Offset::Offset(before));
        added.expect("an offset");
        let deleted = self
            .runtime
            .block_on(self.client.delete_records(&list, &options()));
        let deleted = deleted.expect("an answer");
        deleted.elements()[0].error().expect("deleted");
        self.world
            .log(topic, partition, |log| log.start.acknowledge());
        self.world.count(|counts| counts.deletions_of_records += 1);
    }

    /// Deletes a group that nobody is in.
    pub(crate) fn delete_group(&self, of: &Committer, partitions: i32) {
        let (group, topic) = (&of.group, &of.topic);
        let all = || 0..partitions;
        self.world
            .each_commit(group, topic, all(), |_, commits| commits.send(None));
        let deleted = self
            .runtime
            .block_on(self.client.delete_groups(&[group], &options()));
        one(deleted).expect("deleted");
        self.world
            .each_commit(group, topic, all(), |_, commits| commits.acknowledge());
        self.world.count(|counts| counts.deletions_of_groups += 1);
    }
}

/// The answer about the one thing that was asked for.
fn one(answer: Result<Vec<rdkafka::admin::TopicResult>, KafkaError>) -> Result<(), String> {
    let all = answer.map_err(|error| error.to_string())?;
    let first = all.into_iter().next().ok_or("no answer")?;
    first
        .map(drop)
        .map_err(|(name, code)| format!("{name}: {code}"))
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .operation_timeout(Some(ANSWER))
        .request_timeout(Some(ANSWER))
}
