//! Users' own tables: beans that no preset knows, as the configuration names them.
//!
//! Each bean has a document of its own in the dataset `jmx`, told apart by `service.address` and `jmx.bean`, the bean's
//! canonical name, so that two beans never share one. Values go to `jmx.counter.*`, `jmx.gauge.*`, `jmx.text.*` and
//! `jmx.flag.*`, key properties to `jmx.key.*`: besides `labels.*` the only fields that are not in the catalogue by
//! name. Their number is bounded here, as every new one stays in Elasticsearch's mapping for good.

use std::collections::{BTreeMap, BTreeSet};

use jmx_rmi::ObjectName;

use super::catalogue::FieldType;
use super::preset::{Group, Kind, Line, OneOrMany};
use crate::config::{Section, nearest};

/// Dataset of all own tables.
const DATASET: &str = "jmx";

/// Own tables of one target. More is a mistake in a generator, not a wish.
const MAX_TABLES: usize = 50;

/// Different values and keys of all own tables of all targets. They share an index, which by default has room for 1000
/// fields; the other half is for those of other agents and of years before.
const MAX_FIELDS: usize = 500;

/// Longest bean name that has a document: Elasticsearch takes no longer dimension.
pub(super) const MAX_BEAN_NAME: usize = 1024;

/// What a line's `kind` may be, with the object of its field.
const KINDS: &[(&str, Kind, &str)] = &[
    ("counter", Kind::Counter, "counter"),
    ("gauge", Kind::Gauge, "gauge"),
    ("ratio", Kind::Ratio, "gauge"),
    ("sample", Kind::Sample, "gauge"),
    ("text", Kind::Text, "text"),
    ("bool", Kind::Bool, "flag"),
];

/// Reads `tables`; `None` if something is wrong with them.
pub(super) fn read(section: &mut Section<'_>) -> Option<Vec<Group>> {
    let sections = section.sections("tables");
    let count = sections.len();
    let mut names = BTreeSet::new();
    let mut groups = Vec::new();
    for mut table in sections {
        let group = table_of(&mut table);
        let Some(group) = group else { continue };
        if !names.insert(group.kind.clone()) {
            let message = format!("`{}` names two tables; give each its own name", group.kind);
            table.problem("name", message);
            continue;
        }
        groups.push(group);
    }
    (is_within_bounds(section, count, &groups) && groups.len() == count).then_some(groups)
}

fn is_within_bounds(section: &Section<'_>, count: usize, groups: &[Group]) -> bool {
    let names = groups.iter().flat_map(field_types).map(|(field, _)| field);
    let fields = section.add_own_fields(names);
    if count > MAX_TABLES {
        let message = format!("has {count} tables, but at most {MAX_TABLES} are possible");
        section.problem("tables", message);
    }
    if fields > MAX_FIELDS {
        let message = format!(
            "make {fields} different fields with those of the targets before, but at most {MAX_FIELDS} are possible in a configuration; leave lines out, or `keys` short, or give equal values equal names"
        );
        section.problem("tables", message);
    }
    count <= MAX_TABLES && fields <= MAX_FIELDS
}

/// One table. Every key is asked for before the first mistake ends it.
fn table_of(section: &mut Section<'_>) -> Option<Group> {
    let name = name(section);
    let beans = section.texts("beans");
    let patterns = patterns(section, &beans);
    let sum = section.texts("sum");
    let except = section.map("except");
    let written_keys = section.texts("keys");
    let rank = section.text("rank");
    let lines = lines(section);
    let (name, patterns, lines) = (name?, patterns?, lines?);
    if !sum.is_empty() && lines.iter().any(|line| line.kind != Kind::Counter) {
        section.problem("sum", "adds up counters only; take the other lines out, or into a table of their own without `sum`");
        return None;
    }
    let excepted: Vec<String> = except.keys().cloned().collect();
    for (setting, keys) in [
        ("sum", &sum),
        ("keys", &written_keys),
        ("except", &excepted),
    ] {
        refuse_strange_keys(section, setting, keys, &patterns)?;
    }
    let rank = rank_field(section, &lines, rank)?;
    let keys = match written_keys.is_empty() {
        true => literal_keys(&patterns),
        false => written_keys,
    };
    let keys = keys.into_iter().filter(|key| !sum.contains(key));
    Some(Group {
        dataset: DATASET.to_owned(),
        kind: name,
        beans: OneOrMany::Many(beans),
        keys: keys
            .map(|key| (key.clone(), format!("jmx.key.{}", sanitise(&key))))
            .collect(),
        sum,
        ignore: Vec::new(),
        except,
        twins: None,
        rank: Some(rank),
        lines,
    })
}

fn name(section: &mut Section<'_>) -> Option<String> {
    let Some(name) = section.text("name").filter(|name| !name.is_empty()) else {
        section.problem(
            "name",
            "is missing; it becomes brokerbeat.kind of the documents",
        );
        return None;
    };
    if sanitise(&name) == name {
        return Some(name);
    }
    let message = format!(
        "`{name}` has characters other than letters, digits, `_` and `-`; write `{}`",
        sanitise(&name)
    );
    section.problem("name", message);
    None
}

/// Refuses key properties that no bean of the patterns can have: a slip of the pen would be silence for ever.
fn refuse_strange_keys(
    section: &Section<'_>,
    setting: &'static str,
    keys: &[String],
    patterns: &[ObjectName],
) -> Option<()> {
    let may_have = |key: &String| {
        let mut patterns = patterns.iter();
        patterns.any(|pattern| pattern.is_property_list_pattern() || pattern.key(key).is_some())
    };
    let Some(strange) = keys.iter().find(|key| !may_have(key)) else {
        return Some(());
    };
    let message = format!(
        "`{strange}` is no key property of these beans; name one that stands in `beans`, or end the pattern in `,*`"
    );
    section.problem(setting, message);
    None
}

fn patterns(section: &Section<'_>, beans: &[String]) -> Option<Vec<ObjectName>> {
    if beans.is_empty() {
        let message = "is missing; name beans as in `java.lang:type=GarbageCollector,name=*`";
        section.problem("beans", message);
        return None;
    }
    let mut patterns = Vec::new();
    for bean in beans {
        match ObjectName::parse(bean) {
            Ok(pattern) if pattern.keys().next().is_some() => patterns.push(pattern),
            Ok(_) => {
                let message = format!(
                    "`{bean}` asks for all beans of a domain; name a key property, as in `{bean}`'s `type`"
                );
                section.problem("beans", message);
            }
            Err(error) => section.problem("beans", format!("`{bean}` is no bean pattern: {error}")),
        }
    }
    (patterns.len() == beans.len()).then_some(patterns)
}

/// The key properties that patterns name. Others are in `jmx.bean` alone, as nobody knows how many there will be.
fn literal_keys(patterns: &[ObjectName]) -> Vec<String> {
    let keys = patterns.iter().flat_map(ObjectName::keys);
    let names: BTreeSet<String> = keys.map(|(key, _)| key.to_owned()).collect();
    names.into_iter().collect()
}

fn lines(section: &mut Section<'_>) -> Option<Vec<Line>> {
    let sections = section.sections("lines");
    if sections.is_empty() {
        let message = "is missing; a line is {attribute: CollectionCount, kind: counter}";
        section.problem("lines", message);
        return None;
    }
    let count = sections.len();
    let mut fields = BTreeSet::new();
    let mut lines = Vec::new();
    for mut section in sections {
        let Some(line) = line(&mut section) else {
            continue;
        };
        if !fields.insert(line.field.clone()) {
            let message = format!("gives {} a second value; name it otherwise", line.field);
            section.problem("name", message);
            continue;
        }
        lines.push(line);
    }
    (lines.len() == count).then_some(lines)
}

fn line(section: &mut Section<'_>) -> Option<Line> {
    let attribute = section.text("attribute");
    let name = section.text("name");
    let kind = kind(section);
    let Some(attribute) = attribute.filter(|text| !text.is_empty()) else {
        section.problem("attribute", "is missing; name an attribute of the beans");
        return None;
    };
    if name.as_ref().is_some_and(String::is_empty) {
        let message = "is empty; write a name, or leave it out: the attribute's is used then";
        section.problem("name", message);
        return None;
    }
    let (kind, object) = kind?;
    let name = sanitise(name.as_deref().unwrap_or(&attribute));
    Some(Line {
        bean: String::new(),
        attribute,
        field: format!("jmx.{object}.{name}"),
        kind,
        unit: None,
        unless_zero: None,
        states: BTreeMap::new(),
    })
}

fn kind(section: &mut Section<'_>) -> Option<(Kind, &'static str)> {
    let words: Vec<&str> = KINDS.iter().map(|(word, ..)| *word).collect();
    let Some(written) = section.text("kind") else {
        let message = format!("is missing; kinds are {}", words.join(", "));
        section.problem("kind", message);
        return None;
    };
    if let Some((_, kind, object)) = KINDS.iter().find(|(word, ..)| *word == written) {
        return Some((*kind, object));
    }
    let hint = match nearest(&written, &words) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("kinds are {}", words.join(", ")),
    };
    section.problem("kind", format!("`{written}` is not a kind; {hint}"));
    None
}

/// The line whose value says which beans matter most when there are too many.
fn rank_field(
    section: &Section<'_>,
    lines: &[Line],
    written: Option<String>,
) -> Option<Vec<String>> {
    let Some(written) = written else {
        return Some(Vec::new());
    };
    let last = |line: &&Line| line.field.rsplit('.').next() == Some(written.as_str());
    let is_number = |line: &&Line| matches!(line.kind, Kind::Counter | Kind::Gauge | Kind::Ratio);
    if let Some(line) = lines.iter().filter(is_number).find(last) {
        return Some(vec![line.field.clone()]);
    }
    let names = lines.iter().filter(is_number);
    let names: Vec<&str> = names.filter_map(|l| l.field.rsplit('.').next()).collect();
    let hint = match names.is_empty() {
        true => "and there is none; leave `rank` out".to_owned(),
        false => format!("it may be {}", names.join(", ")),
    };
    let message = format!("`{written}` is no line with a number; {hint}");
    section.problem("rank", message);
    None
}

/// A name as the last part of a field's name: a dot would begin an object.
fn sanitise(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    name.chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .collect()
}

/// Whether a group is a user's own table.
pub(super) fn is_own(group: &Group) -> bool {
    group.dataset == DATASET
}

/// The types of an own table's fields, which no catalogue has.
pub(super) fn field_types(group: &Group) -> Vec<(String, FieldType)> {
    let type_of = |kind| match kind {
        Kind::Counter => FieldType::Long,
        Kind::Gauge | Kind::Ratio | Kind::Sample => FieldType::Double,
        Kind::Bool => FieldType::Boolean,
        _ => FieldType::Keyword,
    };
    let values = group.lines.iter();
    let values = values.map(|line| (line.field.clone(), type_of(line.kind)));
    let keys = group.keys.values();
    let keys = keys.map(|field| (field.clone(), FieldType::Keyword));
    values.chain(keys).collect()
}

/// `jmx.bean`: the bean's canonical name. Where beans are added up, what they differ by is `*`.
pub(super) fn bean_name(group: &Group, name: &ObjectName) -> String {
    if group.sum.is_empty() {
        return name.canonical().to_owned();
    }
    let mut keys: Vec<(&str, &str)> = name.keys().collect();
    keys.sort_unstable();
    let shown = |(key, value): (&str, &str)| match group.sum.iter().any(|summed| summed == key) {
        true => format!("{key}=*"),
        false => format!("{key}={value}"),
    };
    let keys: Vec<String> = keys.into_iter().map(shown).collect();
    format!("{}:{}", name.domain(), keys.join(","))
}
