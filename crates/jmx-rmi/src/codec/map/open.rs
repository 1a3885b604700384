//! Open data: `CompositeDataSupport` and `TabularDataSupport` (JSR 3, `javax.management.openmbean`).

use std::sync::Arc;

use super::{Mapper, TooLarge};
use crate::codec::graph::ObjectNode;
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
            "javax.management.MBeanInfo" => {
                let info = self.bean(object)?;
                Ok(Some(Value::MBeanInfo(Box::new(info))))
            }
            _ => self.open_type(class, object),
        }
    }

    /// The items are in `contents`, a `SortedMap` from name to value. The type beside it is not needed.
    fn composite(&mut self, object: &ObjectNode) -> Result<Option<Value>, TooLarge> {
        let Some(contents) = self.field(object, "contents")? else {
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
        let Some(map) = self.field(object, "dataMap")? else {
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
        let index = self.index_names(object)?;
        Ok(Some(Value::Tabular(Tabular { index, rows })))
    }

    fn index_names(&mut self, table: &ObjectNode) -> Result<Vec<Arc<str>>, TooLarge> {
        let kind = self.field(table, "tabularType")?;
        let Some(kind) = kind.and_then(|item| self.graph.object(item)) else {
            return Ok(Vec::new());
        };
        let names = self.field(kind, "indexNames")?;
        self.texts(names)
    }
}
