//! From the queue into Elasticsearch: bulk requests, several at a time, and a verdict for every document.
//!
//! The loop only decides; what the bytes look like is in [`bulk`], who may be shipped to in
//! [`gate`], how many requests at once in [`limiter`], how to talk in [`elastic`]. A record leaves the queue only by a verdict.

mod address;
mod ahead;
pub(super) mod backoff;
pub mod bulk;
mod config;
pub mod elastic;
mod error;
mod flight;
mod gate;
mod hosts;
mod limiter;
pub(super) mod pauses;
mod settle;
#[cfg(test)]
mod tests;
pub mod verdict;
mod window;

pub(crate) use address::read_base;
pub(crate) use config::read_credentials;
pub use config::{Credentials, ElasticsearchConfig};
pub(crate) use elastic::authorization;
pub(crate) use error::tls_error;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use self::ahead::Ahead;
use self::backoff::Backoff;
use self::elastic::{Answer, Elastic, ElasticError};
use self::flight::{Flight, Flights, Landed};
use self::gate::Gate;
use self::limiter::Limiter;
use self::pauses::Pauses;
use crate::config::SetupConfig;
use crate::dead_letter::Refusal;
use crate::ship::Standing;
use crate::spool::{Record, Spool};

/// Ships one queue.
#[derive(Debug)]
pub struct Shipper {
    spool: Arc<Spool>,
    elastic: Elastic,
    gate: Gate,
    /// How many requests at once.
    limiter: Limiter,
    /// After a request that failed as a whole.
    backoff: Backoff,
    /// After documents that were not taken.
    pauses: Pauses,
    /// After documents that were too new.
    ahead: Ahead,
    /// Halved by every 413: the limit of a server, or of a proxy before it, stays what it is.
    max_bytes: usize,
    max_items: usize,
    /// Records of the last request that was as large as requests may be.
    usual_items: usize,
    /// Whether other agents may have made the same documents.
    is_shared: bool,
    /// Whether the last attempt failed, so that recovery is said once.
    failing: bool,
    /// How many failures there have been.
    failures: u64,
    /// No request before.
    resume_at: Instant,
    /// For others who ask.
    standing: Arc<Standing>,
    /// Which right was missing last, so that it is said once.
    missing_right: Option<String>,
}

/// What to wait for before the next request.
enum Next {
    /// As many are in flight as may be: for one of them.
    Full,
    /// For one of them, or for enough records.
    More,
    /// Until then.
    Wait(Instant),
    /// For records; a held stream is looked at again then.
    Idle(Instant),
}

impl Next {
    fn may_send(&self) -> bool {
        !matches!(self, Self::Full)
    }

    fn time(&self) -> Option<Instant> {
        match self {
            Self::Full | Self::More => None,
            Self::Wait(at) | Self::Idle(at) => Some(*at),
        }
    }
}

/// Returns at that time; never without one.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn bytes_of(records: &[Record]) -> usize {
    records.iter().map(|record| record.entry.lines.len()).sum()
}

impl Shipper {
    /// A shipper; `setup`: whether and how a missing template is installed; `is_shared`: other
    /// agents may have made the same documents, so that one that is there already is a duplicate.
    pub fn new(
        spool: Arc<Spool>,
        config: &ElasticsearchConfig,
        setup: SetupConfig,
        is_shared: bool,
    ) -> Result<Self, ElasticError> {
        Ok(Self {
            spool,
            elastic: Elastic::new(config)?,
            gate: Gate::new(setup),
            limiter: Limiter::new(config.max_concurrency),
            backoff: Backoff::default(),
            pauses: Pauses::default(),
            ahead: Ahead::default(),
            max_bytes: config.bulk_max_bytes,
            max_items: config.bulk_max_items,
            usual_items: config.bulk_max_items,
            is_shared,
            failing: false,
            failures: 0,
            resume_at: Instant::now(),
            standing: Arc::default(),
            missing_right: None,
        })
    }

    /// Tells others how Elasticsearch is doing.
    pub fn telling(mut self, standing: Arc<Standing>) -> Self {
        self.standing = standing;
        self
    }

    /// Ships until told to stop, then what is left until `grace` is over or nothing can go.
    pub async fn run(mut self, mut stop: watch::Receiver<Option<Instant>>) {
        let mut flights = Flights::default();
        loop {
            let deadline = *stop.borrow_and_update();
            let next = tokio::select! {
                biased;
                Ok(()) = stop.changed() => continue,
                () = until(deadline) => break,
                next = self.launch(&mut flights) => next,
            };
            if deadline.is_some() && flights.len() == 0 && matches!(next, Next::Idle(_)) {
                return;
            }
            tokio::select! {
                biased;
                Ok(()) = stop.changed() => {}
                () = until(deadline) => break,
                Some(landed) = flights.landed() => self.landed(landed),
                () = self.spool.arrived(), if !self.failing && next.may_send() => {}
                () = until(next.time()) => {}
            }
        }
        // What has an answer is settled by it; what is still on its way may have arrived or not.
        while let Some(landed) = flights.try_landed() {
            self.landed(landed);
        }
        drop(flights);
        self.spool.give_back_all();
    }

    /// Sends as many requests as may be in flight and are worth it.
    async fn launch(&mut self, flights: &mut Flights) -> Next {
        loop {
            // After a failure one request finds out how things are.
            let most = if self.failing {
                1
            } else {
                self.limiter.limit()
            };
            if flights.len() >= most {
                return Next::Full;
            }
            if self.resume_at > Instant::now() {
                return Next::Wait(self.resume_at);
            }
            if flights.len() > 0 && !self.fills_another(flights) {
                return Next::More;
            }
            let streams = self.spool.waiting_streams();
            if let Err(error) = self.gate.check(&self.elastic, &streams).await {
                self.failed(&error, None);
                continue;
            }
            let (gate, pauses) = (&self.gate, &self.pauses);
            let records = self.spool.next(self.max_bytes, self.max_items, |stream| {
                gate.is_open(stream) && !pauses.is_paused(stream)
            });
            if records.is_empty() {
                return self.nothing_to_send(&streams);
            }
            self.send(records, flights);
        }
    }

    /// Whether what waits is enough for one more request of the usual size: small ones side by side cost more than
    /// one after the other. Held streams count as waiting, and then a smaller one goes.
    fn fills_another(&self, flights: &Flights) -> bool {
        let on_their_way = flights.records() as u64;
        self.spool.queued().saturating_sub(on_their_way) >= self.usual_items as u64
    }

    fn send(&mut self, records: Vec<Record>, flights: &mut Flights) {
        let is_full = records.len() >= self.max_items || bytes_of(&records) >= self.max_bytes / 2;
        if is_full {
            self.usual_items = records.len();
        }
        let flight = Flight {
            ticket: self.limiter.ticket(flights.len() + 1),
            failures: self.failures,
            is_full,
        };
        let streams = records.iter().map(|record| &record.entry.stream);
        let ids = streams.filter(|stream| self.gate.takes_ids(stream));
        let ids = ids.cloned().collect();
        flights.start(flight, records, ids, self.elastic.clone());
    }

    /// Until a pause is over, what was set aside is due, or a stream in which something waits is to be looked at again.
    fn nothing_to_send(&self, waiting: &[Arc<str>]) -> Next {
        /// A bound so that the loop looks around now and then; records wake it earlier.
        const LONGEST_IDLE: Duration = Duration::from_secs(30);
        let due = self.spool.next_due().map(Instant::from_std);
        if let Some(end) = self.pauses.next_end() {
            return Next::Wait(due.map_or(end, |due| due.min(end)));
        }
        let check = self.gate.next_check(waiting);
        let longest = Instant::now() + LONGEST_IDLE;
        let first = [due, check].into_iter().flatten().min();
        Next::Idle(first.map_or(longest, |first| first.min(longest)))
    }

    fn landed(&mut self, landed: Landed) {
        let Landed {
            flight,
            records,
            took,
            answer,
        } = landed;
        match answer {
            Ok(answer) => self.answered(flight, &records, took, &answer),
            Err(error) => {
                self.give_back(&records, !error.is_never_sent());
                self.limiter.overloaded(flight.ticket);
                self.failed_flight(flight, &error, None);
            }
        }
    }

    fn answered(&mut self, flight: Flight, records: &[Record], took: Duration, answer: &Answer) {
        if answer.status == 413 {
            return self.too_large(records);
        }
        if !answer.is_success() {
            // 502 to 504 may come from something in between after the request had arrived.
            self.give_back(records, matches!(answer.status, 500..));
            if matches!(answer.status, 408 | 429 | 500..) {
                self.limiter.overloaded(flight.ticket);
            }
            return self.failed_flight(flight, &answer.refused(), answer.retry_after);
        }
        match bulk::decode(&answer.body, records.len()) {
            Ok(items) => {
                if items.iter().any(|item| item.status == 429) {
                    self.limiter.overloaded(flight.ticket);
                } else if flight.is_full {
                    self.limiter.answered(flight.ticket, took);
                }
                self.settle(records, &items, answer.retry_after);
                self.succeeded(flight);
            }
            Err(what) => {
                self.give_back(records, true);
                self.failed_flight(flight, &answer.strange(what), None);
            }
        }
    }

    /// 413 is about the whole body: half of it next time, down to one document.
    fn too_large(&mut self, records: &[Record]) {
        if let [record] = records {
            let bytes = record.entry.lines.len();
            tracing::error!(
                stream = &*record.entry.stream,
                bytes,
                "a document is larger than Elasticsearch takes"
            );
            let refusal = Refusal {
                status: Some(413),
                error_type: "too_large".to_owned(),
                reason: format!(
                    "{bytes} bytes are more than Elasticsearch, or a proxy before it, takes"
                ),
            };
            self.dead_letter(&[(record, refusal)]);
            return;
        }
        self.give_back(records, false);
        let sent = bytes_of(records);
        // Those that were on their way together halve it once.
        self.max_bytes = self.max_bytes.min(sent / 2).max(1);
        tracing::warn!(
            bytes = sent,
            limit = self.max_bytes,
            "bulk request too large, will send less from now on"
        );
    }

    /// A request that left before the last failure says nothing about how things are since.
    fn succeeded(&mut self, flight: Flight) {
        if flight.failures != self.failures {
            return;
        }
        if std::mem::take(&mut self.failing) {
            tracing::info!("Elasticsearch takes documents again");
        }
        self.standing.succeeded();
        self.missing_right = None;
        self.backoff.succeeded();
    }

    /// Requests that were on their way together count once, so that many do not wait longer than one.
    fn failed_flight(
        &mut self,
        flight: Flight,
        error: &ElasticError,
        retry_after: Option<Duration>,
    ) {
        if flight.failures == self.failures {
            self.failed(error, retry_after);
        }
    }

    fn failed(&mut self, error: &ElasticError, retry_after: Option<Duration>) {
        let wait = self.backoff.failed(retry_after);
        self.failing = true;
        self.failures += 1;
        self.resume_at = Instant::now() + wait;
        self.standing.failed_by(error);
        if !self.is_missing_right(error) {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                queued = self.spool.queued(),
                wait_ms = wait.as_millis(),
                "nothing shipped, will retry"
            );
        }
    }

    /// Whether the agent may not ship at all. Said once: somebody has to give it the right, and until then nothing changes.
    fn is_missing_right(&mut self, error: &ElasticError) -> bool {
        let ElasticError::Refused {
            status: 401 | 403,
            reason,
            ..
        } = error
        else {
            return false;
        };
        // The hosts of one Elasticsearch say the same.
        if self.missing_right.as_ref() != Some(reason) {
            tracing::error!(
                queued = self.spool.queued(),
                "{error}: documents wait until the right is given"
            );
            self.missing_right = Some(reason.clone());
        }
        true
    }

    fn give_back(&self, records: &[Record], attempted: bool) {
        for record in records {
            self.spool.give_back(record.seq, attempted);
        }
    }
}
