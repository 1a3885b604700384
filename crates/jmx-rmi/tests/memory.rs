//! What a client takes of memory. A program of its own, so that nobody else's memory is counted.
#![allow(clippy::unwrap_used, reason = "a panic of a test is its message")]

use std::time::Duration;

use jmx_rmi::{Client, Endpoint, ObjectName, Read, Timeouts};
use stack::{Options, PlainJvm};

const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(30),
    call: Duration::from_secs(60),
};
const BEANS: usize = 20_000;
/// Of an idle client, and of a whole program that reads that many beans: what the project promises.
const IDLE_KB: usize = 2 << 10;
const READING_KB: usize = 60 << 10;

/// A line of `/proc/self/status`, in KB.
fn memory(line: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find_map(|one| one.strip_prefix(line));
    let words = found.unwrap().trim_start_matches(':');
    words.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn an_idle_client_is_small_and_so_is_a_large_read() {
    let source = ("Beans.java", include_str!("live/Beans.java"));
    let jvm = PlainJvm::start(source, &[&BEANS.to_string()], &Options::new()).unwrap();
    let url = format!("rmi://{}/jmxrmi", jvm.jmx());
    let endpoint = Endpoint::from_service_url(&url).unwrap();

    let before = memory("VmRSS");
    let mut client = Client::connect(&endpoint, PATIENT).await.unwrap();
    let memory_bean: ObjectName = "java.lang:type=Memory".parse().unwrap();
    let attributes = ["HeapMemoryUsage".to_owned()];
    client
        .get_attributes(&memory_bean, &attributes)
        .await
        .unwrap();
    // The system may have taken back more than the client took.
    let idle = memory("VmRSS").saturating_sub(before);
    assert!(idle < IDLE_KB, "an idle client takes {idle} KB");

    let pattern: ObjectName = "test:kind=gauge-*".parse().unwrap();
    let names = client.query_names(Some(&pattern)).await.unwrap();
    assert_eq!(names.len(), BEANS);
    let read = |name| Read {
        name,
        attributes: vec!["Value".to_owned()],
    };
    let requests: Vec<Read> = names.into_iter().map(read).collect();
    let mut count = 0;
    let each = |_, result: Result<_, _>| count += usize::from(result.is_ok());
    client.read_each(&requests, each).await.unwrap();
    assert_eq!(count, BEANS);
    let most = memory("VmHWM");
    println!("idle {idle} KB, at most {most} KB");
    assert!(most < READING_KB, "reading {BEANS} beans took {most} KB");
    client.close().await.unwrap();
}
