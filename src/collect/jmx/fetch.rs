//! The session with one JVM: the only part of this collector that awaits.

use std::sync::Arc;
use std::time::Duration;

use jmx_rmi::{Attributes, ObjectName};
use tokio::time::{Instant, timeout_at};

use super::budget::Selection;
use super::directory::Directory;
use super::door::{Door, DoorError, Reading};
use super::fault;
use super::reader::{Reader, runs};
use super::table::Table;
use crate::collect::Fault;

/// Of the cycle's time this much is left for the documents to be made.
const RESERVE: Duration = Duration::from_millis(100);

/// A session that outlives its cycle.
#[derive(Debug)]
pub(super) struct Session {
    reader: Reader,
    directory: Option<Directory>,
    /// The bean at which the cycle before came to its end. The next one begins behind it, so that a slow JVM does not
    /// lose the same beans each time, and one that never answers costs only itself.
    stopped: Option<ObjectName>,
}

/// What was read in one cycle.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Beans in the order of their names. One that could not be read, or not in time, has no attributes.
    pub(super) beans: Vec<(ObjectName, Attributes)>,
    /// What could not be read.
    pub(super) faults: Vec<Fault>,
    /// Beans that there was no time for, and those that are left out as their values end the session.
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
            reader: Reader::new(door),
            directory: None,
            stopped: None,
        }
    }

    /// Reads all beans of the table once, as far as the time goes. A session which the server has ended meanwhile (it
    /// was restarted) is replaced by a new one, once.
    ///
    /// # Cancel safety
    /// The directory is taken while it is in use and put back when a cycle is whole: if the future is dropped, the next
    /// call opens a new session.
    pub(super) async fn read(&mut self, table: &Table, deadline: Instant) -> Result<Answer, Fault> {
        let until = deadline.checked_sub(RESERVE).unwrap_or(deadline);
        let was_open = self.reader.begin_cycle();
        let answer = match self.cycle(table, until, was_open).await {
            Err(Failure::Door(error)) if was_open && error.is_ended() => {
                let jvm = self.reader.name();
                tracing::debug!(%jvm, %error, "session ended by the server, will open another");
                self.cycle(table, until, false).await
            }
            answer => answer,
        };
        answer.map_err(|failure| self.fault(failure))
    }

    fn fault(&self, failure: Failure) -> Fault {
        match failure {
            Failure::Door(error) => fault::of_session(self.reader.name(), &error),
            Failure::Deadline => fault::of_deadline(self.reader.name()),
        }
    }

    async fn cycle(
        &mut self,
        table: &Table,
        until: Instant,
        was_open: bool,
    ) -> Result<Answer, Failure> {
        let mut directory = self.prepare(table, until).await?;
        let start = directory.behind(self.stopped.take().as_ref());
        let mut readings: Vec<Option<Reading>> = Vec::new();
        readings.resize_with(directory.reads().len(), || None);
        let reading = self.reader.read(directory.reads(), start, &mut readings);
        let read = within(until, reading).await;
        directory.used();
        let failure = match read {
            Ok(()) => None,
            Err(Failure::Door(error)) if was_open && error.is_ended() => return Err(error.into()),
            Err(failure) => Some(failure),
        };
        let is_late = failure.as_ref().is_some_and(Failure::is_late);
        if failure.is_some() {
            self.stopped = self.stop(&directory, start, &readings);
        }
        match failure {
            Some(failure) if readings.iter().all(Option::is_none) => {
                // It is the same server, and too slow to be asked for more than needed.
                self.directory = is_late.then_some(directory);
                Err(failure)
            }
            // The session is lost with the replies that are still to come; what it gave is not.
            failure => {
                let answer = self.sort(&mut directory, readings, failure);
                self.directory = Some(directory);
                Ok(answer)
            }
        }
    }

    /// The first bean that was to be read and was not.
    fn stop(
        &self,
        directory: &Directory,
        start: usize,
        readings: &[Option<Reading>],
    ) -> Option<ObjectName> {
        let reads = directory.reads();
        let left_out = self.reader.left_out(reads).map(|(place, _)| place);
        let runs = runs(readings, start, &left_out.collect::<Vec<_>>());
        Some(reads.get(runs.first()?.start)?.name.clone())
    }

    /// A directory that is up to date, or not much older, and an open session if that took no call that was too slow.
    async fn prepare(&mut self, table: &Table, until: Instant) -> Result<Directory, Failure> {
        let before = self.directory.take();
        let before = match within(until, self.reader.open()).await {
            Ok(true) => before,
            // What another server had says nothing about this one.
            Ok(false) => None,
            Err(failure) => {
                self.directory = before.filter(|_| failure.is_late());
                return Err(failure);
            }
        };
        let Some(mut before) = before else {
            return within(until, Directory::load(&mut self.reader, table, None)).await;
        };
        if !before.is_due() {
            return Ok(before);
        }
        // The other half is for reading, by the old one if need be.
        let half = Instant::now() + until.saturating_duration_since(Instant::now()) / 2;
        let loading = Directory::load(&mut self.reader, table, Some(&before));
        match within(half, loading).await {
            Err(failure) if failure.is_late() => {
                let jvm = self.reader.name();
                tracing::debug!(%jvm, "names or census take too long, will use the ones before");
                before.postpone();
                Ok(before)
            }
            loaded => loaded,
        }
    }

    /// Results by bean. Where a bean is gone the directory is out of date. `end`: why some beans have no result.
    fn sort(
        &self,
        directory: &mut Directory,
        readings: Vec<Option<Reading>>,
        end: Option<Failure>,
    ) -> Answer {
        let mut missing = 0;
        let mut beans = Vec::with_capacity(directory.reads().len());
        let mut refused = Vec::new();
        let mut is_gone = false;
        directory.learn(&readings);
        for (name, reading) in directory.names().zip(readings) {
            let reading = reading.unwrap_or_else(|| {
                missing += 1;
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
        let harmful: Vec<_> = self.reader.left_out(directory.reads()).collect();
        let mut faults: Vec<Fault> = Vec::new();
        if let Some(failure) = end {
            let unread = missing - harmful.len();
            faults.push(fault::of_rest(self.fault(failure), unread, beans.len()));
        }
        faults.extend(fault::of_beans(self.reader.name(), &refused));
        let harmful: Vec<_> = harmful.into_iter().map(|(_, harm)| harm).collect();
        faults.extend(fault::of_harmful(self.reader.name(), &harmful));
        Answer {
            missing,
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
        self.reader.close().await;
    }
}

impl Failure {
    /// It was too slow. It is not known to be another server than before.
    fn is_late(&self) -> bool {
        match self {
            Self::Deadline => true,
            Self::Door(error) => error.is_timeout(),
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
