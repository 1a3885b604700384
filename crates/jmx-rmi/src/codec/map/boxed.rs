//! Boxed primitives, big numbers, dates, names: the classes with one value.

use std::sync::Arc;

use super::{Mapper, TooLarge, character, number};
use crate::ObjectName;
use crate::codec::decoder::Input;
use crate::codec::graph::{Content, Item, Node, ObjectNode};
use crate::codec::time;
use crate::value::Value;

impl<'a> Mapper<'a> {
    /// `None`: the class is none of these, or its data is not what it should be.
    pub(super) fn boxed(
        &mut self,
        class: &str,
        object: &ObjectNode,
    ) -> Result<Option<Value>, TooLarge> {
        Ok(match class {
            "java.lang.Boolean"
            | "java.lang.Byte"
            | "java.lang.Character"
            | "java.lang.Short"
            | "java.lang.Integer"
            | "java.lang.Long"
            | "java.lang.Float"
            | "java.lang.Double"
            | "java.util.concurrent.atomic.AtomicInteger"
            | "java.util.concurrent.atomic.AtomicLong"
            | "java.util.concurrent.atomic.LongAdder$SerializationProxy"
            | "java.util.concurrent.atomic.DoubleAdder$SerializationProxy" => {
                self.field(object, "value")?.and_then(scalar)
            }
            "java.util.concurrent.atomic.AtomicBoolean" => match self.field(object, "value")? {
                Some(Item::Int(value)) => Some(Value::Bool(value != 0)),
                _ => None,
            },
            "java.util.Date" => self.block(class, object).and_then(date),
            "java.time.Ser" => self
                .block(class, object)
                .and_then(|block| time::read(&mut Input::new(block)).ok().flatten()),
            "javax.management.ObjectName" => return self.object_name(object),
            "java.math.BigInteger" => self.big_integer(object)?.map(Value::BigInteger),
            "java.math.BigDecimal" => return self.big_decimal(object),
            _ => None,
        })
    }

    /// What a class wrote, if that is primitive data alone.
    fn block<'o>(&self, class: &str, object: &'o ObjectNode) -> Option<&'o [u8]>
    where
        'a: 'o,
    {
        match self.graph.annotation(object, class) {
            Some([Content::Block(block)]) => Some(block),
            _ => None,
        }
    }

    fn object_name(&mut self, object: &ObjectNode) -> Result<Option<Value>, TooLarge> {
        let Some(text) = name_text(self.graph, object) else {
            return Ok(None);
        };
        self.work(text.len())?;
        Ok(ObjectName::parse(text).ok().map(Value::ObjectName))
    }

    /// `BigDecimal` writes its unscaled value and the scale.
    fn big_decimal(&mut self, object: &ObjectNode) -> Result<Option<Value>, TooLarge> {
        let (Some(Item::Int(scale)), Some(unscaled)) =
            (self.field(object, "scale")?, self.field(object, "intVal")?)
        else {
            return Ok(None);
        };
        let Some(unscaled) = self.graph.object(unscaled) else {
            return Ok(None);
        };
        let Some(digits) = self.big_integer(unscaled)? else {
            return Ok(None);
        };
        Ok(number::with_scale(&digits, scale).map(Value::BigDecimal))
    }

    /// `BigInteger` writes sign and magnitude.
    fn big_integer(&mut self, object: &ObjectNode) -> Result<Option<String>, TooLarge> {
        let (Some(Item::Int(sign)), Some(Item::Node(magnitude))) = (
            self.field(object, "signum")?,
            self.field(object, "magnitude")?,
        ) else {
            return Ok(None);
        };
        let Some(Node::Primitives(_, b'B', bytes)) = self.graph.node(magnitude) else {
            return Ok(None);
        };
        // Conversion is quadratic in the length, which `decimal` keeps small.
        self.charge(bytes.len())?;
        Ok(number::decimal(bytes, sign < 0))
    }
}

/// `ObjectName.writeObject` writes one string and no field.
pub(super) fn name_text<'a>(
    graph: &'a crate::codec::graph::Graph,
    object: &'a ObjectNode,
) -> Option<&'a Arc<str>> {
    match graph.annotation(object, "javax.management.ObjectName")? {
        [Content::Item(item)] => graph.text(*item),
        _ => None,
    }
}

/// `Date.writeObject`: the milliseconds.
fn date(block: &[u8]) -> Option<Value> {
    block
        .first_chunk()
        .map(|ms| Value::Date(i64::from_be_bytes(*ms)))
}

fn scalar(item: Item) -> Option<Value> {
    Some(match item {
        Item::Bool(value) => Value::Bool(value),
        Item::Byte(value) => Value::Byte(value),
        Item::Char(value) => Value::Char(character(value)),
        Item::Short(value) => Value::Short(value),
        Item::Int(value) => Value::Int(value),
        Item::Long(value) => Value::Long(value),
        Item::Float(value) => Value::Float(value),
        Item::Double(value) => Value::Double(value),
        Item::Null | Item::Node(_) | Item::Class(_) => return None,
    })
}
