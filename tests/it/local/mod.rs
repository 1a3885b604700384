//! JVMs on the same machine, with no JMX option at all: found, named and read, and never harmed.
//!
//! Other JVMs run on this machine at the same time, those of other tests among them: each test speaks of its own by pid
//! or by a main class that nobody else has.

mod elsewhere;
mod harm;

use jvm_attach::{Timeouts, attach};
use serde_json::Value;
use stack::{Kafka, Options, PlainJvm, Process, Producer, ZooKeeper, jdks, wait_until};

use crate::agent::{PATIENCE, Setting, field, of_dataset, search, text};
use crate::jmx_commands::jmx;
use crate::servers;

/// A Java program that is called like this and lives until its stdin ends. The few texts live as long as the tests.
fn program(name: &str) -> (&'static str, &'static str) {
    let source = format!(
        "public class {name} {{ public static void main(String[] a) throws Exception {{ \
         System.out.println(\"ready\"); while (System.in.read() >= 0) {{}} }} }}"
    );
    (leak(format!("{name}.java")), leak(source))
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// Starts it; it is ready when this returns.
fn start(name: &str, options: &Options) -> PlainJvm {
    let source = program(name);
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
        // The lines that it proposes.
        let lines = rows.each_ref().map(|row| text(row, "config"));
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
        assert!(!of_dataset(&documents, "kafka.producer").is_empty());
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
fn several_jvms_are_told_apart_by_their_arguments() {
    let source = program("Twins");
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

/// A JVM that is stopped costs the time that was given, not what it takes to give up by itself.
#[test]
fn the_time_out_of_the_command_line_holds_here_too() {
    let jvm = start("Stopped", &bare());
    let endpoint = format!("local:pid={}", jvm.process().pid());
    let (code, _, said) = jmx(&["ls", &endpoint, "java.lang:type=Memory", "--timeout", "60s"]);
    assert_eq!(code, 0, "{said}");
    jvm.signal(stack::Signal::Stop);
    let started = std::time::Instant::now();
    let (code, _, said) = jmx(&["ls", &endpoint, "--timeout", "500ms"]);
    let taken = started.elapsed();
    assert_eq!(code, 1, "{said}");
    // Without it: 10 s.
    assert!(taken.as_secs() < 8, "{taken:?}: {said}");
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
