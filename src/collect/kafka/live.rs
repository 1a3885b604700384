//! Local driver.
use super::pattern::Filter;
use super::*;
/// x
pub async fn run(
    bootstrap: &str,
    budget: Duration,
    cycles: u32,
    capture: Option<&str>,
    props: Vec<(String, String)>,
) {
    let config = Config {
        bootstrap: bootstrap.split(',').map(str::to_owned).collect(),
        properties: props,
        groups: Filter::default(),
        topics: Filter::default(),
        internal_topics: false,
    };
    let mut collector = KafkaCollector::new(config);
    for n in 0..cycles {
        let start = Instant::now();
        let cycle = Cycle {
            deadline: start + budget,
        };
        let c = collector.collect(&cycle).await;
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let rss = status
            .lines()
            .find(|l| l.starts_with("VmRSS"))
            .unwrap_or("");
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let f: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or("")
            .split_whitespace()
            .collect();
        eprintln!(
            "cycle {n}: {:?} up={} docs={} faults={} id={:?} {rss} cpu_ticks={}+{} late_by={:?}",
            start.elapsed(),
            c.up,
            c.documents.len(),
            c.faults.len(),
            c.cluster_id,
            f[11],
            f[12],
            Instant::now().saturating_duration_since(cycle.deadline)
        );
        for f in &c.faults {
            eprintln!("   {} {}", f.kind.as_str(), f.message);
        }
        if std::env::var_os("DOCS").is_some() {
            for d in &c.documents {
                println!(
                    "{} {}",
                    d.dataset,
                    serde_json::Value::from(d.fields().clone())
                );
            }
        }
        if std::env::var_os("LAG").is_some() {
            for d in &c.documents {
                if d.dataset == "kafka.consumergroup" {
                    println!("{n} {}", serde_json::Value::from(d.fields().clone()));
                }
            }
        }
        tokio::time::sleep(
            std::env::var("PAUSE")
                .ok()
                .and_then(|p| p.parse().ok())
                .map_or(Duration::from_millis(300), Duration::from_millis),
        )
        .await;
    }
    if let Some(path) = capture {
        let config = collector.config.clone();
        let client = collector.client.as_mut().expect("c");
        client.begin();
        let s = fetch::fetch(
            client,
            &config,
            &mut collector.memory,
            Instant::now() + budget,
        )
        .await
        .expect("snapshot");
        std::fs::write(
            path,
            format!("{:#}\n", serde_json::to_value(&s).expect("json")),
        )
        .expect("write");
    }
    collector.close().await;
}
