//! A changed configuration file.

use serde_json::Value;
use stack::wait_until;

use crate::agent::{PATIENCE, Setting, field, search, text};
use crate::servers;

fn config(name: &str) -> String {
    format!(
        "clusters: [{{name: {name}, zookeeper: {{hosts: [\"{}\"]}}}}]\nnamespace: reload\noutput.elasticsearch: {{hosts: [\"{}\"]}}\n",
        servers::zookeeper().addr(),
        servers::elasticsearch().url(),
    )
}

#[test]
fn a_good_change_is_taken_up_and_a_bad_one_refused_while_the_old_goes_on() {
    let elasticsearch = servers::elasticsearch();
    let stream = "metrics-brokerbeat.zookeeper.server-reload";
    let names = || -> Vec<String> {
        search(elasticsearch, stream)
            .iter()
            .map(|d| text(d, "kafka.cluster.name").to_owned())
            .collect()
    };
    let agent = Setting::new(&config("before")).run();
    wait_until("documents of the first configuration", PATIENCE, || {
        names().contains(&"before".to_owned()).then_some(())
    })
    .unwrap();
    agent
        .setting
        .write("clusters: [{name: x, zookeeper: {hosts: [\"zk:99999\"]}}]\n");
    agent.says("changed configuration refused");
    agent.says("a port is a number from 1 to 65535");
    let count = names().len();
    wait_until("the old one goes on", PATIENCE, || {
        (names().len() > count).then_some(())
    })
    .unwrap();
    agent.setting.write(&config("after"));
    wait_until("documents of the new configuration", PATIENCE, || {
        names().contains(&"after".to_owned()).then_some(())
    })
    .unwrap();
    let accounts = || -> Vec<Value> {
        let mut all = search(elasticsearch, "metrics-brokerbeat.agent-reload");
        all.retain(|one| text(one, "brokerbeat.stream.name") == stream);
        all
    };
    let before = accounts().len();
    wait_until("accounts after the reload", PATIENCE, || {
        (accounts().len() > before + 1).then_some(())
    })
    .unwrap();
    agent.stop_clean();
    let is_first = |one: &&Value| field(one, "brokerbeat.stream.dropped_increase").is_none();
    let accounts = accounts();
    let first = accounts.iter().filter(is_first);
    assert_eq!(first.count(), 1, "accounts go on over a reload");
    let events = search(elasticsearch, "logs-brokerbeat.event-reload");
    let actions: Vec<_> = events
        .iter()
        .map(|event| text(event, "event.action"))
        .collect();
    assert_eq!(actions, ["config-refused", "config-reloaded"]);
}
