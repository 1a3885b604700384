//! The page that adds up runs, and what must hold.

use std::time::Duration;

use super::LEAST_CYCLES;
use super::tally::{Power, Tally};
use super::world::Counts;
use crate::proof::{Proof, sum};

/// The folder where `make prove-lag` keeps the rows of its runs, and the page that it wants.
const ROWS: &str = "BROKERBEAT_LAG_ROWS";
const PAGE: &str = "BROKERBEAT_LAG_REPORT";

/// A value of an earlier cycle must be noticed mostly, or nothing is shown. (A commit may be repeated by chance, and one of
/// just before the cycle may still be current at its beginning.)
const LEAST_POWER: f64 = 50.0;
/// Rows, and cycles, of which the time was over: more than these would hide what was to be seen. In percent.
const MOST_MISSING: usize = 20;

/// A run that is over.
pub(super) struct Run {
    pub(super) length: Duration,
    pub(super) seed: u64,
    pub(super) tally: Tally,
    pub(super) counts: Counts,
}

impl Run {
    /// Writes the report, if one is wanted, and fails if a number was not true, or if too little was seen to say so.
    pub(super) fn write_and_judge(&self) {
        let (done, narrow) = (self.done(), self.narrow());
        println!("{DONE}\n{done}\n\n{NARROW}\n{narrow}");
        let tally = &self.tally;
        if let Some(proof) = Proof::wanted(ROWS, PAGE) {
            let rows = [("done.md", &done), ("narrow.md", &narrow)];
            let [done, narrow] = rows.map(|(name, row)| proof.add(name, row));
            proof.write(&text(&done, &narrow));
        }
        tally.checks.judge(&format!("LAG_SEED={}", self.seed));
        assert!(tally.cycles as u64 >= LEAST_CYCLES, "{done}");
        assert!(
            tally.rows > 0 && tally.wrong_exact.tried > 0 && tally.wrong_estimated.tried > 0,
            "{done}"
        );
        assert!(tally.down * 100 <= tally.cycles * MOST_MISSING, "{done}");
        assert!(tally.missing * 100 <= tally.rows * MOST_MISSING, "{done}");
        assert!(tally.stale_ends.percent() >= LEAST_POWER, "{narrow}");
        assert!(tally.stale_commits.percent() >= LEAST_POWER, "{narrow}");
    }

    fn done(&self) -> String {
        let (tally, counts) = (&self.tally, &self.counts);
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            self.length.as_secs(),
            tally.cycles,
            tally.documents,
            tally.rows,
            tally.checks.done,
            tally.checks.violations,
            counts.records,
            counts.commits,
            counts.deletions_of_records,
            counts.recreations,
            counts.deletions_of_groups,
            counts.member_changes,
            tally.faulty,
            tally.down,
            tally.missing,
            tally.restless,
            format_args!("{}, seed {}", stack::conditions(), self.seed),
        )
    }

    fn narrow(&self) -> String {
        let tally = &self.tally;
        let spread = |values: &[f64]| {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            let at = |part: usize| {
                sorted
                    .get(sorted.len() * part / 100)
                    .copied()
                    .unwrap_or(0.0)
            };
            format!("{:.3} / {:.3}", at(50), at(95))
        };
        let whole = |values: &[f64]| spread(values).replace(".000", "");
        let power = |power: Power| format!("{:.1} % of {}", power.percent(), power.tried);
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            spread(&tally.windows),
            whole(&tally.commits_possible),
            power(tally.stale_commits),
            power(tally.wrong_commits),
            whole(&tally.ends_possible),
            power(tally.stale_ends),
            power(tally.wrong_ends),
            spread(&tally.ages),
            spread(&tally.errors),
            power(tally.wrong_exact),
            power(tally.wrong_estimated),
            tally.ages_unknown,
        )
    }
}

const DONE: &str = "| seconds | cycles | documents | partitions of groups | checks | **violations** | records | commits | DeleteRecords | topics made anew | groups deleted | joined, left | cycles with a fault | without any answer | values missing for want of time | while a topic was made anew | conditions |\n\
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";
const NARROW: &str = "| cycle, ms | commits possible | the last document's commit noticed | one more noticed | log ends possible | the last document's end noticed | one more noticed | allowed width of an age, s | stated error, s | exact ages: two seconds more noticed | estimated ones | ages unknown |\n\
|---|---|---|---|---|---|---|---|---|---|---|---|";

fn text(done: &str, narrow: &str) -> String {
    format!(
        "# Lag, against a model\n\n\
         Written by `make prove-lag` (`LAG_MINUTES=5`; `LAG_SEED` repeats the dice of a run); a row is a run, and runs add \
         up: **{} seconds, {} cycles, {} checks, {} violations**.\n\n\
         A Kafka 4.2.0 broker is written to, committed to and administered by eight threads at once: bursts of records; three \
         groups without members whose commits jump forwards, backwards and to the end; a group that is deleted and comes back; \
         one whose members join and leave; records deleted, also unread ones; a topic deleted and made anew, with commits \
         behind its end. Two agents collect, one every second with estimated ages and one every four with `lag.read_records`. The threads write \
         down when each change was sent and when it was acknowledged.\n\n\
         Every number must have been true at some moment of its cycle: the committed offset is one that was current then, the \
         log end lies between what was acknowledged before and what was sent until the cycle's end, lag is their difference, \
         never negative but where the topic was made anew under a commit, sums are those of their parts; the age of the first \
         unread record is that of the record itself, within the stated error and the length of the cycle. No number of any \
         document is negative, null or none (`NaN`), and no group, partition or topic that was there is left out.\n\n{DONE}\n{done}\n\
         ## How much would have been noticed\n\n\
         Medians and 95th percentiles. *Commits possible*: how many committed offsets would have been taken as true, of all that \
         were ever committed there. *Noticed*: how often the value of the last document about the same partition, where it \
         was another one, would have been a violation, and how often a value that is one too high. Ages are held against the cycle's length and the stated error, which is up to the \
         interval for what is young.\n\n{NARROW}\n{narrow}",
        sum(done, 1),
        sum(done, 2),
        sum(done, 5),
        sum(done, 6),
    )
}
