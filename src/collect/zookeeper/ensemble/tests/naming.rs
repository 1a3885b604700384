//! Hosts that are written otherwise than the ensemble's configuration has them, and that do not tell their ids.

use super::*;

/// A server whose `conf` is closed.
fn nameless(mode: Mode, epoch: u64, count: u64) -> Option<Digest> {
    let Some(Digest::Serves(report)) = member(1, mode, epoch, count) else {
        unreachable!("it serves");
    };
    let (id, view) = (None, None);
    Some(Digest::Serves(Report { id, view, ..report }))
}

/// The members are known from `/zookeeper/config`.
fn watch_of(hosts: &[&str], members: u64) -> Watch {
    let mut watch = Watch::new(hosts);
    let lines: String = (1..=members)
        .map(|id| format!("server.{id}=zk{id}:1:2:participant;2181\n"))
        .collect();
    watch.roster.take(View::of(&configuration(&lines)).unwrap());
    watch
}

fn assert_numbers(documents: &[Document], numbers: &[(&str, i64)]) {
    for (field, value) in numbers {
        assert_eq!(get(documents, field).unwrap(), *value, "{field}");
    }
}

fn gap(documents: &[Document]) -> String {
    get(documents, "gaps").map_or_else(String::new, ToString::to_string)
}

#[test]
fn hosts_that_do_not_tell_who_they_are_stand_for_members_that_may_be_them() {
    let mut watch = watch_of(&["10.0.0.1:2181", "10.0.0.2:2181", "10.0.0.3:2181"], 3);
    let told = [
        nameless(Mode::Follower, 1, 5),
        nameless(Mode::Leader, 1, 9),
        nameless(Mode::Follower, 1, 9),
    ];
    let documents = watch.tick(&told);
    assert!(watch.roster.elsewhere().is_empty(), "nobody is asked twice");
    assert_eq!(get(&documents, "split.view").unwrap(), false);
    let whole = [
        ("servers.total", 3),
        ("quorum.serving", 3),
        ("quorum.margin", 1),
    ];
    assert_numbers(&documents, &whole);
    let gap = gap(&documents);
    assert!(gap.contains("10.0.0.1:2181, 10.0.0.2:2181"), "{gap}");
    let documents = watch.tick(&[silent(), told[1].clone(), told[2].clone()]);
    assert_numbers(&documents, &[("servers.total", 3), ("quorum.margin", 0)]);
    // Of five, two may be any.
    let mut watch = watch_of(&["10.0.0.1:2181", "10.0.0.2:2181"], 5);
    let documents = watch.tick(&told[..2]);
    assert!(watch.roster.elsewhere().is_empty(), "nobody is asked twice");
    assert_numbers(&documents, &[("servers.total", 2), ("quorum.size", 5)]);
    assert_eq!(get(&documents, "quorum.serving"), None);
}

#[test]
fn another_address_of_a_member_is_no_other_member() {
    let hosts = ["zk1:2181", "zk2:2181", "zk3:2181", "10.0.0.2:2181"];
    let mut watch = watch_of(&hosts, 3);
    let told = [
        nameless(Mode::Follower, 1, 5),
        nameless(Mode::Leader, 1, 9),
        nameless(Mode::Follower, 1, 9),
        nameless(Mode::Leader, 1, 9),
    ];
    let documents = watch.tick(&told);
    assert_eq!(get(&documents, "split.view").unwrap(), false);
    assert_numbers(&documents, &[("servers.total", 3), ("quorum.serving", 3)]);
    assert!(gap(&documents).contains("10.0.0.2:2181"));
}

#[test]
fn two_leaders_are_one_server_only_in_the_same_epoch() {
    for (epoch, is_split) in [(1, false), (2, true)] {
        let mut watch = watch_of(&["zk1:2181", "10.0.0.1:2181"], 3);
        let leaders = [
            nameless(Mode::Leader, 1, 9),
            nameless(Mode::Leader, epoch, 9),
        ];
        let documents = watch.tick(&leaders);
        assert_eq!(get(&documents, "split.view").unwrap(), is_split, "{epoch}");
    }
}

#[test]
fn a_host_that_was_never_seen_hides_no_member() {
    let mut watch = watch_of(&["zk1:2181", "10.0.0.2:2181"], 3);
    let documents = watch.tick(&[nameless(Mode::Leader, 1, 9), silent()]);
    let asked: Vec<u64> = watch.roster.elsewhere().into_keys().collect();
    assert_eq!(asked, [2, 3]);
    assert_numbers(&documents, &[("servers.total", 3), ("quorum.size", 3)]);
    assert!(gap(&documents).contains("10.0.0.2:2181"));
    // It says who it is.
    watch.tick(&[
        nameless(Mode::Leader, 1, 9),
        member(2, Mode::Follower, 1, 9),
    ]);
    let asked: Vec<u64> = watch.roster.elsewhere().into_keys().collect();
    assert_eq!(asked, [3]);
}

#[test]
fn an_observer_that_falls_silent_gets_no_vote() {
    let mut watch = Watch::new(&["zk1:2181", "zk2:2181", "zk3:2181", "zk4:2181"]);
    watch.roster.is_untold = true;
    let mut told = [
        nameless(Mode::Follower, 1, 9),
        nameless(Mode::Leader, 1, 9),
        nameless(Mode::Follower, 1, 9),
        nameless(Mode::Observer, 1, 9),
    ];
    assert_numbers(
        &watch.tick(&told),
        &[("quorum.size", 3), ("quorum.margin", 1)],
    );
    for away in [silent(), Some(Digest::NotServing), None] {
        told[3] = away;
        let documents = watch.tick(&told);
        assert_numbers(&documents, &[("quorum.size", 3), ("quorum.margin", 1)]);
        assert_eq!(
            documents[4]
                .get("zookeeper.ensemble.member.has_vote")
                .unwrap(),
            false
        );
    }
}

#[test]
fn a_loopback_address_is_one_of_the_machine_that_told_it() {
    let lines = "server.1=127.0.0.1:1:2:participant;2181\nserver.2=0.0.0.0:3:4:participant;127.0.0.1:2182\n\
                 server.3=zk3:1:2:participant;127.0.0.1:2181\n";
    for (host, second) in [("zk1", "zk1"), ("localhost", "localhost")] {
        let mut watch = Watch::new(&[&format!("{host}:2181")]);
        let Some(Digest::Serves(report)) = member(1, Mode::Leader, 1, 9) else {
            unreachable!("it serves");
        };
        let view = View::of(&configuration(lines));
        let documents = watch.tick(&[Some(Digest::Serves(Report { view, ..report }))]);
        let asked = watch.roster.elsewhere();
        let expected = BTreeMap::from([(2, (second.to_owned(), 2182))]);
        assert_eq!(asked, expected, "none of the agent's own machine");
        let gap = gap(&documents);
        assert!(
            gap.contains("server(s) 2, 3"),
            "nobody was asked yet: {gap}"
        );
    }
}
