//! Time without an incident, in which no rule may fire.

use std::time::{Duration, Instant};

use super::book::Book;
use super::full::pass;
use super::watch::Watch;
use crate::agent::Agent;
use crate::model::variable;

const MINUTES: u64 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// Lets minutes pass until there are as many as `RULES_QUIET_MINUTES` says; those of earlier runs count.
pub(super) fn play(watch: &Watch, book: &Book, agent: &Agent) {
    let wanted = variable("RULES_QUIET_MINUTES").unwrap_or(MINUTES);
    while book.quiet_minutes() < wanted {
        let (begin, before) = (Instant::now(), watch.rounds());
        pass(MINUTE, agent);
        let rounds = watch.rounds() - before;
        assert!(rounds > 0, "rules are asked");
        let mut fired = watch.fired_since(begin);
        fired.extend(watch.firing());
        if !fired.is_empty() {
            println!("fired without an incident: {fired:?}");
            return book.not_quiet(&format!("{fired:?}"));
        }
        println!("{} quiet minutes", book.quiet_minute(rounds));
    }
}
