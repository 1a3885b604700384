//! Reading `/proc` and a JVM's files off the runtime's threads: the kernel may make it wait (for the lock of a process's
//! memory), and a process or a file system that hangs makes it wait for ever.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::error::Error;
use crate::jvm::{Jvm, jvms};

/// Threads that may hang there at once; more work waits, and times out.
const MOST: usize = 4;

static PERMITS: Semaphore = Semaphore::const_new(MOST);

/// Runs `work` on a thread of its own. What it gives is dropped there if nobody waits for it any more.
pub(crate) async fn run<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let late = || Error::Slow { after: limit };
    let done = timeout(limit, async {
        let permit = PERMITS.acquire().await.map_err(|_| late())?;
        let thread = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        thread
            .await
            .map_err(|error| Error::system("read /proc", std::io::Error::other(error)))?
    });
    done.await.unwrap_or_else(|_| Err(late()))
}

/// As [`jvms`], without blocking the runtime, and in bounded time.
///
/// # Errors
/// As [`jvms`], and if it takes longer than `limit`.
pub async fn scan(limit: Duration) -> Result<Vec<Jvm>, Error> {
    run(limit, jvms).await
}

/// As if every thread hung.
#[cfg(test)]
pub(crate) async fn take_all() -> tokio::sync::SemaphorePermit<'static> {
    let all = u32::try_from(MOST).expect("it is small");
    PERMITS.acquire_many(all).await.expect("it is never closed")
}
