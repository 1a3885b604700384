//! A JVM that stops answering in the middle of a read: what came by then is used, and what is missing is said.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;
use stack::{JmxPort, Options, PlainJvm, RmiPort};

use crate::agent::{Setting, field, of_dataset, text};

/// Stands between the agent and a JVM and lets so many bytes of replies through.
struct Valve {
    port: u16,
    passed: Arc<AtomicUsize>,
}

impl Valve {
    fn open(jvm: String, most: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let passed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&passed);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&jvm).unwrap());
                let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || std::io::copy(&mut from, &mut to).ok());
                let count = Arc::clone(&count);
                thread::spawn(move || pass(server, client, &count, most));
            }
        });
        Self { port, passed }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, passed: &AtomicUsize, most: usize) {
    let mut bytes = [0; 4096];
    while let Ok(1..) = from.peek(&mut bytes) {
        let left = most.saturating_sub(passed.load(Ordering::SeqCst));
        if left == 0 {
            // It hangs, and the connection stays open as long as the test.
            thread::park();
        }
        let part = left.min(bytes.len());
        let Ok(length) = from.read(&mut bytes[..part]) else {
            return;
        };
        if to.write_all(&bytes[..length]).is_err() {
            return;
        }
        passed.fetch_add(length, Ordering::SeqCst);
    }
}

/// A cycle through a valve: the target's document, the documents of the JVM. It may take 0.8 of the interval.
fn cycle(jvm: &PlainJvm, valve: &Valve, interval: &str) -> (Value, usize) {
    let (endpoint, port) = (jvm.jmx(), valve.port);
    let entry = format!(
        "{{endpoint: \"{endpoint}\", presets: [jvm], rmi_port: {port}, interval: {interval}}}"
    );
    let (_, documents, said) =
        Setting::new(&format!("clusters: [{{name: a, jmx: [{entry}]}}]\n")).once();
    let targets = of_dataset(&documents, "target");
    assert_eq!(targets.len(), 1, "{said}");
    (targets[0].clone(), of_dataset(&documents, "jvm").len())
}

#[test]
fn a_jvm_that_hangs_in_the_middle_of_a_read_gives_what_it_gave() {
    let options = Options::new().jmx(JmxPort::new().rmi_port(RmiPort::Same));
    let jvm = PlainJvm::idle(&options).unwrap();
    let whole = Valve::open(jvm.jmx(), usize::MAX);
    // Long: a new JVM on a busy machine is slow.
    let (document, all) = cycle(&jvm, &whole, "120s");
    let up = |document: &Value| field(document, "brokerbeat.target.up").and_then(Value::as_u64);
    assert_eq!((up(&document), all > 5), (Some(1), true), "{document}");

    // The last replies are small: of a good-bye and of a few beans. Short: the cycle is to end before a call does.
    let some = whole.passed.load(Ordering::SeqCst) - 2_000;
    let (document, documents) = cycle(&jvm, &Valve::open(jvm.jmx(), some), "10s");
    let message = text(&document, "brokerbeat.target.error.message");
    assert_eq!(up(&document), Some(1), "{message}");
    assert_eq!(
        text(&document, "brokerbeat.target.error.kind"),
        "timeout",
        "{message}"
    );
    assert!(
        message.contains("did not answer completely within the time of a cycle; "),
        "{message}"
    );
    assert!(message.ends_with(" beans not read"), "{message}");
    assert!(
        documents > 0 && documents < all,
        "{documents} of {all} documents: {message}"
    );
}
