//! Reading the beans of one JVM, around those that [do harm](super::harmful).
//!
//! What cannot be decoded names its bean. A JVM that ends the connection does not always: what it had not read yet makes
//! it reset the connection, and replies may be lost with that. So the first bean without a reply is only a suspect. It is
//! read alone, in a session of its own: whoever ends that one, too, did it.

use std::ops::Range;
use std::time::Duration;

use jmx_rmi::info::AttributeInfo;
use jmx_rmi::{ObjectName, Read, RemoteException, Timeouts};
use tokio::time::timeout;

use super::door::{Door, DoorError, Peer, Reading, chain};
use super::harmful::{self, Harm, Harmful};

/// Sessions that one list of reads may end: two for each bean that is left out, and a few for suspects that were none.
const SESSIONS: usize = 2 * harmful::MOST + 8;

/// A good-bye that takes longer is not worth waiting for: the session's lease ends by itself.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// A JVM with an open session, or one yet to be opened.
///
/// # Cancel safety
/// The peer is taken while it is in use and put back afterwards: a call that was dropped costs the session and nothing
/// else.
#[derive(Debug)]
pub(super) struct Reader {
    door: Door,
    /// The door as messages name it.
    name: String,
    peer: Option<Peer>,
    /// Whether the session is one of an earlier cycle: it may be over without anybody's fault.
    is_kept: bool,
    harmful: Harmful,
}

/// Why a list of reads came to its end.
struct Broken {
    error: DoorError,
    /// Place of the bean that was read, if one was.
    place: Option<usize>,
}

impl Reader {
    /// Opens nothing yet.
    pub(super) fn new(door: Door) -> Self {
        Self {
            name: door.shown(),
            door,
            peer: None,
            is_kept: false,
            harmful: Harmful::default(),
        }
    }

    /// The JVM as messages name it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Begins a cycle. Says whether it has the session of an earlier one.
    pub(super) fn begin_cycle(&mut self) -> bool {
        self.harmful.count_cycle();
        self.is_kept = self.peer.is_some();
        self.is_kept
    }

    /// Opens a session unless there is one. Says whether it is the same JVM as before, as far as can be known.
    pub(super) async fn open(&mut self) -> Result<bool, DoorError> {
        let is_same = self.peer.as_ref().is_none_or(Peer::is_usable);
        if !is_same {
            self.harmful.forget();
        }
        self.peer = Some(self.take().await?);
        Ok(is_same)
    }

    /// The session, opened if need be.
    async fn take(&mut self) -> Result<Peer, DoorError> {
        if let Some(peer) = self.peer.take().filter(Peer::is_usable) {
            return Ok(peer);
        }
        self.is_kept = false;
        let opened = self.door.open(Timeouts::default()).await;
        if opened.as_ref().is_err_and(DoorError::is_connect) {
            self.harmful.forget();
        }
        opened
    }

    /// The names of all beans that match one of the patterns; a name may come twice.
    pub(super) async fn query_names(
        &mut self,
        patterns: &[ObjectName],
    ) -> Result<Vec<ObjectName>, DoorError> {
        let mut peer = self.take().await?;
        let names = peer.query_names(patterns).await?;
        self.peer = Some(peer);
        Ok(names)
    }

    /// What beans say of their attributes: one result each, in order.
    pub(super) async fn describe(
        &mut self,
        beans: &[ObjectName],
    ) -> Result<Vec<Result<Vec<AttributeInfo>, RemoteException>>, DoorError> {
        let mut peer = self.take().await?;
        let described = peer.describe(beans).await?;
        self.peer = Some(peer);
        Ok(described)
    }

    /// Reads beans, from place `start` on round to it, each into its place; one that does harm has none. `reads` are
    /// sorted by name. What is in its place when the call fails or is dropped is whole.
    pub(super) async fn read(
        &mut self,
        reads: &[Read],
        start: usize,
        places: &mut [Option<Reading>],
    ) -> Result<(), DoorError> {
        let mut suspect = None;
        for _ in 1..SESSIONS {
            match self.attempt(reads, start, suspect, places).await {
                Ok(()) => return Ok(()),
                Err(broken) => suspect = self.judge(broken, reads, suspect, places)?,
            }
        }
        let last = self.attempt(reads, start, suspect, places).await;
        last.map_err(|broken| broken.error)
    }

    /// Reads what has not been read, in one session: the suspect first and alone.
    async fn attempt(
        &mut self,
        reads: &[Read],
        start: usize,
        suspect: Option<usize>,
        places: &mut [Option<Reading>],
    ) -> Result<(), Broken> {
        let opened = self.take().await;
        let mut peer = opened.map_err(|error| Broken { error, place: None })?;
        if let Some(place) = suspect {
            read_run(&mut peer, place..place + 1, reads, places).await?;
        }
        let left_out: Vec<usize> = self.left_out(reads).map(|(place, _)| place).collect();
        for run in runs(places, start, &left_out) {
            read_run(&mut peer, run, reads, places).await?;
        }
        self.peer = Some(peer);
        Ok(())
    }

    /// Whether another session can go on: the suspect that it begins with, if there is one.
    fn judge(
        &mut self,
        broken: Broken,
        reads: &[Read],
        suspect: Option<usize>,
        places: &[Option<Reading>],
    ) -> Result<Option<usize>, DoorError> {
        let Broken { error, place } = broken;
        let Some((place, read)) = place.and_then(|place| Some((place, reads.get(place)?))) else {
            return Err(error);
        };
        let why = if error.is_protocol() && error.bean().is_some() {
            chain(&error)
        } else if !error.is_closed() {
            return Err(error);
        } else if self.is_kept && places.iter().all(Option::is_none) {
            // The JVM was restarted since.
            self.harmful.forget();
            return Err(error);
        } else if suspect == Some(place) {
            format!("the JVM ends the connection, reading {}", read.name)
        } else {
            return Ok(Some(place));
        };
        tracing::debug!(jvm = %self.name, bean = %read.name, why, "ends the session, is left out");
        match self.harmful.add(&read.name, why) {
            true => Ok(None),
            false => Err(error),
        }
    }

    /// Those of the beans that are left out, with their places.
    pub(super) fn left_out(&self, reads: &[Read]) -> impl Iterator<Item = (usize, &Harm)> {
        self.harmful
            .iter()
            .filter_map(|harm| Some((place_of(reads, &harm.bean)?, harm)))
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

/// Reads neighbours. Whom a failure is about: the bean that it names, or else the first one without a reply.
async fn read_run(
    peer: &mut Peer,
    run: Range<usize>,
    reads: &[Read],
    places: &mut [Option<Reading>],
) -> Result<(), Broken> {
    let some = reads.get(run.clone()).unwrap_or_default();
    let into = places.get_mut(run.clone()).unwrap_or_default();
    let read = peer.read(some, into).await;
    read.map_err(|error| {
        let named = error.bean().and_then(|bean| place_of(reads, bean));
        let first = into.iter().position(Option::is_none);
        let place = named.or(first.map(|first| run.start + first));
        Broken { error, place }
    })
}

fn place_of(reads: &[Read], bean: &ObjectName) -> Option<usize> {
    reads.binary_search_by(|read| read.name.cmp(bean)).ok()
}

/// The places that are to be read yet, from `start` on round to it, as runs of neighbours.
pub(super) fn runs(
    places: &[Option<Reading>],
    start: usize,
    left_out: &[usize],
) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for place in (start..places.len()).chain(0..start.min(places.len())) {
        let is_open = places.get(place).is_some_and(Option::is_none);
        if !is_open || left_out.contains(&place) {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.end == place => run.end += 1,
            _ => runs.push(place..place + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use jmx_rmi::Attributes;

    #[test]
    fn what_is_left_to_read_is_in_runs() {
        let mut places: Vec<Option<Reading>> = vec![None; 10];
        let text = |start, left_out: &[usize], places: &[_]| {
            format!("{:?}", runs(places, start, left_out))
        };
        assert_eq!(text(0, &[], &places), "[0..10]");
        assert_eq!(text(10, &[], &places), "[0..10]");
        assert_eq!(text(4, &[], &places), "[4..10, 0..4]");
        places[5] = Some(Ok(Attributes::new()));
        assert_eq!(text(4, &[0, 8], &places), "[4..5, 6..8, 9..10, 1..4]");
        assert!(runs(&[], 3, &[]).is_empty());
    }
}
