use std::collections::BTreeSet;

use super::*;

/// Elasticsearch's limit of dimensions was 16 for a long time; packages were refused for it.
const MAX_DIMENSIONS: usize = 16;

fn all_fields() -> Vec<&'static Field> {
    let catalogue = Catalogue::get();
    let own = catalogue
        .datasets
        .iter()
        .flat_map(|dataset| &dataset.fields);
    catalogue
        .base
        .iter()
        .chain(&catalogue.shared)
        .chain(own)
        .collect()
}

#[test]
fn no_field_is_defined_twice_with_another_type_or_is_the_prefix_of_another() {
    let mut types: BTreeMap<&str, FieldType> = BTreeMap::new();
    for field in all_fields() {
        let before = types.insert(&field.name, field.field_type);
        assert!(
            before.is_none_or(|t| t == field.field_type),
            "{} has two types",
            field.name
        );
    }
    for name in types.keys() {
        let prefix = format!("{name}.");
        let below = types.keys().find(|other| other.starts_with(&prefix));
        assert!(below.is_none(), "{name} is a prefix of {below:?}");
    }
}

#[test]
fn own_fields_of_datasets_are_defined_once() {
    let mut seen = BTreeSet::new();
    for dataset in &Catalogue::get().datasets {
        for field in &dataset.fields {
            assert!(
                seen.insert(&field.name),
                "{} stands in two datasets; make it shared",
                field.name
            );
        }
    }
}

#[test]
fn every_borrowed_field_exists() {
    let datasets = &Catalogue::get().datasets;
    for dataset in datasets {
        for wanted in &dataset.borrowed {
            let prefix = wanted.strip_suffix('*').unwrap_or(wanted);
            let mut fields = datasets.iter().flat_map(|other| &other.fields);
            assert!(
                fields.any(|field| field.name == *wanted
                    || wanted.ends_with('*') && field.name.starts_with(prefix)),
                "{wanted} of {}",
                dataset.name
            );
        }
    }
}

#[test]
fn every_shared_name_exists_and_dimensions_are_few() {
    let catalogue = Catalogue::get();
    for dataset in &catalogue.datasets {
        for name in &dataset.shared {
            assert!(
                catalogue.shared_field(name).is_some(),
                "{name} of {}",
                dataset.name
            );
        }
        let dimensions = catalogue
            .known(dataset)
            .values()
            .filter(|f| f.dimension)
            .count();
        assert!(
            dimensions <= MAX_DIMENSIONS,
            "{}: {dimensions} dimensions",
            dataset.name
        );
    }
}

/// Inputs are measured, not derived, so no field can depend on itself.
#[test]
fn derived_fields_have_inputs_of_their_dataset_and_are_named_after_them() {
    let mut derived = 0;
    for dataset in &Catalogue::get().datasets {
        for field in &dataset.fields {
            let Some(how) = &field.derived else { continue };
            derived += 1;
            assert_eq!(wrong_with(field, how, dataset), None, "{}", field.name);
        }
    }
    assert!(derived > 0);
    let all = all_fields().into_iter();
    let everywhere = all.filter(|field| field.derived.is_some()).count();
    assert_eq!(
        everywhere, derived,
        "base and shared fields have no dataset to derive in"
    );
}

fn wrong_with(field: &Field, how: &Derived, dataset: &Dataset) -> Option<&'static str> {
    let find = |name: &str| dataset.fields.iter().find(|one| one.name == name);
    let inputs: Option<Vec<&Field>> = how.inputs().into_iter().map(find).collect();
    let Some(inputs) = inputs else {
        return Some("an input is no field of its own dataset");
    };
    if inputs.iter().any(|one| one.derived.is_some()) {
        return Some("an input is derived");
    }
    if inputs.iter().any(|one| one.metric.is_none()) {
        return Some("an input is not measured");
    }
    if field.metric != Some(Metric::Gauge) || field.source.is_some() {
        return Some("it is no gauge, or has a source");
    }
    let input = inputs[0];
    let (suffix, fits) = match how {
        Derived::Increase { .. } => {
            let as_counter = (input.field_type, input.unit);
            let is_same = (field.field_type, field.unit) == as_counter;
            (
                "_increase",
                is_same && input.metric == Some(Metric::Counter),
            )
        }
        Derived::Share { .. } => {
            let is_ratio = (field.field_type, field.unit);
            let is_ratio = is_ratio == (FieldType::Double, Some(Unit::Percent));
            ("_share", is_ratio && inputs[1].unit == input.unit)
        }
    };
    if field.name != format!("{}{suffix}", input.name) {
        return Some("it is not named after its input");
    }
    (!fits).then_some("type, metric or unit do not fit")
}

#[test]
fn a_wrong_derived_field_is_named() {
    let dataset = Catalogue::get().dataset("jvm").unwrap();
    let wrong = |line: &str| {
        let tree = crate::yaml::parse(line).unwrap();
        let field: Field = serde_json::from_value(tree.to_json()).unwrap();
        wrong_with(&field, field.derived.as_ref().unwrap(), dataset)
    };
    let line = |name: &str, kind: &str, derived: &str| {
        let text = format!("{{name: {name}, {kind}, derived: {derived}, meaning: m}}");
        wrong(&text)
    };
    let long = "type: long, metric: gauge, unit: ms";
    let ratio = "type: double, metric: gauge, unit: percent";
    let time = "{increase: jvm.gc.time}";
    assert_eq!(line("jvm.gc.time_increase", long, time), None);
    let whole = "type: long, metric: gauge";
    for (name, kind, derived) in [
        ("jvm.gc.time_growth", long, time),
        ("jvm.gc.time_increase", whole, time),
        (
            "jvm.gc.time_increase",
            "type: long, metric: counter, unit: ms",
            time,
        ),
        (
            "jvm.threads.count_increase",
            whole,
            "{increase: jvm.threads.count}",
        ),
        (
            "kafka.request.count_increase",
            whole,
            "{increase: kafka.request.count}",
        ),
        (
            "jvm.gc.time_increase_increase",
            long,
            "{increase: jvm.gc.time_increase}",
        ),
        ("jvm.gc.name_increase", whole, "{increase: jvm.gc.name}"),
        (
            "jvm.pool.used_share",
            ratio,
            "{share: jvm.pool.used, of: jvm.gc.count}",
        ),
        (
            "jvm.pool.used_share",
            long,
            "{share: jvm.pool.used, of: jvm.pool.max}",
        ),
    ] {
        assert_ne!(line(name, kind, derived), None, "{name} {derived}");
    }
}

#[test]
fn metrics_are_numbers_and_units_belong_to_metrics() {
    for field in all_fields() {
        let number = matches!(field.field_type, FieldType::Long | FieldType::Double);
        assert!(
            field.metric.is_none() || number,
            "{} is measured but no number",
            field.name
        );
        assert!(
            field.unit.is_none() || field.metric.is_some(),
            "{} has a unit",
            field.name
        );
        assert!(
            !(field.dimension && field.metric.is_some()),
            "{} is both",
            field.name
        );
        assert!(!field.meaning.is_empty());
    }
}
