//! Beans that do harm to all others: of a value that cannot be read, or that never answer.

use std::time::Duration;

use stack::{Options, PlainJvm};
use tokio::time::Instant;

use super::config::read;
use crate::collect::{Collected, Collector, Cycle, FaultKind};

/// Generous: other tests use the machine, too.
const PATIENT: Duration = Duration::from_secs(60);

/// What a JVM that is stuck costs each time. Long enough for a busy machine to read a hundred beans.
const SHORT: Duration = Duration::from_secs(6);

fn jvm(kinds: &[&str]) -> PlainJvm {
    let source = ("Poison.java", include_str!("java/Poison.java"));
    PlainJvm::start(source, kinds, &Options::new()).unwrap()
}

/// `more`: further keys of the target, and more tables.
fn collector(jvm: &PlainJvm, more: &str, tables: &str) -> Box<dyn Collector> {
    let (plans, problems) = read(&format!(
        "
jmx:
  - endpoint: \"{}\"
    {more}
    tables:
      - name: each
        beans: \"early:type=Bean,name=*\"
        rank: Value
        lines: [{{attribute: Value, kind: gauge}}]
{tables}",
        jvm.jmx()
    ));
    assert_eq!(problems, [""; 0]);
    (plans[0].build)()
}

async fn collect(collector: &mut Box<dyn Collector>, budget: Duration) -> Collected {
    let deadline = Instant::now() + budget;
    collector.collect(&Cycle::until(deadline)).await
}

/// The beans with a document of the kind, by the last part of their names.
fn beans(collected: &Collected, kind: &str) -> Vec<String> {
    let documents = collected.documents.iter().filter(|d| d.kind == kind);
    let bean = |name: &str| name.split(['=', ',']).nth(1).unwrap().to_owned();
    documents
        .map(|document| bean(document.get("jmx.bean").unwrap().as_str().unwrap()))
        .collect()
}

fn figure(collected: &Collected, name: &str) -> usize {
    let figures = collected.figures.iter();
    let figure = figures.copied().find(|(found, _)| found.ends_with(name));
    figure.unwrap().1
}

#[tokio::test]
async fn a_bean_whose_value_cannot_be_read_costs_itself_alone() {
    let mut kinds = vec!["number"; 300];
    kinds[3] = "unwritten";
    kinds[8] = "overflow";
    kinds[9] = "unwritten";
    let jvm = jvm(&kinds);
    let sum = "
      - name: all
        beans: \"early:type=Bean,name=*\"
        sum: name
        lines: [{attribute: Value, kind: counter}]
";
    let mut collector = collector(&jvm, "presets: [jvm]", sum);
    for cycle in 0..4 {
        let collected = collect(&mut collector, PATIENT).await;
        let faults = &collected.faults;
        assert!(collected.up, "{cycle}: {faults:?}");
        assert_eq!(beans(&collected, "each").len(), 297, "{cycle}: {faults:?}");
        assert_eq!(beans(&collected, "all"), [""; 0], "a part is missing");
        let is_jvm = |dataset: &str| dataset.starts_with("jvm");
        let jvm = collected.documents.iter().filter(|d| is_jvm(&d.dataset));
        assert!(jvm.count() > 5, "{cycle}: {faults:?}");
        let told: Vec<_> = faults.iter().map(|fault| fault.kind).collect();
        assert_eq!(told, [FaultKind::Partial], "{cycle}: {faults:?}");
        for bean in ["003-unwritten", "008-overflow", "009-unwritten"] {
            assert!(faults[0].message.contains(bean), "{cycle}: {faults:?}");
        }
        assert_eq!(figure(&collected, "missing"), 3);
    }
    collector.close().await;
}

#[tokio::test]
async fn a_bean_that_never_answers_costs_itself_alone_from_the_second_cycle_on() {
    let mut kinds = vec!["number"; 100];
    kinds[50] = "stuck";
    let jvm = jvm(&kinds);
    let mut collector = collector(&jvm, "presets: [jvm]", "");
    let whole = collect(&mut collector, PATIENT).await;
    assert_eq!((beans(&whole, "each").len(), whole.faults.len()), (100, 0));
    jvm.ask("stop").unwrap();
    let first = collect(&mut collector, SHORT).await;
    assert_eq!(beans(&first, "each").len(), 50, "{:?}", first.faults);
    for _ in 0..2 {
        let next = collect(&mut collector, SHORT).await;
        assert_eq!(beans(&next, "each").len(), 99, "{:?}", next.faults);
        assert_eq!(next.faults[0].kind, FaultKind::Timeout, "{:?}", next.faults);
    }
    jvm.ask("go").unwrap();
    let whole = collect(&mut collector, PATIENT).await;
    assert_eq!(beans(&whole, "each").len(), 100);
    assert_eq!(whole.faults, []);
}

/// The bean is not among the chosen: only the census asks it.
#[tokio::test]
async fn a_census_that_takes_too_long_leaves_the_choice_as_it_was() {
    let jvm = jvm(&["number", "number", "stuck"]);
    let mut collector = collector(&jvm, "budget: 2", "");
    let chosen = ["000-number", "001-number"];
    let whole = collect(&mut collector, PATIENT).await;
    assert_eq!(beans(&whole, "each"), chosen);
    jvm.ask("stop").unwrap();
    // By then it has been time for a census at least twice.
    for _ in 0..4 {
        let collected = collect(&mut collector, SHORT).await;
        assert!(collected.up, "{:?}", collected.faults);
        assert_eq!(beans(&collected, "each"), chosen);
    }
}
