//! Jolokia as a way into a JVM: the same documents as over RMI, and what goes wrong in words.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::thread;

use jmx_rmi::ObjectName;
use serde_json::Value;
use stack::{JmxPort, JolokiaPort, Kafka, Options, PlainJvm, wait_until};

use crate::agent::{PATIENCE, Setting, field, of_dataset, text};
use crate::jmx_commands::jmx;

/// Attempts until every value was seen at a still moment.
const ATTEMPTS: usize = 8;

/// Values that are compared at least: a comparison of nothing proves nothing.
const LEAST_COMPARED: usize = 500;

/// Fields that move all the time, or are moved by their observers.
const RESTLESS: &[&str] = &[
    "jvm.memory.heap.used",
    "jvm.memory.nonheap.used",
    "jvm.memory.nonheap.committed",
    "jvm.pool.used",
    "jvm.pool.committed",
    "jvm.pool.peak",
    "jvm.threads.count",
    "jvm.threads.daemon",
    "jvm.threads.peak",
    "jvm.threads.started",
    "jvm.threads.allocated",
    "jvm.buffer_pool.count",
    "jvm.buffer_pool.used",
    "jvm.buffer_pool.capacity",
    "jvm.os.process.cpu.load",
    "jvm.os.process.cpu.time",
    "jvm.os.process.file_descriptors.open",
    "jvm.os.process.memory.virtual",
    "jvm.os.cpu.load",
    "jvm.os.load.1",
    "jvm.os.memory.free",
    "jvm.os.swap.free",
    "jvm.runtime.uptime",
    "jvm.runtime.classes.loaded",
    "jvm.runtime.compilation.time",
    "kafka.broker.network.idle",
    "kafka.broker.request.handler.idle",
    "kafka.broker.request.handler.broker_idle",
    "kafka.broker.request.handler.controller_idle",
];

/// Where a value stands: document, field.
type Place = (String, String);

/// The values of a cycle's documents, by series and field. `address` is the target's, which differs between ways.
fn values(endpoint: &str) -> BTreeMap<Place, Value> {
    let cluster = format!(
        "clusters: [{{name: a, jmx: [{{endpoint: \"{endpoint}\", presets: [kafka-broker, kafka-controller, jvm], interval: 60s}}]}}]\n"
    );
    let (code, documents, said) = Setting::new(&cluster).once();
    assert_eq!(code, 0, "{said}");
    let mut values = BTreeMap::new();
    for document in &documents {
        let dataset = text(document, "data_stream.dataset");
        if ["brokerbeat.target", "brokerbeat.event"].contains(&dataset) {
            continue;
        }
        let address = text(document, "service.address");
        let series = text(document, "brokerbeat.series").replace(address, "address");
        for branch in ["kafka", "jvm"] {
            if let Some(below) = document.get(branch) {
                leaves(branch, below, &mut |path, value| {
                    values.insert((series.clone(), path.to_owned()), value.clone());
                });
            }
        }
    }
    values
}

fn leaves(path: &str, value: &Value, found: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(items) => {
            for (name, item) in items {
                leaves(&format!("{path}.{name}"), item, found);
            }
        }
        leaf => found(path, leaf),
    }
}

#[test]
fn the_documents_are_those_of_rmi() {
    let options = Options::new().jolokia(JolokiaPort::new());
    let kafka = Kafka::start_kraft_with(&options).unwrap();
    kafka.create_topic("orders", 3, 1).unwrap();
    let (rmi, jolokia) = (kafka.jmx(), kafka.jolokia_url());
    // Beans still appear while a broker is new.
    wait_until("the same beans by both ways", PATIENCE, || {
        (beans(&rmi) == beans(&jolokia)).then_some(())
    })
    .unwrap();
    let mut open = BTreeMap::new();
    let mut proved = BTreeMap::new();
    for _ in 0..ATTEMPTS {
        let (before, ours, after) = (values(&rmi), values(&jolokia), values(&rmi));
        // What is there over RMI at both times is there over Jolokia, too, and the other way round.
        for (place, value) in &before {
            if after.get(place) != Some(value) || proved.contains_key(place) {
                continue;
            }
            match ours.get(place) == Some(value) {
                true => {
                    proved.insert(place.clone(), value.clone());
                    open.remove(place);
                }
                false => {
                    let pair = format!("{value} is {:?} over Jolokia", ours.get(place));
                    open.insert(place.clone(), pair);
                }
            }
        }
        for place in ours.keys() {
            if !before.contains_key(place) && !after.contains_key(place) {
                open.insert(place.clone(), "is there over Jolokia only".to_owned());
            }
        }
        if open.keys().all(|(_, name)| is_restless(name)) {
            break;
        }
    }
    println!(
        "left out: {:?}",
        open.keys().map(|(_, name)| name).collect::<Vec<_>>()
    );
    open.retain(|(_, name), _| !is_restless(name));
    assert!(open.is_empty(), "{open:#?}");
    println!("{} values equal", proved.len());
    assert!(
        proved.len() >= LEAST_COMPARED,
        "only {} values",
        proved.len()
    );
}

/// Names of Kafka's beans that have a `Count`; prints what reading it cost.
fn beans(endpoint: &str) -> Vec<String> {
    let (code, out, cost) = jmx(&["get", endpoint, "kafka.*:*", "Count", "--json", "--stats"]);
    assert_eq!(code, 0, "{cost}");
    print!("{endpoint}: {cost}");
    let name = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let name = ObjectName::parse(line["bean"].as_str().unwrap()).unwrap();
        name.canonical().to_owned()
    };
    let mut names: Vec<String> = out.lines().map(name).collect();
    names.sort();
    assert!(names.len() > 100, "{names:?}");
    names
}

fn is_restless(field: &str) -> bool {
    RESTLESS.contains(&field)
}

/// The document of the target, with what `once` said and how it ended.
fn target(entry: &str) -> (i32, Value, String) {
    let cluster = format!("clusters: [{{name: a, jmx: [{entry}]}}]\n");
    let (code, documents, said) = Setting::new(&cluster).once();
    let targets = of_dataset(&documents, "target");
    assert_eq!(targets.len(), 1, "{said}");
    (code, targets[0].clone(), said)
}

#[test]
fn basic_auth_and_https() {
    let agent = JolokiaPort::new().login("monitor", "let-me-in").tls();
    let options = Options::new().jmx(JmxPort::new().tls()).jolokia(agent);
    let jvm = PlainJvm::idle(&options).unwrap();
    let authority = &jvm.jmx_access().tls.as_ref().unwrap().authority;
    let entry = |password: &str, ssl: &str| {
        format!(
            "{{endpoint: \"{}\", presets: [jvm], interval: 60s, username: monitor, password: {password}{ssl}}}",
            jvm.jolokia_url()
        )
    };
    let ssl = format!(
        ", ssl: {{certificate_authorities: {}}}",
        authority.display()
    );
    // A JVM of 64 MB on a busy machine may take long for its first TLS handshake.
    wait_until("a whole cycle", PATIENCE, || {
        let (code, document, said) = target(&entry("let-me-in", &ssl));
        let up = field(&document, "brokerbeat.target.up").and_then(Value::as_u64);
        let is_late = text(&document, "brokerbeat.target.error.kind") == "timeout";
        assert!(is_late || (code, up) == (0, Some(1)), "{said}{document}");
        (!is_late).then_some(())
    })
    .unwrap();

    let (_, document, _) = target(&entry("guess", &ssl));
    let message = text(&document, "brokerbeat.target.error.message");
    assert_eq!(
        text(&document, "brokerbeat.target.error.kind"),
        "auth",
        "{message}"
    );
    assert!(
        message.contains("401 (user or password are wrong)"),
        "{message}"
    );

    let (_, document, _) = target(&entry("let-me-in", ""));
    let message = text(&document, "brokerbeat.target.error.message");
    assert_eq!(
        text(&document, "brokerbeat.target.error.kind"),
        "auth",
        "{message}"
    );
    assert!(message.contains("certificate"), "{message}");
}

#[test]
fn a_policy_that_forbids_is_named_and_costs_what_it_forbids() {
    let setting = Setting::new("");
    let forbid = |name: &str, commands: &str, deny: &str| {
        let policy = format!("<?xml version=\"1.0\"?><restrict>{commands}{deny}</restrict>");
        let file = setting.file(name, &policy);
        let agent = JolokiaPort::new().set("policyLocation", &format!("file:{file}"));
        PlainJvm::idle(&Options::new().jolokia(agent)).unwrap()
    };
    let entry = |jvm: &PlainJvm| {
        format!(
            "{{endpoint: \"{}\", presets: [jvm], interval: 60s}}",
            jvm.jolokia_url()
        )
    };

    let only_read = "<commands><command>read</command></commands>";
    let (code, document, _) = target(&entry(&forbid("commands.xml", only_read, "")));
    let message = text(&document, "brokerbeat.target.error.message");
    assert_eq!(
        (code, text(&document, "brokerbeat.target.error.kind")),
        (3, "refused"),
        "{message}"
    );
    assert!(message.contains("refuses searching for beans"), "{message}");
    assert!(message.contains("SEARCH not allowed"), "{message}");

    let deny =
        "<deny><mbean><name>java.lang:type=Memory</name><attribute>*</attribute></mbean></deny>";
    let (code, document, _) = target(&entry(&forbid("beans.xml", "", deny)));
    let message = text(&document, "brokerbeat.target.error.message");
    let up = field(&document, "brokerbeat.target.up").and_then(Value::as_u64);
    assert_eq!((code, up), (3, Some(1)), "{message}");
    assert_eq!(
        text(&document, "brokerbeat.target.error.kind"),
        "refused",
        "{message}"
    );
    assert!(
        message.contains("refuses 1 beans, the first: java.lang:type=Memory"),
        "{message}"
    );
}

/// Answers every request with these bytes.
fn server(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), answer.clone());
            thread::spawn(move || {
                stream.read_exact(&mut [0; 4]).ok();
                stream.write_all(&answer).ok();
                stream.shutdown(Shutdown::Write).ok();
                std::io::copy(&mut stream, &mut std::io::sink()).ok();
            });
        }
    });
    format!("http://{address}/jolokia")
}

fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

#[test]
fn whatever_else_answers_is_named_in_a_sentence() {
    let version = |protocol: &str| {
        format!(
            "[{{\"status\":200,\"value\":{{\"agent\":\"1.7.2\",\"protocol\":\"{protocol}\"}}}}]"
        )
    };
    let deep = "[".repeat(100_000);
    let huge = {
        let mut answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n[".to_vec();
        answer.resize(33 << 20, b' ');
        answer
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            http("200 OK", "", "<html>hi</html>"),
            "what is not Jolokia's: <html>hi</html>; is this the URL",
        ),
        (http("200 OK", "", ""), "what is not Jolokia's"),
        (http("200 OK", "", &deep), "what is not Jolokia's"),
        (http("200 OK", "", "[]"), "0 of 1 requests"),
        (
            http("200 OK", "", &version("7.2")),
            "is Jolokia 1.7.2; version 2 is needed",
        ),
        (
            http("200 OK", "", "[{\"status\":200,\"value\":1}]"),
            "without a version",
        ),
        (
            http("200 OK", "", "{\"status\":400,\"error\":\"bad\"}"),
            "refuses the request",
        ),
        (
            http("401 Unauthorized", "", ""),
            "401 (it wants a user and a password)",
        ),
        (
            http(
                "403 Forbidden",
                "",
                "{\"status\":403,\"error\":\"no access from here\"}",
            ),
            "no access from here",
        ),
        (
            http("404 Not Found", "", "<h1>404"),
            "404 (there is no Jolokia agent at this path)",
        ),
        (
            http("500 Oops", "", "a\u{1b}[31mb"),
            "answers 500: a\\u{1b}[31mb",
        ),
        (
            http("302 Found", "location: http://127.0.0.1:1/x\r\n", ""),
            "302 (moved to http://127.0.0.1:1/x; write",
        ),
        (huge, "more than 33554432 bytes"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[".to_vec(),
            "no answer from",
        ),
        (
            b"\x15\x03\x03\x00\x02\x02P".to_vec(),
            "; is this the URL of a Jolokia 2 agent?",
        ),
    ];
    for (answer, sentence) in cases {
        let shown = String::from_utf8_lossy(&answer[..answer.len().min(60)]).into_owned();
        let (code, out, err) = jmx(&["ls", &server(answer), "--timeout", "60s"]);
        assert_eq!((code, out.as_str()), (1, ""), "{shown}: {err}");
        assert!(err.contains(sentence), "{shown}: {err}");
    }
}

#[test]
fn a_server_that_never_answers_costs_its_time_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jolokia", listener.local_addr().unwrap());
    let started = std::time::Instant::now();
    let (code, _, err) = jmx(&["ls", &url, "--timeout", "500ms"]);
    assert_eq!(code, 1);
    assert!(
        err.contains("no answer from") && started.elapsed().as_secs() < 30,
        "{err}"
    );
}
