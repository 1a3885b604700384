//! Out of the queue: to where documents go.
//!
//! A record leaves the queue only by a verdict of its output. There is one output: [`elasticsearch`], which speaks the
//! bulk protocol and has a loop of its own, or one of those that take [`lines`] of JSON and share a loop ([`batches`]):
//! [`file`], [`console`], [`kafka`].

mod batches;
mod config;
pub mod console;
pub mod elasticsearch;
pub mod file;
pub mod kafka;
mod lines;
mod standing;

pub use batches::OutputEnded;
pub use config::OutputConfig;
#[cfg(test)]
pub(crate) use lines::tests::append as append_lines;
pub use standing::{Failing, Standing};

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use self::batches::{BatchShipper, Output};
use self::console::Console;
use self::file::FileOutput;
use self::kafka::KafkaOutput;
use crate::config::Config;
use crate::spool::Spool;

/// Ships one queue to the output of the configuration.
#[derive(Debug)]
pub struct Shipper {
    way: Way,
    standing: Arc<Standing>,
}

#[derive(Debug)]
enum Way {
    Elasticsearch(Box<elasticsearch::Shipper>),
    Batches(Box<BatchShipper>),
}

impl Shipper {
    /// Makes ready to ship. An error means that the configuration cannot work here; a server that is away is none.
    pub fn new(config: &Config, output: &OutputConfig, spool: Arc<Spool>) -> anyhow::Result<Self> {
        let standing = Arc::new(Standing::default());
        let batches = |output: Output| {
            let shipper = BatchShipper::new(spool.clone(), output, standing.clone());
            Way::Batches(Box::new(shipper))
        };
        let way = match output {
            OutputConfig::Elasticsearch(elasticsearch) => {
                let shipper = elasticsearch::Shipper::new(
                    spool.clone(),
                    elasticsearch,
                    config.setup,
                    config.ha.is_some(),
                )?;
                Way::Elasticsearch(Box::new(shipper.telling(standing.clone())))
            }
            OutputConfig::File(file) => batches(Output::File(FileOutput::open(file)?)),
            OutputConfig::Kafka(kafka) => batches(Output::Kafka(KafkaOutput::new(kafka)?)),
            OutputConfig::Console(console) => batches(Output::Console(Console::new(console))),
        };
        Ok(Self { way, standing })
    }

    /// How the output is doing.
    pub fn standing(&self) -> Arc<Standing> {
        self.standing.clone()
    }

    /// Ships until told to stop, then what is left until that moment. An error is an output that is gone for good.
    pub async fn run(self, stop: watch::Receiver<Option<Instant>>) -> Result<(), OutputEnded> {
        match self.way {
            Way::Elasticsearch(shipper) => {
                shipper.run(stop).await;
                Ok(())
            }
            Way::Batches(shipper) => shipper.run(stop).await,
        }
    }
}
