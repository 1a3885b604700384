//! JVMs on the same machine, with no JMX option at all: found, named and read, and never harmed.
//!
//! Other JVMs run on this machine at the same time, those of other tests among them: each test speaks of its own by pid
//! or by a main class that nobody else has.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jvm_attach::{Timeouts, attach, connector_address};
use serde_json::Value;
use stack::{
    Kafka, Options, PlainJvm, Process, Producer, Signal, WorkDir, ZooKeeper, jdks, wait_until,
};

use crate::agent::{PATIENCE, Setting, field, of_dataset, search, text};
use crate::servers;

/// A user without rights, on any Linux.
const NOBODY: &str = "65534";

/// A Java program that is called like this and lives until its stdin ends.
fn program(name: &str) -> (String, String) {
    let source = format!(
        "public class {name} {{ public static void main(String[] a) throws Exception {{ \
         System.out.println(\"ready\"); while (System.in.read() >= 0) {{}} }} }}"
    );
    (format!("{name}.java"), source)
}

/// Starts it; it is ready when this returns.
fn start(name: &str, options: &Options) -> PlainJvm {
    let (file, source) = program(name);
    // Sources are static text elsewhere; a test's few are kept for its time.
    let source = (
        &*Box::leak(file.into_boxed_str()),
        &*Box::leak(source.into_boxed_str()),
    );
    PlainJvm::start(source, &[], options).expect("a JVM starts")
}

fn bare() -> Options {
    Options::new().without_jmx()
}

/// What `jmx ps --json` says of a process.
fn ps(pid: u32) -> Option<Value> {
    let output = Setting::new("").command(&["jmx", "ps", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout)
        .expect("JSON is UTF-8")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a JSON object a line"))
        .find(|row| row["pid"] == pid)
}

/// An entry with time enough: the first session with a JVM makes it load its JMX classes, on a machine that is busy.
fn entry(endpoint: &str) -> String {
    format!("- {{endpoint: \"{endpoint}\", presets: [jvm], interval: 60s}}")
}

/// The documents of one cycle over these endpoints, and the exit code.
fn once(entries: &[String]) -> (i32, Vec<Value>) {
    let entries = entries.join("\n  ");
    let config = format!("clusters:\n- name: a\n  jmx:\n  {entries}\n");
    let (code, documents, said) = Setting::new(&config).once();
    assert!(!said.contains("panicked"), "{said}");
    (code, documents)
}

/// Kind and sentence of the fault of a cycle over one endpoint.
fn fault(endpoint: &str) -> (String, String) {
    let (code, documents) = once(&[entry(endpoint)]);
    assert_eq!(code, 3, "{endpoint}: {documents:?}");
    let target = of_dataset(&documents, "target")[0];
    let part = |name: &str| text(target, &format!("brokerbeat.target.error.{name}")).to_owned();
    (part("kind"), part("message"))
}

fn assert_reads(endpoint: &str) {
    let (code, documents) = once(&[entry(endpoint)]);
    assert_eq!(code, 0, "{endpoint}: {documents:?}");
    assert!(!of_dataset(&documents, "jvm").is_empty(), "{documents:?}");
}

fn assert_alive(process: &Process) {
    assert_eq!(
        process.ended(),
        None,
        "{}: {}",
        process.name(),
        process.log_tail(20)
    );
}

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

/// Runs something of the crate to its end.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().expect("a runtime starts");
    runtime.block_on(work)
}

#[test]
fn a_broker_a_zookeeper_and_a_client_without_any_jmx_option_are_found_and_read() {
    for jdk in jdks() {
        let options = bare().jdk(jdk);
        let zookeeper = ZooKeeper::start_with(&options).expect("ZooKeeper starts");
        let kafka = Kafka::start_kraft_with(&options).expect("Kafka starts");
        kafka.create_topic("orders", 1, 1).expect("a topic");
        let version = stack::KafkaVersion::V4_2;
        let producer = Producer::start_with(version, &kafka.bootstrap(), "orders", 1.0, &options);
        let producer = producer.expect("a producer starts");
        let pids = [kafka.process(), zookeeper.process(), producer.process()].map(Process::pid);
        let rows = pids.map(|pid| ps(pid).unwrap_or_else(|| panic!("{pid} is not listed")));
        let expected = [
            (
                "Kafka broker and controller 1",
                "kafka-broker kafka-controller jvm",
            ),
            ("ZooKeeper", "zookeeper jvm"),
            (
                "Java with a Kafka client",
                "kafka-producer kafka-consumer jvm",
            ),
        ];
        for (row, (what, presets)) in rows.iter().zip(expected) {
            let listed: Vec<&str> = row["presets"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            assert_eq!(
                (&row["what"], listed.join(" ").as_str()),
                (&Value::from(what), presets)
            );
            assert_eq!(
                (&row["local"], &row["jmx_port"]),
                (&Value::from(true), &Value::Null),
                "{row}"
            );
            assert!(text(row, "java").starts_with(&jdk.to_string()), "{row}");
        }
        // The lines that it proposes; of the client what any JVM has.
        let client = format!("- {{endpoint: {}, presets: [jvm]}}", rows[2]["endpoint"]);
        let lines = [text(&rows[0], "config"), text(&rows[1], "config"), &client];
        let lines = lines.map(|line| line.replace("]}", "], interval: 60s}"));
        let (code, documents) = once(&lines);
        let up = |d: &&Value| field(d, "brokerbeat.target.up").and_then(Value::as_u64) == Some(1);
        assert_eq!(
            of_dataset(&documents, "target")
                .into_iter()
                .filter(up)
                .count(),
            3,
            "{code}: {documents:?}"
        );
        let brokers = of_dataset(&documents, "kafka.broker");
        assert!(!brokers.is_empty() && !of_dataset(&documents, "zookeeper.server").is_empty());
        assert!(
            brokers
                .iter()
                .all(|d| field(d, "kafka.broker.id").and_then(Value::as_i64) == Some(1))
        );
        let addresses = of_dataset(&documents, "jvm")
            .into_iter()
            .map(|d| text(d, "service.address"));
        assert!(
            addresses
                .clone()
                .all(|a| a.contains('/') && !a.contains("local:")),
            "{:?}",
            addresses.collect::<Vec<_>>()
        );
        println!(
            "JDK {jdk}: {} documents of 3 JVMs without a port",
            documents.len()
        );
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
    let (file, source) = program("Newborn");
    let source = (
        &*Box::leak(file.into_boxed_str()),
        &*Box::leak(source.into_boxed_str()),
    );
    let (mut starts, mut early) = (0, 0);
    for (jdk, round) in jdks()
        .into_iter()
        .flat_map(|jdk| (0..12u64).map(move |round| (jdk, round)))
    {
        let jvm = PlainJvm::launch(source, &[], &bare().jdk(jdk)).expect("a JVM starts");
        let pid = jvm.process().pid();
        let begin = Instant::now();
        let url = block_on(async {
            // Then without a pause: a JVM needs some ten milliseconds until it catches the signal.
            tokio::time::sleep(Duration::from_micros(round * 500)).await;
            while begin.elapsed() < PATIENCE {
                match connector_address(pid, Timeouts::default()).await {
                    Ok(url) => return url,
                    Err(_) => early += 1,
                }
                assert_alive(jvm.process());
            }
            panic!("JDK {jdk}: never");
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
            let jvm = start(&name, &bare().jdk(jdk).jvm(way));
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
    // The first signals came to no file: it dumps its threads for them, and takes the next one.
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
fn several_jvms_are_told_apart_by_their_arguments() {
    let (file, source) = program("Twins");
    let source = (
        &*Box::leak(file.into_boxed_str()),
        &*Box::leak(source.into_boxed_str()),
    );
    let twin =
        |argument: &str| PlainJvm::start(source, &[argument], &bare()).expect("a JVM starts");
    let (one, two) = (twin("/etc/one.properties"), twin("/etc/two.properties"));
    let (kind, message) = fault("local:Twins");
    assert_eq!(kind, "connect");
    for pid in [&one, &two].map(|jvm| jvm.process().pid().to_string()) {
        assert!(message.contains(&pid), "{message}");
    }
    assert!(
        message.contains("2 JVMs on this machine fit local:Twins"),
        "{message}"
    );
    let row = ps(two.process().pid()).expect("it is listed");
    assert_eq!(row["endpoint"], "local:*Twins *two.properties*");
    assert_reads(text(&row, "endpoint"));
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

/// The agent runs on while the JVM goes and comes back under another pid.
#[test]
fn a_jvm_that_is_gone_and_back_is_found_again() {
    let elasticsearch = servers::elasticsearch();
    let config = format!(
        "namespace: local\nclusters: [{{name: a, jmx: [{{endpoint: \"local:Returning\", presets: [jvm]}}]}}]\n\
         output.elasticsearch: {{hosts: [\"{}\"]}}\n",
        elasticsearch.url()
    );
    let jvm = start("Returning", &bare());
    let agent = Setting::new(&config).run();
    let last = || {
        let all = search(elasticsearch, "metrics-brokerbeat.target-local");
        all.into_iter()
            .rfind(|d| text(d, "brokerbeat.target.name").starts_with("jmx"))
    };
    let becomes = |up: u64| {
        let is_up =
            |d: &Value| field(d, "brokerbeat.target.up").and_then(Value::as_u64) == Some(up);
        let seen = wait_until("the target's state", PATIENCE, || last().filter(is_up));
        seen.unwrap_or_else(|error| panic!("{error}\n{}", agent.log()))
    };
    becomes(1);
    jvm.kill();
    let down = becomes(0);
    assert_eq!(
        text(&down, "brokerbeat.target.error.kind"),
        "connect",
        "{down}"
    );
    let back = start("Returning", &bare());
    assert_ne!(jvm.process().pid(), back.process().pid());
    becomes(1);
    agent.stop_clean();
}

#[test]
fn a_diagnostic_command_is_answered_or_refused_in_words() {
    for jdk in jdks() {
        let jvm = start(&format!("Asked{jdk}"), &bare().jdk(jdk));
        block_on(async {
            let attached = attach(jvm.process().pid(), Timeouts::default())
                .await
                .expect("it lets us");
            let version = attached.diagnostic("VM.version").await.expect("it answers");
            assert!(version.contains(&format!("JDK {jdk}")), "{version}");
            let properties = attached.system_properties().await.expect("it answers");
            assert_eq!(properties["java.specification.version"], jdk.to_string());
            let error = attached
                .diagnostic("No.such")
                .await
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("refuses `jcmd No.such`: java.lang.IllegalArgumentException"),
                "{error}"
            );
        });
    }
}

/// Name of the user that runs the tests, as HotSpot has it in the name of the counters' folder.
fn user() -> String {
    let output = std::process::Command::new("id")
        .arg("-un")
        .output()
        .expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

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
    let first = wrapper.first().expect("a wrapper");
    let rest = wrapper.get(1..).unwrap_or_default();
    let probe = std::process::Command::new(first)
        .args(rest)
        .arg("true")
        .output()
        .expect("it runs");
    if !probe.status.success() {
        println!(
            "SKIPPED {name}: `{}` is not permitted here: {}",
            wrapper.join(" "),
            String::from_utf8_lossy(&probe.stderr).trim()
        );
        return None;
    }
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
        println!("SKIPPED: only root can start a JVM as another user");
        return;
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
    let inner = &row["inner_pid"];
    let seen = format!("/proc/{}/root/tmp/.java_pid{inner}", row["pid"]);
    assert!(Path::new(&seen).exists() && !Path::new(&format!("/tmp/.java_pid{inner}")).exists());
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
