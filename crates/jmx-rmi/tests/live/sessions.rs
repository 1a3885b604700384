//! Sessions: what keeps them, what ends them, and what is left of them in the JVM.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jmx_rmi::{Client, Endpoint, ObjectName, Read};
use stack::{JmxPort, Options, PlainJvm, RmiPort, ZooKeeper};

use super::{PATIENT, beans, endpoint};

/// The session's object in the JVM.
const SESSION: &str = "javax.management.remote.rmi.RMIConnectionImpl";
/// Far above what it takes on a busy machine.
const SOON: Duration = Duration::from_secs(60);

fn gauges(count: usize) -> Vec<Read> {
    let name = |number| format!("test:kind=gauge-{number}").parse().unwrap();
    (0..count)
        .map(|number| Read {
            name: name(number),
            attributes: vec!["Value".to_owned()],
        })
        .collect()
}

/// Objects of a class that are alive in the JVM.
fn alive(jvm: &PlainJvm, class: &str) -> usize {
    jvm.ask(class).unwrap().parse().unwrap()
}

/// Sockets that a process holds.
fn sockets(pid: u32) -> usize {
    let files = std::fs::read_dir(PathBuf::from(format!("/proc/{pid}/fd"))).unwrap();
    files
        .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

/// Waits until something holds; the JVM does its part in threads of its own.
async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn connect(endpoint: &Endpoint) -> Client {
    Client::connect(endpoint, PATIENT).await.unwrap()
}

#[tokio::test]
async fn nothing_is_left_of_closed_and_dropped_sessions() {
    let jvm = beans(0, &Options::new());
    let endpoint = endpoint(&jvm);
    connect(&endpoint).await.close().await.unwrap();
    let (pid, own) = (jvm.process().pid(), std::process::id());
    eventually("the first session is gone", || alive(&jvm, SESSION) == 0).await;
    let (before, own_before) = (sockets(pid), sockets(own));
    for _ in 0..200 {
        connect(&endpoint).await.close().await.unwrap();
    }
    eventually("closed sessions are gone", || alive(&jvm, SESSION) == 0).await;
    let kept: Vec<Client> = vec![connect(&endpoint).await, connect(&endpoint).await];
    assert_eq!(alive(&jvm, SESSION), 2, "the histogram counts them");
    drop(kept);
    eventually("dropped sessions are gone", || alive(&jvm, SESSION) == 0).await;
    let what = "no socket is left in the JVM";
    eventually(what, || sockets(pid) <= before).await;
    // Other tests of this process come and go with their own.
    eventually("nor here", || sockets(own) <= own_before + 20).await;
}

#[tokio::test]
async fn an_idle_session_outlives_its_lease() {
    // Renewed half-way: a busy machine has the other half for it.
    let lease = Duration::from_secs(10);
    let jvm = beans(1, &Options::new().jmx(JmxPort::new().lease(lease)));
    let mut client = connect(&endpoint(&jvm)).await;
    // The time itself is what is tested: two leases without a call.
    tokio::time::sleep(2 * lease).await;
    assert_eq!(alive(&jvm, SESSION), 1);
    assert!(client.read(&gauges(1)).await.unwrap()[0].is_ok());
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_the_jvm_closed_is_opened_again() {
    // Two hours by default.
    let jvm = beans(
        1,
        &Options::new().jvm("-Dsun.rmi.transport.tcp.readTimeout=2000"),
    );
    let mut client = connect(&endpoint(&jvm)).await;
    let id = client.connection_id().await.unwrap();
    let pid = jvm.process().pid();
    let before = sockets(pid);
    eventually("the JVM closes the idle connection", || {
        sockets(pid) < before
    })
    .await;
    assert!(client.read(&gauges(1)).await.unwrap()[0].is_ok());
    assert_eq!(
        client.connection_id().await.unwrap(),
        id,
        "the session is the same"
    );
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_restarted_server_ends_the_session_and_takes_a_new_one() {
    let port = JmxPort::new().rmi_port(RmiPort::Same);
    let zookeeper = ZooKeeper::start_with(&Options::new().jmx(port)).unwrap();
    let url = format!("rmi://{}/jmxrmi", zookeeper.jmx());
    let endpoint = Endpoint::from_service_url(&url).unwrap();
    let mut client = connect(&endpoint).await;
    assert!(client.connection_id().await.unwrap().starts_with("rmi:"));
    zookeeper.restart().unwrap();
    let error = client.query_names(None).await.unwrap_err();
    assert!(error.is_closed() || error.is_no_such_object(), "{error:?}");
    assert!(client.is_poisoned());
    let mut client = connect(&endpoint).await;
    assert!(!client.query_names(None).await.unwrap().is_empty());
    client.close().await.unwrap();
}

#[tokio::test]
async fn several_connections_give_what_one_does() {
    let jvm = beans(1500, &Options::new());
    let mut endpoint = endpoint(&jvm);
    let requests = gauges(1500);
    let mut one = connect(&endpoint).await;
    let expected = one.read(&requests).await.unwrap();
    assert!(expected.iter().all(Result::is_ok));
    let before = sockets(jvm.process().pid());
    endpoint.connections = 4;
    let mut four = connect(&endpoint).await;
    assert_eq!(four.read(&requests).await.unwrap(), expected);
    let opened = sockets(jvm.process().pid()) - before;
    assert!(opened >= 4, "{opened} connections");
    assert_eq!(four.read(&requests[..1]).await.unwrap(), expected[..1]);
    assert_eq!(alive(&jvm, SESSION), 2, "all four belong to one session");
    one.close().await.unwrap();
    four.close().await.unwrap();
}

/// The lists of several patterns are those that one question each gives, for one round trip instead of many.
#[tokio::test]
async fn names_by_many_patterns_cost_one_round_trip() {
    let jvm = beans(100, &Options::new());
    let mut client = connect(&endpoint(&jvm)).await;
    let patterns = [
        "java.lang:type=MemoryPool,*",
        "test:kind=gauge-*",
        "nowhere:*",
    ];
    let patterns = patterns.map(|pattern| ObjectName::parse(pattern).unwrap());
    let mut one_by_one = Vec::new();
    for pattern in &patterns {
        one_by_one.push(sorted(client.query_names(Some(pattern)).await.unwrap()));
    }
    let before = client.stats().round_trips;
    let all = client.query_names_all(&patterns).await.unwrap();
    assert_eq!(client.stats().round_trips - before, 1);
    let all: Vec<_> = all.into_iter().map(sorted).collect();
    assert_eq!(all, one_by_one);
    assert_eq!((all[1].len(), all[2].len()), (100, 0));
    assert!(!all[0].is_empty());
    assert!(client.query_names_all(&[]).await.unwrap().is_empty());
    client.close().await.unwrap();
}

fn sorted(mut names: Vec<ObjectName>) -> Vec<ObjectName> {
    names.sort_unstable();
    names
}
