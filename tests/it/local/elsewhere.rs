//! JVMs of other users and in other namespaces. What this system does not permit is said, not passed over.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use stack::{PlainJvm, Process, WorkDir, wait_until};

use super::{assert_alive, assert_reads, bare, fault, ps, start, user};
use crate::agent::{PATIENCE, text};
use crate::permits::{permitted, skip};

/// A user without rights, on any Linux.
const NOBODY: &str = "65534";

/// Program and class path of a JVM, to start more of its kind in ways that the stack does not know.
fn java_of(jvm: &PlainJvm) -> (String, String) {
    let pid = jvm.process().pid();
    let java = std::fs::read_link(format!("/proc/{pid}/exe")).expect("it runs");
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).expect("it runs");
    let words: Vec<String> = line
        .split(|b| *b == 0)
        .map(|w| String::from_utf8_lossy(w).into_owned())
        .collect();
    let at = words
        .iter()
        .position(|word| word == "-cp")
        .expect("it has a class path");
    (java.display().to_string(), words[at + 1].clone())
}

/// Starts a program in another way, if this system lets us: `wrapper` is a command line before that of the JVM.
fn wrapped(name: &str, wrapper: &[&str]) -> Option<(Process, WorkDir)> {
    if !permitted(name, wrapper) {
        return None;
    }
    let (first, rest) = wrapper.split_first()?;
    // The class is compiled once; this JVM only shows where.
    let (java, class_path) = java_of(&start(name, &bare()));
    let work = WorkDir::new("wrapped").expect("a folder");
    // stdin is empty there: what waits for its end would be gone at once.
    let hold = format!("tail -f /dev/null | exec {java} -Xmx32m -cp {class_path} {name}");
    let args = [rest, &["sh", "-c", &hold]].concat();
    let process = Process::program(name, Path::new(first), &args, &work).expect("it starts");
    Some((process, work))
}

/// The row of a JVM that was started in such a way, as soon as it is what it will be.
fn row_of(name: &str) -> Value {
    let row = || {
        let all = jvm_attach::jvms().ok()?;
        let jvm = all.into_iter().find(|jvm| jvm.main == name)?;
        let settled = !matches!(jvm.obstacle, Some(jvm_attach::Obstacle::SignalNotCaught));
        ps(jvm.pid).filter(|_| settled)
    };
    wait_until(&format!("{name} is listed"), PATIENCE, row).expect("it starts")
}

#[test]
fn a_jvm_of_another_user_is_read_by_root_and_named_to_others() {
    if user() != "root" {
        return skip("only root can start a JVM as another user");
    }
    let (reuid, regid) = (format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"));
    let drop_rights = ["setpriv", &reuid, &regid, "--clear-groups"];
    let Some((_jvm, _work)) = wrapped("Nobodys", &drop_rights) else {
        return;
    };
    let row = row_of("Nobodys");
    assert_eq!(
        (&row["uid"], &row["local"]),
        (&Value::from(65534), &Value::from(true)),
        "{row}"
    );
    assert_reads("local:Nobodys");

    // It makes /tmp unusable. Root leaves no file in its folder instead, which is not its own.
    let inner = &row["inner_pid"];
    let socket = format!("/tmp/.java_pid{inner}");
    std::fs::remove_file(&socket).expect("it was read through it");
    let junk = format!("/tmp/.attach_pid{inner}");
    std::fs::create_dir(&junk).expect("nothing is there");
    let (_, message) = fault("local:Nobodys");
    std::fs::remove_dir(&junk).expect("it was not touched");
    assert!(message.contains("cannot create .attach_pid"), "{message}");

    // The other way round: nobody may see root's JVM and is told why that is all.
    let roots = start("Roots", &bare());
    let open = WorkDir::new("open").expect("a folder");
    let binary = open.join("brokerbeat");
    std::fs::copy(env!("CARGO_BIN_EXE_brokerbeat"), &binary).expect("a copy for everybody");
    std::fs::set_permissions(&binary, PermissionsExt::from_mode(0o755)).expect("ours");
    let output = std::process::Command::new("setpriv")
        .args([&reuid, &regid, "--clear-groups"])
        .arg(&binary)
        .args(["jmx", "ls", "local:Roots"])
        .output()
        .expect("setpriv runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("runs as root; it takes commands from that user and from root only"),
        "{said}"
    );
    assert_alive(roots.process());
}

/// As in a container beside which the agent runs with a shared process namespace: own pid namespace, own `/tmp`.
#[test]
fn a_jvm_in_a_container_is_read_through_its_root() {
    let own = "mount -t tmpfs none /tmp && exec \"$@\"";
    let container = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "sh",
        "-c",
        own,
        "sh",
    ];
    let Some((_jvm, _work)) = wrapped("Contained", &container) else {
        return;
    };
    let row = row_of("Contained");
    assert_ne!(row["pid"], row["inner_pid"], "{row}");
    assert_eq!(row["local"], true, "{row}");
    assert!(
        !text(&row, "java").is_empty(),
        "its counters are read below its root: {row}"
    );
    assert_reads("local:Contained");
    assert_links_stay_inside(row["pid"].as_u64().expect("a pid"));
    let inner = &row["inner_pid"];
    let seen = format!("/proc/{}/root/tmp/.java_pid{inner}", row["pid"]);
    assert!(Path::new(&seen).exists() && !Path::new(&format!("/tmp/.java_pid{inner}")).exists());
}

/// Its `/tmp/up` leads to its `/`, not to ours.
fn assert_links_stay_inside(pid: u64) {
    let jvm = jvm_attach::jvms().expect("they can be listed");
    let jvm = jvm.into_iter().find(|jvm| u64::from(jvm.pid) == pid);
    let jvm = jvm.expect("it runs");
    let ours = WorkDir::new("ours").expect("a folder");
    let secret = ours.write("secret", "ours").expect("a file");
    let tmp = format!("/proc/{pid}/root/tmp");
    std::os::unix::fs::symlink("/", format!("{tmp}/up")).expect("a link");
    std::fs::write(format!("{tmp}/own"), "inside").expect("a file");
    assert_eq!(jvm.file("/tmp/up/tmp/own", 100).as_deref(), Some("inside"));
    let outside = format!("/tmp/up{}", secret.display());
    assert_eq!(jvm.file(&outside, 100), None);
}

#[test]
fn a_jvm_in_another_network_namespace_is_named() {
    let Some((_jvm, _work)) = wrapped("Elsewhere", &["unshare", "--net"]) else {
        return;
    };
    let row = row_of("Elsewhere");
    assert!(
        text(&row, "obstacle").contains("is in another network namespace"),
        "{row}"
    );
    let (kind, message) = fault("local:Elsewhere");
    assert_eq!(kind, "refused");
    assert!(
        message.contains("its local connector cannot be reached"),
        "{message}"
    );
}
