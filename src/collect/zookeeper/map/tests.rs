//! What real servers said against the documents it must become, and what none of them says.

use std::time::Duration;

use super::*;
use crate::collect::zookeeper::answer::{Answer, QUESTIONS};
use crate::collect::zookeeper::door::Place;
use crate::golden::Case;

fn server() -> Server {
    let place = || Place {
        url: "http://localhost:8080/commands/".parse().unwrap(),
        tls: None,
    };
    Server {
        host: "localhost".into(),
        port: 2181,
        address: "broker06:2181".into(),
        tls: None,
        doors: vec![Door::Words],
        admin: place(),
        prometheus: place(),
        questions: &QUESTIONS,
        connections: 2,
    }
}

fn refused() -> Result<Answer, DoorError> {
    Err(DoorError::NotWhitelisted {
        place: "broker06:2181".into(),
    })
}

fn late() -> Result<Answer, DoorError> {
    Err(DoorError::Timeout {
        place: "broker06:2181".into(),
    })
}

fn answers<const N: usize>(replies: [(Question, Result<Answer, DoorError>); N]) -> Answers {
    Answers {
        door: Door::Words,
        replies: replies.into_iter().collect(),
        closed: Vec::new(),
    }
}

fn text(question: Question, text: &str) -> (Question, Result<Answer, DoorError>) {
    (question, Ok(Answer::whole(text)))
}

fn read(answers: &Answers) -> Collected {
    let said = Said::read(answers);
    let id = server_id(&server(), answers, &said);
    let id = id.map_or("1".to_owned(), |id| id.as_str().to_owned());
    collected(&server(), &id, answers, &said)
}

/// The captures of a case: what a door was asked, and the file's name behind the case's.
fn captured(case: &Case, door: Door, file: impl Fn(Question) -> String) -> Answers {
    let is_oldest = case.name.starts_with("3.4.");
    let asked = QUESTIONS
        .into_iter()
        // 3.4 ends the connection without a word.
        .filter(|question| !(is_oldest && *question == Question::Directories));
    let reply = |question: Question| text(question, &case.file(&file(question)));
    Answers {
        door,
        replies: asked.map(reply).collect(),
        closed: Vec::new(),
    }
}

#[test]
fn words_of_real_servers_become_the_expected_documents() {
    crate::golden::cases("zookeeper", "-srvr.txt", |case| {
        let file = |question: Question| format!("{}-{}.txt", case.name, question.word());
        read(&captured(case, Door::Words, file))
    });
}

#[test]
fn commands_of_real_admin_servers_become_the_expected_documents() {
    crate::golden::cases("zookeeper", "-server_stats.json", |case| {
        let file = |question: Question| format!("{}-{}.json", case.name, question.command());
        read(&captured(case, Door::Admin, file))
    });
}

#[test]
fn metrics_of_a_real_provider_become_the_expected_documents() {
    crate::golden::cases("zookeeper", "-metrics.txt", |case| {
        let metrics = case.file(&format!("{}-metrics.txt", case.name));
        let answers = Answers {
            door: Door::Prometheus,
            ..answers([text(Question::Monitor, &metrics)])
        };
        read(&answers)
    });
}

#[test]
fn nothing_that_real_servers_say_is_unknown_and_no_answer_is_taken_for_cut_off() {
    for (suffix, door) in [
        ("-srvr.txt", Door::Words),
        ("-server_stats.json", Door::Admin),
    ] {
        crate::golden::cases("zookeeper", suffix, |case| {
            let file = |question: Question| match door {
                Door::Words => format!("{}-{}.txt", case.name, question.word()),
                _ => format!("{}-{}.json", case.name, question.command()),
            };
            let collected = read(&captured(case, door, file));
            assert_eq!(collected.faults, [], "{}", case.name);
            let server = &collected.documents[0];
            let unknown = server.get("zookeeper.server.unknown_lines").unwrap();
            assert_eq!(unknown, 0, "{}", case.name);
            collected
        });
    }
}

const SRVR: &str = "Zookeeper version: 3.9.4-x\nReceived: 5\nMode: leader\nNode count: 5\n";

#[test]
fn a_closed_word_costs_only_its_own_part_and_is_named() {
    let collected = read(&answers([
        text(Question::Server, SRVR),
        (Question::Monitor, refused()),
        (Question::Watches, refused()),
        text(Question::Alive, "imok"),
    ]));
    assert_eq!(collected.documents.len(), 1);
    let document = &collected.documents[0];
    assert_eq!(document.get("zookeeper.server.mode").unwrap(), "leader");
    assert!(
        document.get("zookeeper.server.sent").is_none(),
        "unknown is not 0"
    );
    assert_eq!(collected.faults.len(), 1, "{:?}", collected.faults);
    assert_eq!(
        collected.faults[0].message,
        "`mntr`, `wchs` are not in `4lw.commands.whitelist` of broker06:2181; add them there, or open the AdminServer"
    );
}

#[test]
fn a_closed_word_beside_the_essential_ones_is_no_fault_and_named_in_the_document() {
    let collected = read(&answers([
        text(Question::Server, SRVR),
        (Question::Watches, refused()),
        (Question::Environment, refused()),
    ]));
    assert_eq!(collected.faults, []);
    let words = collected.documents[0].get("zookeeper.server.door.closed_words");
    assert_eq!(words.unwrap(), &serde_json::json!(["wchs", "envi"]));
    let ok = collected.documents[0].get("zookeeper.server.ok");
    assert!(ok.is_none(), "ruok was not asked: unknown is not false");
}

#[test]
fn a_fraction_in_a_counter_is_a_fault_and_an_unknown_line_is_counted() {
    let srvr = "Zookeeper version: 3.9.4\nReceived: 1.5\nMood: fine\nNode count: 5\n";
    let mntr = "zk_znode_count\tx\nzk_watch_count\t3.0\nzk_of_tomorrow\t1\nwithout a tab\n";
    let collected = read(&answers([
        text(Question::Server, srvr),
        text(Question::Monitor, mntr),
    ]));
    let [server, families] = &collected.documents[..] else {
        panic!("{:?}", collected.documents);
    };
    assert_eq!(collected.faults.len(), 2, "{:?}", collected.faults);
    assert!(server.get("zookeeper.server.received").is_none());
    assert_eq!(server.get("zookeeper.server.unknown_lines").unwrap(), 3);
    assert_eq!(families.get("zookeeper.mntr.watch_count").unwrap(), 3);
}

#[test]
fn a_server_without_quorum_is_said_and_not_read() {
    let not = "This ZooKeeper instance is not currently serving requests\n";
    let collected = read(&answers([
        text(Question::Server, not),
        text(Question::Monitor, not),
        text(Question::Alive, "imok"),
    ]));
    assert_eq!(
        collected.documents.len(),
        1,
        "it says imok: the process is up"
    );
    assert_eq!(collected.faults.len(), 2);
    assert!(collected.up);
}

#[test]
fn an_answer_that_is_cut_off_is_named_and_its_sums_are_not_told() {
    let line = |id: u8| format!(" /127.0.0.1:1[1](queued=0,recved=1,sent=1,sid=0x{id},est=1)\n");
    let cut = Answer {
        text: line(1) + &line(2),
        cut: Some("broker06:2181 did not answer in time".into()),
    };
    let collected = read(&answers([(Question::Connections, Ok(cut))]));
    let message = &collected.faults[0].message;
    assert!(
        message.contains("cons: broker06:2181: the answer is cut off"),
        "{message}"
    );
    let kinds: Vec<&str> = collected.documents.iter().map(|one| &*one.kind).collect();
    assert_eq!(kinds, ["session", "session"]);
    // The end of a list of connections is an empty line: without it the connection was closed in between.
    let short = read(&answers([text(Question::Connections, &line(1))]));
    assert_eq!(short.faults.len(), 1);
}

#[test]
fn sessions_beyond_the_budget_are_counted_and_those_who_wait_come_first() {
    let mut cons = String::new();
    for (id, queued, packets) in [(1, 0, 900), (2, 3, 5), (3, 0, 100), (3, 0, 90), (0, 0, 1)] {
        let address = format!("127.0.0.{}:5{id}", id + 1);
        let session = match id {
            0 => String::new(),
            id => format!(",sid=0x{id},est=1{packets},maxlat={packets}"),
        };
        cons += &format!(" /{address}[1](queued={queued},recved={packets},sent=0{session})\n");
    }
    cons.push('\n');
    let collected = read(&answers([text(Question::Connections, &cons)]));
    let sessions: Vec<String> = collected.documents[..2]
        .iter()
        .map(|document| document.keys()[1].1.clone())
        .collect();
    assert_eq!(sessions, ["0x2", "0x1"]);
    let all = &collected.documents[2];
    let get = |field: &str| all.get(field).unwrap().as_i64().unwrap();
    assert_eq!(get("zookeeper.connections.total"), 5);
    assert_eq!(
        get("zookeeper.connections.sessions"),
        3,
        "one is there twice"
    );
    assert_eq!(get("zookeeper.connections.clients"), 4);
    assert_eq!(get("zookeeper.connections.queued.sum"), 3);
    assert_eq!(get("zookeeper.connections.latency.max"), 900);
    assert_eq!(get("brokerbeat.rest.left_out"), 1);
}

#[test]
fn namespaces_beyond_the_bound_are_counted_and_the_busiest_stay() {
    let mntr: String = (0..300)
        .map(|n| {
            format!(
                "zk_sum_app_{n}_write_per_namespace\t{n}\nzk_min_app_{n}_write_per_namespace\t0\n"
            )
        })
        .collect();
    let collected = read(&answers([text(Question::Monitor, &mntr)]));
    let kinds = |kind: &str| {
        collected
            .documents
            .iter()
            .filter(|one| one.kind == kind)
            .count()
    };
    assert_eq!((kinds("namespace"), kinds("namespace_rest")), (100, 1));
    let rest = collected.documents.last().unwrap();
    assert_eq!(rest.get("brokerbeat.rest.left_out").unwrap(), 200);
    let names: Vec<&str> = collected
        .documents
        .iter()
        .filter_map(|one| one.get("zookeeper.namespace")?.as_str())
        .collect();
    assert!(
        names.contains(&"app_299") && !names.contains(&"app_0"),
        "{names:?}"
    );
}

#[test]
fn a_member_has_its_id_and_a_standalone_server_its_address() {
    let told = |reply| {
        let answers = answers([(Question::Configuration, reply)]);
        let told = server_id(&server(), &answers, &Said::read(&answers));
        told.map(|told| told.as_str().to_owned())
    };
    let address = Some("broker06:2181".to_owned());
    assert_eq!(
        told(Ok(Answer::whole("clientPort=1\nserverId=3\n"))),
        Some("3".into())
    );
    assert_eq!(told(Ok(Answer::whole("serverId=0\n"))), address);
    assert_eq!(told(refused()), address, "it will not tell");
    assert_eq!(
        told(Ok(Answer::whole("This is not currently serving"))),
        None
    );
    let half = "clientPort=1\nserverId=1";
    assert_eq!(told(Ok(Answer::whole(half))), None, "of 12 perhaps");
    assert_eq!(told(late()), None, "it may tell later");
    let known = Told::Id("3".into());
    let address = Told::Address("broker06:2181".into());
    assert_eq!(address.clone().after(Some(known.clone())), known);
    assert_eq!(known.clone().after(Some(address)), known);
}

#[test]
fn a_list_of_two_thousand_sessions_costs_little() {
    let line = |n: u32| {
        format!(
            " /10.0.0.{}:{n}[1](queued=0,recved={n},sent=475,sid=0x1000042a1f2{n:04x},lop=PING,est=1795309352110,to=18000,lcxid=0x103,lzxid=0x8c,lresp=5649455,llat=0,minlat=0,avglat=3,maxlat=42)\n",
            n % 250
        )
    };
    let cons: String = (1..=2_000).map(line).collect::<String>() + "\n";
    let answers = answers([text(Question::Connections, &cons)]);
    let started = std::time::Instant::now();
    let collected = read(&answers);
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(collected.documents.len(), 3);
}

#[test]
fn unknown_lines_of_every_word_are_counted() {
    let collected = read(&answers([
        text(Question::Server, SRVR),
        text(
            Question::Configuration,
            "clientPort=1\nserverId=0\nnovelty=3\n",
        ),
        text(Question::Environment, "os.name=Linux\nnovelty=4\n"),
        text(Question::Connections, "a novelty\nanother\n\n"),
        text(Question::Monitor, "zk_version\t3.9.4\nzk_novelty\t1\n"),
    ]));
    assert_eq!(collected.faults, []);
    let unknown = collected.documents[0].get("zookeeper.server.unknown_lines");
    assert_eq!(unknown.unwrap(), 5);
}

#[test]
fn of_a_session_that_is_there_twice_the_newest_connection_counts() {
    let line = |established: u32, received: u32| {
        format!(" /10.0.0.1:5[1](queued=0,recved={received},sent=0,sid=0x7,est={established})\n")
    };
    for lines in [line(1, 900) + &line(2, 5), line(2, 5) + &line(1, 900)] {
        let collected = read(&answers([text(Question::Connections, &(lines + "\n"))]));
        let received = collected.documents[0].get("zookeeper.connection.received");
        assert_eq!(received.unwrap(), 5);
    }
}

#[test]
fn since_when_counters_grow_stands_in_the_servers_document() {
    let mut collected = read(&answers([text(Question::Server, SRVR)]));
    mark(&mut collected, None);
    let since = |collected: &Collected| {
        let server = &collected.documents[0];
        server.get("zookeeper.server.since").cloned()
    };
    assert_eq!(since(&collected), None);
    mark(&mut collected, Some(Millis(1_000)));
    assert_eq!(since(&collected).unwrap(), "1970-01-01T00:00:01.000Z");
}

#[test]
fn a_word_that_came_later_is_no_fault_and_any_other_without_an_answer_is() {
    let nothing = |question| {
        let place = "broker06:2181".to_owned();
        (question, Err(DoorError::Nothing { place }))
    };
    let of =
        |srvr: &str, question| read(&answers([text(Question::Server, srvr), nothing(question)]));
    let old = "Zookeeper version: 3.4.14-x\nReceived: 5\nNode count: 5\n";
    assert_eq!(of(old, Question::Directories).faults, []);
    assert_eq!(of(old, Question::Watches).faults.len(), 1);
    assert_eq!(of(SRVR, Question::Directories).faults.len(), 1);
}
