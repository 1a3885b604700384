//! What must not happen to a JVM because it is looked at.

use std::path::PathBuf;
use std::time::Duration;

use jvm_attach::{Error, Obstacle, Timeouts, attach, connector_address, jvm};
use stack::{Options, PlainJvm, Signal, jdks, wait_until};
use tokio::net::UnixStream;

use super::{PATIENT, idle, start};

/// The first one whose programs can call C without a library of their own.
const FOREIGN: u32 = 22;

fn socket(jvm: &PlainJvm) -> PathBuf {
    PathBuf::from(format!("/tmp/.java_pid{}", jvm.process().pid()))
}

fn is_reduced(error: &Error) -> bool {
    let Error::Obstructed { obstacle, .. } = error else {
        return false;
    };
    *obstacle == Obstacle::ReducedSignals
}

/// With `-Xrs` it is never HotSpot that catches the signal: whoever does may end the JVM.
#[tokio::test]
async fn a_signal_that_somebody_else_catches_is_not_sent() {
    let jdk = jdks().into_iter().rfind(|jdk| *jdk >= FOREIGN);
    let jdk = jdk.expect("JDK 22 or newer is installed");
    let source = ("Caught.java", include_str!("Caught.java"));
    let options = Options::new().jdk(jdk).jvm("-Xrs");
    let options = options.jvm("--enable-native-access=ALL-UNNAMED");
    let started = start(source, &[], options);
    let pid = started.process().pid();
    let attached = attach(pid, PATIENT).await.unwrap();
    attached.diagnostic("VM.version").await.unwrap();
    std::fs::remove_file(socket(&started)).expect("it was opened when the JVM started");
    assert_eq!(jvm(pid).unwrap().obstacle, Some(Obstacle::ReducedSignals));
    let error = connector_address(pid, PATIENT).await.unwrap_err();
    assert!(is_reduced(&error), "{error}");
    // The socket was there when it was looked at, and is not any more.
    let error = attached.diagnostic("VM.version").await.unwrap_err();
    assert!(is_reduced(&error), "{error}");
    assert_eq!(started.process().ended(), None);
    // That it would have been deadly.
    let number = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let quit = rustix::process::Signal::QUIT;
    rustix::process::kill_process(number.expect("a pid"), quit).expect("it runs");
    started
        .process()
        .wait(Duration::from_secs(60))
        .expect("it ends");
}

/// The kernel stops one thread after the other.
fn has_stopped(pid: u32) -> Option<()> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let mut texts = tasks.map(|task| std::fs::read_to_string(task?.path().join("status")));
    texts
        .all(|text| text.is_ok_and(|text| text.contains("State:\tT")))
        .then_some(())
}

/// The queue of the socket is full: the JVM listens, and the signal would make it dump all threads.
#[tokio::test]
async fn a_busy_jvm_is_waited_for_without_a_signal() {
    let started = idle(&[], Options::new());
    let pid = started.process().pid();
    connector_address(pid, PATIENT).await.unwrap();
    started.signal(Signal::Stop);
    wait_until("every thread stops", PATIENT.socket, || has_stopped(pid)).unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = UnixStream::connect(socket(&started)).await {
        queue.push(stream);
    }
    let socket = Duration::from_millis(500);
    let short = Timeouts { socket, ..PATIENT };
    let error = connector_address(pid, short).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(!is_pending(pid), "it would dump its threads");
    drop(queue);
    started.signal(Signal::Cont);
    connector_address(pid, PATIENT).await.unwrap();
}

/// Whether a `SIGQUIT` waits until a stopped process goes on.
fn is_pending(pid: u32) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let mask = text.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
    let mask = u64::from_str_radix(mask.expect("a mask").trim(), 16);
    mask.expect("a number") & 1 << 2 != 0
}
