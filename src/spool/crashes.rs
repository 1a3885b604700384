//! Whatever dies when: a property.

use std::collections::BTreeSet;
use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;

use super::tests::{all, append, ask, letters, numbers, open, refuse};
use super::*;
use crate::files::TestDirectory;

/// What happens to a queue.
#[derive(Debug, Clone)]
enum Step {
    Append(bool, u64),
    /// So many records are shipped; those below the first number of 40 are indexed, those below the second are refused, the
    /// answer for the others does not come.
    Ship {
        records: usize,
        indexed: u64,
        refused: u64,
    },
    /// What was refused, of one stream or of all, comes back.
    Replay(Option<bool>, Death),
    Keep,
    Die,
}

/// When the process dies that takes documents back.
#[derive(Debug, Clone, Copy)]
enum Death {
    Never,
    /// Before the files of the dead letter go.
    BeforeRemoval,
    /// Before the cursor is written.
    BeforeCursor,
}

fn step() -> impl Strategy<Value = Step> {
    let death = prop_oneof![
        2 => Just(Death::Never),
        1 => Just(Death::BeforeRemoval),
        1 => Just(Death::BeforeCursor),
    ];
    prop_oneof![
        4 => (any::<bool>(), 1..20_u64).prop_map(|(stream, count)| Step::Append(stream, count)),
        4 => (1..40_usize, 0..40_u64, 0..40_u64)
            .prop_map(|(records, indexed, refused)| Step::Ship { records, indexed, refused }),
        2 => (any::<Option<bool>>(), death).prop_map(|(stream, death)| Step::Replay(stream, death)),
        2 => Just(Step::Keep),
        1 => Just(Step::Die),
    ]
}

fn name(stream: bool) -> &'static str {
    if stream { "a" } else { "b" }
}

/// What is in a directory now, to be put back as if it had not been changed.
struct Before(Vec<(PathBuf, Vec<u8>)>);

impl Before {
    fn of(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let read = |path: PathBuf| Some((path.clone(), std::fs::read(path).ok()?));
        Self(paths.into_iter().filter_map(read).collect())
    }

    fn of_letters(directory: &TestDirectory) -> Self {
        let entries = std::fs::read_dir(directory.path().join(dead_letter::FOLDER));
        Self::of(
            entries
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path()),
        )
    }

    fn put_back(self) {
        for (path, bytes) in self.0 {
            std::fs::write(path, bytes).unwrap();
        }
    }

    /// What has gone since; what has grown stays as it is.
    fn put_back_removed(self) {
        let removed = self.0.into_iter().filter(|(path, _)| !path.exists());
        Self(removed.collect()).put_back();
    }
}

/// A queue and what is known of its documents.
struct World {
    directory: TestDirectory,
    spool: Spool,
    /// Documents that were appended: all numbers below.
    next: u64,
    /// Documents that were indexed, and those of which a cursor says so.
    indexed: BTreeSet<u64>,
    kept: BTreeSet<u64>,
    /// Documents that were refused once: their second replay may come after they were indexed.
    refused: BTreeSet<u64>,
}

impl World {
    fn new() -> Self {
        let directory = TestDirectory::new();
        let spool = open(&directory).0;
        Self {
            directory,
            spool,
            next: 0,
            indexed: BTreeSet::new(),
            kept: BTreeSet::new(),
            refused: BTreeSet::new(),
        }
    }

    fn go(&mut self, step: Step) {
        match step {
            Step::Append(stream, count) => {
                append(&self.spool, name(stream), self.next..self.next + count);
                self.next += count;
            }
            Step::Ship {
                records,
                indexed,
                refused,
            } => self.ship(records, indexed, refused),
            Step::Replay(stream, death) => self.replay(stream.map(name), death),
            Step::Keep => self.keep(),
            Step::Die => self.die(),
        }
    }

    fn ship(&mut self, records: usize, indexed: u64, refused: u64) {
        for record in &self.spool.next(usize::MAX, records, |_| true) {
            let number = numbers(std::slice::from_ref(record))[0];
            let is_again = self.refused.contains(&number);
            assert!(
                is_again || !self.kept.contains(&number),
                "{number} was settled and kept"
            );
            if number % 40 < indexed {
                self.spool.ack(record.seq, Outcome::Indexed);
                self.indexed.insert(number);
            } else if number % 40 < refused {
                refuse(&self.spool, std::slice::from_ref(record));
                self.refused.insert(number);
            } else {
                self.spool.give_back(record.seq, true);
            }
        }
    }

    fn keep(&mut self) {
        self.spool.keep().unwrap();
        self.kept.clone_from(&self.indexed);
    }

    fn die(&mut self) {
        // The lock is given back first.
        let nothing = TestDirectory::new();
        self.spool = open(&nothing).0;
        self.spool = open(&self.directory).0;
        self.indexed.clone_from(&self.kept);
    }

    fn replay(&mut self, stream: Option<&str>, death: Death) {
        if !self.directory.path().join(dead_letter::FOLDER).exists() {
            return;
        }
        ask(&self.directory, stream);
        let letters = Before::of_letters(&self.directory);
        let cursor = Before::of([self.directory.path().join("cursor")]);
        let had_cursor = !cursor.0.is_empty();
        let numbers = segment::list(self.directory.path()).unwrap();
        let path = |number| segment::path(self.directory.path(), number);
        let segments = Before::of(numbers.into_iter().map(path));
        let is_kept = self.kept.clone();
        self.spool.replay().unwrap();
        // A replay keeps what it takes back, and the rest with it; where there was nothing it does not.
        let is_dirty = self.spool.lock().is_dirty;
        if !is_dirty {
            self.kept.clone_from(&self.indexed);
        }
        match death {
            Death::Never => {}
            Death::BeforeRemoval => {
                letters.put_back();
                self.die();
            }
            Death::BeforeCursor if had_cursor => {
                letters.put_back();
                cursor.put_back();
                segments.put_back_removed();
                self.kept = is_kept;
                self.die();
            }
            Death::BeforeCursor => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    /// Each document is shipped at least once, a second time only if its end was not kept or it was replayed; none is
    /// lost, and the accounts add up.
    #[test]
    fn nothing_is_lost_and_every_account_adds_up(steps in vec(step(), 1..60)) {
        let mut world = World::new();
        for step in steps {
            world.go(step);
            for (stream, account) in world.spool.ledger().accounts() {
                prop_assert!(account.balances(), "{stream}: {account:?}");
            }
        }
        world.die();
        let account = world.spool.ledger().total();
        prop_assert_eq!((account.collected, account.dropped), (world.next, 0));
        let left: BTreeSet<u64> = numbers(&all(&world.spool)).into_iter().collect();
        let refused: BTreeSet<u64> = letters(&world.directory).into_iter().collect();
        for number in 0..world.next {
            let is_there = world.kept.contains(&number) || left.contains(&number) || refused.contains(&number);
            prop_assert!(is_there, "{number} is lost");
        }
        for number in left.iter().filter(|number| world.kept.contains(number)) {
            prop_assert!(world.refused.contains(number), "{number} waits though it was settled and kept");
        }
    }
}
