//! Whether a broker that did not answer can be reached at all.
//!
//! A request of librdkafka that waits for a broker which refuses connections makes it connect again
//! without any pause, thousands of times a second, and cannot be taken back. So a broker that was
//! silent is asked again only when its port opens; that also spares the cycle the waiting.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::snapshot::{Missing, Reason};

/// Enough for a handshake around the world …
const PATIENCE: Duration = Duration::from_millis(500);

/// … but no larger part of a short cycle than this.
const PART: u32 = 8;

/// Host and port.
pub type Address = (String, u16);

/// Those of the brokers that cannot be reached, and why.
pub async fn unreachable(
    brokers: BTreeMap<i32, Address>,
    deadline: Instant,
) -> BTreeMap<i32, Missing> {
    let rest = deadline.saturating_duration_since(Instant::now());
    let patience = PATIENCE.min(rest / PART);
    let mut probes = JoinSet::new();
    for (broker, address) in brokers {
        probes.spawn(async move { (broker, why_unreachable(address, patience).await) });
    }
    let all = probes.join_all().await.into_iter();
    all.filter_map(|(broker, why)| Some((broker, why?)))
        .collect()
}

async fn why_unreachable((host, port): Address, patience: Duration) -> Option<Missing> {
    let why = match timeout(patience, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_)) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no connection within {} ms", patience.as_millis()),
    };
    let address = crate::config::units::show_host_port(&host, port);
    Some(Missing::new(
        Reason::Connection,
        format!("{address}: {why}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_open_ports_are_reachable() {
        let open = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = |listener: &tokio::net::TcpListener| listener.local_addr().unwrap().port();
        let brokers = [(1, port(&open)), (2, port(&closed))];
        drop(closed);
        let brokers = brokers.map(|(id, port)| (id, ("127.0.0.1".to_owned(), port)));
        let found = unreachable(BTreeMap::from(brokers), Instant::now() + PATIENCE * PART).await;
        assert_eq!(found.keys().collect::<Vec<_>>(), [&2]);
        assert_eq!(found[&2].reason, Reason::Connection);
        assert!(
            found[&2].message.contains("refused"),
            "{}",
            found[&2].message
        );
    }
}
