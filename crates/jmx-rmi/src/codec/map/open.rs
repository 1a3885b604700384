//! Open data: `CompositeDataSupport` and `TabularDataSupport` (JSR 3, `javax.management.openmbean`).

use std::sync::Arc;

use super::{Mapper, TooLarge};
use crate::codec::graph::{Item, ObjectNode};
use crate::value::{Composite, Tabular, Value};

impl Mapper<'_> {
    /// `None`: the class is none of these, or its data is not what it should be.
    pub(super) fn open(
        &mut self,
        class: &str,
        object: &ObjectNode,
    ) -> Result<Option<Value>, TooLarge> {
        match class {
            "javax.management.openmbean.CompositeDataSupport" => self.composite(object),
            "javax.management.openmbean.TabularDataSupport" => self.tabular(object),
            _ => Ok(None),
        }
    }

    /// The items are in `contents`, a `SortedMap` from name to value. The type beside it is not needed.
    fn composite(&mut self, object: &ObjectNode) -> Result<Option<Value>, TooLarge> {
        let Some(contents) = self.graph.field(object, "contents") else {
            return Ok(None);
        };
        let Value::Map(entries) = self.value(contents)? else {
            return Ok(None);
        };
        let mut items = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let Value::String(name) = key else {
                return Ok(None);
            };
            items.push((name, value));
        }
        Ok(Some(Value::Composite(Composite { items })))
    }

    /// The rows are in `dataMap`, keyed by their index values, which the rows hold as well.
    fn tabular(&mut self, object: &ObjectNode) -> Result<Option<Value>, TooLarge> {
        let Some(map) = self.graph.field(object, "dataMap") else {
            return Ok(None);
        };
        let Value::Map(entries) = self.value(map)? else {
            return Ok(None);
        };
        let mut rows = Vec::with_capacity(entries.len());
        for (_, row) in entries {
            let Value::Composite(row) = row else {
                return Ok(None);
            };
            rows.push(row);
        }
        let index = self.index_names(object)?.unwrap_or_default();
        Ok(Some(Value::Tabular(Tabular { index, rows })))
    }

    fn index_names(&mut self, table: &ObjectNode) -> Result<Option<Vec<Arc<str>>>, TooLarge> {
        let kind = self
            .graph
            .field(table, "tabularType")
            .and_then(|item| self.graph.object(item));
        let names: Option<Item> = kind.and_then(|kind| self.graph.field(kind, "indexNames"));
        let Some(names) = names else { return Ok(None) };
        let names = self.value(names)?;
        let texts = names
            .elements()
            .unwrap_or_default()
            .iter()
            .filter_map(|name| match name {
                Value::String(text) => Some(Arc::clone(text)),
                _ => None,
            });
        Ok(Some(texts.collect()))
    }
}
