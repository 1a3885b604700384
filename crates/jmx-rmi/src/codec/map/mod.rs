//! From objects as sent to [`Value`]s: what the classes of the JDK mean.
//!
//! The graph may share objects and hold cycles; a [`Value`] is a tree. So the walk counts what it visits, each shared
//! object as often as it is met: a "handle bomb" ends as one omitted attribute. Work that grows with what an object has,
//! and not with what is shown of it, is counted as well: searching its fields, trying its classes, looking at elements,
//! parsing a name. So the time for a reply is bounded by the budget alone. Long texts are shared, not copied.
//!
//! - this file: dispatch
//! - `boxed`: numbers, dates, names
//! - `collections`: lists, sets, maps
//! - `open`: composites and tables
//! - `info`: what beans say of themselves, and open types
//! - `replies`: the shapes of whole replies

mod boxed;
mod collections;
mod info;
mod number;
mod open;
mod replies;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::Limits;
use super::decoder::{Input, Stop, primitive};
use super::graph::{Graph, Item, Node, NodeId, ObjectNode};
use crate::value::{Object, Omission, Value};

pub use info::mbean_info;
pub(super) use replies::shape;
pub use replies::{attribute, attributes, exception, names, text};

/// The budget of the reply, or the depth of a value, is used up.
#[derive(Debug)]
pub(super) struct TooLarge;

/// Steps that cost as much as one value: bytes of a text parsed, fields or elements looked at.
const STEPS: usize = 64;
/// Steps that it takes to find out whether a class is known: some eighty names, of which most differ in length.
const CLASS_STEPS: usize = 8;

pub(super) struct Mapper<'a> {
    graph: &'a Graph,
    left: usize,
    /// Steps that are not charged yet: less than a unit of the budget.
    steps: usize,
    depth: usize,
    /// The nodes between the attribute and here: meeting one of them again is a cycle.
    path: Vec<NodeId>,
}

type Mapped = Result<Value, TooLarge>;

impl<'a> Mapper<'a> {
    fn new(graph: &'a Graph, limits: &Limits) -> Self {
        Self {
            graph,
            left: limits.values,
            steps: 0,
            depth: limits.value_depth,
            path: Vec::new(),
        }
    }

    /// The value of one attribute: if it is too large, it is omitted as a whole.
    fn attribute(&mut self, item: Item) -> Value {
        self.path.clear();
        self.value(item).unwrap_or_else(|TooLarge| Value::Omitted {
            class: self.graph.describe(item),
            reason: Omission::TooLarge,
        })
    }

    fn charge(&mut self, units: usize) -> Result<(), TooLarge> {
        self.left = self.left.checked_sub(units).ok_or(TooLarge)?;
        Ok(())
    }

    /// Charges work that does not show as values.
    fn work(&mut self, steps: usize) -> Result<(), TooLarge> {
        self.steps = self.steps.saturating_add(steps);
        let units = self.steps / STEPS;
        self.steps %= STEPS;
        self.charge(units)
    }

    /// [`Graph::field`], paid for: it looks at each field of the object.
    fn field(&mut self, object: &ObjectNode, name: &str) -> Result<Option<Item>, TooLarge> {
        self.work(object.fields.len())?;
        Ok(self.graph.field(object, name))
    }

    fn value(&mut self, item: Item) -> Mapped {
        self.charge(1)?;
        Ok(match item {
            Item::Null => Value::Null,
            Item::Bool(value) => Value::Bool(value),
            Item::Byte(value) => Value::Byte(value),
            Item::Char(value) => Value::Char(character(value)),
            Item::Short(value) => Value::Short(value),
            Item::Int(value) => Value::Int(value),
            Item::Long(value) => Value::Long(value),
            Item::Float(value) => Value::Float(value),
            Item::Double(value) => Value::Double(value),
            Item::Class(class) => Value::Other(Object {
                class: "java.lang.Class".into(),
                fields: vec![("name".into(), Value::String(self.graph.class_name(class)))],
            }),
            Item::Node(id) => return self.node(id),
        })
    }

    fn node(&mut self, id: NodeId) -> Mapped {
        if self.path.contains(&id) {
            let class = self.graph.describe(Item::Node(id));
            return Ok(Value::Omitted {
                class,
                reason: Omission::Cycle,
            });
        }
        if self.path.len() >= self.depth {
            return Err(TooLarge);
        }
        self.path.push(id);
        let value = match self.graph.node(id) {
            None => Ok(Value::Null),
            Some(Node::Text(text)) => Ok(Value::String(Arc::clone(text))),
            Some(Node::Enum(class, constant)) => Ok(Value::Enum {
                class: self.graph.class_name(*class),
                constant: Arc::clone(constant),
            }),
            Some(Node::Array(_, items)) => self.values(items).map(Value::Array),
            Some(Node::Primitives(_, code, bytes)) => {
                self.primitives(*code, bytes).map(Value::Array)
            }
            Some(Node::Object(object)) => self.object(object),
        };
        self.path.pop();
        value
    }

    fn values(&mut self, items: &[Item]) -> Result<Vec<Value>, TooLarge> {
        items.iter().map(|item| self.value(*item)).collect()
    }

    fn primitives(&mut self, code: u8, bytes: &[u8]) -> Result<Vec<Value>, TooLarge> {
        let mut input = Input::new(bytes);
        let mut values = Vec::new();
        loop {
            match primitive(code, &mut input) {
                Ok(item) => values.push(self.value(item)?),
                Err(Stop::More | Stop::Bad(_)) => return Ok(values),
            }
        }
    }

    /// Asks for each class of the object, most derived first, whether its meaning is known. What does not look as its
    /// class writes it is shown as it is, like an object of an unknown class.
    fn object(&mut self, object: &ObjectNode) -> Mapped {
        let graph = self.graph;
        let chain = graph
            .class(object.class)
            .map(|class| class.chain.as_slice())
            .unwrap_or_default();
        for class in chain.iter().rev().filter_map(|id| graph.class(*id)) {
            self.work(CLASS_STEPS)?;
            let known = match self.boxed(&class.name, object)? {
                Some(value) => Some(value),
                None => match self.collection(&class.name, object)? {
                    Some(value) => Some(value),
                    None => self.open(&class.name, object)?,
                },
            };
            if let Some(value) = known {
                return Ok(value);
            }
        }
        self.unknown(object)
    }

    fn unknown(&mut self, object: &ObjectNode) -> Mapped {
        let graph = self.graph;
        let mut fields = Vec::new();
        for (name, item) in graph.fields(object) {
            fields.push((Arc::clone(name), self.value(item)?));
        }
        Ok(Value::Other(Object {
            class: graph.class_name(object.class),
            fields,
        }))
    }
}

fn character(unit: u16) -> char {
    char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER)
}
