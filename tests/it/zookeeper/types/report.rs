//! The page that adds up runs, and what must hold.

use brokerbeat::catalogue::Catalogue;

use super::CLUSTERS;
use super::judge::Judge;
use crate::proof::{Proof, sum};

/// The folder where `make prove-zookeeper-types` keeps the rows of its runs, and the page that it wants.
const ROWS: &str = "BROKERBEAT_TYPES_ROWS";
const PAGE: &str = "BROKERBEAT_TYPES_REPORT";

/// A run of this many minutes is the whole proof.
const WHOLE: u64 = 60;

/// Fields that have values, counters that grow, and counters that fall by a restart, at the least: a check of nothing
/// proves nothing.
const LEAST_SEEN: usize = 300;
const LEAST_GREW: usize = 40;
const LEAST_MARKED: usize = 2;

/// A run that is over.
pub(super) struct Run {
    /// None for the test.
    pub(super) minutes: Option<u64>,
    pub(super) requests: u64,
    pub(super) judge: Judge,
    pub(super) log: String,
}

impl Run {
    pub(super) fn write_and_judge(&self) {
        let row = self.row();
        println!("{HEAD}\n{row}");
        if let Some(proof) = Proof::wanted(ROWS, PAGE) {
            proof.write(&text(&proof.add("rows.md", &row)));
        }
        self.judge.checks.judge(&self.log);
        assert!(self.judge.seen.len() >= LEAST_SEEN, "{row}");
        assert!(self.judge.grew.len() >= LEAST_GREW, "{row}");
        for cluster in CLUSTERS {
            let marked = self.judge.marked.get(cluster).copied().unwrap_or(0);
            assert!(marked >= LEAST_MARKED, "{cluster}: {row}");
        }
        self.judge_marks();
    }

    /// The restart is told once; before it a server says its start, as soon as it has told an uptime, and nothing where it
    /// tells none.
    fn judge_marks(&self) {
        for (cluster, told) in &self.judge.told {
            let known = told.iter().skip_while(|mark| mark.is_empty());
            let known: Vec<_> = known.collect();
            let starts = if cluster == "old" { 1 } else { 2 };
            assert_eq!(known.len(), starts, "{cluster}: {told:?}");
            assert!(known.is_sorted(), "{cluster}: {told:?}");
        }
        assert_eq!(self.judge.told.len(), CLUSTERS.len());
    }

    fn row(&self) -> String {
        let judge = &self.judge;
        format!(
            "| {} | 1 | {} | {} | {} | {} of {} | {} | {} | {:?} | {} | **{}** | {} |",
            self.minutes.unwrap_or(0),
            self.requests,
            judge.documents,
            judge.values,
            judge.seen.iter().filter(|name| is_of_servers(name)).count(),
            fields_of_servers(),
            judge.compared,
            judge.grew.len(),
            judge.marked.values().collect::<Vec<_>>(),
            judge.checks.done,
            judge.checks.violations,
            stack::conditions(),
        )
    }
}

fn is_of_servers(name: &str) -> bool {
    name.starts_with("zookeeper.") && !name.starts_with("zookeeper.jmx.")
}

/// How many fields the catalogue has for what servers say of themselves.
fn fields_of_servers() -> usize {
    let datasets = Catalogue::get().datasets.iter();
    let fields = datasets.flat_map(|dataset| &dataset.fields);
    fields.filter(|field| is_of_servers(&field.name)).count()
}

const HEAD: &str = "| minutes | restarts of each | requests | documents | values | fields that had values | comparisons of counters | counters that grew | that fell at the restart, marked, by target | checks | violations | conditions |\n\
|---|---|---|---|---|---|---|---|---|---|---|---|";

fn text(rows: &str) -> String {
    let minutes = rows
        .lines()
        .filter_map(|row| row.split('|').nth(1)?.trim().parse::<u64>().ok());
    let longest = minutes.max().unwrap_or(0);
    let verdict = match longest >= WHOLE {
        true => String::new(),
        false => format!(
            "\n\n**Not run in full:** the longest run has {longest} minutes, and an hour is meant."
        ),
    };
    format!(
        "# Types of ZooKeeper's figures\n\n\
         Written by `make prove-zookeeper-types` (`TYPES_MINUTES=60`); a row is a run, and runs add up: **{} minutes, {} documents, {} checks, {} \
         violations**.{verdict}\n\n\
         An agent reads a ZooKeeper 3.9.4 through its four-letter words and its AdminServer, and a 3.5.9 through its words, every five \
         seconds. Clients open and close sessions or leave them to expire, make, write, watch and remove nodes. In the middle both servers are \
         killed and started again. Then every value of every document is judged:\n\n\
         - its field is in `fields.yml`, and it is of that type: a long is whole, a date and an address are such; no number of a server is below 0\n\
         - a counter is not less than it was in the document before of the same series, unless `zookeeper.server.since` (of a session: \
         `zookeeper.connection.established`) is another one\n\
         - `zookeeper.server.since` changes once, with the restart\n\n\
         Fields without a value are those of an ensemble, and of things that did not happen.\n\n{HEAD}\n{rows}",
        sum(rows, 1),
        sum(rows, 4),
        sum(rows, 10),
        sum(rows, 11),
    )
}
