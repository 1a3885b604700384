//! A full read of all Kafka beans: our client and Java's, in turn, on the same broker with the same list.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use stack::{JmxAccess, JmxReader, Options, PlainJvm, Proxy};

use super::child::OurClient;
use super::figures::{Report, Spread};
use super::list::List;
use super::servers::{Busy, behind_proxy};

/// Half a millisecond each way.
const EACH_WAY: Duration = Duration::from_micros(500);
/// Threads of Java's client, and TCP connections of ours, beside the one that both have by default.
const FOUR: u32 = 4;

/// How often the list is read: before anything counts, and then.
struct Rounds {
    warm: usize,
    counted: usize,
}

/// Java's compilers need some ten thousand calls until they are done with a method.
const LOOPBACK: Rounds = Rounds {
    warm: 60,
    counted: 101,
};
/// A read over the long way takes the sequential client about a second.
const DELAYED: Rounds = Rounds {
    warm: 40,
    counted: 31,
};
const SMALL: Rounds = Rounds {
    warm: 1,
    counted: 3,
};

pub(crate) fn loopback(report: &mut Report) {
    report.title("A full read of all Kafka beans, on loopback");
    let broker = Busy::start(&Options::new());
    let access = broker.kafka.jmx_access();
    let list = List::of_all(access, "kafka.*:*");
    let faster = compare(report, access, &list, &LOOPBACK);
    report.target("at least twice as fast as Java's client", faster >= 2.0);
}

pub(crate) fn delayed(report: &mut Report) {
    report.title("The same with a millisecond of added round trip");
    let broker = Busy::start(&Options::new().jmx(behind_proxy()));
    let proxy = Proxy::start(&broker.kafka.jmx(), EACH_WAY).unwrap();
    let access = JmxAccess::open(&proxy.address());
    let list = List::of_all(&access, "kafka.*:*");
    let added = added_round_trip();
    report.line(&format!(
        "Both clients go through a proxy that hands every byte on {EACH_WAY:?} later, each way; \
         a round trip of one byte through it takes {added:.2} ms longer than without.\n"
    ));
    let faster = compare(report, &access, &list, &DELAYED);
    report.target(
        "at least eight times as fast as Java's client",
        faster >= 8.0,
    );
}

/// The same in small, against a plain JVM.
pub(crate) fn small(report: &mut Report) {
    report.title("A plain JVM, to see that this works");
    let jvm = PlainJvm::idle(&Options::new()).unwrap();
    let list = List::of_all(jvm.jmx_access(), "java.lang:type=MemoryPool,*");
    compare(report, jvm.jmx_access(), &list, &SMALL);
}

/// How many times as fast as Java's client with one thread ours is.
fn compare(report: &mut Report, access: &JmxAccess, list: &List, rounds: &Rounds) -> f64 {
    let [mut ours, mut wider] =
        [1, FOUR].map(|connections| OurClient::ready(&access.endpoint, &list.path(), connections));
    let java = JmxReader::start(access, &list.path(), None).unwrap();
    let mut times: [Vec<Duration>; 4] = Default::default();
    for round in 0..rounds.warm + rounds.counted {
        let readings = [
            ours.read(),
            java.read(1).unwrap(),
            wider.read(),
            java.read(FOUR).unwrap(),
        ];
        let values = readings.map(|reading| reading.values);
        assert!(
            values.iter().all(|count| *count == list.attributes as u64),
            "{values:?}"
        );
        if round >= rounds.warm {
            for (series, reading) in times.iter_mut().zip(readings) {
                series.push(reading.time);
            }
        }
    }
    let spreads = times.map(|series| Spread::of_times(&series));
    let described = list.described();
    let counted = rounds.counted;
    report.line(&format!("{described}; {counted} reads each, in turn.\n"));
    report.head("| client | median | quartiles |");
    let names = [
        "ours".to_owned(),
        "Java".to_owned(),
        format!("ours, {FOUR} connections"),
        format!("Java, {FOUR} threads"),
    ];
    for (name, spread) in names.iter().zip(&spreads) {
        report.line(&format!("| {name} | {} |", spread.cells()));
    }
    let [own, java, wide, threads] = spreads.map(|spread| spread.median);
    report.line(&format!(
        "\nOurs is {:.1} times as fast; with {FOUR} connections, {:.1} times as fast as Java with {FOUR} threads.",
        java / own,
        threads / wide
    ));
    java / own
}

/// Milliseconds that a byte there and back takes longer through a proxy.
fn added_round_trip() -> f64 {
    let echo = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = echo.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in echo.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut byte = [0];
            while stream.read_exact(&mut byte).is_ok() {
                stream.write_all(&byte).unwrap();
            }
        }
    });
    let proxy = Proxy::start(&server, EACH_WAY).unwrap();
    let [short, long] = [server, proxy.address()].map(|address| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let ping = |_| {
            let start = Instant::now();
            stream.write_all(&[7]).unwrap();
            stream.read_exact(&mut [0]).unwrap();
            start.elapsed()
        };
        Spread::of_times(&(0..200).map(ping).collect::<Vec<_>>()).median
    });
    long - short
}
