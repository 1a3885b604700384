use serde_json::json;

use super::*;

const TIME: &str = "jvm.gc.time";
const RISE: &str = "jvm.gc.time_increase";

fn collections(name: &str, time: impl Into<Value>) -> Document {
    Document::new("jvm", "gc")
        .key("service.address", "here:1")
        .key("jvm.gc.name", name)
        .with(TIME, time)
}

/// One cycle with one document, and the increase in it.
fn next(derivations: &mut Derivations, document: Document) -> Option<Value> {
    let mut documents = [document];
    derivations.add(&mut documents, true);
    documents[0].get(RISE).cloned()
}

#[test]
fn an_increase_is_absent_at_first_and_begins_anew_after_a_fall() {
    let mut one = Derivations::default();
    let rises = [7, 7, 10, 4, 4, 0, 1].map(|time| next(&mut one, collections("young", time)));
    let wanted = [None, Some(0), Some(3), Some(4), Some(0), Some(0), Some(1)];
    assert_eq!(rises, wanted.map(|rise| rise.map(Value::from)));
}

/// The first rise from 0 is the one that Kibana's own rate does not see.
#[test]
fn the_first_rise_from_0_is_seen() {
    let mut one = Derivations::default();
    let rises = [0, 0, 1].map(|time| next(&mut one, collections("young", time)));
    assert_eq!(rises, [None, Some(json!(0)), Some(json!(1))]);
}

#[test]
fn a_gap_is_part_of_the_increase_until_the_series_is_forgotten() {
    let mut one = Derivations::default();
    let _ = next(&mut one, collections("young", 5));
    for _ in 0..FORGOTTEN_AFTER - 1 {
        one.add(&mut [], true);
    }
    assert_eq!(next(&mut one, collections("young", 8)), Some(json!(3)));
    // Of a server that does not answer nobody knows what it still has.
    for _ in 0..3 * FORGOTTEN_AFTER {
        one.add(&mut [], false);
    }
    assert_eq!(next(&mut one, collections("young", 9)), Some(json!(1)));
    for _ in 0..FORGOTTEN_AFTER + 1 {
        one.add(&mut [], true);
    }
    assert!(one.series.is_empty());
    assert_eq!(next(&mut one, collections("young", 10)), None);
    one.forget();
    assert_eq!(next(&mut one, collections("young", 11)), None);
}

#[test]
fn a_document_without_the_counter_is_a_gap() {
    let mut one = Derivations::default();
    let _ = next(&mut one, collections("young", 5));
    assert_eq!(next(&mut one, Document::new("jvm", "gc")), None);
    assert_eq!(next(&mut one, collections("young", f64::NAN)), None);
    assert_eq!(next(&mut one, collections("young", 6)), Some(json!(1)));
}

#[test]
fn series_are_told_apart_by_keys_and_kind_and_counters_by_name() {
    let mut one = Derivations::default();
    let other_kind = || {
        let mut document = collections("young", 100);
        document.kind = "other".into();
        document
    };
    let broker = |shrinks, expands| {
        Document::new("kafka.broker", "replication")
            .key("kafka.broker.id", 1)
            .with("kafka.broker.replication.isr_shrinks", shrinks)
            .with("kafka.broker.replication.isr_expands", expands)
    };
    let mut first = [
        collections("young", 1),
        collections("old", 50),
        other_kind(),
        broker(1, 2),
    ];
    one.add(&mut first, true);
    assert!(first.iter().all(|one| one.get(RISE).is_none()));
    let mut second = [
        other_kind(),
        collections("old", 51),
        collections("young", 3),
        broker(4, 8),
    ];
    one.add(&mut second, true);
    let rises = second.each_ref().map(|one| one.get(RISE).cloned());
    assert_eq!(rises[..3], [0, 1, 2].map(|rise| Some(json!(rise))));
    let of = |name: &str| second[3].get(name).unwrap().clone();
    assert_eq!(of("kafka.broker.replication.isr_shrinks_increase"), 3);
    assert_eq!(of("kafka.broker.replication.isr_expands_increase"), 6);
    // Nothing is kept of documents without a counter that is asked for.
    assert_eq!(one.series.len(), 4);
}

/// What no field of its type would take is not told.
#[test]
fn odd_counters_are_no_increase() {
    let rise = |before: Value, now: Value| rise(&before, &now);
    assert_eq!(rise(json!(i64::MIN), json!(i64::MAX)), None);
    assert_eq!(rise(json!(3), json!(-1)), None);
    assert_eq!(rise(json!("3"), json!(4)), None);
    assert_eq!(rise(json!(0.5), json!(2.0)), Some(json!(1.5)));
    assert_eq!(rise(json!(2.5), json!(0.5)), Some(json!(0.5)));
}

#[test]
fn a_share_needs_both_and_a_limit() {
    const SHARE: &str = "jvm.memory.heap.used_share";
    let share = |used: Value, max: Value| {
        let document = Document::new("jvm", "memory")
            .with("jvm.memory.heap.used", used)
            .with("jvm.memory.heap.max", max);
        let mut documents = [document];
        Derivations::default().add(&mut documents, true);
        documents[0].get(SHARE).cloned()
    };
    assert_eq!(share(json!(1), json!(4)), Some(json!(0.25)));
    assert_eq!(share(json!(0), json!(4)), Some(json!(0.0)));
    assert_eq!(share(json!(1), json!(-1)), None);
    assert_eq!(share(json!(1), json!(0)), None);
    assert_eq!(share(json!(-1), json!(4)), None);
    assert_eq!(share(json!(1), Value::Null), None);
    assert_eq!(share(Value::Null, json!(1)), None);
    assert_eq!(share(json!(f64::MAX), json!(f64::MIN_POSITIVE)), None);
}

/// Every rule of the catalogue, on documents that have its inputs: what comes out is a field of the catalogue.
#[test]
fn all_derived_fields_are_made_and_have_the_type_of_the_catalogue() {
    for dataset in &Catalogue::get().datasets {
        for rule in rules(&dataset.name) {
            let document = |value: i64| {
                let inputs = rule.how.inputs().into_iter();
                let empty = Document::new(dataset.name.as_str(), "kind");
                inputs.fold(empty, |document, name| {
                    document.with(name.to_owned(), value)
                })
            };
            assert!(is_wanted(&document(1)));
            let mut derivations = Derivations::default();
            let mut documents = [document(1), document(2)];
            derivations.add(&mut documents, true);
            let [_, second] = documents;
            assert!(second.get(rule.name).is_some(), "{}", rule.name);
            let strangers = Catalogue::get().strangers(&dataset.name, &second.fields());
            assert_eq!(strangers, [""; 0]);
        }
    }
    assert!(!is_wanted(
        &Document::new("jvm", "memory").with("jvm.memory.heap.used", 1)
    ));
    assert!(!is_wanted(
        &Document::new("kafka.topic", "topic").with(TIME, 1)
    ));
}
