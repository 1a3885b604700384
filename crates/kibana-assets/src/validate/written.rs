//! The source: what only it tells, as which series a number is about.

use std::collections::BTreeSet;

use super::{Problems, fields};
use crate::catalogue::Catalogue;
use crate::source::{Chart, Dashboard, Measure, Operation, Panel, Rule, RuleKind, Source};

/// Columns of the grid.
const COLUMNS: u64 = 48;

/// The cluster's name stands for its id.
const CLUSTER: &str = "kafka.cluster.name";

/// An address belongs to one JVM, so to one cluster.
const ADDRESS: &str = "service.address";

/// Everything that is wrong with the source.
pub fn source(source: &Source, catalogue: &Catalogue) -> Vec<String> {
    let mut check = Check {
        problems: Problems::new(),
        source,
        catalogue,
    };
    check.look();
    for dashboard in &source.dashboards {
        check.dashboard(dashboard);
    }
    for rule in &source.rules {
        check.rule(rule);
    }
    for slo in &source.slos {
        let place = format!("objective {}", slo.id);
        check.kind(&place, &slo.of);
        check.query(&place, &slo.of, &slo.good);
        check.query(&place, &slo.of, &slo.total);
        check.field(&place, &slo.of, &slo.by);
    }
    let rules: BTreeSet<&str> = source.rules.iter().map(|rule| rule.id.as_str()).collect();
    for id in source.measured.keys() {
        check.problems.check(
            rules.contains(id.as_str()),
            "measured.yml",
            format!("there is no rule {id}"),
        );
    }
    check.problems.found
}

struct Check<'a> {
    problems: Problems,
    source: &'a Source,
    catalogue: &'a Catalogue,
}

impl Check<'_> {
    fn look(&mut self) {
        for (name, scale) in &self.source.look.scales {
            let place = format!("look.yml scale {name}");
            for (_, colour) in &scale.steps {
                let known = self.source.look.colours.contains_key(colour);
                self.problems
                    .check(known, &place, format!("there is no colour {colour}"));
            }
            let rises = scale.steps.is_sorted_by(|a, b| a.0 < b.0);
            self.problems.check(
                rises && !scale.steps.is_empty(),
                &place,
                "the steps must rise",
            );
        }
        for (of, keys) in &self.source.kinds {
            for key in keys {
                self.field("kinds.yml", of, key);
            }
        }
    }

    fn dashboard(&mut self, dashboard: &Dashboard) {
        let place = format!("dashboard {}", dashboard.id);
        for name in &dashboard.controls {
            let known = self.source.look.controls.contains_key(name);
            self.problems
                .check(known, &place, format!("there is no control {name}"));
        }
        let first = dashboard.rows.first().map_or(&[][..], |row| &row.panels);
        let answers = first
            .iter()
            .any(|panel| panel.chart == Chart::Metric && is_judged(panel));
        self.problems.check(
            answers,
            &place,
            "the first row does not answer whether anything is wrong",
        );
        for row in &dashboard.rows {
            let width: u64 = row.panels.iter().map(|panel| panel.width).sum();
            let names: Vec<_> = row
                .panels
                .iter()
                .map(|panel| panel.title.as_str())
                .collect();
            self.problems.check(
                width == COLUMNS,
                &place,
                format!("the row {names:?} is {width} wide, not {COLUMNS}"),
            );
            for panel in &row.panels {
                self.panel(dashboard, panel, &format!("{place}: {:?}", panel.title));
            }
        }
    }

    fn panel(&mut self, dashboard: &Dashboard, panel: &Panel, place: &str) {
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
        self.query(
            place,
            &panel.of,
            measure.filter.as_deref().unwrap_or_default(),
        );
        if let Some(colour) = &measure.colour {
            self.colour(place, colour);
        }
        let name = match operation {
            Operation::Count => {
                let counts = field == "documents";
                return self
                    .problems
                    .check(counts, place, "write `count documents`");
            }
            Operation::Last => "last_value",
            Operation::Unique => "unique_count",
            Operation::Max | Operation::Min | Operation::Average | Operation::Rate => {
                operation.as_str()
            }
        };
        self.field(place, &panel.of, field);
        if let Err(error) = fields::operation(self.catalogue, name, field) {
            return self.problems.add(place, error);
        }
        let is_counter = self
            .catalogue
            .field(field)
            .is_some_and(|field| field.is_counter());
        self.problems.check(
            !is_counter || *operation == Operation::Rate,
            place,
            format!("{field} is a counter: take its rate"),
        );
        if matches!(operation, Operation::Rate | Operation::Last) {
            self.series(panel, measure, place);
        }
        let filtered_rate = *operation == Operation::Rate && measure.filter.is_some();
        self.problems.check(
            !filtered_rate,
            place,
            "narrow a rate by the panel's `where`",
        );
    }

    /// A last value, a rate or a part of a sum must be of one series: the panel is split by all of its keys, or pins them.
    fn series(&mut self, panel: &Panel, measure: &Measure, place: &str) {
        let split: BTreeSet<&str> = panel.by.iter().map(String::as_str).collect();
        if split.contains("brokerbeat.series") {
            return;
        }
        let mut keys: Vec<&str> = self
            .source
            .keys(&panel.of)
            .iter()
            .map(String::as_str)
            .collect();
        if !keys.contains(&ADDRESS)
            && dataset(&panel.of) != "agent"
            && dataset(&panel.of) != "target"
        {
            keys.push(CLUSTER);
        }
        let filters = [panel.filter.as_deref(), measure.filter.as_deref()];
        let filters = filters.map(|one| crate::kql::parse(one.unwrap_or_default()));
        let pinned = filters
            .iter()
            .flatten()
            .flat_map(pins)
            .collect::<BTreeSet<&str>>();
        for key in keys {
            let is_one = split.contains(key) || pinned.contains(key);
            let what = format!(
                "{} {} mixes series: split by {key}",
                measure.value.0.as_str(),
                measure.value.1
            );
            self.problems.check(is_one, place, what);
        }
    }

    fn rule(&mut self, rule: &Rule) {
        let place = format!("rule {}", rule.id);
        self.kind(&place, &rule.of);
        let values = rule
            .variables
            .iter()
            .map(|(name, variable)| (name.clone(), variable.value))
            .collect();
        let filter = crate::rules::resolve(&rule.filter.as_str().into(), &values);
        let filter = filter
            .as_str()
            .map_or_else(|| filter.to_string(), str::to_owned);
        self.query(&place, &rule.of, &filter);
        for field in rule.by.iter().chain(&rule.counter).chain(&rule.look_at) {
            let known = self.catalogue.field(field).is_some();
            self.problems
                .check(known, &place, format!("{field} is not in fields.yml"));
        }
        for field in rule.by.iter().chain(&rule.counter) {
            self.field(&place, &rule.of, field);
        }
        for name in rule.variables.keys() {
            let used = rule.filter.contains(&format!("${{{name}}}"));
            self.problems
                .check(used, &place, format!("nothing uses the variable {name}"));
        }
        self.problems.check(
            rule.first.len() == 3,
            &place,
            "the runbook has three commands",
        );
        let dashboard = self
            .source
            .dashboards
            .iter()
            .any(|one| one.id == rule.dashboard);
        self.problems.check(
            dashboard,
            &place,
            format!("there is no dashboard {}", rule.dashboard),
        );
        let growth = rule.kind == RuleKind::Growth;
        self.problems.check(
            growth == rule.counter.is_some(),
            &place,
            "`counter` goes with `kind: growth`",
        );
        if growth {
            let keys = self.source.keys(&rule.of).to_vec();
            for key in keys {
                self.problems.check(
                    rule.by.contains(&key),
                    &place,
                    format!("a growth mixes series: group by {key}"),
                );
            }
        }
        if rule.ticks > 1 {
            self.ticks(rule, &place);
        }
        let asks = rule.kind != RuleKind::Match || !rule.filter.trim().is_empty();
        self.problems.check(asks, &place, "asks nothing");
    }

    /// Documents are ticks only where a group is one series.
    fn ticks(&mut self, rule: &Rule, place: &str) {
        // The latest tick may be on its way.
        let fits = rule.ticks < rule.intervals && rule.kind == RuleKind::Match;
        self.problems
            .check(fits, place, "has no room for so many ticks");
        let cluster = CLUSTER.to_owned();
        let keys = self.source.keys(&rule.of).to_vec();
        let is_own = matches!(dataset(&rule.of), "agent" | "target")
            || keys.iter().any(|key| key == ADDRESS);
        for key in keys.into_iter().chain((!is_own).then_some(cluster)) {
            let what = format!("`ticks` counts documents of one series: group by {key}");
            self.problems.check(rule.by.contains(&key), place, what);
        }
    }

    fn kind(&mut self, place: &str, of: &str) {
        let known = self.catalogue.has_dataset(dataset(of));
        self.problems
            .check(known, place, format!("there is no dataset {of:?}"));
        let has_kind = self.source.kinds.contains_key(of) || self.catalogue.is_logs(dataset(of));
        self.problems
            .check(has_kind, place, format!("{of:?} is not in kinds.yml"));
    }

    fn has(&self, of: &str, field: &str) -> bool {
        let of_base = matches!(field, "data_stream.dataset" | "brokerbeat.kind");
        of_base || self.catalogue.has(dataset(of), field)
    }

    fn field(&mut self, place: &str, of: &str, field: &str) {
        let has = self.has(of, field);
        self.problems
            .check(has, place, format!("{} has no field {field}", dataset(of)));
    }

    fn query(&mut self, place: &str, of: &str, text: &str) {
        fields::query(&mut self.problems, self.catalogue, place, text);
        let Ok(query) = crate::kql::parse(text) else {
            return;
        };
        for used in query.uses() {
            self.field(place, of, used.field);
        }
    }

    fn colour(&mut self, place: &str, name: &str) {
        let look = &self.source.look;
        let known = look.colours.contains_key(name) || look.scales.contains_key(name);
        self.problems
            .check(known, place, format!("there is no colour or scale {name}"));
    }
}

fn is_judged(panel: &Panel) -> bool {
    panel.show.iter().any(|measure| measure.colour.is_some())
}

fn dataset(of: &str) -> &str {
    of.split('/').next().unwrap_or(of)
}

/// Fields that a query holds to one value.
fn pins(query: &crate::kql::Kql) -> Vec<&str> {
    match query {
        crate::kql::Kql::Is(field, _) => vec![field],
        crate::kql::Kql::And(all) => all.iter().flat_map(pins).collect(),
        _ => Vec::new(),
    }
}
