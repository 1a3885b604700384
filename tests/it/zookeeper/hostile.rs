//! Servers that no real one can be made to be: each costs its budget and little memory, and is named.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use stack::wait_until;

use super::{Seen, seen_in};
use crate::agent::{PATIENCE, Setting, field};

const GARBAGE: usize = 50 << 20;

/// As much as the agent may have at any time, ten times 50 MB being read: it is a few dozen MB by itself.
const MOST_MEMORY: u64 = 200 << 20;

/// Does this with each connection, each in a thread of its own; the first bytes have been read.
fn peer(does: fn(TcpStream)) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                stream.read_exact(&mut [0; 4]).ok();
                does(stream);
            });
        }
    });
    port
}

/// A byte a second, until nobody reads any more.
fn drip(stream: TcpStream) {
    drip_behind(stream, b"");
}

fn drip_by_http(stream: TcpStream) {
    drip_behind(stream, b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own, and the second is what it is about"
)]
fn drip_behind(mut stream: TcpStream, head: &[u8]) {
    stream.write_all(head).ok();
    let letters = "zk_version\t3.9.4\n".bytes().cycle();
    for letter in letters {
        if stream.write_all(&[letter]).is_err() {
            return;
        }
        thread::sleep(Duration::from_secs(1));
    }
}

fn pour(mut stream: TcpStream, head: &[u8]) {
    let part = b"garbage of a line's length, and no end in sight\n".repeat(1 << 10);
    let mut sent = 0;
    let mut outcome = stream.write_all(head);
    while sent < GARBAGE && outcome.is_ok() {
        outcome = stream.write_all(&part);
        sent += part.len();
    }
}

fn garbage(stream: TcpStream) {
    pour(stream, b"");
}

fn garbage_by_http(stream: TcpStream) {
    pour(stream, b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{");
}

fn html(mut stream: TcpStream) {
    let page = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html>Welcome</html>";
    stream.write_all(page).ok();
    stream.shutdown(Shutdown::Write).ok();
    std::io::copy(&mut stream, &mut std::io::sink()).ok();
}

fn by_words(port: u16) -> String {
    format!("hosts: [\"127.0.0.1:{port}\"], door: words")
}

fn by_admin(port: u16) -> String {
    format!("hosts: [\"127.0.0.1:1\"], door: admin, admin: {{port: {port}}}")
}

fn in_two_seconds(section: &str) -> Seen {
    let seen = seen_in(section, "2s");
    let duration = field(seen.target(), "brokerbeat.target.duration").and_then(Value::as_f64);
    assert!(
        duration < Some(2_000.0),
        "{duration:?} ms of an interval of 2 s"
    );
    assert_eq!(
        field(seen.target(), "brokerbeat.target.up"),
        Some(&0.into())
    );
    seen
}

#[test]
fn a_port_that_drips_costs_its_budget_and_is_late() {
    let port = peer(drip);
    in_two_seconds(&by_words(port))
        .assert_error("timeout", &["srvr", "in time", &port.to_string()]);
}

#[test]
fn a_port_that_ends_the_connection_is_perhaps_one_with_tls() {
    let port = peer(drop);
    let sentence = "ends the connection without a word (does it speak TLS";
    in_two_seconds(&by_words(port)).assert_error("protocol", &["srvr", sentence]);
}

#[test]
fn an_admin_server_that_is_none_is_named() {
    let port = peer(html);
    let place = format!("http://127.0.0.1:{port}/commands/");
    in_two_seconds(&by_admin(port))
        .assert_error("protocol", &["not ZooKeeper's", "<html>", &place]);
    let port = peer(drip_by_http);
    in_two_seconds(&by_admin(port)).assert_error("timeout", &["in time", &port.to_string()]);
}

#[test]
fn garbage_without_end_is_named_and_never_kept() {
    let words = peer(garbage);
    let admin = peer(garbage_by_http);
    in_two_seconds(&by_words(words)).assert_error("protocol", &["not ZooKeeper's", "garbage"]);
    in_two_seconds(&by_admin(admin)).assert_error("protocol", &["with more than"]);
    let config = |section: &str, name: &str| format!("{{name: {name}, zookeeper: {{{section}}}}}");
    let clusters = [config(&by_words(words), "a"), config(&by_admin(admin), "b")].join(", ");
    let setting = Setting::new(&format!("clusters: [{clusters}]\noutput.console: {{}}\n"));
    let agent = setting.run();
    // The console has a line for each target and tick.
    wait_until("both were asked twice", PATIENCE, || {
        let log = agent.log();
        let asked = ["127.0.0.1:1\"".to_owned(), format!("127.0.0.1:{words}\"")].map(|name| {
            log.lines()
                .filter(|line| line.contains("brokerbeat.target") && line.contains(&name))
                .count()
        });
        asked.iter().all(|count| *count >= 2).then_some(())
    })
    .unwrap();
    let peak = most_memory(agent.pid());
    assert!(peak < MOST_MEMORY, "{peak} bytes");
}

/// The most memory that a process has had in RAM, in bytes.
fn most_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kilobytes << 10
}
