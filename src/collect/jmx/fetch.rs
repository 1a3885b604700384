//! The session with one JVM: the only part of this collector that awaits.

use std::sync::Arc;
use std::time::Duration;

use jmx_rmi::{Attributes, ObjectName, Timeouts};
use tokio::time::{Instant, timeout, timeout_at};

use super::budget::Selection;
use super::directory::Directory;
use super::door::{Door, DoorError, Peer, Reading};
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
    door: Door,
    /// The door as messages name it.
    name: String,
    peer: Option<Peer>,
    directory: Option<Directory>,
}

/// What was read in one cycle.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Beans in the order of their names. One that could not be read, or not in time, has no attributes.
    pub(super) beans: Vec<(ObjectName, Attributes)>,
    /// What could not be read.
    pub(super) faults: Vec<Fault>,
    /// Beans that there was no time for.
    pub(super) missing: usize,
    /// Beans that are not read, as the budget is used up.
    pub(super) left_out: usize,
    /// What the budget leaves.
    pub(super) selection: Arc<Selection>,
}

enum Failure {
    Deadline,
    Door(DoorError),
}

impl Session {
    /// A session yet to be opened.
    pub(super) fn new(door: Door) -> Self {
        Self {
            name: door.shown(),
            door,
            peer: None,
            directory: None,
        }
    }

    /// Reads all beans of the table once, as far as the time goes. A session which the server has ended meanwhile (it
    /// was restarted) is replaced by a new one, once.
    ///
    /// # Cancel safety
    /// Peer and directory are taken while they are in use and put back when a cycle is whole: if the future is
    /// dropped, the next call opens a new session.
    pub(super) async fn read(&mut self, table: &Table, deadline: Instant) -> Result<Answer, Fault> {
        let until = deadline.checked_sub(RESERVE).unwrap_or(deadline);
        let was_open = self.peer.is_some();
        let answer = match self.cycle(table, until).await {
            Err(Failure::Door(error)) if was_open && error.is_ended() => {
                tracing::debug!(jvm = %self.name, %error, "session ended by the server, will open another");
                self.cycle(table, until).await
            }
            answer => answer,
        };
        answer.map_err(|failure| self.fault(failure))
    }

    fn fault(&self, failure: Failure) -> Fault {
        match failure {
            Failure::Door(error) => fault::of_session(&self.name, &error),
            Failure::Deadline => fault::of_deadline(&self.name),
        }
    }

    async fn cycle(&mut self, table: &Table, until: Instant) -> Result<Answer, Failure> {
        let was_open = self.peer.is_some();
        let (mut peer, mut directory) = within(until, self.prepare(table)).await?;
        let mut readings: Vec<Option<Reading>> = Vec::new();
        readings.resize_with(directory.reads().len(), || None);
        let read = within(until, peer.read(directory.reads(), &mut readings)).await;
        directory.used();
        let answer = match read {
            Ok(()) => {
                self.peer = Some(peer);
                self.sort(&mut directory, readings, None)
            }
            Err(Failure::Door(error)) if was_open && error.is_ended() => return Err(error.into()),
            Err(failure) if readings.iter().all(Option::is_none) => return Err(failure),
            // The session is lost with the replies that are still to come; what it gave is not.
            Err(failure) => self.sort(&mut directory, readings, Some(failure)),
        };
        self.directory = Some(directory);
        Ok(answer)
    }

    /// An open session and a directory that is up to date.
    async fn prepare(&mut self, table: &Table) -> Result<(Peer, Directory), DoorError> {
        let (kept, before) = (self.peer.take(), self.directory.take());
        let (mut peer, before) = match kept {
            Some(peer) if peer.is_usable() => (peer, before),
            // What another server had says nothing about this one.
            Some(_) => (self.door.open(Timeouts::default()).await?, None),
            // Cut off by the deadline: it is the same server, and too slow to be asked for more than needed.
            None => (self.door.open(Timeouts::default()).await?, before),
        };
        let directory = match before {
            Some(directory) if !directory.is_due() => directory,
            before => Directory::load(&mut peer, table, before).await?,
        };
        Ok((peer, directory))
    }

    /// Results by bean. Where a bean is gone the directory is out of date. `end`: why some beans have no result.
    fn sort(
        &self,
        directory: &mut Directory,
        readings: Vec<Option<Reading>>,
        end: Option<Failure>,
    ) -> Answer {
        let mut unread = 0;
        let mut beans = Vec::with_capacity(directory.reads().len());
        let mut refused = Vec::new();
        let mut is_gone = false;
        for (name, reading) in directory.names().zip(readings) {
            let reading = reading.unwrap_or_else(|| {
                unread += 1;
                Ok(Attributes::new())
            });
            let attributes = reading.unwrap_or_else(|exception| {
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
        let mut faults: Vec<Fault> = Vec::new();
        if let Some(failure) = end {
            faults.push(fault::of_rest(self.fault(failure), unread, beans.len()));
        }
        faults.extend(fault::of_beans(&self.name, &refused));
        Answer {
            missing: unread,
            left_out: directory.left_out(),
            selection: directory.selection(),
            beans,
            faults,
        }
    }

    /// Asks for the names of the beans anew in the next cycle: some are missing, as while a broker starts.
    pub(super) fn refresh(&mut self) {
        if let Some(directory) = &mut self.directory {
            directory.distrust();
        }
    }

    /// Ends the session, so that the server does not keep it until its lease ends.
    pub(super) async fn close(&mut self) {
        let Some(peer) = self.peer.take() else {
            return;
        };
        match timeout(GOOD_BYE, peer.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(jvm = %self.name, %error, "session not ended cleanly")
            }
            Err(_) => tracing::debug!(jvm = %self.name, "no answer to the end of the session"),
        }
    }
}

impl From<DoorError> for Failure {
    fn from(error: DoorError) -> Self {
        Self::Door(error)
    }
}

/// What comes of it until then.
async fn within<T>(
    until: Instant,
    work: impl Future<Output = Result<T, DoorError>>,
) -> Result<T, Failure> {
    match timeout_at(until, work).await {
        Ok(done) => done.map_err(Failure::Door),
        Err(_) => Err(Failure::Deadline),
    }
}
