//! From beans to documents. Pure: no socket, no clock.

use std::collections::{BTreeMap, BTreeSet};

use jmx_rmi::{Attributes, ObjectName, Value, unquote};
use serde_json::Value as Json;

use super::budget::{Rest, Selection};
use super::complaints::{Complaints, partial};
use super::convert::{self, convert};
use super::identity::{BROKER_ID, Identity};
use super::own;
use super::preset::{Keyed, Kind};
use super::table::{Bean, Entry, Sort, Table};
use crate::collect::Fault;
use crate::document::Document;

/// What beans say.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    pub(super) documents: Vec<Document>,
    pub(super) faults: Vec<Fault>,
    pub(super) cluster_id: Option<String>,
    /// Beans are missing that another list of names may bring, as while a server starts.
    pub(super) is_incomplete: bool,
}

/// Makes the documents of one cycle: one for each dataset, kind and set of keys. `selection`: what the budget leaves.
///
/// A bean that is there but could not be read comes without attributes, so that no sum is made without it.
pub(super) fn map(
    table: &Table,
    beans: &[(ObjectName, Attributes)],
    selection: &Selection,
    identity: &Identity,
) -> Mapped {
    let mut sheet = Sheet::default();
    for (name, attributes) in beans {
        let taken = table.matching(name);
        for bean in taken.filter(|bean| selection.takes(bean, name)) {
            sheet.take(bean, name, attributes, identity);
        }
    }
    sheet.finish(table, selection, identity)
}

/// What tells documents apart: dataset, kind, keys as text.
type Place = (String, String, Vec<String>);

/// Documents in the making.
#[derive(Default)]
struct Sheet {
    drafts: BTreeMap<Place, Draft>,
    /// Parts and own tables that the server has beans of.
    parts: BTreeSet<String>,
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
        if bean.entries.iter().any(|entry| entry.line.kind.has_field()) {
            self.meet(&bean.source.part);
        }
        let cells = self.cells(bean, name, attributes);
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

    /// What the bean says, by the lines about it.
    fn cells<'a>(
        &mut self,
        bean: &'a Bean,
        name: &ObjectName,
        attributes: &Attributes,
    ) -> Vec<(&'a Entry, Cell)> {
        let is_sum = !bean.source.group.sum.is_empty();
        let mut cells = Vec::new();
        for entry in &bean.entries {
            if entry.line.kind == Kind::NodeId {
                continue;
            }
            let value = self.read(entry, name, attributes);
            if entry.line.kind == Kind::ClusterId {
                let id = value.as_ref().and_then(Json::as_str).map(str::to_owned);
                self.cluster_id = self.cluster_id.take().or(id);
                continue;
            }
            let cell = match is_sum {
                true => Some(Cell::Sum(value.and_then(|value| value.as_i64()))),
                false => value.map(Cell::One),
            };
            cells.extend(cell.map(|cell| (entry, cell)));
        }
        cells
    }

    fn meet(&mut self, part: &str) {
        if !self.parts.contains(part) {
            self.parts.insert(part.to_owned());
        }
    }

    /// The value for a field, unless it is unknown.
    fn read(&mut self, entry: &Entry, name: &ObjectName, attributes: &Attributes) -> Option<Json> {
        if !is_measured(entry, attributes) {
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
        let document = Document::new(group.dataset.clone(), group.kind.clone()).key(field, id);
        let mut document = match own::is_own(group) {
            true => self.key_by_name(bean, name, document)?,
            false => self.key_by_properties(bean, name, document)?,
        };
        if let (Keyed::Address, Some(id)) = (bean.source.keyed, identity.broker) {
            // Not a key: it only says whose JVM this is.
            document.set(BROKER_ID, id);
        }
        let keys = document
            .keys()
            .into_iter()
            .map(|(field, value)| format!("{field}={value}"));
        let place = (group.dataset.clone(), group.kind.clone(), keys.collect());
        Some((place, document))
    }

    /// A preset's document is told apart by the key properties that the preset names.
    fn key_by_properties(
        &mut self,
        bean: &Bean,
        name: &ObjectName,
        mut document: Document,
    ) -> Option<Document> {
        for (property, field) in &bean.source.group.keys {
            let Some(written) = name.key(property) else {
                continue;
            };
            let kind = bean.source.key_types.get(field);
            let text = unquoted(written);
            let Some(value) = kind.and_then(|kind| convert::key(*kind, &text)) else {
                let what = format!("{name} {property} for {field}");
                self.complaints.misfits.add(what);
                return None;
            };
            document = document.key(field.clone(), value);
        }
        Some(document)
    }

    /// An own table's document is told apart by the bean's name; key properties are fields like others.
    fn key_by_name(
        &mut self,
        bean: &Bean,
        name: &ObjectName,
        document: Document,
    ) -> Option<Document> {
        let shown = own::bean_name(&bean.source.group, name);
        if shown.len() > own::MAX_BEAN_NAME {
            let what = format!("{shown:.100}… is too long a name for jmx.bean");
            self.complaints.misfits.add(what);
            return None;
        }
        let mut document = document.key("jmx.bean", shown);
        for (property, field) in &bean.source.group.keys {
            if let Some(written) = name.key(property) {
                document.set(field.clone(), unquoted(written));
            }
        }
        Some(document)
    }

    fn finish(self, table: &Table, selection: &Selection, identity: &Identity) -> Mapped {
        let address = &identity.address;
        let mut faults = self.complaints.into_faults(address);
        let mut is_incomplete = self.broker_unknown;
        if self.broker_unknown {
            let what = "has no single bean kafka.server:type=app-info,id=* (a broker that starts has none yet): which broker it is is not known, and its documents are left out";
            faults.push(partial(format!("{address} {what}")));
        }
        for (shown, part) in table.wanted() {
            if !self.parts.contains(part) {
                is_incomplete = true;
                let what = "has no bean of the";
                faults.push(partial(format!(
                    "{address} {what} {shown}; is it the right one for this JVM?"
                )));
            }
        }
        let rests = selection.rests();
        let rests =
            rests.filter_map(|(sort, rest)| rest_document(table.sort(sort), rest, identity));
        let drafts = self.drafts.into_values().filter_map(Draft::finish);
        Mapped {
            documents: drafts.chain(rests).collect(),
            faults,
            cluster_id: self.cluster_id,
            is_incomplete,
        }
    }
}

/// What the budget leaves out of a sort.
fn rest_document(sort: &Sort, rest: &Rest, identity: &Identity) -> Option<Document> {
    let kind = format!("{}_rest", sort.kind);
    let (field, id) = identity.key_of_rest(sort.keyed)?;
    let mut document = Document::new(sort.dataset.clone(), kind)
        .key(field, id)
        .with("brokerbeat.rest.members", rest.members)
        .with("brokerbeat.rest.left_out", rest.left_out);
    if !sort.rank.is_empty() {
        document.set("brokerbeat.rest.ranked_by", sort.rank.clone());
        for (field, figure) in [("total", rest.total), ("sum", rest.sum)] {
            if let Some(figure) = figure {
                document.set(format!("brokerbeat.rest.{field}"), figure);
            }
        }
    }
    Some(document)
}

fn unquoted(written: &str) -> String {
    unquote(written).unwrap_or_else(|| written.to_owned())
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
            self.document.set(field, value);
            is_empty = false;
        }
        (!is_empty).then_some(self.document)
    }
}

/// An attribute, or what lies in its composites.
pub(super) fn attribute<'a>(attributes: &'a Attributes, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = &attributes.iter().find(|(name, _)| name == first)?.1;
    rest.iter().try_fold(value, |value, item| value.get(item))
}

/// Whether the server has measured anything yet. One that does not say is believed.
fn is_measured(entry: &Entry, attributes: &Attributes) -> bool {
    let path = entry.measured.as_ref();
    let said = path.and_then(|path| attribute(attributes, path));
    said.is_none_or(|said| said.as_i64() != Some(0) && said.as_f64() != Some(0.0))
}
