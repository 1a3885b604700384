//! Waiting for a condition, never for a time.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::process::Process;

const PAUSE: Duration = Duration::from_millis(100);
/// One try of a connection or an answer; short, because it is tried again.
const TRY: Duration = Duration::from_secs(2);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Makes every wait of this crate end with [`Error::Interrupted`], now and from now on. For a program that gets Ctrl-C
/// while servers start: the starts fail, and what runs already is stopped on the way out.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

pub(crate) fn check_interrupt() -> Result<()> {
    match INTERRUPTED.load(Ordering::Relaxed) {
        true => Err(Error::Interrupted),
        false => Ok(()),
    }
}

/// Waits between two looks at a condition.
pub(crate) fn pause(time: Duration) -> Result<()> {
    sleep(time);
    check_interrupt()
}

/// As [`pause`], for waits on the way out.
#[allow(
    clippy::disallowed_methods,
    reason = "there is no runtime in this crate whose thread could be blocked"
)]
pub(crate) fn sleep(time: Duration) {
    std::thread::sleep(time);
}

/// Tries `check` until it gives a value. The error names the step.
pub fn wait_until<T>(
    step: &str,
    limit: Duration,
    mut check: impl FnMut() -> Option<T>,
) -> Result<T> {
    let late = || Error::refused(step, format!("not so within {limit:?}"));
    poll(limit, || check().map(Ok), late)
}

/// As [`wait_until`] while the process lives; the error shows its log.
pub(crate) fn until<T>(
    process: &Process,
    step: &str,
    limit: Duration,
    mut check: impl FnMut() -> Option<T>,
) -> Result<T> {
    let died = || Some(Err(process.died(step, process.ended()?)));
    let late = || process.timed_out(step, limit);
    poll(limit, || check().map(Ok).or_else(died), late)
}

/// Looks until there is a result, good or bad, or it is too late.
fn poll<T>(
    limit: Duration,
    mut look: impl FnMut() -> Option<Result<T>>,
    late: impl FnOnce() -> Error,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(result) = look() {
            return result;
        }
        if start.elapsed() > limit {
            return Err(late());
        }
        pause(PAUSE)?;
    }
}

/// Starts a server anew when somebody else took one of its ports between the choice and the start.
pub(crate) fn on_free_ports<T>(mut start: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 0..2 {
        match start() {
            Err(error) if error.is_port_clash() => {
                eprintln!("a port was taken meanwhile, once more")
            }
            other => return other,
        }
    }
    start()
}

/// True if somebody listens there.
pub(crate) fn listens(port: u16) -> bool {
    connect(port).is_ok()
}

/// Sends bytes and gives the connection to read the answer from.
pub(crate) fn exchange(port: u16, request: &[u8]) -> std::io::Result<TcpStream> {
    let mut stream = connect(port)?;
    stream.write_all(request)?;
    Ok(stream)
}

fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), TRY)?;
    stream.set_read_timeout(Some(TRY))?;
    stream.set_write_timeout(Some(TRY))?;
    Ok(stream)
}
