//! Agents that share two clusters, each by a membership of its own, and a configuration that changes meanwhile: who has
//! what of a cluster that stays is not touched.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use stack::{Kafka, wait_until};

use crate::agent::{Agent, PATIENCE, Setting, field, search, text};
use crate::servers;
use crate::shards::{PARTITIONS, agent_of, make_groups, millis_now, options, tick};

const NAMESPACE: &str = "ha_reload";
const GROUPS: usize = 8;
const INTERVAL: Duration = Duration::from_secs(1);

/// Clusters by name.
type Clusters<'a> = &'a [(&'a str, &'a Kafka)];

fn config(clusters: Clusters<'_>) -> String {
    let cluster = |(name, kafka): &(&str, &Kafka)| {
        let bootstrap = kafka.bootstrap();
        format!("- {{name: {name}, kafka: {{bootstrap: [\"{bootstrap}\"]}}}}\n")
    };
    let clusters: String = clusters.iter().map(cluster).collect();
    format!(
        "namespace: {NAMESPACE}\nclusters:\n{clusters}ha: {{group: agents, session_timeout: 6s}}\n\
         output.elasticsearch: {{hosts: [\"{}\"]}}\n",
        servers::elasticsearch().url(),
    )
}

fn documents(dataset: &str, cluster: &str) -> Vec<Value> {
    let stream = format!("metrics-brokerbeat.{dataset}-{NAMESPACE}");
    let mut all = search(servers::elasticsearch(), &stream);
    all.retain(|one| text(one, "kafka.cluster.name") == cluster);
    all
}

/// Partitions of each agent in a cluster, by the last word of each after that moment; nothing while any of them does not
/// share.
fn shares(cluster: &str, after: i64) -> Option<BTreeMap<String, u64>> {
    let targets = documents("target", cluster);
    let late = targets.iter().filter(|one| tick(one) > after);
    let share = |one: &Value| {
        let partitions = field(one, "brokerbeat.target.ha.partitions")?.as_u64()?;
        let is_sharing = text(one, "brokerbeat.target.ha.state") == "sharing";
        is_sharing.then(|| (agent_of(one), partitions))
    };
    let last: BTreeMap<String, &Value> = late.map(|one| (agent_of(one), one)).collect();
    last.into_values().map(share).collect()
}

fn shared_by(agents: usize, cluster: &str, all: &[&Agent]) -> BTreeMap<String, u64> {
    let step = format!("{agents} agents share {cluster}");
    let since = millis_now();
    let found = wait_until(&step, PATIENCE, || {
        let shares = shares(cluster, since)?;
        let even = PARTITIONS / agents as u64;
        (shares.len() == agents && shares.values().all(|share| *share == even)).then_some(shares)
    });
    found.unwrap_or_else(|error| {
        let logs: Vec<String> = all.iter().map(|agent| agent.log()).collect();
        panic!(
            "{error}: {:?}\n{}",
            shares(cluster, since),
            logs.join("\n\n")
        )
    })
}

/// How often the coordinator has given out the partitions of the agents' group.
fn generations(kafka: &Kafka) -> usize {
    let log = std::fs::read_to_string(kafka.process().log()).unwrap();
    let stabilized = log
        .lines()
        .filter(|line| line.contains("Stabilized group agents"));
    stabilized.count()
}

/// Each group has one collector throughout.
fn assert_nobody_changed(cluster: &str, from: i64) {
    let mut collectors = BTreeMap::<String, BTreeSet<String>>::new();
    for one in documents("kafka.group", cluster) {
        if tick(&one) >= from {
            let id = text(&one, "kafka.consumergroup.id").to_owned();
            collectors.entry(id).or_default().insert(agent_of(&one));
        }
    }
    assert_eq!(collectors.len(), GROUPS, "{collectors:?}");
    assert!(
        collectors.values().all(|agents| agents.len() == 1),
        "{collectors:?}"
    );
    let both: BTreeSet<&String> = collectors.values().flatten().collect();
    assert_eq!(both.len(), 2, "both collect: {collectors:?}");
}

#[test]
fn a_reload_leaves_the_memberships_of_other_clusters_alone() {
    let start = || Kafka::start_kraft_with(&options()).expect("Kafka starts");
    let (stays, goes) = (start(), start());
    make_groups(&stays, GROUPS);
    make_groups(&goes, GROUPS);
    let both: Clusters<'_> = &[("stays", &stays), ("goes", &goes)];
    let agents = [0, 1].map(|_| Setting::every(INTERVAL, &config(both)).run());
    let all: Vec<&Agent> = agents.iter().collect();
    let before = shared_by(2, "stays", &all);
    shared_by(2, "goes", &all);
    let steady = millis_now();
    let count = || (generations(&stays), generations(&goes));
    let (quiet, moved) = count();
    assert!(quiet > 0 && moved > 0, "the brokers' logs tell of it");

    let reloads = |text: &str, count: usize| {
        agents[0].setting.write(text);
        wait_until("the reload", PATIENCE, || {
            let log = agents[0].log();
            (log.matches(" collecting ").count() > count).then_some(())
        })
        .unwrap_or_else(|error| panic!("{error}\n{}", agents[0].log()));
    };
    reloads(&config(&both[..1]), 1);
    shared_by(1, "goes", &all);
    assert_eq!(shared_by(2, "stays", &all), before);
    assert!(generations(&goes) > moved, "it has left the other one");

    reloads(&config(both), 2);
    shared_by(2, "goes", &all);
    assert_eq!(shared_by(2, "stays", &all), before);
    assert_eq!(
        generations(&stays),
        quiet,
        "no rebalance where nothing changed"
    );
    assert_nobody_changed("stays", steady);
    agents.iter().for_each(Agent::stop_clean);
}
