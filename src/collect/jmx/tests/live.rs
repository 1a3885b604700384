//! Against JVMs that run now, and against ports that are none.

use std::collections::BTreeSet;
use std::time::{Duration, Instant as Wall};

use jmx_rmi::{Attributes, ObjectName};
use serde_json::{Map, Value as Json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::{capture, golden};
use crate::collect::jmx::budget::MEMBERS;
use crate::collect::jmx::door::{Access, Address, Door};
use crate::collect::jmx::fetch::Session;
use crate::collect::jmx::table::Table;
use crate::collect::{Fault, FaultKind};

fn table(presets: &[String]) -> Table {
    Table::new(presets).unwrap()
}

fn session(address: &str) -> Session {
    let address = Address::parse(address).unwrap();
    Session::new(Door::new(address, Access::default()))
}

async fn fault_of(port: u16, budget: Duration) -> Fault {
    let mut session = session(&format!("127.0.0.1:{port}"));
    let started = Wall::now();
    let fault = session
        .read(&table(&["jvm".to_owned()]), Instant::now() + budget)
        .await
        .unwrap_err();
    assert!(started.elapsed() < budget + Duration::from_millis(500));
    assert!(
        fault.message.contains(&format!("127.0.0.1:{port}")),
        "{fault:?}"
    );
    fault
}

#[tokio::test]
async fn a_closed_port_is_no_connection() {
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    assert_eq!(
        fault_of(port, Duration::from_secs(2)).await.kind,
        FaultKind::Connect
    );
}

#[tokio::test]
async fn a_server_that_hangs_costs_its_time_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(
        fault_of(port, Duration::from_millis(600)).await.kind,
        FaultKind::Timeout
    );
}

#[tokio::test]
async fn a_port_that_speaks_http_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut hello = [0; 4];
            stream.read_exact(&mut hello).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await
                .unwrap();
        }
    });
    let fault = fault_of(port, Duration::from_secs(2)).await;
    assert_eq!(fault.kind, FaultKind::Protocol, "{fault:?}");
}

/// The user's own tables of a new capture, as JSON.
const CAPTURE_TABLES: &str = "BROKERBEAT_CAPTURE_TABLES";

/// Takes a new golden capture of `<name>,<host:port>,<preset>…`.
pub(super) async fn capture_from_a_jvm(what: &str) {
    let mut parts = what.split(',').map(str::to_owned);
    let (name, address) = (parts.next().unwrap(), parts.next().unwrap());
    let presets: Vec<String> = parts.collect();
    let tables = std::env::var(CAPTURE_TABLES).ok();
    let tables: Option<Json> = tables.map(|text| serde_json::from_str(&text).unwrap());
    let own = tables.as_ref().map(golden::tables).unwrap_or_default();
    let mut session = session(&address);
    let table = Table::with(&presets, own, MEMBERS).unwrap();
    let mut answer = session
        .read(&table, Instant::now() + Duration::from_secs(20))
        .await
        .unwrap();
    let started = Wall::now();
    answer = session
        .read(&table, Instant::now() + Duration::from_secs(20))
        .await
        .unwrap_or(answer);
    println!(
        "{} beans, second cycle {:?}, {:?}",
        answer.beans.len(),
        started.elapsed(),
        answer.faults
    );
    session.close().await;
    thin_out(&mut answer.beans);
    let mut file = Map::new();
    file.insert("presets".to_owned(), presets.into());
    if let Some(tables) = tables {
        file.insert("tables".to_owned(), tables);
    }
    file.insert("beans".to_owned(), capture::write(&answer.beans));
    std::fs::write(
        crate::golden::directory("jmx").join(format!("{name}.json")),
        capture::lines(&file),
    )
    .unwrap();
}

/// Keeps the files modest: of the request types that nobody called, one is enough.
fn thin_out(beans: &mut Vec<(ObjectName, Attributes)>) {
    let is_call = |name: &ObjectName| name.key("type") == Some("RequestMetrics");
    let called: BTreeSet<String> = beans
        .iter()
        .filter(|(name, _)| is_call(name) && name.key("name") == Some("RequestsPerSec"))
        .filter_map(|(name, _)| name.key("request").map(str::to_owned))
        .collect();
    beans.retain(|(name, _)| {
        let request = name.key("request").unwrap_or_default();
        !is_call(name) || called.contains(request) || request == "AlterConfigs"
    });
}
