//! What is measured, and what it is to be.

use std::time::Duration;

use stack::GroupPlan;

use super::Agent;
use super::agent::{Rounds, Run, holding, shipping};
use super::cluster::{Cluster, Members};
use super::figures::{Report, Spread};

/// 20,000 offsets on 2,000 partitions.
const MANY: GroupPlan = GroupPlan {
    groups: 500,
    topics: 50,
    partitions: 40,
};
/// Ten times as many groups on the same partitions.
const VERY_MANY: GroupPlan = GroupPlan {
    groups: 5_000,
    ..MANY
};
const FEW: GroupPlan = GroupPlan {
    groups: 3,
    topics: 2,
    partitions: 2,
};

const ROUNDS: Rounds = Rounds {
    interval: Duration::from_secs(5),
    warm: 4,
    counted: 20,
    queue: "16MiB",
};
const WIDE_ROUNDS: Rounds = Rounds {
    interval: Duration::from_secs(10),
    warm: 2,
    counted: 8,
    queue: "128MiB",
};
const SMALL_ROUNDS: Rounds = Rounds {
    interval: Duration::from_secs(4),
    warm: 1,
    counted: 2,
    queue: "16MiB",
};
/// Java's compilers need some calls until they are done.
const JAVA_WARM: usize = 30;

/// Targets: milliseconds of a warm cycle, the same over a longer way, seconds of processor time, kilobytes.
const LONGEST: f64 = 250.0;
const LONGEST_DELAYED: f64 = 400.0;
const MOST_CPU: f64 = 0.2;
const LARGEST: u64 = 30_000;

pub(crate) fn groups(report: &mut Report, agent: &Agent) {
    report.title("500 groups of 40 partitions each, nobody in them");
    let cluster = Cluster::start(MANY, Members::None);
    let run = beside_java(report, agent, &cluster, ROUNDS);
    let cpu = holding(agent, &cluster.bootstrap, ROUNDS).as_secs_f64();
    report.line(&format!(
        "\nWith a sink that lacks the templates, so that all is collected and nothing shipped: {cpu:.3} s of processor time."
    ));
    let median = collected(&run).median;
    report.target("a warm cycle in at most 0.25 s", median <= LONGEST);
    report.target(
        "collecting takes at most 0.2 s of processor time",
        cpu <= MOST_CPU,
    );
    report.target("at most 30 MB resident", run.memory.peak <= LARGEST);
}

pub(crate) fn members(report: &mut Report, agent: &Agent) {
    report.title("The same with a member in each group");
    let cluster = Cluster::start(MANY, Members::One);
    beside_java(report, agent, &cluster, ROUNDS);
}

pub(crate) fn delayed(report: &mut Report, agent: &Agent) {
    report.title("500 groups with a millisecond of added round trip");
    let cluster = Cluster::start_delayed(MANY);
    report.line("Both clients go through a proxy that hands every byte on half a millisecond later, each way.\n");
    let run = beside_java(report, agent, &cluster, ROUNDS);
    let median = collected(&run).median;
    report.target("a warm cycle in at most 0.4 s", median <= LONGEST_DELAYED);
}

pub(crate) fn wide(report: &mut Report, agent: &Agent) {
    report.title("5,000 groups of 40 partitions each, nobody in them");
    let cluster = Cluster::start(VERY_MANY, Members::None);
    beside_java(report, agent, &cluster, WIDE_ROUNDS);
}

/// The same in small.
pub(crate) fn small(report: &mut Report, agent: &Agent) {
    report.title("Few groups, to see that this works");
    let cluster = Cluster::start(FEW, Members::One);
    beside_java(report, agent, &cluster, SMALL_ROUNDS);
}

/// For a profiler.
pub(crate) fn cluster() {
    let cluster = Cluster::start(MANY, Members::None);
    println!("{}", cluster.bootstrap);
    // Until whoever started this has seen enough.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
}

fn collected(run: &Run) -> Spread {
    Spread::of_times(
        &run.cycles
            .iter()
            .map(|one| one.collected)
            .collect::<Vec<_>>(),
    )
}

fn beside_java(report: &mut Report, agent: &Agent, cluster: &Cluster, rounds: Rounds) -> Run {
    let load = load();
    let run = shipping(agent, &cluster.bootstrap, rounds);
    check(&run, cluster);
    let (java, java_cpu) = read_with_java(cluster, rounds);
    let one = run.cycles[0];
    report.line(&format!(
        "{} offsets; {} documents a cycle, {} bytes of JSON; {} warm cycles every {:?}, then as many reads of Java's. \
         Load of the machine before: {load}.\n",
        cluster.offsets(), one.documents, one.bytes, rounds.counted, rounds.interval
    ));
    let delivered: Vec<Duration> = run.cycles.iter().map(|cycle| cycle.delivered).collect();
    report.head("| what | median | quartiles | s of processor time |");
    for (what, spread, cpu) in [
        ("ours, until everything is read", collected(&run), None),
        (
            "ours, until the last document is in the sink",
            Spread::of_times(&delivered),
            Some(run.cpu),
        ),
        (
            "Java's admin client, commits and log ends, no documents",
            java,
            Some(java_cpu),
        ),
    ] {
        let cpu = cpu.map_or_else(String::new, |cpu| format!("{:.3}", cpu.as_secs_f64()));
        report.line(&format!("| {what} | {} | {cpu} |", spread.cells()));
    }
    report.line(&format!(
        "\nResident: {} kB at the end, {} kB at most.",
        run.memory.resident, run.memory.peak
    ));
    run
}

/// Times, and processor time a read.
fn read_with_java(cluster: &Cluster, rounds: Rounds) -> (Spread, Duration) {
    let warm = JAVA_WARM.min(rounds.counted);
    let (mut times, mut cpu) = (Vec::new(), Duration::ZERO);
    for round in 0..warm + rounds.counted {
        let reading = cluster.java.read().unwrap();
        assert_eq!(reading.offsets, cluster.offsets());
        if round >= warm {
            times.push(reading.time);
            cpu += reading.cpu;
        }
    }
    let count = u32::try_from(rounds.counted).unwrap();
    (Spread::of_times(&times), cpu / count)
}

/// Fast and wrong does not count.
fn check(run: &Run, cluster: &Cluster) {
    let offsets = usize::try_from(cluster.offsets()).unwrap();
    for cycle in &run.cycles {
        assert!(cycle.documents > offsets, "{cycle:?}");
        assert_eq!(cycle.faults, 0, "{cycle:?}");
    }
}

/// How busy the machine was before, as a benchmark's reader wants to know.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
