//! `zookeeper:` of a cluster.

use std::sync::Arc;
use std::time::Duration;

use super::{Server, ZooKeeper};
use crate::collect::{Common, Sharing, TargetPlan};
use crate::config::{Section, units};
use crate::identity::service_address;

/// ZooKeeper's `clientPort` in every example configuration.
const DEFAULT_PORT: u16 = 2181;

/// Reads `zookeeper: {hosts: [...], interval: ...}`: one target a server.
pub(super) fn read(cluster: &mut Section<'_>, common: &Common) -> Vec<TargetPlan> {
    let Some(mut section) = cluster.section("zookeeper") else {
        return Vec::new();
    };
    let hosts = section.texts("hosts");
    if hosts.is_empty() {
        section.problem("hosts", "is empty; write at least one host:port");
    }
    let interval = section.duration(
        "interval",
        Duration::from_secs(1)..=Duration::from_secs(3600),
    );
    let mut plans = Vec::new();
    for host in &hosts {
        match units::host_port(host, Some(DEFAULT_PORT)) {
            Ok((host, port)) => plans.push(plan(host, port, interval, common)),
            Err(wrong) => section.problem("hosts", format!("`{host}` {wrong}")),
        }
    }
    plans
}

fn plan(host: String, port: u16, interval: Option<Duration>, common: &Common) -> TargetPlan {
    let server = Arc::new(Server {
        address: service_address(&host, port, &common.host_name),
        host,
        port,
    });
    TargetPlan {
        name: format!(
            "zookeeper {}",
            units::show_host_port(&server.host, server.port)
        ),
        address: server.address.clone(),
        interval,
        sharing: Sharing::of_host(&server.host),
        build: Arc::new(move || {
            Box::new(ZooKeeper {
                server: server.clone(),
                id: None,
            })
        }),
    }
}
