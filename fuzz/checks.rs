//! What must hold whatever the bytes of a queue's files and of a bulk answer are. Checksums are not looked at here: a fuzzer would never find one.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use brokerbeat::clock::Millis;
use brokerbeat::ship::elasticsearch::{bulk, verdict};
use brokerbeat::spool::{Account, Outcome, Spool};

/// Larger than any input: nothing goes for want of room.
const ROOM: u64 = 1 << 30;
/// Records of a request.
const AT_ONCE: usize = 7;

/// A directory in memory, one for each process.
static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = PathBuf::from(format!("/dev/shm/brokerbeat-fuzz-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("memory has room");
    directory
});

/// A queue's directory: two bytes with the length of the cursor, the cursor, and a segment.
pub fn records(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (cursor, segment) = rest.split_at(length);
    let directory = DIRECTORY.as_path();
    fs::remove_dir_all(directory).expect("it is ours");
    fs::create_dir(directory).expect("it is ours");
    if !cursor.is_empty() {
        fs::write(directory.join("cursor"), cursor).expect("memory has room");
    }
    fs::write(directory.join(format!("{:020}.seg", 0)), segment).expect("memory has room");
    let (spool, recovered) =
        Spool::open(directory, ROOM).expect("a directory that can be read is opened");
    let account = spool.ledger().total();
    assert_balanced(&account);
    assert_eq!(account.queued, recovered.waiting);
    settle_all(&spool);
    spool.keep().expect("memory has room");
    drop(spool);
    let (spool, recovered) = Spool::open(directory, ROOM).expect("what was written is read");
    assert_eq!(
        (recovered.waiting, recovered.lost),
        (0, 0),
        "settled stays settled"
    );
    assert_balanced(&spool.ledger().total());
}

/// Sums of made-up accounts may not fit.
fn assert_balanced(account: &Account) {
    assert!(account.balances(), "{account:?}");
}

/// Each record is lent once, within its block.
fn settle_all(spool: &Spool) {
    let mut before = None;
    loop {
        let records = spool.next(usize::MAX, AT_ONCE, |_| true);
        if records.is_empty() {
            break;
        }
        bulk::encode(&records);
        for record in &records {
            assert!(before < Some(record.seq), "in order, each once");
            before = Some(record.seq);
            spool.ack(record.seq, Outcome::Indexed);
        }
    }
    assert_eq!(spool.queued(), 0);
}

/// The answer to a bulk request: a byte with the number of documents, and the body.
pub fn answers(data: &[u8]) {
    let Some((sent, body)) = data.split_first() else {
        return;
    };
    let sent = usize::from(*sent);
    let Ok(items) = bulk::decode(body, sent) else {
        return;
    };
    assert_eq!(items.len(), sent, "a verdict for each document");
    let now = Millis(1_750_000_000_000);
    for item in &items {
        for timestamp in [Millis(0), now, Millis(u64::MAX)] {
            for attempted in [false, true] {
                let one = verdict::judge(item, attempted, timestamp, now);
                assert_eq!(one, verdict::judge(item, attempted, timestamp, now));
                // Only what was answered with success or as a conflict is there.
                if matches!(one, verdict::Verdict::Indexed) {
                    assert!((200..300).contains(&item.status));
                }
            }
        }
        item.why();
    }
}
