//! Several requests at once, and what becomes of them when a server is slow, refuses, or is silent.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use stack::{Reply, Sink};
use tokio::sync::watch;
use tokio::time::timeout;

use super::super::{Shipper, bulk};
use super::read;
use crate::assets;
use crate::clock::Millis;
use crate::config::SetupConfig;
use crate::files::TestDirectory;
use crate::identity::DocumentId;
use crate::spool::{Pack, Packer, Row, Spool};

const STREAM: &str = "logs-brokerbeat.event-default";
/// For all that must come true.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server takes its time.
#[expect(
    clippy::disallowed_methods,
    reason = "time passes, nothing is waited for"
)]
fn far_away(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// A queue with so many documents.
fn queue(directory: &TestDirectory, count: u64) -> Arc<Spool> {
    let (spool, _) = Spool::open(directory.path(), 1 << 30).unwrap();
    let numbers: Vec<u64> = (0..count).collect();
    for numbers in numbers.chunks(100) {
        let (mut text, mut rows) = (Vec::new(), Vec::new());
        for number in numbers {
            let id = DocumentId::new(STREAM, Millis(*number));
            let document = format!("{{\"n\":{number}}}");
            bulk::add_lines(&mut text, STREAM, id, document.as_bytes());
            let end = u32::try_from(text.len()).unwrap();
            rows.push(Row { end, id });
        }
        spool.append(Pack {
            stream: STREAM.into(),
            timestamp: Millis(1),
            rows,
            block: Arc::new(Packer::default().pack(&text)),
        });
    }
    Arc::new(spool)
}

fn documents(body: &[u8]) -> usize {
    Sink::documents(body).unwrap().len()
}

fn server(answer: impl Fn(&[u8]) -> Reply + Send + Sync + 'static) -> Sink {
    Sink::answering(Some(assets::VERSION), answer).unwrap()
}

fn shipper(spool: &Arc<Spool>, sink: &Sink, lines: &str) -> Shipper {
    let (config, problems) = read(&format!("hosts: [\"{}\"]\n{lines}", sink.url()));
    assert_eq!(problems, [""; 0]);
    Shipper::new(
        Arc::clone(spool),
        &config,
        SetupConfig::installing(false),
        false,
    )
    .unwrap()
}

/// Ships until nothing is left.
async fn ship_all(spool: &Arc<Spool>, sink: &Sink, lines: &str) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let (_stop, stopped) = watch::channel(Some(deadline));
    shipper(spool, sink, lines).run(stopped).await;
    assert_eq!(spool.queued(), 0, "not in time");
}

fn indexed(spool: &Spool) -> u64 {
    let total = spool.ledger().total();
    assert_eq!(total.indexed, total.collected, "{total:?}");
    total.indexed
}

#[tokio::test]
async fn as_many_requests_are_in_flight_as_may_be_and_no_more() {
    for (most, expected) in [(1, 1), (4, 4)] {
        let directory = TestDirectory::new();
        let spool = queue(&directory, 3000);
        let (now, highest) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::clone(&highest);
        let sink = server(move |body| {
            seen.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            far_away(100);
            now.fetch_sub(1, SeqCst);
            Reply::Taken(documents(body))
        });
        let lines = format!("max_concurrency: {most}\nbulk_max_items: 100");
        ship_all(&spool, &sink, &lines).await;
        assert_eq!(highest.load(SeqCst), expected);
        assert_eq!(indexed(&spool), 3000);
    }
}

#[tokio::test]
async fn a_refusal_of_the_whole_waits_as_long_as_the_server_says() {
    let directory = TestDirectory::new();
    let spool = queue(&directory, 3000);
    let refused: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let (times, count) = (Arc::clone(&refused), AtomicUsize::new(0));
    let late = Arc::new(AtomicUsize::new(0));
    let too_early = Arc::clone(&late);
    let sink = server(move |body| {
        let mut times = times.lock().unwrap();
        let request = count.fetch_add(1, SeqCst);
        // Once several are in flight; these may have left before the first refusal was known.
        if (8..12).contains(&request) {
            times.push(Instant::now());
            return Reply::Refused {
                status: 429,
                retry_after: Some("2".to_owned()),
            };
        }
        if request >= 12 && times[3].elapsed() < Duration::from_millis(1900) {
            too_early.fetch_add(1, SeqCst);
        }
        Reply::Taken(documents(body))
    });
    ship_all(&spool, &sink, "max_concurrency: 4\nbulk_max_items: 100").await;
    assert_eq!(
        indexed(&spool),
        3000,
        "a 429 is known not to be there: no duplicate"
    );
    assert_eq!(refused.lock().unwrap().len(), 4);
    assert_eq!(late.load(SeqCst), 0);
}

#[tokio::test]
async fn bodies_that_are_too_large_are_halved_once_for_all_that_were_on_their_way() {
    let directory = TestDirectory::new();
    let spool = queue(&directory, 20_000);
    let (refused, taken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (refusals, requests) = (Arc::clone(&refused), Arc::clone(&taken));
    let sink = server(move |body| {
        far_away(50);
        // Once several are in flight.
        if requests.load(SeqCst) >= 12 && body.len() > 20_000 {
            refusals.fetch_add(1, SeqCst);
            return Reply::Refused {
                status: 413,
                retry_after: None,
            };
        }
        requests.fetch_add(1, SeqCst);
        Reply::Taken(documents(body))
    });
    ship_all(&spool, &sink, "max_concurrency: 4\nbulk_max_bytes: 32KiB").await;
    assert_eq!(indexed(&spool), 20_000);
    assert!((2..=4).contains(&refused.load(SeqCst)), "{refused:?}");
    // 2.5 MB: some 120 bodies of the half; with a quarter it would be twice as many.
    assert!(taken.load(SeqCst) < 170, "halved once: {taken:?}");
}

#[tokio::test]
async fn at_the_end_what_has_an_answer_is_settled_and_the_rest_is_unknown() {
    let directory = TestDirectory::new();
    let spool = queue(&directory, 1000);
    let (count, silent) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let silence = Arc::clone(&silent);
    let sink = server(move |body| {
        if count.fetch_add(1, SeqCst) < 5 {
            far_away(20);
            return Reply::Taken(documents(body));
        }
        silence.fetch_add(1, SeqCst);
        Reply::Silence
    });
    let (stop, stopped) = watch::channel(None);
    let shipper = shipper(&spool, &sink, "max_concurrency: 3\nbulk_max_items: 100");
    let shipping = tokio::spawn(shipper.run(stopped));
    let all_wait = async {
        while silent.load(SeqCst) < 3 || spool.queued() > 500 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, all_wait)
        .await
        .expect("three wait for an answer");
    stop.send_replace(Some(
        tokio::time::Instant::now() + Duration::from_millis(300),
    ));
    timeout(PATIENCE, shipping).await.expect("it ends").unwrap();

    assert_eq!(spool.ledger().total().indexed, 500);
    let left = spool.next(usize::MAX, usize::MAX, |_| true);
    let attempted = left.iter().filter(|record| record.attempted).count();
    assert_eq!((left.len(), attempted), (500, 300), "nothing stays lent");
}

/// What documents are answered that are newer than what their stream takes.
fn too_new(documents: usize) -> Reply {
    let reason = "the document timestamp [x] is outside of ranges of currently writable indices \
                  [[1970-01-01T00:00:00.000Z,1970-01-01T00:00:00.001Z]]";
    let error = json!({"type": "timestamp_error", "reason": reason});
    let item = json!({"create": {"status": 400, "error": error}});
    Reply::Items(vec![item; documents])
}

async fn emptied(spool: &Spool) {
    while spool.queued() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn of_what_is_too_new_one_document_asks_for_all() {
    let directory = TestDirectory::new();
    let spool = queue(&directory, 1000);
    let sent = Arc::new(AtomicUsize::new(0));
    let (count, asked) = (Arc::clone(&sent), AtomicUsize::new(0));
    let sink = server(move |body| {
        let documents = Sink::documents(body).unwrap();
        count.fetch_add(documents.len(), SeqCst);
        let is_asking = documents.iter().any(|document| document["n"] == 0);
        // The first one is taken at its fourth attempt.
        match asked.fetch_add(usize::from(is_asking), SeqCst) + usize::from(is_asking) {
            0..4 => too_new(documents.len()),
            _ => Reply::Taken(documents.len()),
        }
    });
    let (_stop, stopped) = watch::channel(None);
    let shipping = tokio::spawn(shipper(&spool, &sink, "bulk_max_items: 100").run(stopped));
    let all_taken = timeout(PATIENCE, emptied(&spool)).await;
    all_taken.expect("one was taken, and the others followed");
    shipping.abort();
    assert_eq!(indexed(&spool), 1000);
    let sent = sent.load(SeqCst);
    assert!(
        sent < 2_500,
        "{sent} sent: the questions were of one or few"
    );
}

/// Without anything else to do that would wake the loop.
#[tokio::test]
async fn what_is_too_new_goes_again_when_it_is_due_and_not_much_later() {
    let directory = TestDirectory::new();
    let spool = queue(&directory, 1);
    let count = AtomicUsize::new(0);
    let sink = server(move |body| {
        if count.fetch_add(1, SeqCst) > 0 {
            return Reply::Taken(documents(body));
        }
        too_new(documents(body))
    });
    let (_stop, stopped) = watch::channel(None);
    let shipping = tokio::spawn(shipper(&spool, &sink, "").run(stopped));
    // It is due after a second; without a reason the loop looks around every thirty.
    let soon = Duration::from_secs(20);
    timeout(soon, emptied(&spool)).await.expect("it goes again");
    shipping.abort();
    assert_eq!(indexed(&spool), 1);
}

#[tokio::test]
async fn at_the_end_requests_may_still_be_answered() {
    let directory = TestDirectory::new();
    let spool = queue(&directory, 400);
    let sink = server(|body| {
        far_away(300);
        Reply::Taken(documents(body))
    });
    let (stop, stopped) = watch::channel(None);
    let shipper = shipper(&spool, &sink, "max_concurrency: 4\nbulk_max_items: 100");
    let shipping = tokio::spawn(shipper.run(stopped));
    let under_way = async {
        while sink.received() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, under_way)
        .await
        .expect("a request is under way");
    stop.send_replace(Some(tokio::time::Instant::now() + PATIENCE));
    timeout(PATIENCE, shipping).await.expect("it ends").unwrap();
    assert_eq!(indexed(&spool), 400);
}
