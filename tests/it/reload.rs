//! A changed configuration file.

use stack::wait_until;

use crate::agent::{PATIENCE, Setting, search, text};
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
    agent.stop_clean();
    let events = search(elasticsearch, "logs-brokerbeat.event-reload");
    let actions: Vec<_> = events
        .iter()
        .map(|event| text(event, "event.action"))
        .collect();
    assert_eq!(actions, ["config-refused", "config-reloaded"]);
}
