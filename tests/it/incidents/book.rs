//! The file of times: what a run measures replaces what earlier ones did.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

use super::full;
use super::rule::Stated;
use super::stage::Told;

/// Above the times.
const HEAD: &str = "# Seconds, by `make prove-rules`: from an incident to the first answer in which the rule's query fires, and from its end to the first silent one.\n";

/// On what something was seen.
#[derive(Clone, Copy)]
pub(super) enum Seen {
    /// Real servers.
    Live,
    /// Documents that were put in again.
    Recorded,
}

/// Seconds until a rule fired and until it cleared, if it did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) fires: Option<u64>,
    pub(super) clears: Option<u64>,
}

pub(super) struct Book {
    path: PathBuf,
    /// What was other than it should be; held while the file is written.
    wrong: Mutex<Vec<String>>,
}

/// What the file holds.
#[derive(Default)]
struct Page {
    quiet: (u64, u64),
    rules: BTreeMap<String, String>,
}

impl Book {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            wrong: Mutex::default(),
        }
    }

    /// Writes at once: a run may be ended before its end.
    pub(super) fn note(&self, rule: &str, told: &Told<'_>, times: Times) {
        let mut wrong = self.wrong.lock().expect("no panic");
        let stated = Stated::of(rule);
        println!("{rule} ({}): {times:?} of {stated:?}", told.incident);
        let (Some(fires), Some(clears)) = (times.fires, times.clears) else {
            return wrong.push(format!("{rule}: {times:?}"));
        };
        if fires > stated.fires || clears > stated.clears {
            wrong.push(format!("{rule} is late: {times:?} of {stated:?}"));
        }
        let seen = match told.seen {
            Seen::Live => "live",
            Seen::Recorded => "recorded",
        };
        let note = full::note(rule).map(|note| format!(", note: \"{note}\""));
        let note = note.unwrap_or_default();
        let line = format!(
            "{{incident: \"{}\", seen: {seen}{note}, fires: {fires}, clears: {clears}}}",
            told.incident
        );
        let mut page = self.read();
        page.rules.insert(rule.to_owned(), line);
        self.write(&page);
    }

    /// Adds a quiet minute and gives how many there are.
    pub(super) fn quiet_minute(&self, rounds: u64) -> u64 {
        let _held = self.wrong.lock().expect("no panic");
        let mut page = self.read();
        page.quiet.0 += 1;
        page.quiet.1 += rounds;
        self.write(&page);
        page.quiet.0
    }

    pub(super) fn quiet_minutes(&self) -> u64 {
        self.read().quiet.0
    }

    /// Something has fired: what was quiet until now begins anew.
    pub(super) fn not_quiet(&self, fired: &str) {
        let mut wrong = self.wrong.lock().expect("no panic");
        wrong.push(format!("fired without an incident: {fired}"));
        let mut page = self.read();
        page.quiet = (0, 0);
        self.write(&page);
    }

    /// Something else went wrong.
    pub(super) fn complain(&self, what: String) {
        self.wrong.lock().expect("no panic").push(what);
    }

    pub(super) fn wrong(&self) -> Vec<String> {
        self.wrong.lock().expect("no panic").clone()
    }

    fn read(&self) -> Page {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let mut page = Page::default();
        for line in text.lines() {
            if let Some(quiet) = line.strip_prefix("quiet: ") {
                let mut numbers = quiet
                    .split(|letter: char| !letter.is_ascii_digit())
                    .filter_map(|word| word.parse().ok());
                page.quiet = (
                    numbers.next().unwrap_or_default(),
                    numbers.next().unwrap_or_default(),
                );
            } else if let Some((rule, times)) =
                line.strip_prefix("  ").and_then(|l| l.split_once(": "))
            {
                page.rules.insert(rule.to_owned(), times.to_owned());
            }
        }
        page
    }

    fn write(&self, page: &Page) {
        let (minutes, rounds) = page.quiet;
        let mut text = format!("{HEAD}quiet: {{minutes: {minutes}, rounds: {rounds}}}\nrules:\n");
        for (rule, times) in &page.rules {
            writeln!(text, "  {rule}: {times}").expect("a String takes everything");
        }
        if page.rules.is_empty() {
            text = text.replace("rules:\n", "rules: {}\n");
        }
        let new = self.path.with_extension("new");
        std::fs::write(&new, text).expect("the file can be written");
        std::fs::rename(&new, &self.path).expect("the file can be written");
    }
}

#[test]
fn what_was_measured_earlier_stays_and_minutes_add_up() {
    let work = stack::WorkDir::new("book").expect("a folder");
    let book = Book::new(work.join("measured.yml"));
    let times = |fires, clears| Times {
        fires: Some(fires),
        clears: Some(clears),
    };
    assert_eq!(book.quiet_minute(20), 1);
    book.note("agent-gone", &Told::live("it stopped"), times(30, 20));
    book.note("agent-silent", &Told::live("it stopped"), times(31, 21));
    book.note("agent-gone", &Told::live("it stopped"), times(33, 23));
    assert_eq!(Book::new(work.join("measured.yml")).quiet_minute(22), 2);
    let text = std::fs::read_to_string(work.join("measured.yml")).expect("it is written");
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "quiet: {minutes: 2, rounds: 42}",
            "rules:",
            "  agent-gone: {incident: \"it stopped\", seen: live, fires: 33, clears: 23}",
            "  agent-silent: {incident: \"it stopped\", seen: live, fires: 31, clears: 21}",
        ]
    );
    assert_eq!(book.wrong(), [] as [&str; 0]);

    book.note("agent-gone", &Told::live("it stopped"), times(9_000, 1));
    let silent = Times {
        fires: None,
        clears: None,
    };
    book.note("agent-gone", &Told::live("it stopped"), silent);
    book.not_quiet("agent-gone");
    assert_eq!((book.wrong().len(), book.quiet_minutes()), (3, 0));
}
