//! What was checked, what was wrong, and how narrow the brackets were: how much the check could have noticed.

use serde_json::Value;

use super::judge::Row;
use crate::observer::Cycle;
use crate::proof::Checks;

/// Seconds by which an age is made wrong, to see whether that would be noticed. An estimate may be off by the interval.
pub(crate) const OFF: f64 = 2.0;

/// How often a wrong value would have been noticed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Power {
    pub(crate) tried: usize,
    pub(crate) noticed: usize,
}

impl Power {
    fn of(&mut self, noticed: bool) {
        self.tried += 1;
        self.noticed += usize::from(noticed);
    }

    fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.noticed += other.noticed;
    }

    pub(crate) fn percent(self) -> f64 {
        100.0 * self.noticed as f64 / self.tried.max(1) as f64
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) cycles: usize,
    /// Cycles of which a part was missing.
    pub(crate) faulty: usize,
    /// Cycles that were over before anybody had answered, as their target's document says.
    pub(crate) down: usize,
    pub(crate) documents: usize,
    /// Documents about a partition of a group.
    pub(crate) rows: usize,
    /// Single things that were asserted.
    pub(crate) checks: Checks,
    /// Rows without a value since the cycle's time was over, and since a topic was just made or deleted.
    pub(crate) missing: usize,
    pub(crate) restless: usize,
    pub(crate) ages_unknown: usize,
    /// Milliseconds from a cycle's beginning to its end.
    pub(crate) windows: Vec<f64>,
    /// How many commits were possible for a row, how many log ends.
    pub(crate) commits_possible: Vec<f64>,
    pub(crate) ends_possible: Vec<f64>,
    /// Width of what was allowed for an age, in seconds; and of its stated error.
    pub(crate) ages: Vec<f64>,
    pub(crate) errors: Vec<f64>,
    /// The last document's commit where another one is said now; one record more; the same of log ends.
    pub(crate) stale_commits: Power,
    pub(crate) wrong_commits: Power,
    pub(crate) stale_ends: Power,
    pub(crate) wrong_ends: Power,
    /// An age that is [`OFF`] more, exact and estimated.
    pub(crate) wrong_exact: Power,
    pub(crate) wrong_estimated: Power,
}

impl Tally {
    pub(crate) fn cycle(&mut self, cycle: &Cycle<'_>) {
        self.cycles += 1;
        self.faulty += usize::from(cycle.faults > 0);
        self.documents += cycle.documents.len();
        let window = cycle.window;
        self.windows.push((window.to - window.from) as f64 / 1e3);
    }

    pub(crate) fn good(&mut self, good: bool, what: &str, document: &Value) {
        self.checks.good(good, what, document);
    }

    pub(crate) fn all_good(&mut self, wrong: Vec<String>, document: &Value) {
        self.good(wrong.is_empty(), &wrong.join(", "), document);
    }

    /// A committed offset must be one that may have been current.
    pub(crate) fn commit(&mut self, row: &Row<'_>, possible: &[Option<i64>], last: Option<i64>) {
        let known = possible.contains(&row.committed);
        let what = format!("committed is none of {possible:?}");
        self.good(known, &what, row.document);
        self.commits_possible.push(possible.len() as f64);
        let more = row.committed.map(|offset| offset + 1);
        self.wrong_commits.of(!possible.contains(&more));
        if last.is_some() && last != row.committed {
            self.stale_commits.of(!possible.contains(&last));
        }
    }

    /// A log end must lie within what may have been there.
    pub(crate) fn end(
        &mut self,
        end: i64,
        brackets: &[(i64, i64)],
        last: Option<i64>,
        document: &Value,
    ) {
        let inside = |end: i64| {
            brackets
                .iter()
                .any(|(least, most)| (*least..=*most).contains(&end))
        };
        self.good(
            inside(end),
            &format!("log end is not in {brackets:?}"),
            document,
        );
        let width = brackets
            .iter()
            .map(|(least, most)| most - least + 1)
            .sum::<i64>();
        self.ends_possible.push(width as f64);
        self.wrong_ends.of(!inside(end + 1));
        if let Some(last) = last.filter(|last| *last != end) {
            self.stale_ends.of(!inside(last));
        }
    }

    pub(crate) fn age(
        &mut self,
        seconds: f64,
        error: f64,
        method: &str,
        ranges: &[(f64, f64)],
        document: &Value,
    ) {
        let inside = |seconds: f64| {
            ranges
                .iter()
                .any(|(least, most)| (*least..=*most).contains(&seconds))
        };
        self.good(
            inside(seconds),
            &format!("the age is not in {ranges:?}"),
            document,
        );
        let noticed = !inside(seconds + OFF);
        match method {
            "exact" => self.wrong_exact.of(noticed),
            _ => self.wrong_estimated.of(noticed),
        }
        self.good(
            method == "estimated" || error == 0.0,
            "exact, with an error",
            document,
        );
        self.ages
            .extend(ranges.iter().map(|(least, most)| most - least));
        self.errors.push(error);
    }

    /// Several agents' figures in one.
    pub(crate) fn add(&mut self, other: Self) {
        self.cycles += other.cycles;
        self.faulty += other.faulty;
        self.down += other.down;
        self.documents += other.documents;
        self.rows += other.rows;
        self.checks.add(other.checks);
        self.missing += other.missing;
        self.restless += other.restless;
        self.ages_unknown += other.ages_unknown;
        self.windows.extend(other.windows);
        self.commits_possible.extend(other.commits_possible);
        self.ends_possible.extend(other.ends_possible);
        self.ages.extend(other.ages);
        self.errors.extend(other.errors);
        self.stale_commits.add(other.stale_commits);
        self.wrong_commits.add(other.wrong_commits);
        self.stale_ends.add(other.stale_ends);
        self.wrong_ends.add(other.wrong_ends);
        self.wrong_exact.add(other.wrong_exact);
        self.wrong_estimated.add(other.wrong_estimated);
    }
}
