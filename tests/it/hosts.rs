//! Several hosts of one Elasticsearch, of which some are away.

use std::time::Duration;

use stack::{Elasticsearch, Proxy};

use crate::agent::{Agent, INTERVAL, Setting, assert_no_gap, search, text};
use crate::servers;
use crate::shipping::{stop_accounted, wait_for};

const STREAM: &str = "metrics-brokerbeat.zookeeper.server-hosts";

fn ticks(elasticsearch: &Elasticsearch) -> Vec<String> {
    let found = search(elasticsearch, STREAM);
    found
        .iter()
        .map(|document| text(document, "@timestamp").to_owned())
        .collect()
}

fn two_more_ticks(what: &str, elasticsearch: &Elasticsearch, agent: &Agent) {
    let before = ticks(elasticsearch).len();
    wait_for(what, agent, || ticks(elasticsearch).len() >= before + 2);
}

/// How often the log has both words in a line.
fn said(agent: &Agent, host: &str, what: &str) -> usize {
    let log = agent.log();
    log.lines()
        .filter(|line| line.contains(host) && line.contains(what))
        .count()
}

#[test]
fn hosts_that_are_away_cost_no_document_and_are_named_once() {
    let elasticsearch = servers::elasticsearch();
    let server = elasticsearch.url().replace("http://", "");
    let proxy = Proxy::start(&server, Duration::ZERO).unwrap();
    let dead = server.replace("127.0.0.1", "127.0.0.3");
    let agent = Setting::new(&format!(
        "clusters: [{{name: orders, zookeeper: {{hosts: [\"{}\"]}}}}]\nnamespace: hosts\n\
         output.elasticsearch.hosts: [\"{dead}\", \"{server}\", \"{}\"]\n",
        servers::zookeeper().addr(),
        proxy.address(),
    ))
    .run();
    let cut = proxy.address();
    two_more_ticks("documents with one host dead", elasticsearch, &agent);
    wait_for("the other way is used, too", &agent, || {
        proxy.passed().to_server > 0
    });
    proxy.cut();
    two_more_ticks("documents with one host left", elasticsearch, &agent);
    agent.says(&format!("host=\"http://{cut}\""));
    let proxy = Proxy::start(&server, Duration::ZERO).unwrap();
    agent.says("the host is back");
    two_more_ticks("documents with two hosts again", elasticsearch, &agent);
    stop_accounted(&agent, elasticsearch, "hosts");
    drop(proxy);

    let left = "the host is left alone for a while";
    assert_eq!(said(&agent, &dead, left), 1, "{}", agent.log());
    assert_eq!(said(&agent, &cut, left), 1, "{}", agent.log());
    assert_eq!(said(&agent, &cut, "the host is back"), 1, "{}", agent.log());
    assert_no_gap(&ticks(elasticsearch), INTERVAL);
}
