//! From the queue into Elasticsearch: one bulk request at a time, a verdict for every document.
//!
//! The loop only decides; what the bytes look like is in [`bulk`], who may be shipped to in
//! [`gate`], how to talk in [`elastic`]. A record leaves the queue only by a verdict.

mod ahead;
pub(super) mod backoff;
pub mod bulk;
mod config;
pub mod elastic;
mod gate;
pub(super) mod pauses;
mod settle;
pub mod verdict;
mod window;

pub use config::{Credentials, ElasticsearchConfig};

use std::sync::Arc;
use std::time::Duration;

use ::elasticsearch::http::Method;
use tokio::sync::watch;
use tokio::time::Instant;

use self::ahead::Ahead;
use self::backoff::Backoff;
use self::elastic::{Answer, Content, Elastic, ElasticError};
use self::gate::Gate;
use self::pauses::Pauses;
use crate::dead_letter::Refusal;
use crate::ship::Standing;
use crate::spool::{Record, Spool};

/// Ships one queue.
#[derive(Debug)]
pub struct Shipper {
    spool: Arc<Spool>,
    elastic: Elastic,
    gate: Gate,
    /// After a request that failed as a whole.
    backoff: Backoff,
    /// After documents that were not taken.
    pauses: Pauses,
    /// After documents that were too new.
    ahead: Ahead,
    /// Halved by every 413: the limit of a server, or of a proxy before it, stays what it is.
    max_bytes: usize,
    max_items: usize,
    /// Whether other agents may have made the same documents.
    is_shared: bool,
    /// Whether the last attempt failed, so that recovery is said once.
    failing: bool,
    /// For others who ask.
    standing: Arc<Standing>,
    /// Which right was missing last, so that it is said once.
    missing_right: Option<String>,
}

/// How a round ended.
enum Round {
    /// Documents were settled; there may be more.
    Progress,
    /// Nothing to do until records arrive or a held stream is looked at again.
    Idle,
    /// Try again after this time.
    Wait(Duration),
}

impl Shipper {
    /// A shipper; `install_templates`: install a missing template when it may; `is_shared`: other
    /// agents may have made the same documents, so that one that is there already is a duplicate.
    pub fn new(
        spool: Arc<Spool>,
        config: &ElasticsearchConfig,
        install_templates: bool,
        is_shared: bool,
    ) -> Result<Self, ElasticError> {
        Ok(Self {
            spool,
            elastic: Elastic::new(config)?,
            gate: Gate::new(install_templates),
            backoff: Backoff::default(),
            pauses: Pauses::default(),
            ahead: Ahead::default(),
            max_bytes: config.bulk_max_bytes,
            max_items: config.bulk_max_items,
            is_shared,
            failing: false,
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
        loop {
            let deadline = *stop.borrow_and_update();
            let round = match deadline {
                None => tokio::select! {
                    biased;
                    // Cancelled in mid-request its records stay lent; the drain below asks for them again.
                    _ = stop.changed() => { self.spool.give_back_all(); continue }
                    round = self.round() => round,
                },
                Some(deadline) => match tokio::time::timeout_at(deadline, self.round()).await {
                    Ok(round) => round,
                    Err(_) => return self.spool.give_back_all(),
                },
            };
            let wait = match (round, deadline) {
                (Round::Progress, _) => continue,
                (Round::Idle, Some(_)) => return,
                (Round::Idle, None) => self.until_next_check(),
                (Round::Wait(wait), _) => wait,
            };
            let until = deadline
                .unwrap_or_else(|| Instant::now() + wait)
                .min(Instant::now() + wait);
            tokio::select! {
                _ = stop.changed() => {}
                () = self.spool.arrived(), if !self.failing => {}
                () = tokio::time::sleep_until(until) => {}
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return;
            }
        }
    }

    fn until_next_check(&self) -> Duration {
        /// A bound so that the loop looks around now and then; records wake it earlier.
        const LONGEST_IDLE: Duration = Duration::from_secs(30);
        let next = self
            .gate
            .next_check()
            .map(|at| at.saturating_duration_since(Instant::now()));
        next.unwrap_or(LONGEST_IDLE).min(LONGEST_IDLE)
    }

    async fn round(&mut self) -> Round {
        let streams = self.spool.waiting_streams();
        if let Err(error) = self.gate.check(&self.elastic, &streams).await {
            return self.failed(&error, None);
        }
        let (gate, pauses) = (&self.gate, &self.pauses);
        let records = self.spool.next(self.max_bytes, self.max_items, |stream| {
            gate.is_open(stream) && !pauses.is_paused(stream)
        });
        if records.is_empty() {
            return match self.pauses.next_end() {
                Some(end) => Round::Wait(end.saturating_duration_since(Instant::now())),
                None => Round::Idle,
            };
        }
        let body = bulk::encode(&records);
        let answer = self
            .elastic
            .send(Method::Post, bulk::PATH, Content::PackedLines, Some(body))
            .await;
        match answer {
            Ok(answer) => self.answered(&records, &answer),
            Err(error) => {
                let never_sent = matches!(
                    error,
                    ElasticError::NoAnswer {
                        never_sent: true,
                        ..
                    }
                );
                self.give_back(&records, !never_sent);
                self.failed(&error, None)
            }
        }
    }

    fn answered(&mut self, records: &[Record], answer: &Answer) -> Round {
        if answer.status == 413 {
            return self.too_large(records);
        }
        if !answer.is_success() {
            // 502 to 504 may come from something in between after the request had arrived.
            self.give_back(records, matches!(answer.status, 500..));
            return self.failed(&self.elastic.refused(answer), answer.retry_after);
        }
        match bulk::decode(&answer.body, records.len()) {
            Ok(items) => self.settle(records, &items, answer.retry_after),
            Err(what) => {
                self.give_back(records, true);
                self.failed(&self.elastic.strange(what), None)
            }
        }
    }

    /// 413 is about the whole body: half of it next time, down to one document.
    fn too_large(&mut self, records: &[Record]) -> Round {
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
            return Round::Progress;
        }
        self.give_back(records, false);
        let sent: usize = records.iter().map(|record| record.entry.lines.len()).sum();
        self.max_bytes = (sent / 2).max(1);
        tracing::warn!(
            bytes = sent,
            limit = self.max_bytes,
            "bulk request too large, will send less from now on"
        );
        Round::Progress
    }

    fn succeeded(&mut self) -> Round {
        if std::mem::take(&mut self.failing) {
            tracing::info!("Elasticsearch takes documents again");
        }
        self.standing.succeeded();
        self.missing_right = None;
        self.backoff.succeeded();
        Round::Progress
    }

    fn failed(&mut self, error: &ElasticError, retry_after: Option<Duration>) -> Round {
        let wait = self.backoff.failed(retry_after);
        self.failing = true;
        self.standing.failed_by(error);
        if !self.is_missing_right(error) {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                queued = self.spool.queued(),
                wait_ms = wait.as_millis(),
                "nothing shipped, will retry"
            );
        }
        Round::Wait(wait)
    }

    /// Whether the agent may not ship at all. Said once: somebody has to give it the right, and until then nothing changes.
    fn is_missing_right(&mut self, error: &ElasticError) -> bool {
        let is_missing = matches!(
            error,
            ElasticError::Refused {
                status: 401 | 403,
                ..
            }
        );
        let why = error.to_string();
        if is_missing && self.missing_right.as_ref() != Some(&why) {
            tracing::error!(
                queued = self.spool.queued(),
                "{why}: documents wait until the right is given"
            );
            self.missing_right = Some(why);
        }
        is_missing
    }

    fn give_back(&self, records: &[Record], attempted: bool) {
        for record in records {
            self.spool.give_back(record.seq, attempted);
        }
    }
}
