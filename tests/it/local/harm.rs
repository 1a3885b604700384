//! What must survive being looked at and attached to: JVMs that the signal would end, and what is no JVM.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jvm_attach::{Timeouts, connector_address};
use stack::{PlainJvm, Process, Signal, WorkDir, jdks, wait_until};

use super::{assert_alive, assert_reads, bare, block_on, fault, program, ps, start, user};
use crate::agent::{PATIENCE, text};

/// The socket of a JVM in our own namespaces.
fn socket(jvm: &PlainJvm) -> PathBuf {
    PathBuf::from(format!("/tmp/.java_pid{}", jvm.process().pid()))
}

/// No file that asks for a socket is left.
fn assert_clean(pid: u32) {
    for folder in ["/tmp".to_owned(), format!("/proc/{pid}/cwd")] {
        let file = Path::new(&folder).join(format!(".attach_pid{pid}"));
        assert!(!file.exists(), "{} is left", file.display());
    }
}

#[test]
fn a_jvm_with_xrs_is_read_and_survives_when_its_socket_is_gone() {
    for jdk in jdks() {
        let jvm = start(&format!("Xrs{jdk}"), &bare().jdk(jdk).jvm("-Xrs"));
        let endpoint = format!("local:Xrs{jdk}");
        // It does not need the signal: it opens its socket when it starts.
        assert_reads(&endpoint);
        std::fs::remove_file(socket(&jvm)).expect("the socket was there");
        let (kind, message) = fault(&endpoint);
        assert_eq!(kind, "refused");
        assert!(
            message.contains("-Xrs, does not catch SIGQUIT and would end of it"),
            "{message}"
        );
        let row = ps(jvm.process().pid()).expect("it is listed");
        assert!(
            text(&row, "obstacle").contains("-Xrs") && row["config"].is_null(),
            "{row}"
        );
        assert_alive(jvm.process());
        assert_clean(jvm.process().pid());
    }
}

/// Attaches again and again from the moment of the start, at another moment each time.
#[test]
fn a_jvm_that_is_still_starting_survives_every_attempt() {
    let source = program("Newborn");
    let (mut starts, mut early) = (0, 0);
    for (jdk, round) in jdks()
        .into_iter()
        .flat_map(|jdk| (0..12u64).map(move |round| (jdk, round)))
    {
        let jvm = PlainJvm::launch(source, &[], &bare().jdk(jdk)).expect("a JVM starts");
        let pid = jvm.process().pid();
        let begin = Instant::now();
        let mut last = None;
        let url = block_on(async {
            // Then without a pause: a JVM needs some ten milliseconds until it catches the signal.
            tokio::time::sleep(Duration::from_micros(round * 500)).await;
            while begin.elapsed() < PATIENCE {
                match connector_address(pid, Timeouts::default()).await {
                    Ok(url) => return url,
                    Err(error) => {
                        early += 1;
                        last = Some(error);
                    }
                }
                assert_alive(jvm.process());
            }
            panic!("JDK {jdk}: never, {last:?}");
        });
        assert!(url.starts_with("service:jmx:rmi://"), "{url}");
        assert_alive(jvm.process());
        assert_clean(pid);
        starts += 1;
    }
    assert!(
        early >= starts,
        "{early} attempts were early: too few to prove anything"
    );
    println!("{starts} starts, {early} attempts before they could be attached to");
}

#[test]
fn a_process_under_the_pid_of_a_jvm_that_is_gone_survives() {
    let jvm = start("Predecessor", &bare());
    let counters = format!("hsperfdata_{}/{}", user(), jvm.process().pid());
    let counters = std::fs::read(Path::new("/tmp").join(counters)).expect("the JVM's counters");
    let work = WorkDir::new("stale").expect("a folder");
    // It even calls itself java.
    let java = work.join("java");
    symlink("/bin/sleep", &java).expect("a link");
    let sleeper = Process::program("sleep", &java, &["600"], &work).expect("sleep starts");
    let pid = sleeper.pid();
    let is_itself = || {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        line.ends_with(b"java\x00600\x00").then_some(())
    };
    wait_until("sleep runs", PATIENCE, is_itself).expect("it runs");
    let stale = Path::new("/tmp").join(format!("hsperfdata_{}/{pid}", user()));
    std::fs::write(&stale, counters).expect("a stale file");
    jvm.kill();
    assert_eq!(ps(pid), None);
    let (kind, message) = fault(&format!("local:pid={pid}"));
    assert_eq!(kind, "connect");
    assert!(message.contains("no JVM on this machine fits"), "{message}");
    assert_eq!(fault("local:Predecessor").0, "connect");
    let error = block_on(connector_address(pid, Timeouts::default())).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("process {pid} is not a Java virtual machine")
    );
    assert_alive(&sleeper);
    std::fs::remove_file(stale).ok();
}

#[test]
fn disabled_attaching_is_named_before_anything_is_sent() {
    for jdk in jdks() {
        let work = WorkDir::new("flags").expect("a folder");
        let flags = work
            .write("hotspotrc", "+DisableAttachMechanism\n")
            .expect("a file");
        let ways = [
            "-XX:+DisableAttachMechanism".to_owned(),
            format!("-XX:Flags={}", flags.display()),
        ];
        for (number, way) in ways.iter().enumerate() {
            let name = format!("Closed{number}Under{jdk}");
            // Its dumps are in the log then, and not among what the program says.
            let options = bare().jdk(jdk).jvm("-XX:+DisplayVMOutputToStderr");
            let jvm = start(&name, &options.jvm(way));
            let (kind, message) = fault(&format!("local:{name}"));
            assert_eq!(kind, "refused");
            assert!(
                message.contains("was started with -XX:+DisableAttachMechanism"),
                "{message}"
            );
            // A signal would have made it dump its threads there.
            assert!(!jvm.log_tail(40).contains("Full thread dump"));
            assert_alive(jvm.process());
        }
    }
}

#[test]
fn a_jvm_that_hangs_costs_a_timeout_and_is_read_when_it_goes_on() {
    let jvm = start("Hanging", &bare());
    let pid = jvm.process().pid();
    jvm.signal(Signal::Stop);
    let timeouts = Timeouts {
        socket: Duration::from_millis(300),
        answer: Duration::from_secs(60),
    };
    for _ in 0..2 {
        let error = block_on(connector_address(pid, timeouts)).unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_clean(pid);
    }
    assert_eq!(fault("local:Hanging").0, "timeout");
    assert_clean(pid);
    jvm.signal(Signal::Cont);
    // The signal that it got while it was stopped finds the file again.
    assert_reads("local:Hanging");
    // Now the socket is there, and it is the answer that does not come.
    jvm.signal(Signal::Stop);
    let timeouts = Timeouts {
        answer: Duration::from_millis(300),
        ..Timeouts::default()
    };
    let error = block_on(connector_address(pid, timeouts))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("did not answer `agentProperties` within 300ms"),
        "{error}"
    );
    jvm.signal(Signal::Cont);
    assert_reads("local:Hanging");
}

#[test]
fn the_socket_of_somebody_else_is_not_taken_for_the_jvms() {
    let jvm = start("Robbed", &bare());
    let listener = std::os::unix::net::UnixListener::bind(socket(&jvm)).expect("a socket");
    let error = block_on(connector_address(jvm.process().pid(), Timeouts::default())).unwrap_err();
    assert!(
        error.to_string().contains("held by another process"),
        "{error}"
    );
    drop(listener);
    // What is left of it is a file that nobody listens at, as an earlier JVM of the same number leaves it.
    assert_reads("local:Robbed");
    // A JVM that is killed leaves it behind.
    std::fs::remove_file(socket(&jvm)).expect("the JVM's own socket");
}
