//! Bytes of any kind, orders of any kind.

use proptest::prelude::*;

use super::*;
use crate::collect::zookeeper::answer::{Answer, QUESTIONS};

fn answers(door: Door, question: Question, text: &str) -> Answers {
    Answers {
        door,
        replies: vec![(question, Ok(Answer::whole(text)))],
        closed: Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(
        text in "(?s).{0,200}|[ /a-z0-9:=,.()\\[\\]{}\"\t\n-]{0,200}",
        question in prop::sample::select(&QUESTIONS[..]),
        door in prop::sample::select(&[Door::Words, Door::Admin, Door::Prometheus][..]),
    ) {
        Said::read(&answers(door, question, &text));
    }

    #[test]
    fn lines_may_come_in_any_order(
        lines in Just(["zk_version\t3.9.4", "zk_a\t1", "zk_b\t2.5", "no figure"]).prop_shuffle(),
    ) {
        let text = lines.join("\n") + "\n";
        let answers = answers(Door::Words, Question::Monitor, &text);
        let part = Said::read(&answers).monitor.unwrap();
        prop_assert_eq!(part.get("a"), Some("1"));
        prop_assert_eq!(part.get("b"), Some("2.5"));
        prop_assert_eq!(part.strange, 1);
    }

    #[test]
    fn an_answer_that_ends_too_early_is_known(length in 0_usize..215) {
        let whole = include_str!("../../../../tests/data/zookeeper/3.9.4-follower-srvr.txt");
        prop_assume!(length + 1 < whole.len());
        let text = whole.get(..length).unwrap();
        let answers = answers(Door::Words, Question::Server, text);
        prop_assert_eq!(Said::read(&answers).damaged.len(), 1);
    }
}

#[test]
fn figures_beyond_the_bound_are_counted() {
    let text: String = (0..MAX_FIGURES + 7)
        .map(|n| format!("zk_{n}\t1\n"))
        .collect();
    let answers = answers(Door::Words, Question::Monitor, &text);
    let part = Said::read(&answers).monitor.unwrap();
    assert_eq!((part.figures.len(), part.strange), (MAX_FIGURES, 7));
}

#[test]
fn addresses_of_all_javas() {
    let of = |address: &str| {
        let line = format!(" {address}[1](queued=0,recved=1,sent=0)\n\n");
        let all = Connections::of_words(&line).all;
        (all[0].ip.clone(), all[0].port)
    };
    let six = "0:0:0:0:0:0:0:1".to_owned();
    assert_eq!(of("/127.0.0.1:5"), ("127.0.0.1".into(), Some(5)));
    assert_eq!(of("localhost/127.0.0.1:5"), ("127.0.0.1".into(), Some(5)));
    assert_eq!(of("/[0:0:0:0:0:0:0:1]:5"), (six.clone(), Some(5)));
    assert_eq!(of("/0:0:0:0:0:0:0:1:5"), (six, Some(5)));
    assert_eq!(of("null"), ("null".into(), None));
}

#[test]
fn the_admin_server_says_that_it_does_not_serve_as_the_words_do() {
    let text = r#"{"command":"monitor","error":"This ZooKeeper instance is not currently serving requests"}"#;
    let answers = answers(Door::Admin, Question::Monitor, text);
    let said = Said::read(&answers);
    assert_eq!(said.not_serving, [Question::Monitor]);
    assert!(said.monitor.is_none());
}

#[test]
fn half_an_object_is_damaged() {
    let answers = answers(Door::Admin, Question::Monitor, r#"{"znode_count": 5, "wat"#);
    assert_eq!(Said::read(&answers).damaged.len(), 1);
}

#[test]
fn every_word_whose_end_is_missing_is_damaged() {
    for (question, text) in [
        (Question::Server, "Zookeeper version: 3.9.4\nReceived: 5\n"),
        (Question::Statistics, "Zookeeper version: 3.9.4\nSent: 5\n"),
        (Question::Monitor, "zk_version\t3.9.4\nzk_packets_sent\t12"),
        (Question::Environment, "os.name=Linux\nos.version=6"),
        (Question::Watches, "1 connections watching 2 paths\n"),
        (
            Question::Watches,
            "1 connections watching 2 paths\nTotal watches:1",
        ),
        (Question::Directories, "datadir_size: 5\n"),
        (Question::Directories, "datadir_size: 5\nlogdir_size: 6"),
        (Question::Configuration, "clientPort=2181\nserverId=1"),
        (
            Question::Connections,
            " /127.0.0.1:5[1](queued=0,recved=1,sent=0)\n",
        ),
    ] {
        let answers = answers(Door::Words, question, text);
        let damaged: Vec<Question> = Said::read(&answers)
            .damaged
            .into_iter()
            .map(|(question, _)| question)
            .collect();
        assert_eq!(damaged, [question]);
    }
}

/// As of a server that is killed while it answers.
#[test]
fn half_a_number_is_no_number() {
    let text = "zk_version\t3.9.4\nzk_packets_received\t12";
    let half = answers(Door::Words, Question::Monitor, text);
    let said = Said::read(&half);
    let monitor = said.monitor.unwrap();
    assert_eq!(monitor.get("version"), Some("3.9.4"));
    assert_eq!(monitor.get("packets_received"), None);
    let half = answers(
        Door::Words,
        Question::Configuration,
        "clientPort=2181\nserverId=1",
    );
    assert_eq!(
        Said::read(&half).configuration.unwrap().get("server_id"),
        None
    );
    let whole = "serverId=12\nserver.1=zk1:2888:3888:participant\nversion=1f";
    let whole = answers(Door::Words, Question::Configuration, whole);
    let said = Said::read(&whole);
    assert!(said.damaged.is_empty());
    assert_eq!(said.configuration.unwrap().get("version"), Some("1f"));
}

#[test]
fn connections_beyond_the_bound_are_counted() {
    const MANY: usize = 50_000 + 7;
    let words = " /1.1.1.1:5[1](queued=0)\n".repeat(MANY) + "\n";
    let clients = |count| vec!["{\"session_id\":1}"; count].join(",");
    let (plain, secure) = (clients(MANY - 9), clients(9));
    let admin = format!(r#"{{"connections":[{plain}],"secure_connections":[{secure}]}}"#);
    for (door, text) in [(Door::Words, words), (Door::Admin, admin)] {
        let answers = answers(door, Question::Connections, &text);
        let said = Said::read(&answers);
        let connections = said.connections.unwrap();
        assert_eq!((connections.all.len(), connections.left_out), (50_000, 7));
        assert_eq!(said.damaged.len(), 1, "sums are not of all");
    }
}

#[test]
fn what_is_no_figure_of_an_object_is_counted() {
    let deep = r#"{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}, "list": [1], "znode_count": 5}"#;
    let answers = answers(Door::Admin, Question::Monitor, deep);
    let part = Said::read(&answers).monitor.unwrap();
    assert_eq!((part.strange, part.get("znode_count")), (2, Some("5")));
}
