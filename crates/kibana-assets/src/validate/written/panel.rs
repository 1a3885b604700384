//! Panels: fields, series, stacks, controls, clicks.

use std::collections::BTreeSet;

use super::{CLUSTER, Check, dataset};
use crate::source::{Chart, Dashboard, Measure, Operation, Panel};
use crate::validate::fields;

/// `search.max_buckets` is 65,536, and each row is a bucket, with those above it.
const MOST_ROWS: u64 = 30_000;

/// Fields of very few values.
const FEW: [&str; 2] = [CLUSTER, "kafka.consumergroup.store"];

impl Check<'_> {
    pub(super) fn panel(&mut self, dashboard: &Dashboard, panel: &Panel, place: &str) {
        let ends = panel.question.ends_with('?');
        self.problems.check(ends, place, "the question is none");
        if panel.chart == Chart::Text {
            return self
                .problems
                .check(panel.text.is_some(), place, "the text is missing");
        }
        self.kind(place, &panel.of);
        self.problems
            .check(!panel.show.is_empty(), place, "nothing is shown");
        let is_one = panel.chart != Chart::Metric || panel.show.len() == 1;
        self.problems
            .check(is_one, place, "a tile shows one number");
        self.query(
            place,
            &panel.of,
            panel.filter.as_deref().unwrap_or_default(),
        );
        for field in &panel.by {
            self.field(place, &panel.of, field);
        }
        for measure in &panel.show {
            self.measure(panel, measure, place);
        }
        self.controls(dashboard, panel, place);
        self.room(panel, place);
        self.stack(panel, place);
        if let Some(target) = &panel.drill {
            self.drill(panel, target, place);
        }
        if let Some(threshold) = &panel.threshold {
            self.colour(place, &threshold.colour);
        }
    }

    /// A click must be of use there: the other dashboard has a control for one of the fields at least.
    fn drill(&mut self, panel: &Panel, target: &str, place: &str) {
        let mut dashboards = self.source.dashboards.iter();
        let Some(target) = dashboards.find(|one| one.id == target) else {
            let what = format!("there is no dashboard {target}");
            return self.problems.add(place, what);
        };
        let controls = target.controls.iter();
        let mut controls = controls.filter_map(|name| self.source.look.controls.get(name));
        // The cluster goes along anyway; it counts where nothing else can be clicked on.
        let narrower = panel.by.iter().any(|field| field != CLUSTER);
        let known = controls.any(|control| {
            panel.by.contains(&control.field) && !(narrower && control.field == CLUSTER)
        });
        let what = format!("{} has no control for what is clicked on", target.id);
        self.problems.check(known, place, what);
    }

    /// A control whose field the documents do not have empties the panel: the panel must say so.
    fn controls(&mut self, dashboard: &Dashboard, panel: &Panel, place: &str) {
        let dataset = dataset(&panel.of);
        for name in &dashboard.controls {
            let Some(control) = self.source.look.controls.get(name) else {
                continue;
            };
            let has = self.has(&panel.of, &control.field);
            let is_blind = panel.blind.contains(name);
            self.problems.check(
                has || is_blind,
                place,
                format!("{dataset} has no {}: say `blind: [{name}]`", control.field),
            );
        }
    }

    /// The rows of a table are terms within terms: all of them together must fit into one answer.
    fn room(&mut self, panel: &Panel, place: &str) {
        let many = |field: &&String| !FEW.contains(&field.as_str());
        let depth = panel.by.iter().filter(many).count();
        let rows = panel
            .top
            .saturating_pow(u32::try_from(depth).unwrap_or(u32::MAX));
        let what = format!("may have {rows} rows, more than {MOST_ROWS}: lower `top`");
        let is_table = panel.chart == Chart::Table;
        self.problems
            .check(!is_table || rows <= MOST_ROWS, place, what);
    }

    /// Stacks add up: only of what may be added, and of which nothing is missing.
    fn stack(&mut self, panel: &Panel, place: &str) {
        let adds = matches!(panel.chart, Chart::Area | Chart::Bars) && !panel.by.is_empty();
        if !adds {
            return;
        }
        for measure in &panel.show {
            let adds_up = !matches!(measure.value.0, Operation::Min | Operation::Average);
            self.problems
                .check(adds_up, place, "means and minima do not add up: draw lines");
            let ratio = self
                .catalogue
                .field(&measure.value.1)
                .and_then(|field| field.unit.as_deref())
                == Some("percent");
            self.problems
                .check(!ratio, place, "ratios do not add up: draw lines");
            if measure.value.0 != Operation::Count {
                self.series(panel, measure, place);
            }
        }
    }

    fn measure(&mut self, panel: &Panel, measure: &Measure, place: &str) {
        let (operation, field) = &measure.value;
        let filter = measure.filter.as_deref().unwrap_or_default();
        self.query(place, &panel.of, filter);
        if let Some(colour) = &measure.colour {
            self.colour(place, colour);
        }
        if *operation == Operation::Count {
            let counts = field == "documents";
            let what = "write `count documents`";
            return self.problems.check(counts, place, what);
        }
        self.field(place, &panel.of, field);
        if let Err(error) = fields::operation(self.catalogue, lens_name(*operation), field) {
            return self.problems.add(place, error);
        }
        let known = self.catalogue.field(field);
        let grows = known.is_some_and(|field| field.is_counter());
        let is_rate = *operation == Operation::Rate;
        let what = format!("{field} is a counter: take its rate");
        self.problems.check(!grows || is_rate, place, what);
        if is_rate || *operation == Operation::Last {
            self.series(panel, measure, place);
        }
        let is_whole = !is_rate || measure.filter.is_none();
        let what = "narrow a rate by the panel's `where`";
        self.problems.check(is_whole, place, what);
    }

    /// A last value, a rate or a part of a sum must be of one series: the panel is split by all of its keys, or pins them.
    fn series(&mut self, panel: &Panel, measure: &Measure, place: &str) {
        let split: BTreeSet<&str> = panel.by.iter().map(String::as_str).collect();
        if split.contains("brokerbeat.series") {
            return;
        }
        let keys = self.keys(&panel.of);
        let keys: Vec<String> = keys.into_iter().map(str::to_owned).collect();
        let filters = [panel.filter.as_deref(), measure.filter.as_deref()];
        let filters = filters.map(|one| crate::kql::parse(one.unwrap_or_default()));
        let pinned = filters
            .iter()
            .flatten()
            .flat_map(pins)
            .collect::<BTreeSet<&str>>();
        for key in &keys {
            let is_one = split.contains(key.as_str()) || pinned.contains(key.as_str());
            let what = format!(
                "{} {} mixes series: split by {key}",
                measure.value.0.as_str(),
                measure.value.1
            );
            self.problems.check(is_one, place, what);
        }
    }
}

/// The name by which the types are looked up.
fn lens_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Last => "last_value",
        Operation::Unique => "unique_count",
        other => other.as_str(),
    }
}

/// Fields that a query holds to one value.
fn pins(query: &crate::kql::Kql) -> Vec<&str> {
    match query {
        crate::kql::Kql::Is(field, _) => vec![field],
        crate::kql::Kql::And(all) => all.iter().flat_map(pins).collect(),
        _ => Vec::new(),
    }
}
