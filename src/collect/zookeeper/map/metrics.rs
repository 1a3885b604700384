//! `mntr`: a document for each family of figures, and where a family is about learners or namespaces, one for each of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::lines::{Leftover, value};
use super::table::{Place, Table, Target};
use crate::collect::zookeeper::said::Part;
use crate::document::Document;

/// Learners are a few, but every node below the root is a namespace. The rest is counted.
const MAX_MEMBERS: usize = 100;

type Fields = Vec<(&'static str, Value)>;

/// The documents, and what could not be read.
pub(super) fn documents(part: &Part<'_>, server_id: &str) -> (Vec<Document>, Leftover) {
    let (groups, mut leftover) = groups(part);
    let table = Table::get();
    let mut documents = Vec::new();
    let mut left_out = BTreeMap::new();
    let chosen = chosen(&groups, &mut left_out);
    for ((family, member), fields) in groups {
        if member.is_some_and(|member| !chosen.contains(&(family, member))) {
            continue;
        }
        let Some(row) = table.families.get(family) else {
            continue;
        };
        let mut document = Document::new("zookeeper.mntr", row.family.as_str())
            .key("zookeeper.server.id", server_id);
        match (&row.member, member) {
            (Some(key), Some(member)) => document = document.key(key.as_str(), member),
            (None, None) => {}
            // A learner's line without the learner, or the other way round.
            _ => {
                leftover.unknown += fields.len();
                continue;
            }
        }
        for (field, value) in fields {
            document.set(field, value);
        }
        documents.push(document);
    }
    let rests = left_out
        .into_iter()
        .filter_map(|(family, count): (usize, (usize, usize))| {
            rest(table, family, count, server_id)
        });
    documents.extend(rests);
    (documents, leftover)
}

type Groups<'a> = BTreeMap<(usize, Option<&'a str>), Fields>;

fn groups<'a>(part: &'a Part<'_>) -> (Groups<'a>, Leftover) {
    let mut groups = Groups::new();
    let mut leftover = Leftover {
        unknown: part.strange,
        ..Leftover::default()
    };
    for (name, text) in &part.figures {
        let (target, member): (Target, _) = match Table::get().place(name) {
            Place::Field(target, member) => (target, member),
            Place::LeftOut => continue,
            Place::Unknown => {
                leftover.unknown += 1;
                continue;
            }
        };
        match value(target.kind, text) {
            Ok(Some(value)) => {
                let fields = groups.entry((target.family, member)).or_default();
                fields.push((target.field, value));
            }
            Ok(None) => {}
            Err(_) => leftover.unfit.push((name.to_string(), text.to_string())),
        }
    }
    (groups, leftover)
}

/// The members of each family that have documents: those with the greatest sums. `left_out`: members in all and without.
fn chosen<'a>(
    groups: &Groups<'a>,
    left_out: &mut BTreeMap<usize, (usize, usize)>,
) -> BTreeSet<(usize, &'a str)> {
    let mut by_family: BTreeMap<usize, Vec<(Reverse<i64>, &'a str)>> = BTreeMap::new();
    for ((family, member), fields) in groups {
        let Some(member) = member else { continue };
        let sums = fields.iter().filter(|(field, _)| field.ends_with(".sum"));
        let sum = sums
            .filter_map(|(_, value)| value.as_i64())
            .fold(0, i64::saturating_add);
        by_family
            .entry(*family)
            .or_default()
            .push((Reverse(sum), *member));
    }
    let mut chosen = BTreeSet::new();
    for (family, mut members) in by_family {
        members.sort_unstable();
        let count = members.len();
        if count > MAX_MEMBERS {
            left_out.insert(family, (count, count - MAX_MEMBERS));
        }
        let first = members.into_iter().take(MAX_MEMBERS);
        chosen.extend(first.map(|(_, member)| (family, member)));
    }
    chosen
}

fn rest(
    table: &'static Table,
    family: usize,
    (members, left_out): (usize, usize),
    server_id: &str,
) -> Option<Document> {
    let row = table.families.get(family)?;
    let document = Document::new("zookeeper.mntr", format!("{}_rest", row.family))
        .key("zookeeper.server.id", server_id)
        .with("brokerbeat.rest.members", members)
        .with("brokerbeat.rest.left_out", left_out);
    Some(document)
}
