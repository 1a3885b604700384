//! The loop of the outputs that take lines: a batch from the queue, a fate for each record, the next batch.
//!
//! What an output does not take stays in the queue and is tried again. The queue's cursor is written soon after each
//! batch, as these outputs cannot say of a document that they have it already: an agent that dies doubles what came since.
//! While it cannot be written nothing is shipped.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;

use super::console::Console;
use super::elasticsearch::backoff::Backoff;
use super::elasticsearch::pauses::Pauses;
use super::file::FileOutput;
use super::kafka::KafkaOutput;
use super::lines::Lines;
use super::standing::Standing;
use crate::dead_letter::Refusal;
use crate::spool::{Outcome, Record, Spool};

/// Text of a batch, before `@metadata`: large enough that a sync of a disk is worth it, small beside the agent's memory.
const BATCH_BYTES: usize = 2 << 20;
/// Most records of a batch.
pub(super) const BATCH_RECORDS: usize = 4_000;
/// How often the cursor is written while batch follows batch: it costs two syncs. It is written at once when nothing waits.
const KEEP_EVERY: Duration = Duration::from_millis(100);

/// The output can never take another document.
#[derive(Debug, Error)]
#[error("{0}; the documents wait in the queue")]
pub struct OutputEnded(pub(super) String);

/// What an output did with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is safe there.
    Taken,
    /// An earlier attempt had arrived.
    There,
    /// Not taken. `attempted`: it may be there all the same.
    Again { attempted: bool },
    /// Not taken, and the others of its stream will not be for a while, either: why.
    Held(String),
    /// It can never be taken: why.
    Refused(Refusal),
}

/// What an output did with a batch.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    /// One for each record.
    pub(super) fates: Vec<Fate>,
    /// Why not everything was taken, where that is about the output and not about documents.
    pub(super) trouble: Option<String>,
    /// Whether it will never take anything again.
    pub(super) is_over: bool,
}

/// Where batches go.
#[derive(Debug)]
pub(super) enum Output {
    File(FileOutput),
    Console(Console),
    Kafka(KafkaOutput),
}

impl Fate {
    /// A record of the queue that is damaged, which its check sums make all but impossible.
    pub(super) fn unreadable() -> Self {
        Self::Refused(Refusal {
            status: None,
            error_type: "unreadable".to_owned(),
            reason: "it cannot be read back from the queue".to_owned(),
        })
    }
}

impl Output {
    async fn take(&mut self, lines: Lines, standing: &Standing) -> Attempt {
        match self {
            Self::Kafka(kafka) => kafka.take(lines, standing).await,
            Self::File(file) => file.take(lines).await,
            Self::Console(console) => console.take(lines).await,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Console(_) => "console",
            Self::Kafka(_) => "kafka",
        }
    }
}

/// What a batch leaves to be done.
#[derive(Debug, Default)]
struct Rest<'r> {
    refused: Vec<(&'r Record, Refusal)>,
    /// By stream: why, and how many.
    held: BTreeMap<Arc<str>, (String, usize)>,
}

impl Rest<'_> {
    fn hold(&mut self, stream: &Arc<str>, reason: &str) {
        let first = || (reason.to_owned(), 0);
        self.held.entry(stream.clone()).or_insert_with(first).1 += 1;
    }
}

/// Ships one queue.
#[derive(Debug)]
pub(super) struct BatchShipper {
    spool: Arc<Spool>,
    output: Output,
    standing: Arc<Standing>,
    backoff: Backoff,
    /// Of streams whose documents were not taken while those of others were.
    pauses: Pauses,
    kept: Instant,
    /// Whether anything was settled since.
    is_unkept: bool,
    /// Whether the cursor could not be written when it was to be.
    keep_fails: bool,
}

/// How a round ended.
enum Round {
    Progress,
    Idle,
    Wait(Duration),
}

impl BatchShipper {
    pub(super) fn new(spool: Arc<Spool>, output: Output, standing: Arc<Standing>) -> Self {
        Self {
            spool,
            output,
            standing,
            backoff: Backoff::default(),
            pauses: Pauses::default(),
            kept: Instant::now(),
            is_unkept: false,
            keep_fails: false,
        }
    }

    /// Ships until told to stop, then what is left until the moment that was told.
    pub(super) async fn run(
        mut self,
        mut stop: watch::Receiver<Option<Instant>>,
    ) -> Result<(), OutputEnded> {
        loop {
            // Looked at before the round: what came in before the signal is seen by the round after it.
            let is_stopping = stop.borrow_and_update().is_some();
            let spool = Arc::clone(&self.spool);
            let round = tokio::select! {
                round = self.round() => round?,
                () = overdue(stop.clone()) => {
                    spool.give_back_all();
                    return Ok(());
                }
            };
            let wait = match round {
                Round::Progress => continue,
                Round::Idle if is_stopping => return Ok(()),
                Round::Idle => None,
                Round::Wait(wait) => Some(wait),
            };
            let over = overdue(stop.clone());
            tokio::select! {
                _ = stop.changed() => {}
                () = over => return Ok(()),
                () = self.spool.arrived(), if wait.is_none() => {}
                () = tokio::time::sleep(wait.unwrap_or(Duration::MAX)), if wait.is_some() => {}
            }
        }
    }

    async fn round(&mut self) -> Result<Round, OutputEnded> {
        if self.keep_fails {
            if let Err(why) = self.keep().await {
                return Ok(self.failed(&why, 0));
            }
            self.succeeded();
        }
        let pauses = &self.pauses;
        let records = self.spool.next(BATCH_BYTES, BATCH_RECORDS, |stream| {
            !pauses.is_paused(stream)
        });
        if records.is_empty() {
            if let Err(why) = self.keep().await {
                return Ok(self.failed(&why, 0));
            }
            let until_then = |end: Instant| end.saturating_duration_since(Instant::now());
            let end = self.pauses.next_end();
            return Ok(end.map_or(Round::Idle, |end| Round::Wait(until_then(end))));
        }
        let lines = Lines::of(&records);
        let attempt = self.output.take(lines, &self.standing).await;
        let taken = self.settle(&records, &attempt.fates);
        let kept = match self.kept.elapsed() >= KEEP_EVERY {
            true => self.keep().await,
            false => Ok(()),
        };
        match attempt.trouble.or(kept.err()) {
            Some(why) if attempt.is_over => Err(OutputEnded(why)),
            Some(why) => Ok(self.failed(&why, taken)),
            None if taken == 0 => Ok(Round::Progress),
            None => Ok(self.succeeded()),
        }
    }

    /// How many were taken.
    fn settle(&mut self, records: &[Record], fates: &[Fate]) -> usize {
        let mut rest = Rest::default();
        self.is_unkept = true;
        for (record, fate) in records.iter().zip(fates) {
            match fate {
                Fate::Taken => self.took(record, Outcome::Indexed),
                Fate::There => self.took(record, Outcome::Duplicate),
                Fate::Again { attempted } => self.spool.give_back(record.seq, *attempted),
                Fate::Held(reason) => {
                    self.spool.give_back(record.seq, record.attempted);
                    rest.hold(&record.entry.stream, reason);
                }
                Fate::Refused(refusal) => rest.refused.push((record, refusal.clone())),
            }
        }
        self.dead_letter(&mut rest);
        self.pause(&rest.held);
        let is_taken = |fate: &&Fate| matches!(fate, Fate::Taken | Fate::There);
        fates.iter().filter(is_taken).count()
    }

    fn took(&mut self, record: &Record, outcome: Outcome) {
        self.spool.ack(record.seq, outcome);
        self.pauses.succeeded(&record.entry.stream);
    }

    /// What is refused for good is kept. Where it cannot be, which is said there, its stream waits.
    fn dead_letter(&self, rest: &mut Rest<'_>) {
        let refused = std::mem::take(&mut rest.refused);
        if self.spool.dead_letter(&refused).is_err() {
            for (record, _) in refused {
                self.spool.give_back(record.seq, record.attempted);
                rest.hold(&record.entry.stream, "the dead letter cannot be written");
            }
        } else if let Some((record, refusal)) = refused.first() {
            tracing::error!(
                stream = &*record.entry.stream,
                documents = refused.len(),
                reason = refusal.reason,
                "documents refused for good, kept in the dead letter"
            );
        }
    }

    fn pause(&mut self, held: &BTreeMap<Arc<str>, (String, usize)>) {
        for (stream, (reason, documents)) in held {
            let wait = self.pauses.failed(stream, None);
            tracing::warn!(
                stream = &**stream,
                documents,
                reason,
                wait_ms = wait.as_millis(),
                "documents not taken now, will retry"
            );
        }
    }

    fn succeeded(&mut self) -> Round {
        if self.standing.succeeded() {
            tracing::info!(
                output = self.output.name(),
                "the output takes documents again"
            );
        }
        self.backoff.succeeded();
        Round::Progress
    }

    fn failed(&mut self, why: &str, taken: usize) -> Round {
        if taken > 0 {
            self.backoff.succeeded();
        }
        let wait = self.backoff.failed(None);
        if self.standing.failed(why) {
            tracing::warn!(
                output = self.output.name(),
                error = why,
                queued = self.spool.queued(),
                "not everything is shipped, will retry"
            );
        }
        Round::Wait(wait)
    }

    /// Writes the cursor, or says why nothing more may be shipped.
    async fn keep(&mut self) -> Result<(), String> {
        if !self.is_unkept {
            return Ok(());
        }
        let spool = Arc::clone(&self.spool);
        let kept = tokio::task::spawn_blocking(move || spool.keep()).await;
        let kept = kept.map_err(io::Error::other).flatten();
        self.kept = Instant::now();
        (self.is_unkept, self.keep_fails) = (kept.is_err(), kept.is_err());
        kept.map_err(|error| {
            format!("the queue's cursor cannot be written, and what is shipped without it would come again: {error}")
        })
    }
}

/// Ends when the moment has come that was told with the signal to stop.
async fn overdue(mut stop: watch::Receiver<Option<Instant>>) {
    // Without a sender there is nobody who will ever say so.
    match stop.wait_for(Option::is_some).await.map(|told| *told) {
        Ok(Some(moment)) => tokio::time::sleep_until(moment).await,
        Ok(None) | Err(_) => std::future::pending().await,
    }
}
