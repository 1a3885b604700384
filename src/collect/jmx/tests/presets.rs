//! The presets against the catalogue and against their own rules.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::Field;
use crate::collect::jmx::catalogue::FieldType;
use crate::collect::jmx::catalogue::tests::known;
use crate::collect::jmx::preset::{Kind, Line, PRESETS};
use crate::collect::jmx::table::{Bean, Table};

fn table() -> Table {
    let all: Vec<String> = PRESETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    Table::new(&all).unwrap()
}

fn check_line(line: &Line, field: &Field) {
    let name = &line.field;
    let (metric, types): (_, &[FieldType]) = match line.kind {
        Kind::Counter => (Some("counter"), &[FieldType::Long]),
        Kind::Gauge => (Some("gauge"), &[FieldType::Long, FieldType::Double]),
        Kind::Ratio | Kind::Sample => (Some("gauge"), &[FieldType::Double]),
        Kind::Id => (None, &[FieldType::Long]),
        Kind::Text | Kind::Version | Kind::State => (None, &[FieldType::Keyword]),
        Kind::Bool => (None, &[FieldType::Boolean]),
        Kind::Date => (None, &[FieldType::Date]),
        Kind::ClusterId | Kind::NodeId => unreachable!("has no field"),
    };
    assert_eq!(
        field.metric.map(|metric| metric.as_str()),
        metric,
        "metric of {name}"
    );
    assert!(
        types.contains(&field.field_type),
        "{name} is {:?}",
        field.field_type
    );
    let unit = line
        .unit
        .as_deref()
        .or((line.kind == Kind::Ratio).then_some("percent"));
    assert_eq!(field.unit.map(|unit| unit.as_str()), unit, "unit of {name}");
    assert_eq!(
        line.states.is_empty(),
        line.kind != Kind::State,
        "states of {name}"
    );
}

#[test]
fn every_line_has_its_field_and_every_key_is_a_dimension() {
    for bean in table().beans() {
        let known = known(&bean.source.group.dataset);
        for line in bean.entries.iter().map(|entry| &entry.line) {
            if !line.kind.has_field() {
                continue;
            }
            let field = known.get(&line.field);
            check_line(
                line,
                field.unwrap_or_else(|| {
                    panic!("{} is not in {}", line.field, bean.source.group.dataset)
                }),
            );
        }
        for field in bean.source.group.keys.values() {
            assert!(known[field].dimension, "{field} is a key");
        }
    }
}

#[test]
fn every_open_key_property_is_accounted_for() {
    for bean in table().beans() {
        let group = &bean.source.group;
        let named = |property: &str| {
            usize::from(group.keys.contains_key(property))
                + usize::from(group.sum.iter().any(|name| name == property))
                + usize::from(group.ignore.iter().any(|name| name == property))
        };
        for (property, value) in bean.pattern.keys() {
            if value.contains(['*', '?']) {
                assert_eq!(named(property), 1, "{property} of {}", bean.pattern);
            }
        }
        let is_counter = |entry: &_| matches!(entry, Kind::Counter);
        let all = bean
            .entries
            .iter()
            .all(|entry| is_counter(&entry.line.kind));
        assert!(
            group.sum.is_empty() || all,
            "{} adds up what is no counter",
            bean.pattern
        );
    }
}

/// A field that two groups fill in different documents would count twice in a sum over the dataset.
#[test]
fn a_field_belongs_to_one_kind_of_document() {
    let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let place = |bean: &Bean| format!("{} {}", bean.source.group.dataset, bean.source.group.kind);
    for bean in table().beans() {
        for entry in &bean.entries {
            if entry.field_type != FieldType::Keyword {
                owners
                    .entry(entry.line.field.clone())
                    .or_default()
                    .insert(place(bean));
            }
        }
    }
    for (field, places) in owners {
        assert_eq!(places.len(), 1, "{field}: {places:?}");
    }
}

/// What a table drops is a pattern that says nothing new of a bean; one that says it in part would add that part twice.
#[test]
fn patterns_of_a_group_overlap_in_nothing_they_read() {
    let table = table();
    for (name, _) in super::page::seen() {
        let mut read = BTreeSet::new();
        for bean in table.matching(&name) {
            for entry in &bean.entries {
                let group = std::sync::Arc::as_ptr(&bean.source);
                let what = (group, &entry.line.field, &entry.path);
                assert!(read.insert(what), "{name}: {:?}", entry.line);
            }
        }
    }
}

/// A broker has ten beans a partition: the directory asks by domain and type.
#[test]
fn the_directory_never_asks_for_all_of_a_large_domain() {
    for query in table().queries() {
        let is_wide = query.keys().next().is_none();
        assert!(!is_wide, "{query}");
    }
}
