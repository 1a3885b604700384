//! The lease on the connection object: RMI specification, section 9, distributed garbage collection.
//!
//! A server drops an exported object on which nobody has a lease, and with it the session. A task of its own renews the
//! lease at half of its time over a connection of its own, so that an idle client keeps its session and a busy one is
//! not disturbed.
//!
//! The task also says good-bye for a session that was dropped instead of closed (a cycle that was cancelled, a reply that
//! could not be read), so that the JVM does not keep it until its lease runs out. Each session is a lease holder of its
//! own, unlike the sessions of a Java client, which share one: renewing one of them would keep all of them alive, the lost
//! ones, too. There is no `clean` call: `close` takes the object out of the JVM at once, and the JVM's note of the holder
//! (some hundred bytes) stays until the lease runs out with a `clean` as without.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::call::Call;
use super::connection::{Connection, Route};
use super::{Error, Kind};
use crate::codec::encode;
use crate::codec::stub::{ObjId, granted_lease};

/// What is asked for: the JDK's own default (`java.rmi.dgc.leaseValue`). Servers grant their own value anyway.
const WANTED: Duration = Duration::from_secs(600);
/// The range in which a granted lease is believed: a shorter one would keep the client busy with nothing else, and a
/// longer one is renewed early at no cost.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(3600);
/// Part of the lease between two attempts when a renewal failed.
const RETRY: u32 = 16;

/// Who holds the lease, and on what.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    object: ObjId,
    vmid: encode::Vmid,
    sequence: i64,
    route: Route,
    /// Time for one call.
    within: Duration,
}

impl Holder {
    pub(super) fn new(object: ObjId, route: Route, within: Duration) -> Self {
        // `RandomState` is seeded from the system's randomness; uniqueness is all that is wanted, not secrecy.
        let random = RandomState::new().build_hasher().finish();
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let vmid = encode::Vmid {
            address: random.to_be_bytes(),
            unique: std::process::id() as i32,
            time: since.as_millis() as i64,
            count: i16::MIN,
        };
        Self {
            object,
            vmid,
            sequence: 0,
            route,
            within,
        }
    }

    /// Takes or renews the lease; returns for how long.
    pub(super) async fn renew(&mut self, connection: &mut Connection) -> Result<Duration, Error> {
        // The server ignores a call with a number below one it has seen.
        self.sequence += 1;
        let mut request = Vec::new();
        encode::dirty(
            &mut request,
            &self.object,
            self.sequence,
            WANTED.as_millis() as i64,
            &self.vmid,
        );
        let (_, value) = Call::new("renewing the lease", request)
            .on(connection, self.within)
            .await?;
        let millis = granted_lease(&value).map_err(|source| {
            Error::from(Kind::Protocol {
                address: connection.address().to_owned(),
                bean: None,
                source,
            })
        })?;
        Ok(Duration::from_millis(millis.unsigned_abs()).clamp(SHORTEST, LONGEST))
    }
}

impl Holder {
    async fn renew_after(&mut self, pause: Duration) -> Result<Duration, Error> {
        sleep(pause).await;
        let mut connection = Connection::open(&self.route).await?;
        self.renew(&mut connection).await
    }

    /// Closes the session unless that is done. Nobody waits for it and it may fail: the lease runs out then.
    async fn leave(self, is_closed: bool) {
        if is_closed {
            return;
        }
        let Ok(mut connection) = Connection::open(&self.route).await else {
            return;
        };
        let mut request = Vec::new();
        encode::close(&mut request, &self.object);
        let mut call = Call::new("closing the session", request).void();
        connection.exchange(&mut call, 0, self.within).await.ok();
    }
}

/// A session that the JVM has opened and on which there is no lease yet. Dropped, it is left: nothing of an attempt that
/// failed or was cancelled stays in the JVM.
#[derive(Debug)]
pub(super) struct Opened {
    taken: oneshot::Sender<(Holder, Duration)>,
    lease: Lease,
}

impl Opened {
    pub(super) fn new(holder: &Holder) -> Self {
        let (taken, first) = oneshot::channel();
        let lease = Lease::wait(holder.clone(), first);
        Self { taken, lease }
    }

    /// The holder has the lease now, for that long.
    pub(super) fn keep(self, holder: Holder, granted: Duration) -> Lease {
        // The task waits for nothing else.
        self.taken.send((holder, granted)).ok();
        self.lease
    }
}

/// Keeps the lease as long as it lives.
#[derive(Debug)]
pub(super) struct Lease {
    lost: Arc<OnceLock<Error>>,
    owner: oneshot::Sender<Closed>,
    #[cfg(test)]
    task: tokio::task::JoinHandle<()>,
}

/// The session was closed in order; without this word it was dropped.
#[derive(Debug)]
struct Closed;

impl Lease {
    #[cfg(test)]
    pub(super) fn keep(holder: Holder, granted: Duration) -> Self {
        Opened::new(&holder).keep(holder, granted)
    }

    /// Leaves the session in the name of `opened` if no lease is taken.
    fn wait(opened: Holder, taken: oneshot::Receiver<(Holder, Duration)>) -> Self {
        let lost = Arc::new(OnceLock::new());
        let (owner, ended) = oneshot::channel();
        let own = Arc::clone(&lost);
        let _task = tokio::spawn(async move {
            match taken.await {
                Ok((holder, granted)) => keep(holder, granted, own, ended).await,
                Err(_) => opened.leave(false).await,
            }
        });
        Self {
            lost,
            owner,
            #[cfg(test)]
            task: _task,
        }
    }

    /// Why the lease could not be kept. The session may live on for a while; nobody should rely on it.
    pub(super) fn lost(&self) -> Option<&Error> {
        self.lost.get()
    }

    /// The session is closed: there is nothing left to keep, or to say good-bye to.
    pub(super) fn end(self) {
        // A task that is gone already has nothing to be told.
        self.owner.send(Closed).ok();
    }

    /// Waits until the task gives up.
    #[cfg(test)]
    pub(super) async fn ended(&mut self) {
        (&mut self.task).await.unwrap();
    }
}

async fn keep(
    mut holder: Holder,
    granted: Duration,
    lost: Arc<OnceLock<Error>>,
    mut owner: oneshot::Receiver<Closed>,
) {
    let mut lease = granted;
    let mut expires = Instant::now() + lease;
    let mut pause = lease / 2;
    loop {
        let renewed = tokio::select! {
            closed = &mut owner => return holder.leave(closed.is_ok()).await,
            renewed = holder.renew_after(pause) => renewed,
        };
        match renewed {
            Ok(granted) => {
                lease = granted;
                expires = Instant::now() + lease;
                pause = lease / 2;
            }
            Err(error) if Instant::now() >= expires || error.is_no_such_object() => {
                // The only writer is this task, and it ends here.
                lost.get_or_init(|| error);
                return;
            }
            Err(_) => pause = lease / RETRY,
        }
    }
}
