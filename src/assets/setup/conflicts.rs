//! Index templates of others that stand in the way of ours.

use std::fmt;

use super::installed::IndexTemplate;
use super::patterns::overlap;
use crate::assets::{Asset, Owner};

/// What an index template of somebody else does to ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Whose.
    pub name: String,
    patterns: Vec<String>,
    priority: u64,
    ours: u64,
    /// The data streams that it takes from ours, or the patterns of ours that it meets.
    met: Vec<String>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, priority, ours) = (&self.name, self.priority, self.ours);
        let patterns = self.patterns.join(", ");
        let met = listed(&self.met);
        write!(f, "the index template `{name}` ({patterns}) ")?;
        match priority == ours {
            true => write!(
                f,
                "has the priority {priority}, as ours have, and meets {met}: Elasticsearch takes no two of one priority for one name; give it another priority"
            )?,
            false => write!(
                f,
                "has the priority {priority}, ours have {ours}: it would make {met}, and nothing would be shipped there; lower its priority"
            )?,
        }
        write!(f, ", narrow its patterns, or delete it")?;
        match priority == ours {
            true => Ok(()),
            false => write!(f, "; or set another `namespace`"),
        }
    }
}

/// A few of many.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<&str> = names.iter().map(String::as_str).take(SHOWN).collect();
    let more = names.len().saturating_sub(SHOWN);
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What stands in the way of these index templates, one for each template of others.
///
/// A template above ours is one only if it takes the data streams of this namespace: another one for other namespaces is
/// its owner's wish. So is one that bears our mark, which its indices then bear, too.
pub(super) fn conflicts(
    assets: &[&Asset],
    others: &[IndexTemplate],
    namespace: &str,
) -> Vec<Conflict> {
    let ours = |name: &str| assets.iter().any(|asset| asset.name == name);
    let others = others.iter().filter(|other| !ours(&other.name));
    others
        .filter_map(|other| conflict(assets, other, namespace))
        .collect()
}

fn conflict(assets: &[&Asset], other: &IndexTemplate, namespace: &str) -> Option<Conflict> {
    let mut met = Vec::new();
    let mut ours = 0;
    for asset in assets {
        let priority = asset.body["priority"].as_u64().unwrap_or(0);
        let pattern = asset.body["index_patterns"][0].as_str().unwrap_or_default();
        let name = match other.priority.cmp(&priority) {
            std::cmp::Ordering::Less => continue,
            std::cmp::Ordering::Equal => pattern.to_owned(),
            std::cmp::Ordering::Greater if other.owner != Owner::Foreign => continue,
            std::cmp::Ordering::Greater => stream(pattern, namespace),
        };
        if other.matches(&name) {
            ours = priority;
            met.push(name);
        }
    }
    (!met.is_empty()).then(|| Conflict {
        name: other.name.clone(),
        patterns: other.patterns.clone(),
        priority: other.priority,
        ours,
        met,
    })
}

/// The data stream of a pattern's dataset in that namespace.
fn stream(pattern: &str, namespace: &str) -> String {
    pattern.trim_end_matches('*').to_owned() + namespace
}

impl IndexTemplate {
    /// Whether one of its patterns and this one, or this name, have a name in common.
    pub fn matches(&self, pattern: &str) -> bool {
        self.patterns.iter().any(|other| overlap(other, pattern))
    }
}

/// The template that makes an index of that name.
pub fn winner<'a>(templates: &'a [IndexTemplate], name: &str) -> Option<&'a IndexTemplate> {
    let matching = templates.iter().filter(|template| template.matches(name));
    matching.max_by_key(|template| template.priority)
}

#[cfg(test)]
mod tests {
    use super::IndexTemplate as T;
    use super::*;
    use crate::assets::AssetKind;
    use serde_json::json;

    fn ours(dataset: &str) -> Asset {
        Asset {
            kind: AssetKind::Index,
            name: format!("brokerbeat-{dataset}"),
            body: json!({"index_patterns": [format!("metrics-brokerbeat.{dataset}-*")], "priority": 501}),
        }
    }

    fn found(others: &[IndexTemplate]) -> Vec<String> {
        let (jvm, jmx) = (ours("jvm"), ours("jmx"));
        let conflicts = conflicts(&[&jvm, &jmx], others, "prod");
        conflicts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_of_the_same_priority_that_meets_ours_is_explained_once() {
        let said = found(&[T::new("mine", "metrics-brokerbeat.*", 501, Owner::Foreign)]);
        assert_eq!(said.len(), 1);
        for part in [
            "`mine` (metrics-brokerbeat.*)",
            "the priority 501",
            "metrics-brokerbeat.jvm-*, metrics-brokerbeat.jmx-*",
            "another priority",
            "delete it",
        ] {
            assert!(said[0].contains(part), "{part}: {}", said[0]);
        }
    }

    #[test]
    fn one_above_ours_is_in_the_way_only_of_the_streams_of_this_namespace() {
        let said = found(&[T::new("all", "metrics-*-*", 900, Owner::Foreign)]);
        assert!(said[0].contains("metrics-brokerbeat.jvm-prod"), "{said:?}");
        assert!(said[0].contains("lower its priority"), "{said:?}");
        for harmless in [
            T::new("metrics", "metrics-*-*", 100, Owner::Foreign),
            T::new("test", "metrics-*-test", 900, Owner::Foreign),
            T::new("logs", "logs-*-*", 501, Owner::Foreign),
            T::new("own", "metrics-brokerbeat.jvm-*", 900, Owner::Ours(7)),
            // Ours itself, installed already.
            T::new(
                "brokerbeat-jvm",
                "metrics-brokerbeat.jvm-*",
                501,
                Owner::Foreign,
            ),
        ] {
            assert_eq!(
                found(std::slice::from_ref(&harmless)),
                [""; 0],
                "{harmless:?}"
            );
        }
    }

    #[test]
    fn the_highest_priority_that_matches_makes_the_index() {
        let all = [
            T::new("a", "metrics-*-*", 100, Owner::Foreign),
            T::new("b", "metrics-brokerbeat.jvm-*", 501, Owner::Foreign),
            T::new("c", "logs-*", 900, Owner::Foreign),
        ];
        let made_by = |name: &str| winner(&all, name).map(|template| template.name.as_str());
        assert_eq!(made_by("metrics-brokerbeat.jvm-x"), Some("b"));
        assert_eq!(made_by("metrics-system-x"), Some("a"));
        assert_eq!(made_by("other"), None);
    }
}
