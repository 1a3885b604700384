//! The limit: bodies that were made before, sent one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use brokerbeat::ship::elasticsearch::bulk;
use bytes::Bytes;

/// Bulk requests.
pub(crate) struct Bodies {
    pub(crate) bodies: Arc<Vec<Bytes>>,
    pub(crate) documents: usize,
    /// Bytes of JSON in them.
    pub(crate) json: usize,
}

/// Documents a second.
pub(crate) fn rate(url: &str, bodies: &Bodies, at_once: usize) -> f64 {
    let url = format!("{url}{}", bulk::PATH);
    let next = Arc::new(AtomicUsize::new(0));
    super::pipeline::runtime().block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let begin = Instant::now();
        let senders = (0..at_once).map(|_| {
            let sender = send(
                client.clone(),
                url.clone(),
                bodies.bodies.clone(),
                next.clone(),
            );
            tokio::spawn(sender)
        });
        for sender in senders.collect::<Vec<_>>() {
            sender.await.unwrap();
        }
        bodies.documents as f64 / begin.elapsed().as_secs_f64()
    })
}

async fn send(
    client: reqwest::Client,
    url: String,
    bodies: Arc<Vec<Bytes>>,
    next: Arc<AtomicUsize>,
) {
    while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
        let request = client
            .post(&url)
            .header("content-type", "application/x-ndjson")
            .header("content-encoding", "gzip")
            .body(body.clone());
        let answer = request.send().await.unwrap().bytes().await.unwrap();
        assert!(answer.starts_with(b"{\"errors\":false"));
    }
}
