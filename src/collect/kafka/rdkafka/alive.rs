//! How many clients there are, those on their way out among them.
//!
//! A process must not end before they have: what OpenSSL frees at its end, a thread of librdkafka that is ending frees, too,
//! and the heap is damaged.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

static CLIENTS: Mutex<usize> = Mutex::new(0);
static ONE_LESS: Condvar = Condvar::new();

/// One client, as long as it has threads.
pub(super) struct Alive(());

impl Alive {
    pub(super) fn new() -> Self {
        *clients() += 1;
        Self(())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let mut clients = clients();
        *clients = clients.saturating_sub(1);
        ONE_LESS.notify_all();
    }
}

fn clients() -> MutexGuard<'static, usize> {
    CLIENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until no client is left, or for that long: one may be in a name look-up.
pub fn wait_until_gone(limit: Duration) {
    let left = ONE_LESS.wait_timeout_while(clients(), limit, |clients| *clients > 0);
    let (clients, _) = left.unwrap_or_else(PoisonError::into_inner);
    if *clients > 0 {
        tracing::debug!(clients = *clients, "kafka clients that have not ended");
    }
}
