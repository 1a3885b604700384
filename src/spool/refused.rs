//! Sentences about documents that are refused: for now, or for good until they come back.

use super::tests::{all, append, noise, number_of, numbers, open, settle};
use super::*;
use crate::dead_letter::Request;
use crate::files::TestDirectory;

fn refusal() -> Refusal {
    Refusal {
        status: None,
        error_type: "refused".to_owned(),
        reason: "by a test".to_owned(),
    }
}

/// The line is there before the account says so, whatever dies; without the line there is no account of it.
#[test]
fn a_dead_letter_is_counted_once_it_is_written_and_stays_counted_once_it_is_kept() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    append(&spool, "a", 0..4);
    let records = all(&spool);
    let refused = |range: std::ops::Range<usize>| -> Vec<(&Record, Refusal)> {
        records[range]
            .iter()
            .map(|record| (record, refusal()))
            .collect()
    };
    let letters = directory.path().join(dead_letter::FOLDER);
    std::fs::write(&letters, "a file in the way").unwrap();
    spool.dead_letter(&refused(0..2)).unwrap_err();
    assert_eq!(spool.ledger().total().queued, 4);
    std::fs::remove_file(&letters).unwrap();
    spool.dead_letter(&refused(0..2)).unwrap();
    spool.keep().unwrap();
    spool.dead_letter(&refused(2..3)).unwrap();
    drop(spool);
    let (spool, recovered) = open(&directory);
    let account = spool.ledger().total();
    assert_eq!(
        (account.dead_lettered, account.queued, recovered.lost),
        (2, 2, 0)
    );
}

/// A machine that dies loses what was not synced: a cursor must not count a letter that may go with it.
#[test]
fn a_cursor_counts_no_dead_letter_that_is_not_synced() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    append(&spool, "a", 0..2);
    spool.keep().unwrap();
    refuse(&spool, &all(&spool)[..1]);
    // Their directory is to be synced, as one of their files is new: it is not there.
    let letters = directory.path().join(dead_letter::FOLDER);
    let elsewhere = directory.path().join("elsewhere");
    std::fs::rename(&letters, &elsewhere).unwrap();
    let counted = || look(directory.path()).unwrap().total().dead_lettered;
    for _ in 0..2 {
        spool.keep().unwrap_err();
        assert_eq!(counted(), 0);
    }
    std::fs::rename(&elsewhere, &letters).unwrap();
    spool.keep().unwrap();
    assert_eq!(counted(), 1);
    drop(spool);
    let (spool, recovered) = open(&directory);
    assert_eq!((recovered.waiting, recovered.lost), (1, 0));
    assert_eq!(spool.ledger().total().dead_lettered, 1);
}

/// Numbers in the dead letter, in their order.
pub(super) fn letters(directory: &TestDirectory) -> Vec<u64> {
    let mut numbers = Vec::new();
    let add = |_: &[u8], letter: dead_letter::Letter| {
        let document = letter.document.get();
        numbers.push(number_of(document));
        true
    };
    DeadLetter::read(&directory.path().join(dead_letter::FOLDER), add).unwrap();
    numbers
}

pub(super) fn refuse(spool: &Spool, records: &[Record]) {
    let refused: Vec<_> = records.iter().map(|record| (record, refusal())).collect();
    spool.dead_letter(&refused).unwrap();
}

pub(super) fn ask(directory: &TestDirectory, stream: Option<&str>) {
    let letters = directory.path().join(dead_letter::FOLDER);
    Request::leave(stream.map(str::to_owned), &letters).unwrap();
}

#[test]
fn what_is_replayed_is_the_same_document_and_was_sent_before() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    append(&spool, "a", 0..3);
    append(&spool, "b", 3..6);
    append(&spool, "a", 6..7);
    refuse(&spool, &all(&spool));
    ask(&directory, Some("a*"));
    spool.replay().unwrap();
    assert_eq!(letters(&directory), [3, 4, 5], "the other stream stays");
    let records = all(&spool);
    let ticks = records.iter().map(|record| record.entry.timestamp);
    assert!(ticks.into_iter().all(|tick| tick == Millis(1)));
    assert_eq!(numbers(&records), [0, 1, 2, 6]);
    assert!(records.iter().all(|record| record.attempted));
    // Refused again after the next replay was asked for: it needs one of its own.
    ask(&directory, None);
    refuse(&spool, &records[..2]);
    settle(&spool, &records[2..]);
    spool.replay().unwrap();
    spool.replay().unwrap();
    assert_eq!(letters(&directory), [0, 1]);
    ask(&directory, None);
    spool.replay().unwrap();
    assert!(letters(&directory).is_empty());
    assert_eq!(numbers(&all(&spool)), [3, 4, 5, 0, 1]);
    drop(spool);
    let (spool, recovered) = open(&directory);
    assert_eq!((recovered.waiting, recovered.lost), (5, 0));
    let account = spool.ledger().accounts()["a"];
    assert_eq!(
        (account.collected, account.replayed, account.dead_lettered),
        (4, 6, 6)
    );
}

#[test]
fn what_is_refused_while_its_replay_goes_on_is_not_replayed_again() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    append(&spool, "a", 0..2);
    refuse(&spool, &all(&spool));
    ask(&directory, None);
    let request = directory.path().join(dead_letter::FOLDER);
    let (path, _) = Request::pending(&request).unwrap().remove(0);
    let json = std::fs::read(&path).unwrap();
    spool.replay().unwrap();
    refuse(&spool, &all(&spool));
    // As if it had been cut off before its end.
    std::fs::write(&path, json).unwrap();
    spool.replay().unwrap();
    assert_eq!(letters(&directory), [0, 1]);
    assert!(all(&spool).is_empty());
}

#[test]
fn a_full_queue_takes_nothing_back_before_it_has_room() {
    let directory = TestDirectory::new();
    let room = 1 << 20;
    let (spool, _) = Spool::open(directory.path(), room).unwrap();
    append(&spool, "b", 0..1);
    refuse(&spool, &all(&spool));
    let dropped: usize = (1..400).map(|n| spool.append(noise(n))).sum();
    assert!(dropped > 0);
    ask(&directory, None);
    let before = spool.ledger().total();
    // The room of a few documents there always is: the dead letter has more.
    let file = directory
        .path()
        .join(dead_letter::FOLDER)
        .join("000000000001.ndjson");
    let line = std::fs::read(&file).unwrap();
    std::fs::write(&file, line.repeat(20_000)).unwrap();
    spool.replay().unwrap();
    assert_eq!(spool.ledger().total(), before);
    let mut left = all(&spool);
    while !left.is_empty() {
        settle(&spool, &left);
        left = all(&spool);
    }
    spool.keep().unwrap();
    spool.replay().unwrap();
    assert_eq!(spool.ledger().accounts()["b"].replayed, 20_000);
    assert_eq!(spool.ledger().total().dropped, before.dropped);
}

#[test]
fn what_is_set_aside_waits_for_its_time_and_what_is_behind_it_goes() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    append(&spool, "a", 0..6);
    let now = Instant::now();
    let later = now + std::time::Duration::from_secs(3_600);
    for record in spool.next(usize::MAX, 4, |_| true) {
        spool.set_aside(record.seq, if record.seq == 1 { now } else { later });
    }
    assert_eq!(numbers(&all(&spool)), [1, 4, 5]);
    assert_eq!(spool.ledger().total().queued, 6);
    spool.give_back_all();
    assert_eq!(numbers(&all(&spool)), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn what_is_set_aside_is_dropped_for_room_as_what_waits_is() {
    let directory = TestDirectory::new();
    let (spool, _) = Spool::open(directory.path(), 1 << 20).unwrap();
    let later = Instant::now() + std::time::Duration::from_secs(3_600);
    let mut dropped = 0;
    for n in 0..400 {
        dropped += spool.append(noise(n));
        for record in spool.next(usize::MAX, usize::MAX, |_| true) {
            spool.set_aside(record.seq, later);
        }
    }
    let account = spool.ledger().total();
    assert!(dropped > 0);
    assert_eq!(
        (account.dropped, account.queued),
        (dropped as u64, 400 - dropped as u64)
    );
    spool.give_back_all();
    assert_eq!(
        all(&spool).len() as u64,
        account.queued,
        "each of them can be read"
    );
}

/// Documents that make files of the dead letter full soon.
fn refuse_large(spool: &Spool, count: u64) -> io::Result<()> {
    for number in 0..count {
        spool.append(noise(number));
        let records = all(spool);
        let refused: Vec<_> = records.iter().map(|record| (record, refusal())).collect();
        let put = spool.dead_letter(&refused);
        records
            .iter()
            .for_each(|record| spool.give_back(record.seq, false));
        put?;
    }
    Ok(())
}

#[test]
fn letters_that_went_for_one_that_could_not_be_written_are_counted_all_the_same() {
    let directory = TestDirectory::new();
    let letters = directory.path().join(dead_letter::FOLDER);
    let file = |number: u64| letters.join(format!("{number:012}.ndjson"));
    let open = || open(&directory).0.with_dead_letter(256 << 10);
    let spool = open();
    while !file(4).exists() {
        refuse_large(&spool, 1).unwrap();
    }
    // No file can be written behind it.
    std::fs::create_dir(file(5)).unwrap();
    refuse_large(&spool, 1_000).unwrap_err();
    let given_up = spool.ledger().total().given_up;
    assert!(given_up > 0, "the oldest file went");
    spool.keep().unwrap();
    assert!(!file(1).exists(), "and made room");
    drop(spool);
    let spool = open();
    assert_eq!(spool.ledger().total().given_up, given_up);

    // One goes, the next cannot be read.
    std::fs::remove_dir(file(5)).unwrap();
    refuse_large(&spool, 1_000).unwrap();
    spool.keep().unwrap();
    let before = spool.ledger().total();
    let first = (1..).find(|number| file(*number).exists()).unwrap();
    std::fs::remove_file(file(first + 1)).unwrap();
    std::fs::create_dir(file(first + 1)).unwrap();
    // So large that both have to go.
    let third = std::fs::read_to_string(file(first + 2)).unwrap();
    std::fs::write(file(first + 2), third + &"\n".repeat(128 << 10)).unwrap();
    let in_first = std::fs::read_to_string(file(first)).unwrap();
    refuse_large(&spool, 1_000).unwrap_err();
    let after = spool.ledger().total();
    assert_eq!(
        after.given_up - before.given_up,
        in_first.lines().count() as u64
    );
}
