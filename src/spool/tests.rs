//! Sentences about crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::*;
use crate::files::TestDirectory;
use crate::ship::elasticsearch::bulk::add_lines;

const ROOM: u64 = 1 << 30;

/// Documents by the number in their text: `{"n":17}`.
pub(super) fn pack(packer: &mut Packer, stream: &str, numbers: std::ops::Range<u64>) -> Pack {
    let (mut text, mut rows) = (Vec::new(), Vec::new());
    for number in numbers {
        let id = DocumentId::new(stream, Millis(number));
        add_lines(
            &mut text,
            stream,
            id,
            format!("{{\"n\":{number}}}").as_bytes(),
        );
        let end = u32::try_from(text.len()).unwrap();
        rows.push(Row { end, id });
    }
    Pack {
        stream: stream.into(),
        timestamp: Millis(1),
        rows,
        block: Arc::new(packer.pack(&text)),
    }
}

/// A document of 3,200 bytes that cannot be packed.
pub(super) fn noise(n: u64) -> Pack {
    let numbers = (0..400).map(|m| fastrand::Rng::with_seed(n * 1_000 + m).u64(..));
    let text: Vec<u8> = numbers.flat_map(u64::to_le_bytes).collect();
    Pack {
        stream: "a".into(),
        timestamp: Millis(n),
        rows: vec![Row {
            end: 3_200,
            id: DocumentId::new("a", Millis(n)),
        }],
        block: Arc::new(Packer::default().pack(&text)),
    }
}

pub(super) fn open(directory: &TestDirectory) -> (Spool, Recovered) {
    Spool::open(directory.path(), ROOM).unwrap()
}

pub(super) fn append(spool: &Spool, stream: &str, numbers: std::ops::Range<u64>) -> usize {
    spool.append(pack(&mut Packer::default(), stream, numbers))
}

pub(super) fn number_of(document: &str) -> u64 {
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    document["n"].as_u64().unwrap()
}

/// Every number of the stream that is lent, with its document checked.
fn read(records: &[Record]) -> Vec<(String, u64)> {
    let one = |record: &Record| {
        let text = record.entry.lines.block().unpack();
        let lines = std::str::from_utf8(&text[record.entry.lines.range()]).unwrap();
        let (action, document) = lines.trim_end().split_once('\n').unwrap();
        let number = number_of(document);
        let stream = record.entry.stream.to_string();
        assert!(action.contains(&format!("\"{stream}\"")), "{action}");
        assert_eq!(record.entry.id, DocumentId::new(&stream, Millis(number)));
        (stream, number)
    };
    records.iter().map(one).collect()
}

pub(super) fn numbers(records: &[Record]) -> Vec<u64> {
    read(records)
        .into_iter()
        .map(|(_, number)| number)
        .collect()
}

pub(super) fn all(spool: &Spool) -> Vec<Record> {
    spool.next(usize::MAX, usize::MAX, |_| true)
}

fn segments(directory: &TestDirectory) -> Vec<PathBuf> {
    let numbers = segment::list(directory.path()).unwrap();
    numbers
        .into_iter()
        .map(|number| segment::path(directory.path(), number))
        .collect()
}

pub(super) fn settle(spool: &Spool, records: &[Record]) {
    records
        .iter()
        .for_each(|record| spool.ack(record.seq, Outcome::Indexed));
}

#[test]
fn a_process_that_dies_loses_nothing() {
    let directory = TestDirectory::new();
    let (spool, recovered) = open(&directory);
    assert_eq!(recovered, Recovered::default());
    append(&spool, "a", 0..5);
    append(&spool, "b", 5..7);
    drop(spool);
    let (spool, recovered) = open(&directory);
    assert_eq!((recovered.waiting, recovered.lost), (7, 0));
    let records = all(&spool);
    assert_eq!(numbers(&records), [0, 1, 2, 3, 4, 5, 6]);
    assert!(
        records.iter().all(|record| record.attempted),
        "it may have been sent"
    );
    assert_eq!(spool.ledger().total().collected, 7);
}

#[test]
fn what_was_settled_stays_settled_once_the_cursor_is_written() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    append(&spool, "a", 0..10);
    let records = spool.next(usize::MAX, 4, |_| true);
    settle(&spool, &records[1..3]);
    spool.keep().unwrap();
    settle(&spool, &records[3..4]);
    drop(spool);
    let (spool, recovered) = open(&directory);
    assert_eq!(recovered.waiting, 8);
    assert_eq!(numbers(&all(&spool)), [0, 3, 4, 5, 6, 7, 8, 9]);
    let account = spool.ledger().total();
    assert_eq!(
        (account.collected, account.indexed, account.queued),
        (10, 2, 8)
    );
}

#[test]
fn a_segment_goes_when_all_of_it_is_settled_and_the_cursor_says_so() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    append(&spool, "a", 0..10);
    drop(spool);
    let (spool, _) = open(&directory);
    settle(&spool, &all(&spool));
    assert_eq!(segments(&directory).len(), 1);
    spool.keep().unwrap();
    assert_eq!(segments(&directory).len(), 0);
    drop(spool);
    let (spool, recovered) = open(&directory);
    assert_eq!(recovered, Recovered::default());
    append(&spool, "a", 10..11);
    assert_eq!(all(&spool)[0].seq, 10, "numbers are never used twice");
}

#[test]
fn a_stream_that_is_held_does_not_hold_the_others() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    append(&spool, "held", 0..3);
    append(&spool, "a", 3..5);
    let records = spool.next(usize::MAX, usize::MAX, |stream| stream == "a");
    assert_eq!(numbers(&records), [3, 4]);
    settle(&spool, &records);
    let waiting = spool.waiting_streams();
    assert_eq!(
        waiting.iter().map(|stream| &**stream).collect::<Vec<_>>(),
        ["held"]
    );
}

#[test]
fn lends_in_order_within_bounds_and_always_at_least_one() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    append(&spool, "a", 0..3);
    append(&spool, "b", 3..4);
    append(&spool, "a", 4..6);
    let two = 2 * spool.next(1, 1, |_| true)[0].entry.lines.len();
    spool.give_back(0, false);
    assert_eq!(numbers(&spool.next(two, 100, |_| true)), [0, 1]);
    assert_eq!(numbers(&spool.next(1, 100, |_| true)), [2]);
    assert_eq!(numbers(&spool.next(usize::MAX, 2, |_| true)), [3, 4]);
    assert_eq!(numbers(&all(&spool)), [5]);
    assert!(all(&spool).is_empty(), "lent records are not lent again");
    spool.give_back(1, true);
    spool.give_back(4, false);
    let again = all(&spool);
    assert_eq!(numbers(&again), [1, 4]);
    assert!(again[0].attempted && !again[1].attempted);
    spool.give_back_all();
    assert!(all(&spool).iter().all(|record| record.attempted));
}

/// Whatever bit it is: a document that comes back is the one that was appended.
#[test]
fn a_wrong_bit_costs_a_block_and_never_makes_a_wrong_document() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    for block in 0..3 {
        append(&spool, "a", block * 10..block * 10 + 10);
    }
    spool.keep().unwrap();
    drop(spool);
    let file = segments(&directory).remove(0);
    let whole = std::fs::read(&file).unwrap();
    for byte in 0..whole.len() {
        let mut wrong = whole.clone();
        wrong[byte] ^= 1 << (byte % 8);
        std::fs::write(&file, &wrong).unwrap();
        let (spool, _) = open(&directory);
        let found = numbers(&all(&spool));
        // The first bytes of the file are looked past.
        let expected = if byte < 8 { 30 } else { 20 };
        assert_eq!(found.len(), expected, "byte {byte}");
        let account = spool.ledger().total();
        assert_eq!(
            (account.collected, account.queued, account.dropped),
            (30, expected as u64, 30 - expected as u64)
        );
        assert!(account.balances());
    }
}

#[test]
fn a_segment_that_was_cut_off_anywhere_has_what_is_whole() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    append(&spool, "a", 0..10);
    append(&spool, "a", 10..20);
    spool.keep().unwrap();
    drop(spool);
    let file = segments(&directory).remove(0);
    let whole = std::fs::read(&file).unwrap();
    let mut seen = BTreeSet::new();
    for length in 0..whole.len() {
        std::fs::write(&file, &whole[..length]).unwrap();
        let (spool, recovered) = open(&directory);
        let found = numbers(&all(&spool));
        assert_eq!(found, (0..found.len() as u64).collect::<Vec<_>>());
        assert_eq!(recovered.lost, 20 - found.len() as u64);
        assert!(spool.ledger().total().balances());
        seen.insert(found.len());
    }
    assert_eq!(seen, BTreeSet::from([0, 10]));
}

#[test]
fn a_cursor_that_cannot_be_read_costs_a_second_attempt() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    append(&spool, "a", 0..4);
    settle(&spool, &spool.next(usize::MAX, 2, |_| true));
    spool.keep().unwrap();
    drop(spool);
    std::fs::write(directory.path().join("cursor"), "rubbish").unwrap();
    let (spool, recovered) = open(&directory);
    assert!(recovered.cursor_lost);
    assert_eq!(numbers(&all(&spool)), [0, 1, 2, 3]);
    assert_eq!(spool.ledger().total().collected, 4);
}

#[test]
fn a_cursor_into_the_void_is_counted_as_lost_and_numbers_go_on_behind_it() {
    let directory = TestDirectory::new();
    let account = Account {
        collected: 50,
        indexed: 40,
        queued: 10,
        ..Account::default()
    };
    let cursor = Cursor {
        next_seq: 1_000,
        waiting: vec![(700, 10)],
        letters_gone: 0,
        oldest: None,
        accounts: BTreeMap::from([("a".to_owned(), account)]),
    };
    std::fs::write(directory.path().join("cursor"), cursor.encode()).unwrap();
    let (spool, recovered) = open(&directory);
    assert_eq!((recovered.waiting, recovered.lost), (0, 10));
    append(&spool, "a", 0..1);
    assert_eq!(all(&spool)[0].seq, 1_000);
    let account = spool.ledger().total();
    assert_eq!(
        (account.collected, account.dropped, account.queued),
        (51, 10, 1)
    );
}

#[test]
fn a_full_queue_drops_its_oldest_segment_and_counts_it() {
    let directory = TestDirectory::new();
    let room = 1 << 20;
    let (spool, _) = Spool::open(directory.path(), room).unwrap();
    let dropped: usize = (0..400).map(|n| spool.append(noise(n))).sum();
    assert!(dropped > 0);
    let bytes: u64 = segments(&directory)
        .iter()
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert!(bytes <= room && bytes > room / 2, "{bytes}");
    let first = all(&spool).remove(0);
    assert_eq!(first.seq, dropped as u64);
    let account = spool.ledger().total();
    assert_eq!((account.collected, account.dropped), (400, dropped as u64));
    assert!(account.balances());
}

#[test]
fn what_is_too_old_goes_by_the_segment_and_is_counted_and_what_is_lent_stays_counted() {
    const HOUR: Duration = Duration::from_secs(3_600);
    const MINUTE: u64 = 60_000;
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    spool.set_max_age(Some(HOUR));
    let now = Millis::now().0;
    for minutes in (0..120).rev() {
        let number = 119 - minutes;
        spool.append(Pack {
            timestamp: Millis(now - minutes * MINUTE),
            ..pack(&mut Packer::default(), "a", number..number + 1)
        });
    }
    let lent = spool.next(usize::MAX, 10, |_| true);
    spool.keep().unwrap();
    let account = spool.ledger().total();
    // An hour of them, and a segment more at most.
    let (least, most) = (120 - 60 - 5, 60);
    let gone = account.dropped + lent.len() as u64;
    assert!((least..=most).contains(&gone), "{account:?}");
    assert_eq!(account.queued, 120 - account.dropped);
    lent.iter()
        .for_each(|one| spool.ack(one.seq, Outcome::Indexed));
    spool.keep().unwrap();
    drop(spool);
    let (spool, recovered) = open(&directory);
    assert_eq!((recovered.waiting, recovered.lost), (120 - gone, 0));
    let first = all(&spool).remove(0);
    assert_eq!(first.seq, gone, "the oldest ones went");
}

#[test]
fn a_directory_serves_one_agent_at_a_time_and_says_what_is_wrong_with_it() {
    let directory = TestDirectory::new();
    let (first, _) = open(&directory);
    let error = Spool::open(directory.path(), ROOM).unwrap_err().to_string();
    assert!(
        error.starts_with("another agent uses the queue's directory"),
        "{error}"
    );
    drop(first);
    open(&directory);
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Spool::open(&file, ROOM).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot use the queue's directory"),
        "{error}"
    );
}

#[test]
fn settling_twice_counts_once_and_what_is_not_there_is_nothing() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    append(&spool, "a", 0..3);
    let _lent = all(&spool);
    for seq in [2, 0, 0, 1, 1, 99] {
        spool.ack(seq, Outcome::Indexed);
        spool.give_back(seq, true);
    }
    let account = spool.ledger().total();
    assert_eq!((account.indexed, account.queued), (3, 0));
}
