//! The lease on a session: renewed, lost.

use super::*;
use crate::client::lease::{Holder, Lease};
use crate::codec::stub::ObjId;

fn holder(port: u16) -> Holder {
    Holder::new(ObjId::REGISTRY, route(port), PATIENT.call)
}

#[tokio::test]
async fn it_is_renewed_half_way() {
    let jvm = FakeJvm::start(|_, _| None).await;
    let lease = Lease::keep(holder(jvm.port), Duration::from_millis(20));
    jvm.has_seen(Called::Dirty, 1).await;
    assert!(lease.lost().is_none());
}

#[tokio::test]
async fn a_failure_is_tried_again_until_it_runs_out() {
    let (port, _taken) = nobody();
    let mut lease = Lease::keep(holder(port), Duration::from_millis(50));
    lease.ended().await;
    assert!(lease.lost().unwrap().is_connect());
}

#[tokio::test]
async fn a_lost_lease_poisons() {
    let jvm = FakeJvm::start(|_, _| None).await;
    let mut client = client(&jvm, PATIENT).await;
    let (port, _taken) = nobody();
    client.session.lease = Lease::keep(holder(port), Duration::from_millis(20));
    client.session.lease.ended().await;
    assert!(client.is_poisoned());
    assert!(client.query_names(None).await.unwrap_err().is_connect());
}
