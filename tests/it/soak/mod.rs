//! For an hour, a broker is restarted, killed and made to hang, while an agent and a client of the library read it every
//! second: nothing may be left open on either side, and our memory stays what it was.
//!
//! The test does a minute of it. `make prove-soak` does an hour (`SOAK_MINUTES`) and writes `docs/proofs/soak.md`; it may
//! be run in parts, whose figures add up.

mod readers;
mod report;
mod sight;

use std::time::{Duration, Instant};

use readers::{AgentReader, LibraryReader};
use report::{Event, Run};
use sight::Sample;
use stack::{JmxPort, Kafka, Options, RmiPort, Signal, live_objects, wait_until};

/// A session that its client forgot is gone after this; ten minutes in a JVM that nobody told otherwise.
const LEASE: Duration = Duration::from_secs(20);
/// Lease, the JVM's own checks, and a busy machine.
const FORGOTTEN: Duration = Duration::from_secs(150);
/// Between two counts of sessions: each is a full collection of the broker's heap.
const COUNT: Duration = Duration::from_secs(5);
/// Between two looks at processes and sockets.
const LOOK: Duration = Duration::from_secs(5);
/// Longer than the time-outs of a call and of a cycle.
const HANG: Duration = Duration::from_secs(15);
/// The agent's session and the library's.
const SESSIONS: u64 = 2;
/// The session's object in a JVM.
const SESSION: &str = "javax.management.remote.rmi.RMIConnectionImpl";

/// What an hour has: ten restarts. The test's minute has two.
struct Plan {
    length: Duration,
    events: Vec<Event>,
    /// How often both read.
    every: Duration,
}

impl Plan {
    fn new() -> Self {
        let minutes = std::env::var("SOAK_MINUTES").ok();
        let minutes: Option<u64> = minutes.map(|text| text.parse().expect("a number of minutes"));
        let restarts = minutes.map_or(2, |minutes| minutes.div_ceil(6).max(2));
        let kinds = [Event::Killed, Event::Stopped].into_iter().cycle();
        let mut events: Vec<Event> = kinds
            .take(usize::try_from(restarts).expect("small"))
            .collect();
        events.push(Event::Hung);
        Self {
            length: Duration::from_secs(60 * minutes.unwrap_or(1)),
            events,
            // The tests run beside each other, unoptimised, and the agent's cycle must be done within 0.8 of this: what
            // it gives up is a session more until the lease is over.
            every: Duration::from_secs(if minutes.is_some() { 1 } else { 10 }),
        }
    }

    /// When the first of the events that are left comes: they are spread evenly, with quiet before and after.
    fn due(&self, done: usize) -> Option<Duration> {
        let share = self.length / u32::try_from(self.events.len() + 1).expect("few");
        (done < self.events.len()).then(|| share * u32::try_from(done + 1).expect("few"))
    }
}

fn broker() -> Kafka {
    let port = JmxPort::new().rmi_port(RmiPort::Same).lease(LEASE);
    let kafka = Kafka::start_kraft_with(&Options::new().jmx(port)).expect("Kafka starts");
    kafka.create_topic("orders", 10, 1).expect("a topic");
    kafka
}

#[test]
fn nothing_stays_open_however_often_a_broker_goes() {
    let plan = Plan::new();
    let kafka = broker();
    let agent = AgentReader::start(&kafka, plan.every);
    let library = LibraryReader::start(&kafka.jmx(), plan.every);
    settle(&kafka, &agent, &library);
    let start = Instant::now();
    let mut run = Run::new(plan.length);
    while start.elapsed() < plan.length || run.events.len() < plan.events.len() {
        let due = plan.due(run.events.len());
        if due.is_some_and(|due| start.elapsed() >= due) {
            let event = plan.events[run.events.len()];
            happen(event, &kafka);
            let sessions = settle(&kafka, &agent, &library);
            run.events.push((start.elapsed(), event, sessions));
        }
        run.samples
            .push(Sample::take(start.elapsed(), &kafka, agent.pid()));
        let until = Instant::now() + LOOK;
        wait_until("the next look", LOOK * 2, || {
            (Instant::now() >= until).then_some(())
        })
        .unwrap();
    }
    (run.reads, run.failures) = library.stop();
    agent.stop_clean();
    // Both said good-bye, and the JVM has nobody left.
    run.left = sessions(&kafka, 0);
    run.write_and_judge();
}

fn happen(event: Event, kafka: &Kafka) {
    match event {
        Event::Killed => kafka.restart().expect("the broker comes back"),
        Event::Stopped => {
            kafka.signal(Signal::Term);
            kafka.process().wait(FORGOTTEN).expect("the broker ends");
            kafka.restart().expect("the broker comes back");
        }
        Event::Hung => {
            kafka.signal(Signal::Stop);
            let until = Instant::now() + HANG;
            wait_until("the end of the hang", HANG * 2, || {
                (Instant::now() >= until).then_some(())
            })
            .unwrap();
            kafka.signal(Signal::Cont);
        }
    }
}

/// Waits until both read again and the JVM has a session for each at most: an agent whose cycle was cut short has none
/// for a moment.
fn settle(kafka: &Kafka, agent: &AgentReader, library: &LibraryReader) -> u64 {
    library.reads_again();
    agent.reads_again(kafka);
    sessions(kafka, SESSIONS)
}

/// Waits until the JVM has no more than this many sessions.
fn sessions(kafka: &Kafka, most: u64) -> u64 {
    let (mut last, mut next) = (None, Instant::now());
    let found = wait_until("the sessions that should be there", FORGOTTEN, || {
        if Instant::now() < next {
            return None;
        }
        last = live_objects(kafka.process(), SESSION).ok();
        next = Instant::now() + COUNT;
        last.filter(|count| *count <= most)
    });
    found.unwrap_or_else(|_| panic!("{last:?} sessions in the JVM, more than {most}"))
}
