//! The wrapper without a server: what is refused, and that everything ends in time.

use std::time::Duration;

use super::*;

/// Nobody listens on the discard port of this machine.
const NOBODY: &str = "127.0.0.1:9";

fn handle() -> Handle {
    let mut properties = Properties::default();
    for (name, value) in [("bootstrap.servers", NOBODY), ("log.queue", "true")] {
        properties.set(name, value).unwrap();
    }
    Handle::new(properties).unwrap()
}

#[test]
fn properties_are_checked_without_a_server() {
    let mut properties = Properties::default();
    assert_eq!(properties.set("no.such.thing", "1"), Err(Refusal::Unknown));
    assert_eq!(properties.set("client\0id", "1"), Err(Refusal::Unknown));
    let refusal = properties.set("acks", "many").unwrap_err();
    assert!(
        matches!(&refusal, Refusal::Value(why) if why.contains("acks")),
        "{refusal:?}"
    );
    assert!(matches!(
        properties.set("client.id", "a\0b"),
        Err(Refusal::Value(_))
    ));
    assert!(properties.names().contains(&"security.protocol".to_owned()));
    properties.set("log.queue", "true").unwrap();
    properties.set("ssl.ca.location", "/no/such/file").unwrap();
    properties.set("security.protocol", "ssl").unwrap();
    assert!(Handle::new(properties).is_err());
}

#[tokio::test]
async fn without_a_broker_every_request_ends_in_time_with_its_number() {
    let handle = handle();
    let wait = Duration::from_millis(300);
    let requests = [
        Request::Cluster { broker: 1 },
        Request::Groups { broker: 1 },
        Request::Group { broker: 1, id: "g" },
        Request::Committed { broker: 1, id: "g" },
        Request::TopicConfigs {
            broker: 1,
            topics: &["t", "u"],
            names: &["retention.ms"],
        },
        Request::BrokerConfig {
            broker: 1,
            names: &["log.retention.ms"],
        },
        Request::TopicIds {
            broker: 1,
            topics: &["t", "u"],
        },
        Request::Offsets {
            end: End::Latest,
            partitions: &[("t", 0)],
        },
        Request::Times {
            times: &[("t", 0, 1_000)],
        },
    ];
    for (number, request) in requests.iter().enumerate() {
        handle.ask(request, number, wait).unwrap();
    }
    let mut open: Vec<usize> = (0..requests.len()).collect();
    let mut trouble = false;
    while !open.is_empty() {
        match handle.poll() {
            Some(Event::Answer(number, answer)) => {
                assert!(answer.is_err(), "{answer:?}");
                open.retain(|one| *one != number);
            }
            Some(Event::Trouble(failure)) => trouble |= failure.text.contains(NOBODY),
            Some(_) => {}
            None => {
                let woken = tokio::time::timeout(10 * wait, handle.wake().notified());
                woken.await.expect("every request is answered");
            }
        }
    }
    assert!(trouble, "the refused connection is told");
    handle.close();
}

#[test]
fn metadata_of_nobody_is_an_error_in_time_and_requests_may_be_left_open() {
    let handle = handle();
    assert!(handle.metadata(Duration::from_millis(100)).is_err());
    assert!(handle.any_groups(None, Duration::from_millis(100)).is_err());
    let refused = handle.any_groups(Some("a\0b"), Duration::from_millis(100));
    assert_eq!(refused.unwrap_err().code, Failure::INVALID);
    assert_eq!((handle.cluster_id(), handle.controller_id()), (None, None));
    let later = Duration::from_secs(60);
    handle
        .ask(&Request::Groups { broker: 1 }, 7, later)
        .unwrap();
    let refused = handle.ask(
        &Request::Group {
            broker: 1,
            id: "a\0b",
        },
        8,
        later,
    );
    assert_eq!(refused.unwrap_err().code, Failure::INVALID);
    let refused = handle.ask(&Request::Groups { broker: -5 }, 9, later);
    assert_eq!(refused.unwrap_err().code, Failure::INVALID);
    drop(handle);
}

#[test]
fn a_tap_without_a_broker_gives_nothing_and_ends() {
    let mut properties = Properties::default();
    for (name, value) in [("bootstrap.servers", NOBODY), ("log.queue", "true")] {
        properties.set(name, value).unwrap();
    }
    let handle = Handle::new_reader(properties).unwrap();
    let mut tap = Tap::new(&handle).unwrap();
    // Negative offsets are librdkafka's words for stored ones, which would be a group's.
    let refused = tap.open("t", 0, -1000).unwrap_err();
    assert_eq!(refused.code, Failure::INVALID);
    assert!(tap.open("a\0b", 0, 5).is_err());
    tap.open("t", 0, 5).unwrap();
    tap.open("t", 1, 5).unwrap();
    assert_eq!(tap.next(Duration::from_millis(50)), None);
    drop(tap);
    // The same place again: nothing of the first tap is left.
    let mut again = Tap::new(&handle).unwrap();
    again.open("t", 0, 7).unwrap();
    drop(again);
    handle.close();
}
