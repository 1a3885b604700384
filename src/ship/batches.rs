//! The loop of the outputs that take lines: a batch from the queue, a fate for each record, the next batch.
//!
//! What an output does not take stays in the queue and is tried again. The queue's cursor is written soon after each
//! batch, as these outputs cannot say of a document that they have it already: an agent that dies doubles what came since.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;

use super::console::Console;
use super::elasticsearch::backoff::Backoff;
use super::elasticsearch::pauses::Pauses;
use super::file::FileOutput;
use super::lines::Lines;
use super::standing::Standing;
use crate::spool::{Outcome, Record, Spool};

/// Text of a batch, before `@metadata`: large enough that a sync of a disk is worth it, small beside the agent's memory.
const BATCH_BYTES: usize = 2 << 20;
/// Most records of a batch.
const BATCH_RECORDS: usize = 4_000;
/// How often the cursor is written between batches: it costs two syncs.
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
    /// It can never be taken: why.
    Refused(String),
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
}

impl Output {
    async fn take(&mut self, lines: Lines) -> Attempt {
        match self {
            Self::File(file) => file.take(lines).await,
            Self::Console(console) => console.take(lines).await,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Console(_) => "console",
        }
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
        let pauses = &self.pauses;
        let records = self.spool.next(BATCH_BYTES, BATCH_RECORDS, |stream| {
            !pauses.is_paused(stream)
        });
        if records.is_empty() {
            let until_then = |end: Instant| end.saturating_duration_since(Instant::now());
            let end = self.pauses.next_end();
            return Ok(end.map_or(Round::Idle, |end| Round::Wait(until_then(end))));
        }
        let attempt = self.output.take(Lines::of(&records)).await;
        let taken = self.settle(&records, &attempt);
        self.keep().await;
        match attempt.trouble {
            Some(why) if attempt.is_over => Err(OutputEnded(why)),
            Some(why) => Ok(self.failed(&why, taken)),
            None => Ok(self.succeeded()),
        }
    }

    /// How many were taken.
    fn settle(&mut self, records: &[Record], attempt: &Attempt) -> usize {
        let mut taken = 0;
        for (record, fate) in records.iter().zip(&attempt.fates) {
            match fate {
                Fate::Taken => self.spool.ack(record.seq, Outcome::Indexed),
                Fate::There => self.spool.ack(record.seq, Outcome::Duplicate),
                Fate::Again { attempted } => self.spool.give_back(record.seq, *attempted),
                Fate::Refused(reason) => self.refuse(record, reason),
            }
            taken += usize::from(matches!(fate, Fate::Taken | Fate::There));
        }
        taken
    }

    fn refuse(&self, record: &Record, reason: &str) {
        let stream = &*record.entry.stream;
        tracing::error!(stream, reason, "a document is refused for good");
        self.spool.ack(record.seq, Outcome::Dropped);
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

    /// What goes wrong is said by the agent, which keeps the queue once a second.
    async fn keep(&mut self) {
        if self.kept.elapsed() < KEEP_EVERY {
            return;
        }
        let spool = Arc::clone(&self.spool);
        let kept = tokio::task::spawn_blocking(move || spool.keep()).await;
        tracing::trace!(?kept, "cursor");
        self.kept = Instant::now();
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
