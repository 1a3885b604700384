//! Sentences about disks that fail, and work again.

use super::tests::{append, numbers, open, pack};
use super::*;
use crate::files::TestDirectory;

const EVERYTHING: usize = usize::MAX;

fn all(spool: &Spool) -> Vec<u64> {
    numbers(&spool.next(EVERYTHING, EVERYTHING, |_| true))
}

/// Something that cannot be read or written stands where a segment should be, until this ends.
struct InTheWay {
    segment: PathBuf,
    away: PathBuf,
}

impl InTheWay {
    fn of(directory: &TestDirectory, number: u64) -> Self {
        let segment = segment::path(directory.path(), number);
        let away = segment.with_extension("away");
        if segment.exists() {
            std::fs::rename(&segment, &away).unwrap();
        }
        std::fs::create_dir(&segment).unwrap();
        Self { segment, away }
    }
}

impl Drop for InTheWay {
    fn drop(&mut self) {
        std::fs::remove_dir(&self.segment).unwrap();
        if self.away.exists() {
            std::fs::rename(&self.away, &self.segment).unwrap();
        }
    }
}

#[test]
fn what_cannot_be_read_now_waits_and_what_has_gone_is_lost() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    append(&spool, "a", 0..10);
    drop(spool);
    let (spool, _) = open(&directory);
    append(&spool, "b", 0..10);
    let away = InTheWay::of(&directory, 0);
    assert_eq!(all(&spool).len(), 10, "another stream goes on");
    assert_eq!(spool.ledger().total().dropped, 0);
    drop(away);
    assert_eq!(all(&spool), (0..10).collect::<Vec<_>>());
    spool.give_back_all();
    drop(spool);
    let (spool, _) = open(&directory);
    std::fs::remove_file(segment::path(directory.path(), 0)).unwrap();
    assert_eq!(all(&spool).len(), 10);
    assert_eq!(spool.ledger().total().dropped, 10);
}

#[test]
fn what_waits_in_memory_is_written_in_its_order_as_soon_as_that_is_possible() {
    for by_append in [true, false] {
        let directory = TestDirectory::new();
        let (spool, _) = open(&directory);
        let away = InTheWay::of(&directory, 0);
        append(&spool, "a", 0..10);
        append(&spool, "a", 10..20);
        drop(away);
        let mut expected = 20;
        if by_append {
            append(&spool, "a", 20..30);
            expected = 30;
        } else {
            spool.keep().unwrap();
        }
        drop(spool);
        let (spool, recovered) = open(&directory);
        assert_eq!((recovered.waiting, recovered.lost), (expected, 0));
        assert_eq!(all(&spool), (0..expected).collect::<Vec<_>>());
    }
}

#[test]
fn a_segment_without_records_is_not_mistaken_for_the_next_one() {
    let directory = TestDirectory::new();
    let (spool, _) = open(&directory);
    append(&spool, "a", 0..5);
    spool.keep().unwrap();
    drop(spool);
    std::fs::write(segment::path(directory.path(), 5), b"bbspool\x01").unwrap();
    let (spool, _) = open(&directory);
    append(&spool, "a", 5..8);
    spool.keep().unwrap();
    spool.keep().unwrap();
    drop(spool);
    let (_, recovered) = open(&directory);
    assert_eq!((recovered.waiting, recovered.lost), (8, 0));
}

#[test]
fn what_comes_back_from_the_dead_letter_is_as_old_as_its_coming_back() {
    let directory = TestDirectory::new();
    for _ in 0..2 {
        let (spool, _) = open(&directory);
        spool.set_max_age(Some(Duration::from_secs(60)));
        if spool.queued() == 0 {
            // Of 1970.
            let old = pack(&mut Packer::default(), "a", 0..5);
            spool.lock().append(old, true);
        }
        spool.keep().unwrap();
        assert_eq!(spool.queued(), 5);
    }
}
