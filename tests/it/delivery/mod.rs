//! An agent that is killed at random moments, in front of an Elasticsearch to which everything happens: at the end every
//! document is there exactly once, and the accounts add up.
//!
//! The test does a few deaths. `make prove-delivery` does fifty (`DELIVERY_DEATHS`) and writes `docs/proofs/delivery.md`; it
//! may be run in parts, whose figures add up.

pub(crate) mod abuse;
pub(crate) mod judge;
mod report;

use std::time::{Duration, Instant};

use serde_json::Value;
use stack::{Elasticsearch, Kafka, Options, wait_until};

use crate::agent::{Agent, PATIENCE, Setting};
use abuse::Abuse;
use report::Run;

const NAMESPACE: &str = "delivery";
/// The agent dies so long after its start at most: some are in the middle of their first request, some have shipped for long.
const LONGEST_LIFE: Duration = Duration::from_secs(8);
const PARTITIONS: u32 = 300;
/// Documents that may wait in an agent that has caught up: those of a cycle or two.
const AT_MOST_WAITING: u64 = 2 * PARTITIONS as u64;
/// Deaths of the test.
const FEW_DEATHS: u64 = 3;

/// A number from the environment.
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}: {text} is no number")),
    )
}

/// So small that a few clients are too many: its queue of writes, and the memory for what is being indexed.
fn elasticsearch() -> Elasticsearch {
    let options = Options::new()
        .set("thread_pool.write.queue_size", "1")
        .set("indexing_pressure.memory.limit", "2mb");
    Elasticsearch::start_with(&options).expect("Elasticsearch starts")
}

/// A document for each partition in each cycle.
fn kafka() -> Kafka {
    let kafka = Kafka::start_kraft().expect("Kafka starts");
    kafka
        .create_topic("orders", PARTITIONS, 1)
        .expect("a topic");
    kafka
}

fn setting(kafka: &Kafka, elasticsearch: &Elasticsearch) -> Setting {
    let config = format!(
        "clusters:\n- name: orders\n  kafka: {{bootstrap: [\"{}\"]}}\nnamespace: {NAMESPACE}\n\
         output.elasticsearch: {{hosts: [\"{}\"], timeout: 5s, bulk_max_bytes: 256KiB}}\nshutdown_timeout: 120s\n",
        kafka.bootstrap(),
        elasticsearch.url(),
    );
    Setting::every(Duration::from_secs(1), &config)
}

#[test]
fn every_document_is_there_once_whatever_dies() {
    let seed = number("DELIVERY_SEED").unwrap_or_else(|| fastrand::u64(..));
    let deaths = number("DELIVERY_DEATHS").unwrap_or(FEW_DEATHS);
    let mut random = fastrand::Rng::with_seed(seed);
    let (kafka, elasticsearch) = (kafka(), elasticsearch());
    let begin = Instant::now();
    let abuse = Abuse::new(&elasticsearch, random.u64(..));
    let (agent, abused) = std::thread::scope(|scope| {
        let abused = scope.spawn(|| abuse.go_on());
        let mut agent = setting(&kafka, &elasticsearch).run();
        for _ in 0..deaths {
            // The moment is the dice's: whatever the agent is doing then.
            abuse::pass(LONGEST_LIFE.mul_f64(random.f64()));
            agent = agent.killed().run();
        }
        abuse.end();
        (agent, abused.join().expect("the abuse goes well"))
    });
    settle(&agent);
    agent.stop_clean();
    let run = Run {
        seed,
        deaths,
        length: begin.elapsed(),
        abused,
        sums: judge::judge(&elasticsearch, &agent.setting, NAMESPACE),
        log: agent.log(),
    };
    run.write_and_judge();
}

/// Waits until the last agent has shipped what waited.
fn settle(agent: &Agent) {
    let caught_up = || {
        let waits = |account: &Value| account["queued"].as_u64().expect("a number");
        let queued: u64 = agent.setting.accounts().values().map(waits).sum();
        (queued <= AT_MOST_WAITING).then_some(())
    };
    if let Err(error) = wait_until("the agent has caught up", PATIENCE * 2, caught_up) {
        panic!("{error}\n{}", agent.log());
    }
}
