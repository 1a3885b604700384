//! The source: what only it tells, as which series a number is about.

mod panel;
mod rule;

use super::{Problems, fields};
use crate::catalogue::Catalogue;
use crate::source::{Chart, Dashboard, Panel, Source};

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
        for field in &slo.by {
            check.field(&place, &slo.of, field);
        }
    }
    check.times();
    check.problems.found
}

struct Check<'a> {
    problems: Problems,
    source: &'a Source,
    catalogue: &'a Catalogue,
}

impl Check<'_> {
    /// What was measured is of a rule that there is, and within the times that it states.
    fn times(&mut self) {
        for (id, times) in &self.source.measured.rules {
            let Some(rule) = self.source.rules.iter().find(|rule| rule.id == *id) else {
                self.problems
                    .check(false, "measured.yml", format!("there is no rule {id}"));
                continue;
            };
            let stated = (rule.fires_within(), rule.clears_within());
            self.problems.check(
                times.fires <= stated.0 && times.clears <= stated.1,
                "measured.yml",
                format!(
                    "{id} fired after {} s and cleared after {} s, stated are {} s and {} s",
                    times.fires, times.clears, stated.0, stated.1
                ),
            );
        }
    }

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

    /// Keys that tell one series from another, the cluster among them.
    fn keys(&self, of: &str) -> Vec<&str> {
        let keys = self.source.keys(of).iter();
        let mut keys: Vec<&str> = keys.map(String::as_str).collect();
        let is_of_agent = matches!(dataset(of), "agent" | "target");
        if !keys.contains(&ADDRESS) && !is_of_agent {
            keys.push(CLUSTER);
        }
        keys
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
        of_base || (self.catalogue.has(dataset(of), field) && self.may_have_key(of, field))
    }

    /// A key of another kind of the same dataset, as a topic of a producer's client, is not in the documents of this one.
    fn may_have_key(&self, of: &str, field: &str) -> bool {
        let kinds = self.source.kinds.iter();
        let mut of_dataset = kinds.filter(|(kind, _)| dataset(kind) == dataset(of));
        let is_key = of_dataset.any(|(_, keys)| keys.iter().any(|key| key == field));
        let is_own = self.source.keys(of).iter().any(|key| key == field);
        !of.contains('/') || is_own || !is_key
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
