//! The lease on a session: renewed, lost.

use super::*;
use crate::client::lease::{Holder, Lease};
use crate::codec::stub::ObjId;

fn holder(port: u16) -> Holder {
    Holder::new(ObjId::REGISTRY, route(port), PATIENT.call)
}

#[tokio::test]
async fn it_is_renewed_half_way() {
    let mut jvm = FakeJvm::start(|_, _| None).await;
    let lease = Lease::keep(holder(jvm.port), Duration::from_millis(20));
    jvm.seen
        .wait_for(|seen| seen.get(&Called::Dirty) == Some(&1))
        .await
        .unwrap();
    assert!(lease.lost().is_none());
}

#[tokio::test]
async fn a_failure_is_tried_again_until_it_runs_out() {
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut lease = Lease::keep(holder(port), Duration::from_millis(50));
    lease.ended().await;
    assert!(lease.lost().unwrap().is_connect());
}

#[tokio::test]
async fn a_lost_lease_poisons() {
    let jvm = FakeJvm::start(|_, _| None).await;
    let mut client = client(&jvm, PATIENT).await;
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    client.session.lease = Lease::keep(holder(port), Duration::from_millis(20));
    client.session.lease.ended().await;
    assert!(client.is_poisoned());
    assert!(client.query_names(None).await.unwrap_err().is_connect());
}
