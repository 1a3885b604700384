//! OpenSearch, which has no time-series mode: metrics go to plain data streams, with ids of their own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stack::{Elasticsearch, wait_until};

use crate::agent::{PATIENCE, Setting, search, text};
use crate::servers;
use crate::shipping::{assert_nothing_dynamic, wait_for};

const STREAMS: &str = "metrics-brokerbeat.*-plain";
/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1";

fn config(host: &str) -> String {
    format!(
        "clusters: [{{name: orders, zookeeper: {{hosts: [\"{}\"]}}}}]\n\
         namespace: plain\noutput.elasticsearch: {{hosts: [\"{host}\"]}}\n",
        servers::zookeeper().addr(),
    )
}

/// The data directory of a setting.
fn data(setting: &Setting) -> PathBuf {
    let beside = setting.file("beside", "");
    Path::new(&beside).with_file_name("data")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(std::fs::copy(&path, &target).unwrap()),
        }
    }
}

fn count(setting: &Setting, names: &[&str]) -> u64 {
    let accounts = setting.accounts();
    let of = |account: &Value, name: &str| account[name].as_u64().unwrap_or_default();
    let all = accounts.values();
    all.flat_map(|account| names.iter().map(move |name| of(account, name)))
        .sum()
}

/// Series and tick of every document that is there.
fn samples(server: &Elasticsearch) -> Vec<(String, String)> {
    let documents = search(server, STREAMS);
    let sample = |document: &Value| {
        let series = text(document, "brokerbeat.series").to_owned();
        (series, text(document, "@timestamp").to_owned())
    };
    documents.iter().map(sample).collect()
}

/// Ships what is queued, and dies without a word.
fn ship_and_die(setting: Setting, server: &Elasticsearch, queued: u64) -> Setting {
    setting.write(&config(&server.url()));
    let agent = setting.run();
    wait_for("the queue is shipped", &agent, || {
        // An index that was just made cannot be searched yet.
        let is_there = server.count(STREAMS).is_ok_and(|there| there >= queued);
        is_there && count(&agent.setting, &["queued"]) == 0
    });
    agent.killed()
}

#[test]
fn all_assets_are_accepted_and_what_is_sent_twice_is_there_once() {
    let server = Elasticsearch::start_opensearch().unwrap();
    let setting = Setting::new(&config(&server.url()));
    let set_up = setting.command(&["setup"]);
    let said = [set_up.stdout.clone(), set_up.stderr.clone()].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(set_up.status.code(), Some(0), "{set_up:?}");
    for left_out in ["no time-series mode", "no lifecycle"] {
        assert!(said.contains(left_out), "{said}");
    }

    setting.write(&config(NOWHERE));
    let (data, before) = (data(&setting), data(&setting).with_file_name("before"));
    let agent = setting.run();
    wait_until("something is queued", PATIENCE, || {
        let is_there = data.join("spool").is_dir();
        (is_there && count(&agent.setting, &["queued"]) >= 20).then_some(())
    })
    .unwrap();
    let setting = agent.killed();
    let queued = count(&setting, &["queued"]);
    copy(&data, &before);

    let setting = ship_and_die(setting, &server, queued);
    std::fs::remove_dir_all(&data).unwrap();
    copy(&before, &data);
    let setting = ship_and_die(setting, &server, queued);

    let met_again = count(&setting, &["duplicate", "collision"]);
    assert!(
        met_again >= queued,
        "{met_again} of {queued} were sent twice"
    );
    let samples = samples(&server);
    let single: BTreeSet<_> = samples.iter().collect();
    assert_eq!(samples.len(), single.len(), "some are there twice");
    assert_nothing_dynamic(&server, "plain");
}
