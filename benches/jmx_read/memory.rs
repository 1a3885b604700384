//! A broker with very many beans, and a client that does nothing: what our process takes.

use stack::{JmxReader, Kafka, Options};

use super::child::OurClient;
use super::figures::{Report, Spread};
use super::list::List;
use super::servers::{Busy, COMPILERS};

const PARTITIONS: u32 = 2_000;
const LEAST_BEANS: usize = 20_000;
const READS: usize = 15;
/// The target for a full read, in milliseconds.
const LONGEST: f64 = 2_000.0;
/// The target for the whole process, in kilobytes.
const LARGEST: u64 = 60_000;
/// The target for an idle client, in kilobytes.
const IDLE: u64 = 2_000;

pub(crate) fn wide(report: &mut Report) {
    report.title(&format!("A broker with {PARTITIONS} partitions"));
    let options = Options::new().jvm(COMPILERS).jvm("-Xmx1g");
    let kafka = Kafka::start_kraft_with(&options).unwrap();
    kafka.create_large_topic("wide", PARTITIONS).unwrap();
    let list = List::of_all(kafka.jmx_access(), "kafka.*:*");
    let mut ours = OurClient::ready(&kafka.jmx(), &list.path(), 1);
    let listed = ours.memory();
    let java = JmxReader::start(kafka.jmx_access(), &list.path(), None).unwrap();
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..READS {
        for (series, reading) in times.iter_mut().zip([ours.read(), java.read(1).unwrap()]) {
            assert_eq!(reading.values, list.attributes as u64);
            series.push(reading.time);
        }
    }
    let [own, one] = times.map(|series| Spread::of_times(&series));
    report.line(&format!(
        "{}; {READS} reads each, in turn, the first ones too.\n",
        list.described()
    ));
    report.head("| client | median | quartiles |");
    report.line(&format!("| ours | {} |", own.cells()));
    report.line(&format!("| Java, 1 thread | {} |", one.cells()));
    let peak = ours.memory().peak;
    report.line(&format!(
        "\nOur process took {} kB at most, of which {} kB before the first read: program and list.",
        peak, listed.resident
    ));
    report.target(
        &format!("at least {LEAST_BEANS} beans"),
        list.beans >= LEAST_BEANS,
    );
    report.target("a full read in under 2 s", own.median < LONGEST);
    report.target("under 60 MB", peak < LARGEST);
}

pub(crate) fn idle(report: &mut Report) {
    report.title("A client that is connected and idle");
    let broker = Busy::start(&Options::new());
    let list = List::new(Vec::new());
    let mut client = OurClient::start(&broker.kafka.jmx(), &list.path());
    let before = client.memory().resident;
    client.ask("connect 1");
    client.ask("idle");
    let idle = client.memory().resident - before;
    report.line(&format!(
        "{idle} kB more than the same program before it connected ({before} kB)."
    ));
    report.target("under 2 MB", idle < IDLE);
}
