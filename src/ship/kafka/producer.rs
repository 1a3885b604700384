//! librdkafka's producer: what is given to it, and what it says.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer,
};
use tokio::sync::mpsc;

use crate::ship::batches::BATCH_RECORDS;

/// What became of a record.
#[derive(Debug)]
pub(super) struct Report {
    /// Its place in the batch.
    pub(super) index: usize,
    pub(super) result: Result<(), RDKafkaErrorCode>,
}

/// A producer at work. To drop it gives up what it has not sent, and takes up to half a second.
pub(super) struct Producer {
    inner: ThreadedProducer<Context>,
    pub(super) reports: mpsc::Receiver<Report>,
    said: Said,
}

/// The last thing that librdkafka had to say about brokers.
type Said = Arc<Mutex<Option<String>>>;

impl Producer {
    /// For batches of up to [`BATCH_RECORDS`]. Touches no network.
    pub(super) fn new(config: &ClientConfig) -> KafkaResult<Self> {
        let (sender, reports) = mpsc::channel(BATCH_RECORDS);
        let said = Said::default();
        let context = Context {
            reports: sender,
            said: said.clone(),
        };
        Ok(Self {
            inner: config.create_with_context(context)?,
            reports,
            said,
        })
    }

    /// Hands a record over; its report comes later, unless it is not even taken.
    pub(super) fn send(
        &self,
        topic: &str,
        key: &str,
        value: &[u8],
        index: usize,
    ) -> Result<(), RDKafkaErrorCode> {
        let record = BaseRecord::with_opaque_to(topic, index);
        self.inner
            .send(record.key(key).payload(value))
            .map_err(|(error, _)| code(&error))
    }

    /// Why it can do nothing any more, if that is so.
    pub(super) fn fatal(&self) -> Option<String> {
        let (code, why) = self.inner.client().fatal_error()?;
        Some(format!("{code}: {why}"))
    }

    /// The last thing that it said.
    pub(super) fn said(&self) -> Option<String> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.clone()
    }
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").finish_non_exhaustive()
    }
}

fn code(error: &KafkaError) -> RDKafkaErrorCode {
    error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)
}

pub(super) struct Context {
    reports: mpsc::Sender<Report>,
    said: Said,
}

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!("librdkafka: {facility}: {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "librdkafka: {reason}");
        // That all are away follows what happened to the last of them.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            let reason = Some(reason.to_owned());
            *self.said.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        let result = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(code(error)),
        };
        // There is room for a batch, and nobody listens to a producer that has been replaced.
        self.reports.try_send(Report { index, result }).ok();
    }
}
