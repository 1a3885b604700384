//! The session with one JVM: the only part of this collector that awaits.

use std::time::Duration;

use jmx_rmi::{Attributes, Client, Endpoint, Error, ObjectName, RemoteException, Timeouts};
use tokio::time::{Instant, timeout, timeout_at};

use super::directory::Directory;
use super::fault;
use super::table::Table;
use crate::collect::Fault;

/// Of the cycle's time this much is left for the documents to be made.
const RESERVE: Duration = Duration::from_millis(100);

/// A good-bye that takes longer is not worth waiting for: the session's lease ends by itself.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// A session that outlives its cycle.
#[derive(Debug)]
pub(super) struct Session {
    endpoint: Endpoint,
    /// `host:port`, as messages name the JVM.
    name: String,
    client: Option<Client>,
    directory: Option<Directory>,
}

/// What was read in one cycle.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Beans in the order of their names. One that could not be read has no attributes.
    pub(super) beans: Vec<(ObjectName, Attributes)>,
    /// Beans that are there but could not be read.
    pub(super) faults: Vec<Fault>,
}

enum Failure {
    Deadline,
    Client(Error),
}

impl Session {
    /// A session yet to be opened.
    pub(super) fn new(endpoint: Endpoint, name: String) -> Self {
        Self {
            endpoint,
            name,
            client: None,
            directory: None,
        }
    }

    /// Reads all beans of the table once. A session which the server has ended meanwhile (it was restarted) is
    /// replaced by a new one, once.
    ///
    /// # Cancel safety
    /// Client and directory are taken while they are in use and put back when a cycle is whole: if the future is
    /// dropped, the next call opens a new session.
    pub(super) async fn read(&mut self, table: &Table, deadline: Instant) -> Result<Answer, Fault> {
        let until = deadline.checked_sub(RESERVE).unwrap_or(deadline);
        let was_open = self.client.is_some();
        let answer = match self.attempt(table, until).await {
            Err(Failure::Client(error)) if was_open && is_ended(&error) => {
                tracing::debug!(jvm = %self.name, %error, "session ended by the server, will open another");
                self.attempt(table, until).await
            }
            answer => answer,
        };
        answer.map_err(|failure| match failure {
            Failure::Client(error) => fault::of_session(&self.name, &error),
            Failure::Deadline => fault::of_deadline(&self.name),
        })
    }

    async fn attempt(&mut self, table: &Table, until: Instant) -> Result<Answer, Failure> {
        match timeout_at(until, self.cycle(table)).await {
            Ok(answer) => answer.map_err(Failure::Client),
            Err(_) => Err(Failure::Deadline),
        }
    }

    async fn cycle(&mut self, table: &Table) -> Result<Answer, Error> {
        let kept = self.client.take().filter(|client| !client.is_poisoned());
        let directory = self.directory.take().filter(|_| kept.is_some());
        let mut client = match kept {
            Some(client) => client,
            None => Client::connect(&self.endpoint, Timeouts::default()).await?,
        };
        let mut directory = match directory {
            Some(directory) if !directory.is_due() => directory,
            before => Directory::load(&mut client, table, before).await?,
        };
        let results = client.read(directory.reads()).await?;
        directory.used();
        let answer = self.sort(&mut directory, results);
        self.client = Some(client);
        self.directory = Some(directory);
        Ok(answer)
    }

    /// Results by bean. Where a bean is gone the directory is out of date.
    fn sort(
        &self,
        directory: &mut Directory,
        results: Vec<Result<Attributes, RemoteException>>,
    ) -> Answer {
        let mut beans = Vec::with_capacity(results.len());
        let mut refused = Vec::new();
        let mut is_gone = false;
        for (name, result) in directory.names().zip(results) {
            let attributes = result.unwrap_or_else(|exception| {
                if exception.is_instance_not_found() {
                    is_gone = true;
                } else {
                    refused.push((name.clone(), exception));
                }
                Attributes::new()
            });
            beans.push((name.clone(), attributes));
        }
        if is_gone {
            directory.distrust();
        }
        let faults = fault::of_beans(&self.name, &refused).into_iter().collect();
        Answer { beans, faults }
    }

    /// Asks for the names of the beans anew in the next cycle: some are missing, as while a broker starts.
    pub(super) fn refresh(&mut self) {
        if let Some(directory) = &mut self.directory {
            directory.distrust();
        }
    }

    /// Ends the session, so that the server does not keep it until its lease ends.
    pub(super) async fn close(&mut self) {
        let Some(client) = self.client.take() else {
            return;
        };
        match timeout(GOOD_BYE, client.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(jvm = %self.name, %error, "session not ended cleanly")
            }
            Err(_) => tracing::debug!(jvm = %self.name, "no answer to the end of the session"),
        }
    }
}

/// Whether another session may do what this one no longer can.
fn is_ended(error: &Error) -> bool {
    error.is_no_such_object() || error.is_closed()
}
