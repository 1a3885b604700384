//! `output.kafka`: a record for each document, settled by its delivery report.
//!
//! The value is the document's line, the key its id: the same document twice has the same key, in the same partition. The
//! producer is idempotent and never gives a record up by itself, so that nothing is doubled while it lives; an agent
//! that dies leaves records whose outcome nobody knows, which the next one sends again.
//!
//! A broker judges the size of a whole batch, and librdkafka fails all records of one that is too large. So a refusal is about
//! a document only if that alone fills a batch; else smaller batches are made from then on.

mod config;
mod fate;
mod producer;

pub use config::KafkaConfig;

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use thiserror::Error;
use tokio::time::timeout;

use self::fate::Verdict;
use self::producer::{Producer, Report};
use super::batches::{Attempt, Fate};
use super::lines::Lines;
use super::standing::Standing;

/// Without a report for so long, it is said that nothing goes: longer than an election of leaders takes.
const SILENCE: Duration = Duration::from_secs(10);

/// What a batch shrinks by when one was too large.
const SHRINK: usize = 4;

/// Librdkafka refuses the configuration.
#[derive(Debug, Error)]
#[error("librdkafka makes no producer of output.kafka; change its properties")]
pub struct KafkaOutputError(#[source] KafkaError);

/// Writes to a cluster.
#[derive(Debug)]
pub(super) struct KafkaOutput {
    config: KafkaConfig,
    /// Nothing after one that could do nothing any more, or that makes batches too large.
    producer: Option<Producer>,
    batch_size: usize,
}

impl KafkaOutput {
    /// Touches no network.
    pub(super) fn new(config: &KafkaConfig) -> Result<Self, KafkaOutputError> {
        let batch_size = config.batch_size();
        let producer = Producer::new(&config.client(batch_size)).map_err(KafkaOutputError)?;
        Ok(Self {
            config: config.clone(),
            producer: Some(producer),
            batch_size,
        })
    }

    /// Sends a batch and waits for all reports, as long as that takes.
    pub(super) async fn take(&mut self, lines: Lines, standing: &Standing) -> Attempt {
        let mut producer = match self.producer.take() {
            Some(producer) => producer,
            None => match Producer::new(&self.config.client(self.batch_size)) {
                Ok(producer) => producer,
                Err(error) => {
                    let fates = vec![Fate::Again { attempted: false }; lines.rows.len()];
                    return Batch::new(fates).ended(Some(error.to_string()));
                }
            },
        };
        let mut batch = self.send(&producer, &lines);
        let fatal = self.wait(&mut producer, &lines, &mut batch, standing).await;
        if fatal.is_some() || batch.was_too_large {
            if batch.was_too_large {
                self.shrink();
            }
            // It says good-bye for up to half a second.
            tokio::task::spawn_blocking(|| drop(producer));
        } else {
            self.producer = Some(producer);
        }
        batch.ended(fatal)
    }

    fn send(&self, producer: &Producer, lines: &Lines) -> Batch {
        // What is never handed over was not attempted.
        let mut batch = Batch::new(vec![Fate::Again { attempted: false }; lines.rows.len()]);
        for (index, (row, line)) in lines.iter().enumerate() {
            let Some(value) = line.strip_suffix(b"\n") else {
                batch.fates[index] = Fate::unreadable();
                continue;
            };
            let topic = self.config.topic_of(&row.stream);
            match producer.send(&topic, &row.id.to_hex(), value, index) {
                Ok(()) => {
                    batch.fates[index] = Fate::Again { attempted: true };
                    batch.pending += 1;
                }
                // The rest waits for its turn.
                Err(RDKafkaErrorCode::QueueFull) => break,
                // Its own bound: `message.max.bytes`.
                Err(RDKafkaErrorCode::MessageSizeTooLarge) => {
                    batch.fates[index] = fate::too_large(value.len());
                }
                Err(code) => batch.judge(index, code, &topic),
            }
        }
        batch
    }

    /// Until there is a report for each record, or the producer can do nothing any more: then, why.
    async fn wait(
        &self,
        producer: &mut Producer,
        lines: &Lines,
        batch: &mut Batch,
        standing: &Standing,
    ) -> Option<String> {
        while batch.pending > 0 {
            match timeout(SILENCE, producer.reports.recv()).await {
                Ok(Some(report)) => self.reported(&report, lines, batch),
                Ok(None) => return Some("the producer has ended".to_owned()),
                Err(_) => match producer.fatal() {
                    Some(fatal) => return Some(fatal),
                    None => say_silence(producer, batch.pending, standing),
                },
            }
        }
        producer.fatal()
    }

    fn reported(&self, report: &Report, lines: &Lines, batch: &mut Batch) {
        batch.pending -= 1;
        let Some((row, line)) = lines.get(report.index) else {
            return;
        };
        match report.result {
            Ok(()) => batch.fates[report.index] = Fate::Taken,
            Err(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::MessageBatchTooLarge) => {
                let was_alone = line.len() >= self.batch_size;
                batch.was_too_large |= !was_alone;
                batch.fates[report.index] = match was_alone {
                    true => fate::too_large(line.len()),
                    false => Fate::Again { attempted: false },
                };
            }
            Err(code) => batch.judge(report.index, code, &self.config.topic_of(&row.stream)),
        }
    }

    fn shrink(&mut self) {
        let before = self.batch_size;
        self.batch_size = (before / SHRINK).max(1);
        tracing::warn!(
            bytes = before,
            limit = self.batch_size,
            "a batch is larger than its topic takes (max.message.bytes), will make smaller ones from now on"
        );
    }
}

/// Records on their way.
#[derive(Debug)]
struct Batch {
    fates: Vec<Fate>,
    pending: usize,
    was_too_large: bool,
    /// Why records were not taken, where that is not about their topic.
    trouble: Option<String>,
}

impl Batch {
    fn new(fates: Vec<Fate>) -> Self {
        Self {
            fates,
            pending: 0,
            was_too_large: false,
            trouble: None,
        }
    }

    fn judge(&mut self, index: usize, code: RDKafkaErrorCode, topic: &str) {
        self.fates[index] = match fate::judge(code) {
            Verdict::Unknown => {
                self.trouble.get_or_insert_with(|| code.to_string());
                Fate::Again { attempted: true }
            }
            Verdict::Topic(what) => Fate::Held(format!("topic {topic}: {what}")),
        };
    }

    fn ended(self, fatal: Option<String>) -> Attempt {
        let trouble = fatal.or(self.trouble);
        Attempt {
            fates: self.fates,
            trouble: trouble.map(|why| format!("Kafka does not take documents: {why}")),
            is_over: false,
        }
    }
}

fn say_silence(producer: &Producer, documents: usize, standing: &Standing) {
    let why = match producer.said() {
        Some(said) => format!("no answer from Kafka: {said}"),
        None => "no answer from Kafka".to_owned(),
    };
    if standing.failed(&why) {
        tracing::warn!(
            output = "kafka",
            error = why,
            documents,
            "nothing is shipped, will go on when it is back"
        );
    }
}
