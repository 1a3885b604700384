//! `kibana/rules.ndjson`: what a rule asks Elasticsearch, and for whom it fires, as Kibana decides it.

use std::collections::BTreeSet;

use serde_json::Value;
use stack::Elasticsearch;

use crate::agent::text;
use crate::dashboards::rows::key;

const RULES: &str = include_str!("../../../kibana/rules.ndjson");

/// The agent's default interval, for which the questions are written.
const INTERVAL: u64 = 10;

/// What an alert without groups is about.
pub(super) const EVERYTHING: &str = "everything";

/// How a rule decides.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// More documents than this.
    Above(u64),
    /// None at all.
    Silence,
    /// None of somebody who had some.
    Gone,
}

/// A rule's question, asked of one namespace at one pace.
pub(super) struct Rule {
    pub(super) name: String,
    path: String,
    body: String,
    kind: Kind,
    /// Everybody who was ever seen, for those who are gone.
    seen: BTreeSet<String>,
}

/// Within how many seconds a rule's query fires and clears, at the default interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stated {
    pub(super) fires: u64,
    pub(super) clears: u64,
}

impl Stated {
    pub(super) fn of(rule: &str) -> Self {
        let line = lines().find(|line| text(line, "rule") == rule);
        let line = line.unwrap_or_else(|| panic!("there is no rule {rule}"));
        let seconds = |name: &str| line["stated"][name].as_u64().expect("seconds");
        Self {
            fires: seconds("fires"),
            clears: seconds("clears"),
        }
    }
}

/// All rules for an agent of this interval.
pub(super) fn rules(namespace: &str, interval: u64) -> Vec<Rule> {
    lines()
        .map(|line| rule(&line, namespace, interval))
        .collect()
}

fn lines() -> impl Iterator<Item = Value> {
    RULES
        .lines()
        .map(|line| serde_json::from_str(line).expect("a rule a line"))
}

fn rule(line: &Value, namespace: &str, interval: u64) -> Rule {
    let question = &line["question"];
    Rule {
        name: text(line, "rule").to_owned(),
        path: format!("/{}-{namespace}/_search", text(question, "index")),
        body: at_pace(&question["body"].to_string(), interval),
        kind: kind(&line["body"]["params"]),
        seen: BTreeSet::new(),
    }
}

/// Windows are multiples of the interval, as `setup` makes them.
fn at_pace(body: &str, interval: u64) -> String {
    let mut parts = body.split("\"now-");
    let mut paced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (seconds, rest) = part.split_once("s\"").expect("a number of seconds");
        let seconds: u64 = seconds.parse().expect("a number of seconds");
        paced += &format!("\"now-{}s\"{rest}", seconds * interval / INTERVAL);
    }
    paced
}

fn kind(params: &Value) -> Kind {
    let limit = params["threshold"][0].as_u64();
    match (params["thresholdComparator"].as_str(), limit) {
        (Some(">"), Some(limit)) => Kind::Above(limit),
        (Some("<"), Some(1)) => Kind::Silence,
        (None, _) if params["alertOnGroupDisappear"] == true => Kind::Gone,
        _ => panic!("a rule of another kind: {params}"),
    }
}

impl Rule {
    /// Asks with another threshold.
    pub(super) fn change(&mut self, from: u64, to: u64) {
        let changed = self.body.replace(&from.to_string(), &to.to_string());
        assert_ne!(changed, self.body, "{} asks for {from}", self.name);
        self.body = changed;
    }

    /// For whom it fires now: keys joined by blanks. Nothing while a stream is just being made.
    pub(super) fn alerts(&mut self, elasticsearch: &Elasticsearch) -> Option<BTreeSet<String>> {
        let answer = elasticsearch.request("POST", &self.path, Some(self.body.clone()));
        let (status, answer) = answer.expect("Elasticsearch answers");
        if answer.to_string().contains("no_shard_available") {
            return None;
        }
        assert_eq!(status, 200, "{}: {answer}", self.name);
        let all = answer["hits"]["total"]["value"].as_u64().unwrap_or(0);
        let mut leaves = Vec::new();
        match answer.get("aggregations") {
            Some(buckets) => descend(buckets, all, "", &mut leaves),
            None => leaves.push((EVERYTHING.to_owned(), all)),
        }
        let of = |keep: &dyn Fn(u64) -> bool| {
            let kept = leaves.iter().filter(|(_, count)| keep(*count));
            kept.map(|(name, _)| name.clone()).collect::<BTreeSet<_>>()
        };
        Some(match self.kind {
            Kind::Above(limit) => of(&|count| count > limit),
            Kind::Silence => of(&|count| count < 1),
            Kind::Gone => {
                let here = of(&|count| count > 0);
                let gone = self.seen.difference(&here).cloned().collect();
                self.seen.extend(here);
                gone
            }
        })
    }
}

/// The innermost buckets: the keys above each, and its documents.
fn descend(level: &Value, count: u64, above: &str, leaves: &mut Vec<(String, u64)>) {
    let aggregations = level.as_object().into_iter().flatten();
    let nested = aggregations
        .map(|(_, one)| one)
        .find(|one| one["buckets"].is_array());
    let Some(nested) = nested else {
        let name = if above.is_empty() { EVERYTHING } else { above };
        return leaves.push((name.to_owned(), count));
    };
    for bucket in nested["buckets"].as_array().into_iter().flatten() {
        let name = format!("{above} {}", key(&bucket["key"]));
        let count = bucket["doc_count"].as_u64().unwrap_or(0);
        descend(bucket, count, name.trim_start(), leaves);
    }
}

#[test]
fn windows_follow_the_pace_and_every_rule_has_a_kind() {
    assert_eq!(
        at_pace(r#"{"gte":"now-30s","lt":"now-120s"}"#, 2),
        r#"{"gte":"now-6s","lt":"now-24s"}"#
    );
    let all = rules("x", 2);
    assert_eq!(
        all.iter().filter(|rule| rule.kind == Kind::Silence).count(),
        1
    );
    assert!(all.iter().any(|rule| rule.kind == Kind::Above(1)));
    assert_eq!(all.iter().filter(|rule| rule.kind == Kind::Gone).count(), 2);
}
