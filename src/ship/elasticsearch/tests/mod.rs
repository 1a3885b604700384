//! What the client makes of servers that no real one can be made to be.

mod flights;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Method;

use super::ElasticsearchConfig;
use super::elastic::{Content, Elastic, ElasticError};
use crate::config::{Findings, Section};

/// What is read from `output.elasticsearch` with these lines, and the mistakes.
pub(super) fn read(lines: &str) -> (ElasticsearchConfig, Vec<String>) {
    let indented = lines.replace('\n', "\n  ");
    let node = crate::yaml::parse(&format!("x:\n  {indented}\n")).unwrap();
    let findings = Findings::default();
    let tree = crate::config::build(&node, &|_| None, &findings.problems);
    let mut root = Section::new(&tree, "", &findings);
    let mut section = root.section("x").unwrap();
    let config = ElasticsearchConfig::read(&mut section);
    drop((section, root));
    let problems = findings.problems.into_sorted();
    (config, problems.iter().map(ToString::to_string).collect())
}

/// A client for these hosts.
fn elastic(hosts: &[&str]) -> Elastic {
    let (config, problems) = read(&format!("hosts: {hosts:?}\ntimeout: 20s"));
    assert_eq!(problems, [""; 0]);
    Elastic::new(&config).unwrap()
}

/// A server that does this with every connection, once the head of a request has come.
fn server(serve: impl Fn(&mut TcpStream, &str) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
            serve(&mut stream, &head);
        }
    });
    address
}

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

async fn ask(elastic: &Elastic) -> Result<super::Answer, ElasticError> {
    elastic
        .send(Method::GET, "/_x?y=z", Content::Json, None)
        .await
}

#[tokio::test]
async fn a_request_says_who_asks_and_keeps_the_path_of_the_host() {
    let address = server(|stream, head| {
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}",
            head.len()
        );
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let host = format!("http://{address}/below/it/");
    let answer = ask(&elastic(&[&host])).await.unwrap();
    let head = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(head.starts_with("GET /below/it/_x?y=z HTTP/1.1"), "{head}");
    let agent = concat!("user-agent: brokerbeat/", env!("CARGO_PKG_VERSION"), "\r\n");
    assert!(head.to_lowercase().contains(agent), "{head}");
}

#[tokio::test]
async fn an_answer_without_an_end_is_given_up_at_the_bound() {
    let address = server(|stream, _| {
        let part = [b' '; 1 << 16];
        let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while sent.is_ok() {
            sent = stream.write_all(&part);
        }
    });
    let error = ask(&elastic(&[&address])).await.unwrap_err();
    assert!(error.to_string().contains("an answer above"), "{error}");
    assert!(!error.is_never_sent());
}

#[tokio::test]
async fn what_was_never_sent_is_told_from_what_is_unknown() {
    let closes = server(|_, _| {});
    let half = server(|stream, _| {
        let start = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{";
        stream.write_all(start).unwrap();
    });
    let no_tls = format!("https://{}", server(|_, _| {}));
    for (host, is_never_sent) in [
        (nobody(), true),
        (no_tls, true),
        (closes, false),
        (half, false),
    ] {
        let error = ask(&elastic(&[&host])).await.unwrap_err();
        assert_eq!(error.is_never_sent(), is_never_sent, "{error:?}");
        assert!(error.to_string().contains(host.as_str()), "{error}");
    }
}

/// A proxy's, which does not wait for the end of a body that it does not want.
#[tokio::test]
async fn a_refusal_counts_even_where_its_body_breaks_off() {
    for (head, status, wait) in [
        ("413 -", 413, None),
        ("429 -\r\nretry-after: 7", 429, Some(7)),
    ] {
        let host = server(move |stream, _| {
            let start = format!("HTTP/1.1 {head}\r\ncontent-length: 9\r\n\r\n{{");
            stream.write_all(start.as_bytes()).unwrap();
        });
        let answer = ask(&elastic(&[&host])).await.unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(answer.retry_after, wait.map(Duration::from_secs));
    }
}

/// A host that takes connections, and is silent to everything but what is cheap.
#[tokio::test]
async fn no_request_waits_for_a_host_that_has_failed_while_another_is_fine() {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (heads, held) = (Arc::clone(&asked), Mutex::new(Vec::new()));
    let hangs = server(move |stream, head| {
        let mut heads = heads.lock().unwrap();
        heads.push(head.lines().next().unwrap_or_default().to_owned());
        if heads.len() == 1 {
            held.lock().unwrap().push(stream.try_clone().unwrap());
            return;
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        stream.write_all(answer).ok();
    });
    let good = server(|stream, _| {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        stream.write_all(answer).unwrap();
    });
    let (config, _) = read(&format!("hosts: [\"{hangs}\", \"{good}\"]\ntimeout: 2s"));
    let elastic = Elastic::new(&config).unwrap();
    let start = Instant::now();
    let mut failures = 0;
    while asked.lock().unwrap().len() < 3 {
        assert!(start.elapsed() < Duration::from_secs(60), "{asked:?}");
        failures += usize::from(ask(&elastic).await.is_err());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(failures, 1, "the first time-out");
    let expected = ["/_x?y=z", "/", "/_x?y=z"].map(|path| format!("GET {path} HTTP/1.1"));
    assert_eq!(asked.lock().unwrap()[..3], expected, "it is back");
}

#[tokio::test]
async fn only_what_was_never_sent_goes_to_another_host_and_at_once() {
    let good = server(|stream, _| {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        stream.write_all(answer).unwrap();
    });
    let elastic = elastic(&[&nobody(), &nobody(), &good]);
    let start = Instant::now();
    for _ in 0..6 {
        assert_eq!(ask(&elastic).await.unwrap().status, 200);
    }
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "no pause in between"
    );

    let closes = server(|stream, _| {
        // Read to the end, so that closing is no reset.
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        stream.read_to_end(&mut Vec::new()).ok();
    });
    let elastic = self::elastic(&[&closes, &good]);
    let mut failures = 0;
    for _ in 0..4 {
        failures += usize::from(ask(&elastic).await.is_err());
    }
    assert_eq!(
        failures, 1,
        "said to the caller, and then the host is left alone"
    );
}

#[tokio::test]
async fn a_host_that_says_it_cannot_is_left_alone() {
    let bad = server(|stream, _| {
        let answer = b"HTTP/1.1 503 -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).unwrap();
    });
    let good = server(|stream, _| {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        stream.write_all(answer).unwrap();
    });
    let elastic = elastic(&[&bad, &good]);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(ask(&elastic).await.unwrap().status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 1);
}

/// What is said of these lines; it must be one mistake.
fn mistake(lines: &str) -> String {
    let (_, problems) = read(lines);
    assert_eq!(problems.len(), 1, "{lines}: {problems:?}");
    problems.concat()
}

#[test]
fn a_cloud_id_is_an_address() {
    let id = |text: &str| format!("cloud_id: \"prod:{}\"", BASE64.encode(text));
    for (text, host) in [
        (
            "eu-west-1.aws.found.io$0123abc$456def",
            "https://0123abc.eu-west-1.aws.found.io:443/",
        ),
        ("found.io:9243$es$kb", "https://es.found.io:9243/"),
        ("found.io:9243$es:9244$kb:9245", "https://es.found.io:9244/"),
    ] {
        let (config, problems) = read(&id(text));
        assert_eq!(
            (&*config.hosts, &*problems),
            (&[host.to_owned()][..], &[][..])
        );
    }
    for (lines, told) in [
        ("cloud_id: \"prod:%%%\"".to_owned(), "is no Cloud ID"),
        (id("nothing"), "no host in it"),
        (id("found.io$"), "no host in it"),
        (id("found.io:x$es"), "no host in it"),
        (
            format!("{}\nhosts: [a]", id("found.io$es")),
            "stands beside `hosts`",
        ),
    ] {
        let said = mistake(&lines);
        assert!(
            said.contains("x.cloud_id: ") && said.contains(told),
            "{told}: {said}"
        );
    }
}

#[test]
fn mistakes_are_told_with_what_would_be_right() {
    let hosts = "hosts: [\"https://a:1\"]\n";
    for (lines, told) in [
        ("hosts: []", "x.hosts: is empty"),
        (
            "hosts: [\"ftp://a\"]",
            "`ftp://a` is not an http or https address",
        ),
        ("hosts: [\"http://a/?x=1\"]", "only a path may follow"),
        (
            "hosts: [\"http://u:hunter2@a\"]",
            "carries a user or password",
        ),
        (
            "hosts: [\"a:1\"]\nssl: {verification_mode: none}",
            "x.ssl: has no use for `http://a:1/`",
        ),
        ("ssl.server_name: b", "x.ssl.server_name: has no use here"),
        (
            "proxy_url: \"socks5://a:1\"",
            "x.proxy_url: `socks5://a:1` is not an http",
        ),
        (
            "proxy_url: \"http://me:hunter2@\"",
            "x.proxy_url: `http://` is not an address",
        ),
        (
            "headers: {\"a b\": c}",
            "x.headers.a b: is not the name of a header",
        ),
        (
            "headers: {Content-Type: c}",
            "x.headers.Content-Type: is the agent's own",
        ),
        (
            "headers: {a: \"hunter2\\n\"}",
            "x.headers.a: has a value that no header can have",
        ),
        (
            "headers: {Authorization: hunter2}\napi_key: \"a:b\"",
            "stands beside `api_key`",
        ),
        ("api_key: \"hunter2\\n\"", "x.api_key: has blanks"),
        ("connect_timeout: 0s", "x.connect_timeout"),
    ] {
        let said = match lines.starts_with("hosts") {
            true => mistake(lines),
            false => mistake(&format!("{hosts}{lines}")),
        };
        assert!(said.contains(told), "{told}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn headers_are_sent_and_never_shown() {
    let address = server(|stream, head| {
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}",
            head.len()
        );
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let lines = format!(
        "hosts: [\"{address}\"]\nheaders: {{X-Gateway: hunter2}}\nproxy_url: \"http://me:hunter2@a\""
    );
    let (mut config, problems) = read(&lines);
    assert_eq!(problems, [""; 0]);
    let client = Elastic::new(&config).unwrap();
    assert!(!format!("{config:?}{client:?}").contains("hunter2"));
    config.proxy = None;
    let answer = ask(&Elastic::new(&config).unwrap()).await.unwrap();
    let head = String::from_utf8_lossy(&answer.body).to_lowercase();
    assert!(head.contains("\r\nx-gateway: hunter2\r\n"), "{head}");
}

#[tokio::test]
async fn plain_http_goes_to_a_proxy_with_the_whole_address() {
    let proxy = server(|stream, head| {
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}",
            head.len()
        );
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let lines = format!("hosts: [\"es.invalid:9200\"]\nproxy_url: \"me:hunter2@{proxy}\"");
    let (config, problems) = read(&lines);
    assert_eq!(problems, [""; 0]);
    let answer = ask(&Elastic::new(&config).unwrap()).await.unwrap();
    let head = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(
        head.starts_with("GET http://es.invalid:9200/_x?y=z HTTP/1.1"),
        "{head}"
    );
    let password = format!("proxy-authorization: Basic {}", BASE64.encode("me:hunter2"));
    assert!(head.contains(&password), "{head}");
}
