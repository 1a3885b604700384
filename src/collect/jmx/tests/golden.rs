//! Golden pairs: what a real JVM said, and the documents made of it.

use serde_json::Value as Json;

use super::{capture, live};
use crate::collect::Collected;
use crate::collect::jmx::identity::Identity;
use crate::collect::jmx::map::map;
use crate::collect::jmx::table::Table;

/// Takes a new capture first: `BROKERBEAT_CAPTURE=<name>,<host:port>,<preset>…`.
const CAPTURE: &str = "BROKERBEAT_CAPTURE";

fn run(capture: &Json) -> Collected {
    let presets: Vec<String> = serde_json::from_value(capture["presets"].clone()).unwrap();
    let table = Table::new(&presets).unwrap();
    let beans = capture::read(&capture["beans"]);
    let mut identity = Identity {
        address: "broker06:9999".to_owned(),
        host: "broker06".to_owned(),
        broker: None,
    };
    identity.learn(beans.iter().map(|(name, _)| name));
    let mapped = map(&table, &beans, &identity);
    Collected {
        up: true,
        documents: mapped.documents,
        faults: mapped.faults,
        cluster_id: mapped.cluster_id,
    }
}

#[tokio::test]
async fn documents_are_the_expected_ones() {
    if let Ok(what) = std::env::var(CAPTURE) {
        live::capture_from_a_jvm(&what).await;
    }
    crate::golden::cases("jmx", ".json", |case| {
        run(&serde_json::from_str(&case.file(&format!("{}.json", case.name))).unwrap())
    });
}
