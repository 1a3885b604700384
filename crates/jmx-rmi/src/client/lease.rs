//! The lease on the connection object: RMI specification, section 9, distributed garbage collection.
//!
//! A server drops an exported object on which nobody has a lease, and with it the session. A task of its own renews the
//! lease at half of its time over a connection of its own, so that an idle client keeps its session and a busy one is
//! not disturbed. The task ends when the [`Lease`] is dropped.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::call::Call;
use super::connection::Connection;
use super::{Error, Kind, Timeouts};
use crate::codec::stub::{ObjId, granted_lease};
use crate::codec::{Limits, encode};

/// What is asked for: the JDK's own default (`java.rmi.dgc.leaseValue`). Servers grant their own value anyway.
const WANTED: Duration = Duration::from_secs(600);
/// The range in which a granted lease is believed: a shorter one would keep the client busy with nothing else, and a
/// longer one is renewed early at no cost.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(3600);
/// Part of the lease between two attempts when a renewal failed.
const RETRY: u32 = 16;

/// Who holds the lease, and on what.
#[derive(Debug)]
pub(super) struct Holder {
    object: ObjId,
    vmid: encode::Vmid,
    sequence: i64,
    timeouts: Timeouts,
    limits: Limits,
}

impl Holder {
    pub(super) fn new(object: ObjId, timeouts: Timeouts, limits: Limits) -> Self {
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
            timeouts,
            limits,
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
            .on(connection, self.timeouts.call)
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

/// Keeps the lease as long as it lives.
#[derive(Debug)]
pub(super) struct Lease {
    lost: Arc<OnceLock<Error>>,
    task: JoinHandle<()>,
}

impl Lease {
    pub(super) fn keep(holder: Holder, host: String, port: u16, granted: Duration) -> Self {
        let lost = Arc::new(OnceLock::new());
        let task = tokio::spawn(keep(holder, host, port, granted, Arc::clone(&lost)));
        Self { lost, task }
    }

    /// Why the lease could not be kept. The session may live on for a while; nobody should rely on it.
    pub(super) fn lost(&self) -> Option<&Error> {
        self.lost.get()
    }

    /// Waits until the task gives up.
    #[cfg(test)]
    pub(super) async fn ended(&mut self) {
        (&mut self.task).await.unwrap();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(
    mut holder: Holder,
    host: String,
    port: u16,
    granted: Duration,
    lost: Arc<OnceLock<Error>>,
) {
    let mut lease = granted;
    let mut expires = Instant::now() + lease;
    let mut pause = lease / 2;
    loop {
        sleep(pause).await;
        match renew(&mut holder, &host, port).await {
            Ok(granted) => {
                lease = granted;
                expires = Instant::now() + lease;
                pause = lease / 2;
            }
            Err(error) if Instant::now() >= expires => {
                // The only writer is this task, and it ends here.
                lost.get_or_init(|| error);
                return;
            }
            Err(_) => pause = lease / RETRY,
        }
    }
}

async fn renew(holder: &mut Holder, host: &str, port: u16) -> Result<Duration, Error> {
    let mut connection =
        Connection::open(host, port, holder.limits.clone(), holder.timeouts.connect).await?;
    holder.renew(&mut connection).await
}
