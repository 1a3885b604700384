//! Elasticsearch is away while very many documents are collected: the agent's memory stays what it was, and everything is
//! there afterwards, with its own timestamps.
//!
//! The test lets some thousand documents wait. `make prove-backlog` lets two million wait (`BACKLOG_DOCUMENTS`) and
//! writes `docs/proofs/backlog.md`.

mod report;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use stack::{Elasticsearch, GroupAdmin, GroupPlan, Kafka, Options, wait_until};

use crate::agent::{Agent, PATIENCE, Setting};
use crate::delivery::{judge, number};
use report::Run;

const NAMESPACE: &str = "backlog";
/// The agent of `make prove-backlog`, which is optimised; otherwise the tests' own.
const AGENT: &str = "BROKERBEAT_BACKLOG_AGENT";
/// For the proof: as many documents may need so long, to be collected and to be taken.
const LONG: Duration = Duration::from_secs(3_600);

/// What is collected, and how much of it waits.
struct Plan {
    groups: GroupPlan,
    /// The interval while Elasticsearch is away, and while it is there: on a machine that it shares with everybody it may
    /// take less than could be collected.
    interval: Duration,
    usual: Duration,
    documents: u64,
    patience: Duration,
}

impl Plan {
    fn new() -> Self {
        let groups = |groups, topics| GroupPlan {
            groups,
            topics,
            partitions: 40,
        };
        match number("BACKLOG_DOCUMENTS") {
            Some(documents) => Self {
                groups: groups(500, 50),
                interval: Duration::from_secs(2),
                usual: Duration::from_secs(20),
                documents,
                patience: LONG,
            },
            None => Self {
                groups: groups(10, 2),
                interval: Duration::from_secs(1),
                usual: Duration::from_secs(5),
                documents: 5_000,
                patience: PATIENCE,
            },
        }
    }

    /// What an agent that has caught up may still have: two cycles.
    fn few(&self) -> u64 {
        let rows = u64::from(self.groups.groups) * u64::from(self.groups.partitions);
        2 * rows
    }
}

/// As in production: all of the JVM's compilers, and memory for so many partitions.
fn kafka(plan: &Plan) -> Kafka {
    let options = Options::new().jvm("-XX:TieredStopAtLevel=4").jvm("-Xmx1g");
    let kafka = Kafka::start_kraft_with(&options).expect("Kafka starts");
    let java = GroupAdmin::start(&kafka.bootstrap()).expect("Java's client starts");
    java.make_topics(plan.groups, 1).expect("topics");
    java.commit(plan.groups).expect("commits");
    kafka
}

fn config(kafka: &Kafka, elasticsearch: &Elasticsearch) -> String {
    format!(
        "clusters:\n- name: orders\n  kafka: {{bootstrap: [\"{}\"]}}\nnamespace: {NAMESPACE}\n\
         output.elasticsearch: {{hosts: [\"{}\"]}}\nshutdown_timeout: 300s\n",
        kafka.bootstrap(),
        elasticsearch.url(),
    )
}

fn agent(plan: &Plan, config: &str) -> Agent {
    let setting = Setting::every(plan.usual, config);
    match std::env::var_os(AGENT) {
        Some(binary) => setting.with_binary(PathBuf::from(binary)).run(),
        None => setting.run(),
    }
}

fn sum(agent: &Agent, what: &str) -> u64 {
    let number = |account: &Value| account[what].as_u64().expect("a number");
    agent.setting.accounts().values().map(number).sum()
}

/// Waits, and notes the most memory that the agent took meanwhile, in kilobytes.
fn watch(agent: &Agent, what: &str, limit: Duration, done: impl Fn() -> bool) -> u64 {
    let mut most = 0;
    let waited = wait_until(what, limit, || {
        most = most.max(resident(agent));
        done().then_some(())
    });
    if let Err(error) = waited {
        panic!("{error}\n{}", agent.log());
    }
    most
}

/// Kilobytes, as the kernel has them.
fn resident(agent: &Agent) -> u64 {
    let path = format!("/proc/{}/status", agent.pid());
    let text = std::fs::read_to_string(path).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let words = line.expect("every process has memory");
    let number = words.split_whitespace().next().expect("a number");
    number.parse().expect("a number")
}

#[test]
fn what_waits_is_on_disk_and_arrives_with_its_own_time() {
    let plan = Plan::new();
    let elasticsearch =
        Elasticsearch::start_with(&Options::new().jvm("-Xmx1g")).expect("Elasticsearch starts");
    let kafka = kafka(&plan);
    let config = config(&kafka, &elasticsearch);
    let mut agent = agent(&plan, &config);
    agent.says("template installed");
    let shipped = || sum(&agent, "indexed") >= plan.few() && sum(&agent, "queued") <= plan.few();
    let before = watch(&agent, "the first documents", plan.patience, shipped);
    elasticsearch.kill();
    agent.setting.pace(plan.interval, &config);
    let begin = Instant::now();
    let enough = || sum(&agent, "queued") >= plan.documents;
    let waiting = watch(&agent, "documents that wait", plan.patience, enough);
    let away = begin.elapsed();
    let (documents, bytes) = (sum(&agent, "queued"), agent.queue_bytes());
    agent.setting.pace(plan.usual, &config);
    elasticsearch.restart().expect("it starts again");
    agent.says("Elasticsearch takes documents again");
    let (begin, indexed) = (Instant::now(), sum(&agent, "indexed"));
    let few = || sum(&agent, "queued") <= plan.few();
    let catching_up = watch(&agent, "the rest is shipped", plan.patience, few);
    let (took, indexed) = (begin.elapsed(), sum(&agent, "indexed") - indexed);
    agent.stop_clean();
    let run = Run {
        documents,
        bytes,
        away,
        memory: [before, waiting, catching_up],
        rate: indexed as f64 / took.as_secs_f64(),
        sums: judge::judge(&elasticsearch, &agent.setting, NAMESPACE),
    };
    run.write_and_judge(plan.patience == LONG);
}
