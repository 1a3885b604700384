//! The health endpoint of a running agent, while its Elasticsearch is away and comes back.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::Value;
use stack::wait_until;

use crate::agent::{Agent, PATIENCE, Setting, field};
use crate::servers;

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Status line and JSON of an answer.
fn ask(port: u16, path: &str) -> Option<(String, Value)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: agent\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.lines().next()?.to_owned();
    Some((status, serde_json::from_str(body).ok()?))
}

fn wait_for(what: &str, agent: &Agent, port: u16, check: impl Fn(&Value) -> bool) -> Value {
    let answer = || {
        let (status, said) = ask(port, "/health")?;
        assert_eq!(status, "HTTP/1.1 200 OK", "alive, whatever the output does");
        check(&said).then_some(said)
    };
    wait_until(what, PATIENCE, answer).unwrap_or_else(|error| panic!("{error}\n{}", agent.log()))
}

#[test]
fn what_elasticsearch_does_is_told_while_it_is_away_and_when_it_is_back() {
    let elasticsearch = servers::secured();
    let port = free_port();
    let config = format!(
        "clusters: [{{name: orders, zookeeper: {{hosts: [\"{}\"]}}}}]\nnamespace: health\nhttp.port: {port}\n\
         output.elasticsearch: {{hosts: [\"{}\"], username: elastic, password: {}}}\n",
        servers::zookeeper().addr(),
        elasticsearch.url(),
        servers::PASSWORD,
    );
    let agent = Setting::new(&config).run();
    let number = |said: &Value, name: &str| field(said, name).and_then(Value::as_u64).unwrap();
    let said = wait_for("documents are indexed", &agent, port, |said| {
        number(said, "accounts.indexed") > 0
    });
    assert_eq!(said["status"], "ok");
    assert_eq!(said["agent"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(said["output"]["type"], "elasticsearch");
    let stream = &said["streams"]["metrics-brokerbeat.zookeeper.server-health"];
    let gone = [
        "indexed",
        "duplicate",
        "collision",
        "dead_lettered",
        "dropped",
        "queued",
    ];
    let gone: u64 = gone.map(|name| number(stream, name)).iter().sum();
    assert_eq!(number(stream, "collected"), gone, "{said}");
    assert_eq!(ask(port, "/ready").unwrap().0, "HTTP/1.1 200 OK");

    elasticsearch.kill();
    let said = wait_for("the outage is told", &agent, port, |said| {
        said["output"]["failing"] == true && number(said, "queue.documents") > 0
    });
    let reason = said["output"]["reason"].as_str().unwrap();
    assert!(
        !reason.is_empty() && !reason.contains(servers::PASSWORD),
        "{reason}"
    );
    wait_for("the oldest document ages", &agent, port, |said| {
        number(said, "queue.oldest_seconds") >= 2
    });
    elasticsearch.restart().unwrap();
    wait_for("the end of it is told", &agent, port, |said| {
        said["output"]["failing"] == false
    });
    agent.stop_clean();
}

#[test]
fn a_port_that_is_in_use_is_said_before_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = format!(
        "clusters: [{{name: a, zookeeper: {{hosts: [\"127.0.0.1:1\"]}}}}]\nhttp.port: {port}\noutput.console: {{}}\n"
    );
    let output = Setting::new(&config).command(&["run"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    let sentence = format!("cannot listen on 127.0.0.1:{port} for `http`; free it, or set another");
    assert!(said.contains(&sentence), "{said}");
}
