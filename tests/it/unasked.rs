//! What a version of Kafka does not have is not asked for: its log would have a warning and a stack trace each time.

use std::time::Duration;

use stack::{Kafka, wait_until};

use crate::agent::{PATIENCE, Setting, search};
use crate::servers;

/// `JmxReporter.KafkaMbean.getAttributes`, for an attribute that the bean does not have.
const WARNING: &str = "Error getting JMX attribute";

/// A machine with much else to do reads a broker within this.
const INTERVAL: Duration = Duration::from_secs(2);

/// The beans were asked what they have by then: names are asked for anew in the first cycles of a session.
const SETTLED: usize = 3;

/// Longer than a directory is used.
const LONGER: usize = 8;

#[test]
fn attributes_that_a_broker_does_not_have_are_asked_for_once() {
    let elasticsearch = servers::elasticsearch();
    let kafka = Kafka::start_kraft().expect("Kafka starts");
    let config = format!(
        "namespace: unasked\n\
         clusters:\n- {{name: orders, jmx: [{{endpoint: \"{}\", presets: [kafka-broker]}}]}}\n\
         output.elasticsearch: {{hosts: [\"{}\"]}}\n",
        kafka.jmx(),
        elasticsearch.url(),
    );
    let agent = Setting::every(INTERVAL, &config).run();
    let ticks = |number| {
        wait_until(&format!("{number} ticks"), PATIENCE, || {
            let targets = search(elasticsearch, "metrics-brokerbeat.target-unasked");
            (targets.len() >= number).then_some(())
        })
        .unwrap_or_else(|error| panic!("{error}\n{}", agent.log()));
        let log = std::fs::read_to_string(kafka.process().log()).expect("Kafka's log");
        log.lines().filter(|line| line.contains(WARNING)).count()
    };
    let settled = ticks(SETTLED);
    assert!(
        settled > 0,
        "this Kafka has all that the preset knows, or warns in other words"
    );
    // A cycle that a busy machine cut short costs the session, and the next one asks once more.
    let more = ticks(SETTLED + LONGER) - settled;
    let of_a_cycle = settled / SETTLED;
    assert!(more < of_a_cycle * LONGER / 2, "{more} more than {settled}");
}
