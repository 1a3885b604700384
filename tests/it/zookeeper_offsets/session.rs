//! Sessions with real servers: kept, resumed, expired.

use std::collections::BTreeSet;
use std::time::Duration;

use brokerbeat::collect::zookeeper::client::message::{Code, Op, Payload, Request};
use brokerbeat::collect::zookeeper::client::session::{
    Bounds, Opened, Options, Session, SessionError,
};
use stack::{Options as ServerOptions, Signal, ZooKeeper, ZooKeeperVersion, wait_until};
use tokio::time::Instant;

use super::address;
use super::reader::BUDGET;
use crate::agent::PATIENCE;

/// Of the sessions here; two ticks of a server are the least.
const TIMEOUT: Duration = Duration::from_secs(4);

fn session(zookeeper: &ZooKeeper) -> Session {
    Session::new(Options {
        hosts: vec![address(zookeeper)],
        digest: None,
        timeout: TIMEOUT,
    })
}

async fn ask(session: &mut Session, paths: &[&str]) -> Vec<Result<usize, i32>> {
    ask_within(BUDGET, session, paths).await.unwrap()
}

async fn ask_within(
    budget: Duration,
    session: &mut Session,
    paths: &[&str],
) -> Result<Vec<Result<usize, i32>>, SessionError> {
    let request = |path: &&str| Request {
        op: Op::Children,
        path: (*path).to_owned(),
    };
    let requests: Vec<Request> = paths.iter().map(request).collect();
    let mut bounds = Bounds {
        deadline: Instant::now() + budget,
        bytes: 1 << 20,
    };
    let mut answers = Vec::new();
    let take = |_: usize, answer: Result<Payload<'_>, Code>| {
        answers.push(match answer {
            Ok(Payload::Children { names, .. }) => Ok(names.len()),
            Ok(Payload::Data(_)) => panic!("data"),
            Err(Code(code)) => Err(code),
        });
    };
    session.ask(&requests, &mut bounds, take).await?;
    Ok(answers)
}

/// The ids of all sessions, by the server's own word.
fn sessions(zookeeper: &ZooKeeper) -> usize {
    let dump = zookeeper.four_letter_word("dump").unwrap();
    let lines = dump
        .lines()
        .take_while(|line| !line.contains("ephemeral nodes"));
    let ids = lines.filter_map(|line| line.split_whitespace().next());
    let ids: BTreeSet<&str> = ids.filter(|id| id.starts_with("0x")).collect();
    ids.len()
}

fn await_none(zookeeper: &ZooKeeper) {
    let none = wait_until("the server has no session", PATIENCE, || {
        (sessions(zookeeper) == 0).then_some(())
    });
    none.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_kept_resumed_and_made_anew_when_it_has_expired() {
    for version in [ZooKeeperVersion::V3_5, ZooKeeperVersion::V3_9] {
        let options = ServerOptions::new().set("maxSessionTimeout", "4000");
        let zookeeper = ZooKeeper::start_of(version, &options).expect("ZooKeeper starts");
        let mut session = session(&zookeeper);
        let deadline = || Instant::now() + BUDGET;
        assert_eq!(session.open(deadline()).await.unwrap(), Opened::New);
        assert_eq!(
            ask(&mut session, &["/zookeeper", "/none"]).await,
            [Ok(2), Err(-101)]
        );
        assert_eq!(session.open(deadline()).await.unwrap(), Opened::Kept);
        // A cycle that was given up half-way has closed its connection.
        session.disconnect();
        assert_eq!(session.open(deadline()).await.unwrap(), Opened::Resumed);
        assert_eq!(ask(&mut session, &["/zookeeper"]).await, [Ok(2)]);
        assert_eq!(sessions(&zookeeper), 1);
        session.disconnect();
        await_none(&zookeeper);
        assert_eq!(session.open(deadline()).await.unwrap(), Opened::Expired);
        assert_eq!(ask(&mut session, &["/zookeeper"]).await, [Ok(2)]);
        session.close().await;
        await_none(&zookeeper);
    }
}

/// A hang that a session outlives is resumed; this one is longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_does_not_outlive_a_server_that_hangs_for_longer() {
    let options = ServerOptions::new().set("maxSessionTimeout", "4000");
    let zookeeper = ZooKeeper::start_of(ZooKeeperVersion::V3_9, &options).expect("ZooKeeper");
    let mut session = session(&zookeeper);
    let deadline = || Instant::now() + BUDGET;
    assert_eq!(session.open(deadline()).await.unwrap(), Opened::New);
    zookeeper.signal(Signal::Stop);
    let started = Instant::now();
    let asked = ask_within(TIMEOUT * 3 / 2, &mut session, &["/zookeeper"]).await;
    let hung = started.elapsed();
    zookeeper.signal(Signal::Cont);
    assert!(
        matches!(asked, Err(SessionError::Timeout { .. })),
        "{asked:?}"
    );
    assert!(hung > TIMEOUT, "{hung:?}");
    await_none(&zookeeper);
    assert_eq!(session.open(deadline()).await.unwrap(), Opened::Expired);
    assert_eq!(ask(&mut session, &["/zookeeper"]).await, [Ok(2)]);
    session.close().await;
}
