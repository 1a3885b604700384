//! What real ensembles said against the documents and events that it must become, and what none of them says.

mod following;
mod naming;

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::digest::{Mode, Report};
use super::roster::Source;
use super::view::View;
use super::*;
use crate::collect::zookeeper::answer::{Answer, Answers, Door, Question};
use crate::collect::zookeeper::said::{Said, configuration};
use crate::document::Document;

const NAME: &str = "zk1:2181,zk2:2181,zk3:2181";

/// The pure part of the collector: what it keeps between ticks.
struct Watch {
    roster: Roster,
    memory: Memory,
}

impl Watch {
    fn new(hosts: &[&str]) -> Self {
        let host = |address: &&str| {
            let (host, port) = address.rsplit_once(':').unwrap();
            Host::new(host, port.parse().unwrap(), address)
        };
        Self {
            roster: Roster::new(hosts.iter().map(host).collect(), true, false),
            memory: Memory::default(),
        }
    }

    fn of_three() -> Self {
        Self::new(&["zk1:2181", "zk2:2181", "zk3:2181"])
    }

    fn tick(&mut self, digests: &[Option<Digest>]) -> Vec<Document> {
        self.tick_with(digests, &BTreeMap::new())
    }

    fn tick_with(
        &mut self,
        digests: &[Option<Digest>],
        found: &BTreeMap<u64, (String, Option<Digest>)>,
    ) -> Vec<Document> {
        self.roster.learn(digests);
        let members = self.roster.members(digests, found);
        let gaps = self.roster.gaps(&members);
        let sight = Sight::of(&self.roster, &members, &gaps);
        let mut documents = map::documents(NAME, &self.roster, &sight);
        documents.extend(self.memory.events(NAME, &sight));
        documents
    }

    /// The events of a tick, each as its action.
    fn events(&mut self, digests: &[Option<Digest>]) -> Vec<String> {
        let documents = self.tick(digests);
        let events = documents.iter().filter(|one| one.dataset == "event");
        events.map(|one| one.kind.to_string()).collect()
    }
}

fn member(id: u64, mode: Mode, epoch: u64, count: u64) -> Option<Digest> {
    let lines = "server.1=zk1:1:2\nserver.2=zk2:1:2\nserver.3=zk3:1:2\nversion=0\n";
    Some(Digest::Serves(Report {
        id: Some(id),
        mode,
        zxid: Some(epoch << 32 | count),
        version: Some("3.9.4".into()),
        quorum_size: None,
        synced_followers: None,
        view: View::of(&configuration(lines)),
    }))
}

fn silent() -> Option<Digest> {
    Some(Digest::Silent("srvr: it is away".into()))
}

fn whole() -> [Option<Digest>; 3] {
    [
        member(1, Mode::Follower, 1, 5),
        member(2, Mode::Leader, 1, 9),
        member(3, Mode::Follower, 1, 9),
    ]
}

/// A member's answers as `once` would have them.
fn digest_of(recorded: &serde_json::Value) -> Option<Digest> {
    let asked = [
        (Question::Server, "srvr"),
        (Question::Monitor, "mntr"),
        (Question::Configuration, "conf"),
    ];
    let reply = |(question, word): (Question, &str)| {
        let text = recorded[word].as_str()?;
        Some((question, Ok(Answer::whole(text))))
    };
    let answers = Answers {
        door: Door::Words,
        replies: asked.into_iter().filter_map(reply).collect(),
        closed: Vec::new(),
    };
    let collected = Collected {
        up: !answers.replies.is_empty(),
        ..Collected::default()
    };
    Some(Digest::of(&Said::read(&answers), &collected))
}

#[test]
fn real_ensembles_become_the_expected_documents_and_events() {
    // The steps of one ensemble follow each other by name.
    let watches: Mutex<BTreeMap<String, Watch>> = Mutex::default();
    crate::golden::cases("zookeeper", "-members.json", |case| {
        let recorded = case.file(&format!("{}-members.json", case.name));
        let recorded: Vec<serde_json::Value> = serde_json::from_str(&recorded).unwrap();
        let addresses: Vec<&str> = recorded
            .iter()
            .map(|member| member["address"].as_str().unwrap())
            .collect();
        let version = case.name.split('-').next().unwrap().to_owned();
        let mut watches = watches.lock().unwrap();
        let watch = watches
            .entry(version)
            .or_insert_with(|| Watch::new(&addresses));
        let digests: Vec<_> = recorded.iter().map(digest_of).collect();
        watch.roster.is_untold = case.name.starts_with("3.4.");
        Collected {
            documents: watch.tick(&digests),
            ..Collected::default()
        }
    });
}

fn get<'a>(documents: &'a [Document], field: &str) -> Option<&'a serde_json::Value> {
    documents[0].get(&format!("zookeeper.ensemble.{field}"))
}

#[test]
fn nothing_is_an_event_at_the_start_and_unknown_in_between_is_no_change() {
    let mut watch = Watch::of_three();
    assert_eq!(watch.events(&whole()), [""; 0]);
    assert_eq!(
        watch.events(&[None, None, None]),
        [""; 0],
        "nobody was asked"
    );
    assert_eq!(watch.events(&whole()), [""; 0]);
    // An agent that starts while a member is away has not seen it go.
    let [first, second, third] = whole();
    let mut later = Watch::of_three();
    let away = [silent(), second.clone(), third.clone()];
    assert_eq!(later.events(&away), [""; 0]);
    let back = later.events(&[first, second, third]);
    assert_eq!(
        back,
        ["zookeeper-member-back", "zookeeper-quorum-margin-back"]
    );
}

#[test]
fn a_leader_that_is_lost_is_followed_by_another() {
    let mut watch = Watch::of_three();
    watch.tick(&whole());
    let electing = [Some(Digest::NotServing), silent(), Some(Digest::NotServing)];
    let documents = watch.tick(&electing);
    assert_eq!(get(&documents, "leader.id"), None, "no false leader");
    assert_eq!(get(&documents, "quorum.margin").unwrap(), -2);
    assert_eq!(
        get(&documents, "names.not_answering").unwrap(),
        &serde_json::json!(["2 (zk2:2181)"])
    );
    let actions = |documents: &[Document]| -> Vec<String> {
        let events = documents.iter().filter(|one| one.dataset == "event");
        events.map(|one| one.kind.to_string()).collect()
    };
    assert_eq!(
        actions(&documents),
        ["zookeeper-member-lost", "zookeeper-quorum-lost"]
    );
    let elected = [
        member(1, Mode::Follower, 1, 9),
        silent(),
        member(3, Mode::Leader, 2, 0),
    ];
    let documents = watch.tick(&elected);
    assert_eq!(
        actions(&documents),
        ["zookeeper-leader-changed", "zookeeper-quorum-margin-zero"]
    );
    let message = documents
        .iter()
        .find(|one| one.kind == "zookeeper-leader-changed");
    assert_eq!(
        message.unwrap().get("message").unwrap(),
        "ensemble zk1:2181,zk2:2181,zk3:2181: the leader is server 3 (zk3:2181), until now 2 (zk2:2181) (epoch 1 → 2)"
    );
    // Of another epoch: nobody can say by how much.
    assert_eq!(documents[1].get("zookeeper.ensemble.member.behind"), None);
    // The same leader, elected again.
    let again = [
        member(1, Mode::Follower, 2, 3),
        silent(),
        member(3, Mode::Leader, 3, 0),
    ];
    assert_eq!(watch.events(&again), ["zookeeper-leader-changed"]);
}

#[test]
fn members_that_disagree_for_two_ticks_are_a_split_view() {
    let mut watch = Watch::of_three();
    watch.tick(&whole());
    let two = [
        member(1, Mode::Follower, 2, 9),
        member(2, Mode::Leader, 1, 9),
        member(3, Mode::Leader, 2, 3),
    ];
    let documents = watch.tick(&two);
    assert_eq!(get(&documents, "split.view").unwrap(), true);
    assert_eq!(
        get(&documents, "split.about").unwrap(),
        &serde_json::json!(["leader"])
    );
    assert_eq!(
        get(&documents, "leader.id").unwrap(),
        "3",
        "that of the later epoch"
    );
    assert!(
        documents
            .iter()
            .all(|one| one.kind != "zookeeper-split-view-begun")
    );
    assert_eq!(watch.events(&two), ["zookeeper-split-view-begun"]);
    assert_eq!(watch.events(&two), [""; 0], "said once");
    assert_eq!(
        watch.events(&whole()),
        ["zookeeper-leader-changed", "zookeeper-split-view-ended"]
    );
}

#[test]
fn disagreement_may_be_about_the_epoch_or_the_configuration_or_who_stands_alone() {
    let about = |digests: &[Option<Digest>]| {
        let documents = Watch::of_three().tick(digests);
        get(&documents, "split.about").cloned()
    };
    assert_eq!(about(&whole()), None);
    let mut epoch = whole();
    epoch[0] = member(1, Mode::Follower, 2, 1);
    assert_eq!(about(&epoch), Some(serde_json::json!(["epoch"])));
    let mut alone = whole();
    alone[0] = member(1, Mode::Standalone, 0, 1);
    assert_eq!(about(&alone), Some(serde_json::json!(["leader"])));
    for lines in [
        "server.1=a:1:2\nserver.2=b:1:2\nversion=0\n",
        "server.1=zk1:1:2\nserver.2=zk2:1:2\nserver.3=zk3:1:2\nversion=10\n",
    ] {
        let mut other = whole();
        if let Some(Digest::Serves(report)) = &mut other[2] {
            report.view = View::of(&configuration(lines));
        }
        assert_eq!(about(&other), Some(serde_json::json!(["configuration"])));
    }
}

#[test]
fn a_member_whose_port_is_not_told_is_unknown_and_the_leader_counts() {
    // All on one machine: the port of the first would be the first itself.
    let lines = "server.1=h:1:2\nserver.2=h:3:4\nserver.3=h:5:6\nversion=0\n";
    let mut watch = Watch::new(&["h:2181"]);
    let Some(Digest::Serves(report)) = member(1, Mode::Leader, 1, 1) else {
        unreachable!("it serves");
    };
    let digest = Digest::Serves(Report {
        view: View::of(&configuration(lines)),
        synced_followers: Some(1),
        ..report
    });
    let documents = watch.tick(&[Some(digest)]);
    assert!(watch.roster.elsewhere().is_empty());
    assert_eq!(get(&documents, "servers.unknown").unwrap(), 2);
    assert_eq!(
        get(&documents, "quorum.serving").unwrap(),
        2,
        "by the leader"
    );
    assert_eq!(get(&documents, "quorum.margin").unwrap(), 0);
    let gaps = get(&documents, "gaps").unwrap()[0].as_str().unwrap();
    assert!(
        gaps.contains("no client port or only a loopback address of its server(s) 2, 3"),
        "{gaps}"
    );
}

#[test]
fn members_are_found_from_one_address() {
    let mut watch = Watch::new(&["zk2:2181"]);
    watch.tick(&[member(2, Mode::Leader, 1, 9)]);
    let elsewhere = watch.roster.elsewhere();
    let at = |host: &str| (host.to_owned(), 2181);
    assert_eq!(elsewhere, BTreeMap::from([(1, at("zk1")), (3, at("zk3"))]));
    let found = BTreeMap::from([
        (1, ("zk1:2181".to_owned(), member(1, Mode::Follower, 1, 4))),
        // Somebody else is there.
        (3, ("zk3:2181".to_owned(), member(7, Mode::Follower, 1, 4))),
    ]);
    let documents = watch.tick_with(&[member(2, Mode::Leader, 1, 9)], &found);
    assert_eq!(get(&documents, "servers.followers").unwrap(), 1);
    assert_eq!(
        get(&documents, "names.unknown").unwrap(),
        &serde_json::json!(["3 (zk3:2181)"])
    );
    assert_eq!(get(&documents, "behind.max").unwrap(), 5);
    assert_eq!(
        get(&documents, "quorum.serving"),
        None,
        "no leader's count, and one is not seen"
    );
}

#[test]
fn over_tls_the_plain_port_that_is_told_is_not_asked() {
    let lines = "server.1=zk1:1:2:participant;2181\nserver.2=zk2:1:2:participant;2181\n";
    let host = Host::new("zk1", 2281, "zk1:2281");
    for (is_secure, port) in [(true, 2281), (false, 2181)] {
        let mut roster = Roster::new(vec![host.clone()], true, is_secure);
        roster.take(View::of(&configuration(lines)).unwrap());
        let Some(Digest::Serves(report)) = member(1, Mode::Leader, 1, 1) else {
            unreachable!("it serves");
        };
        let view = None;
        roster.learn(&[Some(Digest::Serves(Report { view, ..report }))]);
        let elsewhere = roster.elsewhere();
        assert_eq!(elsewhere, BTreeMap::from([(2, ("zk2".to_owned(), port))]));
    }
}

#[test]
fn a_host_that_has_not_told_its_id_is_found_by_its_address_or_as_the_last_one() {
    let mut watch = Watch::new(&["zk1:2181", "zk2:2181", "10.0.0.3:2181"]);
    let documents = watch.tick(&[member(1, Mode::Leader, 1, 9), silent(), silent()]);
    let ids: Vec<_> = documents[1..]
        .iter()
        .map(|one| one.get("zookeeper.server.id").unwrap().as_str().unwrap())
        .collect();
    assert_eq!(ids, ["1", "2", "3"]);
    assert_eq!(get(&documents, "quorum.margin").unwrap(), -1);
}

#[test]
fn a_quorum_is_told_by_hosts_only_where_no_server_can_tell() {
    let mut watch = Watch::of_three();
    let documents = watch.tick(&[silent(), silent(), Some(Digest::NotServing)]);
    assert_eq!(watch.roster.source(), Source::Unknown);
    assert_eq!(
        get(&documents, "quorum.size"),
        None,
        "there may be more members"
    );
    watch.roster.is_untold = true;
    let documents = watch.tick(&[silent(), silent(), Some(Digest::NotServing)]);
    assert_eq!(get(&documents, "members_from").unwrap(), "hosts");
    assert_eq!(get(&documents, "quorum.margin").unwrap(), -2);
}

#[test]
fn a_server_that_stands_alone_is_an_ensemble_of_one() {
    let mut watch = Watch::new(&["zk1:2181"]);
    let Some(Digest::Serves(report)) = member(1, Mode::Standalone, 0, 4) else {
        unreachable!("it serves");
    };
    let alone = |report: &Report| {
        let (id, view) = (None, None);
        Some(Digest::Serves(Report {
            id,
            view,
            ..report.clone()
        }))
    };
    let documents = watch.tick(&[alone(&report)]);
    assert_eq!(get(&documents, "leader.address").unwrap(), "zk1:2181");
    for (field, value) in [
        ("quorum.size", 1),
        ("quorum.margin", 0),
        ("servers.total", 1),
    ] {
        assert_eq!(get(&documents, field).unwrap(), value, "{field}");
    }
    assert_eq!(
        watch.events(&[silent()]),
        ["zookeeper-member-lost", "zookeeper-quorum-lost"]
    );
}
