//! Free ports on the loopback address.
//!
//! They are taken from below the range that the kernel gives to outgoing connections (32768 and up): a port from
//! that range can be taken by anybody's connection while a server restarts, and then the server cannot come back.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static TAKEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

/// A port that nobody listens on and that this process has not given away before.
pub(crate) fn free() -> u16 {
    let mut guard = TAKEN
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    let taken = guard.get_or_insert_default();
    let start = seed();
    for step in 0..COUNT {
        let port = FIRST + (start.wrapping_add(step)) % COUNT;
        if !taken.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            taken.insert(port);
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}

/// Differs between processes and calls, so that two test runs side by side seldom try the same port.
fn seed() -> u16 {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    let mixed = nanos ^ std::process::id().wrapping_mul(2_654_435_761);
    (mixed >> 8) as u16 % COUNT
}
