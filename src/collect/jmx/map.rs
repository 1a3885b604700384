//! From beans to documents. Pure: no socket, no clock.

use std::collections::{BTreeMap, BTreeSet};

use jmx_rmi::{Attributes, ObjectName, Value, unquote};
use serde_json::Value as Json;

use super::complaints::{Complaints, partial};
use super::convert::{self, convert};
use super::identity::{BROKER_ID, Identity};
use super::preset::{Keyed, Kind};
use super::table::{Bean, Entry, SAMPLES, Table};
use crate::collect::Fault;
use crate::document::Document;

/// What beans say.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    pub(super) documents: Vec<Document>,
    pub(super) faults: Vec<Fault>,
    pub(super) cluster_id: Option<String>,
}

/// Makes the documents of one cycle: one for each dataset, kind and set of keys.
///
/// A bean that is there but could not be read comes without attributes, so that no sum is made without it.
pub(super) fn map(
    table: &Table,
    beans: &[(ObjectName, Attributes)],
    identity: &Identity,
) -> Mapped {
    let mut sheet = Sheet::default();
    for (name, attributes) in beans {
        for bean in table.matching(name) {
            sheet.take(bean, name, attributes, identity);
        }
    }
    sheet.finish(table, identity)
}

/// What tells documents apart: dataset, kind, keys as text.
type Place = (String, String, Vec<String>);

/// Documents in the making.
#[derive(Default)]
struct Sheet {
    drafts: BTreeMap<Place, Draft>,
    presets: BTreeSet<&'static str>,
    complaints: Complaints,
    cluster_id: Option<String>,
    /// Whether documents were left out because the node's id is not known.
    broker_unknown: bool,
}

struct Draft {
    document: Document,
    cells: BTreeMap<String, Cell>,
}

enum Cell {
    One(Json),
    /// `None`: a part is missing, so there is no sum.
    Sum(Option<i64>),
}

impl Sheet {
    fn take(
        &mut self,
        bean: &Bean,
        name: &ObjectName,
        attributes: &Attributes,
        identity: &Identity,
    ) {
        self.presets.insert(bean.source.preset);
        let mut cells = Vec::new();
        for entry in &bean.entries {
            let value = self.read(entry, name, attributes);
            if entry.line.kind == Kind::ClusterId {
                let id = value.as_ref().and_then(Json::as_str).map(str::to_owned);
                self.cluster_id = self.cluster_id.take().or(id);
                continue;
            }
            match value {
                _ if !bean.source.group.sum.is_empty() => {
                    cells.push((entry, Cell::Sum(value.and_then(|value| value.as_i64()))));
                }
                Some(value) => cells.push((entry, Cell::One(value))),
                None => {}
            }
        }
        if cells.is_empty() {
            return;
        }
        let Some((place, document)) = self.open(bean, name, identity) else {
            return;
        };
        let draft = self.drafts.entry(place).or_insert_with(|| Draft {
            document,
            cells: BTreeMap::new(),
        });
        for (entry, cell) in cells {
            if draft.put(&entry.line.field, cell).is_err() {
                let what = format!("{name} gives {} a second value", entry.line.field);
                self.complaints.clashes.add(what);
            }
        }
    }

    /// The value for a field, unless it is unknown.
    fn read(&mut self, entry: &Entry, name: &ObjectName, attributes: &Attributes) -> Option<Json> {
        if entry.line.kind == Kind::Sample && !has_samples(attributes) {
            return None;
        }
        let value = attribute(attributes, &entry.path)?;
        convert(entry, value).unwrap_or_else(|_| {
            let field = match entry.line.kind {
                Kind::ClusterId => "the cluster id",
                _ => &entry.line.field,
            };
            let what = format!("{name} {} = {value:?} for {field}", entry.path.join("."));
            self.complaints.misfits.add(what);
            None
        })
    }

    /// The document of a bean, with its keys.
    fn open(
        &mut self,
        bean: &Bean,
        name: &ObjectName,
        identity: &Identity,
    ) -> Option<(Place, Document)> {
        let group = &bean.source.group;
        if bean.source.keyed == Keyed::Broker && identity.broker.is_none() {
            // Under another key they would be another series once the id is known.
            self.broker_unknown = true;
            return None;
        }
        let (field, id) = identity.key(bean.source.keyed, name);
        let mut document = Document::new(group.dataset.clone(), group.kind.clone()).key(field, id);
        for (property, field) in &group.keys {
            let written = name.key(property)?;
            let text = unquote(written).unwrap_or_else(|| written.to_owned());
            let Some(value) = bean
                .source
                .key_types
                .get(field)
                .and_then(|kind| convert::key(*kind, &text))
            else {
                self.complaints
                    .misfits
                    .add(format!("{name} {property} for {field}"));
                return None;
            };
            document = document.key(field, value);
        }
        if let (Keyed::Address, Some(id)) = (bean.source.keyed, identity.broker) {
            // Not a key: it only says whose JVM this is.
            document.set(BROKER_ID, id);
        }
        let keys = document
            .keys()
            .iter()
            .map(|(field, value)| format!("{field}={value}"));
        let place = (group.dataset.clone(), group.kind.clone(), keys.collect());
        Some((place, document))
    }

    fn finish(self, table: &Table, identity: &Identity) -> Mapped {
        let address = &identity.address;
        let mut faults = self.complaints.into_faults(address);
        if self.broker_unknown {
            let what = "has no single bean kafka.server:type=app-info,id=* (a broker that starts has none yet): which broker it is is not known, and its documents are left out";
            faults.push(partial(format!("{address} {what}")));
        }
        for preset in table.presets() {
            if !self.presets.contains(preset) {
                let what = "has no bean of the preset";
                faults.push(partial(format!(
                    "{address} {what} {preset}; is it the right one for this JVM?"
                )));
            }
        }
        Mapped {
            documents: self
                .drafts
                .into_values()
                .filter_map(Draft::finish)
                .collect(),
            faults,
            cluster_id: self.cluster_id,
        }
    }
}

/// Two values for one field.
struct Clash;

impl Draft {
    /// Sets a field, or adds to its sum. A second value for what is no sum is refused: the first one stands.
    fn put(&mut self, field: &str, cell: Cell) -> Result<(), Clash> {
        match (self.cells.get_mut(field), cell) {
            (None, cell) => {
                self.cells.insert(field.to_owned(), cell);
            }
            (Some(Cell::Sum(total)), Cell::Sum(part)) => {
                *total = total
                    .zip(part)
                    .and_then(|(total, part)| total.checked_add(part));
            }
            (Some(Cell::One(first)), Cell::One(second)) if *first == second => {}
            _ => return Err(Clash),
        }
        Ok(())
    }

    /// The document, if there is anything in it.
    fn finish(mut self) -> Option<Document> {
        let mut is_empty = true;
        for (field, cell) in self.cells {
            let value = match cell {
                Cell::One(value) => value,
                Cell::Sum(None) => continue,
                Cell::Sum(Some(total)) => total.into(),
            };
            self.document.set(&field, value);
            is_empty = false;
        }
        (!is_empty).then_some(self.document)
    }
}

/// An attribute, or what lies in its composites.
fn attribute<'a>(attributes: &'a Attributes, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = &attributes.iter().find(|(name, _)| name == first)?.1;
    rest.iter().try_fold(value, |value, item| value.get(item))
}

/// Whether a histogram has seen anything. One that does not say is believed.
fn has_samples(attributes: &Attributes) -> bool {
    let count = attributes.iter().find(|(name, _)| name == SAMPLES);
    count
        .and_then(|(_, value)| value.as_i64())
        .is_none_or(|count| count > 0)
}
