//! Bulk requests that are on their way, each a task of its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::bulk;
use super::elastic::{Answer, Content, Elastic, ElasticError};
use super::limiter::Ticket;
use crate::spool::Record;

/// All requests that are on their way. Those that are left when it is dropped are cut off.
#[derive(Debug, Default)]
pub(super) struct Flights {
    tasks: JoinSet<Landed>,
    records: usize,
}

/// What is known of a request when it leaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flight {
    /// For the limit of requests.
    pub(super) ticket: Ticket,
    /// How many failures there had been.
    pub(super) failures: u64,
    /// Whether it is as large as requests may be.
    pub(super) is_full: bool,
}

/// A request with its answer.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) flight: Flight,
    pub(super) records: Vec<Record>,
    pub(super) took: Duration,
    pub(super) answer: Result<Answer, ElasticError>,
}

impl Flights {
    /// How many.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Records on their way.
    pub(super) fn records(&self) -> usize {
        self.records
    }

    /// Sends records; those of the streams in `ids` with their ids.
    pub(super) fn start(
        &mut self,
        flight: Flight,
        records: Vec<Record>,
        ids: BTreeSet<Arc<str>>,
        elastic: Elastic,
    ) {
        self.records += records.len();
        self.tasks.spawn(async move {
            let body = bulk::encode(&records, |stream| ids.contains(stream));
            let start = Instant::now();
            let answer = elastic
                .send(Method::POST, bulk::PATH, Content::PackedLines, Some(body))
                .await;
            Landed {
                flight,
                records,
                took: start.elapsed(),
                answer,
            }
        });
    }

    /// The next one that has landed; nothing if none is on its way. May be dropped at any time.
    pub(super) async fn landed(&mut self) -> Option<Landed> {
        loop {
            let ended = self.tasks.join_next().await?;
            if let Some(landed) = self.landing(ended) {
                return Some(landed);
            }
        }
    }

    /// One that has landed already.
    pub(super) fn try_landed(&mut self) -> Option<Landed> {
        loop {
            let ended = self.tasks.try_join_next()?;
            if let Some(landed) = self.landing(ended) {
                return Some(landed);
            }
        }
    }

    fn landing(&mut self, ended: Result<Landed, JoinError>) -> Option<Landed> {
        match ended.map_err(JoinError::try_into_panic) {
            Ok(landed) => {
                self.records -= landed.records.len();
                Some(landed)
            }
            // The agent ends, as with a panic of its own.
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // Nobody cuts a single one off: the whole runtime ends.
            Err(Err(_)) => None,
        }
    }
}
