//! Rules: what they ask for, of whom, and what they tell people.

use super::Check;
use crate::source::{Rule, RuleKind};

impl Check<'_> {
    pub(super) fn rule(&mut self, rule: &Rule) {
        let place = format!("rule {}", rule.id);
        self.kind(&place, &rule.of);
        self.asked(rule, &place);
        self.told(rule, &place);
        let goes = (rule.kind == RuleKind::Event) == rule.counter.is_some();
        let what = "`counter` goes with `kind: event`";
        self.problems.check(goes, &place, what);
        if rule.ticks > 1 {
            // The latest tick may be on its way.
            let fits = rule.ticks < rule.intervals && rule.kind == RuleKind::Match;
            let what = "has no room for so many ticks";
            self.problems.check(fits, &place, what);
            self.one_series(rule, &place, "`ticks` counts documents of one series");
        }
    }

    fn asked(&mut self, rule: &Rule, place: &str) {
        let values = rule.variables.iter();
        let values = values.map(|(name, one)| (name.clone(), one.value));
        let filter = crate::rules::resolve(&rule.problem().into(), &values.collect());
        self.query(place, &rule.of, filter.as_str().unwrap_or_default());
        for field in rule.by.iter().chain(&rule.counter) {
            self.field(place, &rule.of, field);
        }
        for name in rule.variables.keys() {
            let used = rule.filter.contains(&format!("${{{name}}}"));
            let what = format!("nothing uses the variable {name}");
            self.problems.check(used, place, what);
        }
        for field in rule.esql.iter().flat_map(|esql| dotted(esql)) {
            self.field(place, &rule.of, field);
        }
        let asks = rule.kind != RuleKind::Match || !rule.filter.trim().is_empty();
        self.problems.check(asks, place, "asks nothing");
    }

    /// The runbook.
    fn told(&mut self, rule: &Rule, place: &str) {
        for field in &rule.look_at {
            let known = self.catalogue.field(field).is_some();
            let what = format!("{field} is not in fields.yml");
            self.problems.check(known, place, what);
        }
        let has_three = rule.first.len() == 3;
        let what = "the runbook has three commands";
        self.problems.check(has_three, place, what);
        let mut dashboards = self.source.dashboards.iter();
        let exists = dashboards.any(|one| one.id == rule.dashboard);
        let what = format!("there is no dashboard {}", rule.dashboard);
        self.problems.check(exists, place, what);
    }

    fn one_series(&mut self, rule: &Rule, place: &str, why: &str) {
        let keys = self.keys(&rule.of);
        let keys: Vec<String> = keys.into_iter().map(str::to_owned).collect();
        for key in &keys {
            let what = format!("{why}: group by {key}");
            self.problems.check(rule.by.contains(key), place, what);
        }
    }
}

/// Names with dots in an ES|QL query, but for the streams that it reads.
fn dotted(esql: &str) -> impl Iterator<Item = &str> {
    let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '*');
    let words = esql.split(move |c| !is_of_name(c));
    words.filter(|word| word.contains('.') && !word.contains('*'))
}
