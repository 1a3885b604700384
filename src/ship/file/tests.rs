//! Sentences about files, and about processes that die while they write them.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::files::Chunk;
use super::*;
use crate::files::TestDirectory;
use crate::ship::batches::Fate;
use crate::ship::lines::tests::append;
use crate::spool::{Outcome, Spool};

const STREAM: &str = "metrics-brokerbeat.jvm-default";

/// A queue and files, which can be opened again as the next process does.
struct Rig {
    directory: TestDirectory,
    config: FileConfig,
}

impl Rig {
    fn new(rotate_every: u64) -> Self {
        let directory = TestDirectory::new();
        let config = FileConfig {
            path: directory.path().join("out"),
            filename: "docs".into(),
            rotate_every,
            number_of_files: 3,
            permissions: 0o640,
        };
        Self { directory, config }
    }

    fn spool(&self) -> Spool {
        Spool::open(&self.directory.path().join("spool"), 1 << 30)
            .unwrap()
            .0
    }

    fn files(&self) -> Files {
        Files::open(&self.config).unwrap()
    }

    /// Names and numbers of documents of each file; every line is whole.
    fn read(&self) -> Vec<(String, Vec<u64>)> {
        let mut found: Vec<_> = std::fs::read_dir(&self.config.path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|of| of == "ndjson"))
            .map(|path| {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(text.is_empty() || text.ends_with('\n'), "{path:?} is torn");
                let number = |line| {
                    let document: Value = serde_json::from_str(line).unwrap();
                    document["n"].as_u64().unwrap()
                };
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, text.lines().map(number).collect())
            })
            .collect();
        found.sort();
        found
    }

    fn numbers(&self) -> Vec<u64> {
        self.read()
            .into_iter()
            .flat_map(|(_, numbers)| numbers)
            .collect()
    }
}

/// Writes what waits; settled as fates say.
fn write(spool: &Spool, files: &mut Files) -> Vec<Fate> {
    let records = spool.next(usize::MAX, usize::MAX, |_| true);
    let attempt = files.take(&Lines::of(&records));
    assert_eq!(attempt.trouble, None);
    for (record, fate) in records.iter().zip(&attempt.fates) {
        match fate {
            Fate::Taken => spool.ack(record.seq, Outcome::Indexed),
            Fate::There => spool.ack(record.seq, Outcome::Duplicate),
            other => panic!("{other:?}"),
        }
    }
    attempt.fates
}

#[test]
fn files_follow_one_another_and_the_oldest_go() {
    let rig = Rig::new(2_000);
    let (spool, mut files) = (rig.spool(), rig.files());
    append(&spool, STREAM, 0..30);
    write(&spool, &mut files);
    append(&spool, STREAM, 30..100);
    write(&spool, &mut files);
    let found = rig.read();
    assert_eq!(found.len(), 3);
    let all = rig.numbers();
    assert_eq!(all.last(), Some(&99));
    assert!(all.is_sorted() && all.windows(2).all(|pair| pair[1] == pair[0] + 1));
    for (name, _) in &found {
        let metadata = std::fs::metadata(rig.config.path.join(name)).unwrap();
        assert!(metadata.len() <= 2_000, "{name} is larger");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
    }
    assert!(*found[0].0 > *"docs-0000000001.ndjson", "numbers rise");
}

#[test]
fn a_line_that_was_not_finished_is_cut_off_and_comes_again_whole() {
    let rig = Rig::new(1 << 20);
    {
        let (spool, mut files) = (rig.spool(), rig.files());
        append(&spool, STREAM, 0..5);
        write(&spool, &mut files);
        append(&spool, STREAM, 5..6);
        spool.keep().unwrap();
        let torn = b"{\"@metadata\":{\"id\":\"00";
        files.newest.as_mut().unwrap().file.write_all(torn).unwrap();
    }
    let (spool, mut files) = (rig.spool(), rig.files());
    assert_eq!(write(&spool, &mut files), [Fate::Taken]);
    assert_eq!(rig.numbers(), [0, 1, 2, 3, 4, 5]);
}

/// The cursor of the queue is behind: the process died between the sync and the cursor.
#[test]
fn what_was_written_before_a_death_is_not_written_again() {
    // In one file, and over several.
    for rotate_every in [1 << 20, 1_200] {
        let mut rig = Rig::new(rotate_every);
        rig.config.number_of_files = 100;
        {
            let (spool, mut files) = (rig.spool(), rig.files());
            append(&spool, STREAM, 0..10);
            write(&spool, &mut files);
            spool.keep().unwrap();
            append(&spool, STREAM, 10..30);
            write(&spool, &mut files);
            append(&spool, STREAM, 30..35);
        }
        let (spool, mut files) = (rig.spool(), rig.files());
        let fates = write(&spool, &mut files);
        let there = fates.iter().filter(|fate| **fate == Fate::There).count();
        assert_eq!(
            (there, fates.len()),
            (20, 25),
            "rotate_every {rotate_every}"
        );
        assert_eq!(rig.numbers(), (0..35).collect::<Vec<_>>());
        let account = spool.ledger().total();
        assert!(account.balances());
        assert_eq!((account.indexed, account.duplicate), (15, 20));
    }
}

#[test]
fn what_was_written_of_a_batch_when_the_disk_was_full_is_kept_up_to_its_last_whole_line() {
    let rig = Rig::new(1 << 20);
    let (spool, mut files) = (rig.spool(), rig.files());
    append(&spool, STREAM, 0..1);
    write(&spool, &mut files);
    let lines = ["{\"n\":1}\n", "{\"n\":2}\n", "{\"n\":3}\n"];
    let chunk = Chunk {
        text: lines.concat().into_bytes(),
        members: vec![(0, 8), (1, 16), (2, 24)],
    };
    let newest = files.newest.as_mut().unwrap();
    for (written, whole) in [(0, 0), (7, 0), (8, 8), (20, 16)] {
        newest.file.write_all(&chunk.text[..written]).unwrap();
        assert_eq!(newest.cut_back(&chunk).unwrap(), whole);
        let expected: Vec<u64> = (0..=whole as u64 / 8).collect();
        assert_eq!(rig.numbers(), expected);
        let length = newest.file.metadata().unwrap().len();
        newest.file.set_len(length - whole as u64).unwrap();
    }
}

#[test]
fn a_file_that_somebody_moves_away_is_followed_by_another() {
    let rig = Rig::new(1 << 20);
    let (spool, mut files) = (rig.spool(), rig.files());
    append(&spool, STREAM, 0..2);
    write(&spool, &mut files);
    let path = |name: &str| rig.config.path.join(name);
    std::fs::rename(path("docs-0000000001.ndjson"), path("mine")).unwrap();
    append(&spool, STREAM, 2..4);
    write(&spool, &mut files);
    assert_eq!(rig.numbers(), [2, 3]);
}

#[test]
fn a_directory_that_cannot_be_had_is_said() {
    let rig = Rig::new(1 << 20);
    let files = rig.files();
    let second = Files::open(&rig.config).unwrap_err().to_string();
    assert!(
        second.contains("another agent writes the files docs-"),
        "{second}"
    );
    drop(files);
    let config = FileConfig {
        path: "/proc/no".into(),
        ..rig.config.clone()
    };
    let error = Files::open(&config).unwrap_err().to_string();
    assert!(error.contains("set another output.file.path"), "{error}");
}

/// As after a disk that made the file and then failed.
#[test]
fn a_next_file_that_was_made_and_not_taken_is_taken_up() {
    let rig = Rig::new(2_000);
    let (spool, mut files) = (rig.spool(), rig.files());
    append(&spool, STREAM, 0..2);
    write(&spool, &mut files);
    std::fs::write(rig.config.path.join("docs-0000000002.ndjson"), "").unwrap();
    append(&spool, STREAM, 2..30);
    let records = spool.next(usize::MAX, usize::MAX, |_| true);
    let attempt = files.take(&Lines::of(&records));
    assert!(attempt.trouble.is_some());
    for (record, fate) in records.iter().zip(&attempt.fates) {
        match fate {
            Fate::Taken => spool.ack(record.seq, Outcome::Indexed),
            Fate::Again { attempted } => spool.give_back(record.seq, *attempted),
            other => panic!("{other:?}"),
        }
    }
    write(&spool, &mut files);
    let all = rig.numbers();
    assert_eq!(all, (0..30).collect::<Vec<u64>>());
}
