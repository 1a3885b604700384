//! Boxed primitives, big numbers, dates, names: the classes with one value.

use std::sync::Arc;

use super::{Mapper, TEXT_UNIT, TooLarge, character, number};
use crate::ObjectName;
use crate::codec::graph::{Content, Item, Node, ObjectNode};
use crate::value::{Object, Value};

impl Mapper<'_> {
    /// `None`: the class is none of these, or its data is not what it should be.
    pub(super) fn boxed(
        &mut self,
        class: &str,
        object: &ObjectNode,
    ) -> Result<Option<Value>, TooLarge> {
        let field = |name| self.graph.field(object, name);
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
            | "java.util.concurrent.atomic.AtomicLong" => field("value").and_then(scalar),
            // `Date.writeObject`: the milliseconds.
            "java.util.Date" => match self.graph.annotation(object, class) {
                Some([Content::Block(block)]) => block
                    .first_chunk()
                    .map(|ms| Value::Date(i64::from_be_bytes(*ms))),
                _ => None,
            },
            "java.time.Ser" => match self.graph.annotation(object, class) {
                Some([Content::Block(block)]) => seconds_and_nanos(block),
                _ => None,
            },
            "javax.management.ObjectName" => return self.object_name(object),
            "java.math.BigInteger" => self.big_integer(object)?.map(Value::BigInteger),
            "java.math.BigDecimal" => return self.big_decimal(object),
            _ => None,
        })
    }

    fn object_name(&mut self, object: &ObjectNode) -> Result<Option<Value>, TooLarge> {
        let Some(text) = name_text(self.graph, object) else {
            return Ok(None);
        };
        self.charge(text.len() / TEXT_UNIT)?;
        Ok(ObjectName::parse(text).ok().map(Value::ObjectName))
    }

    /// `BigDecimal` writes its unscaled value and the scale.
    fn big_decimal(&mut self, object: &ObjectNode) -> Result<Option<Value>, TooLarge> {
        let (Some(Item::Int(scale)), Some(unscaled)) = (
            self.graph.field(object, "scale"),
            self.graph.field(object, "intVal"),
        ) else {
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
            self.graph.field(object, "signum"),
            self.graph.field(object, "magnitude"),
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

/// `java.time.Duration` and `java.time.Instant` as `java.time.Ser` writes them.
fn seconds_and_nanos(block: &[u8]) -> Option<Value> {
    let (kind, rest) = block.split_first()?;
    let (seconds, rest) = rest.split_first_chunk()?;
    let nanos = rest.first_chunk()?;
    let class = if *kind == 1 {
        "java.time.Duration"
    } else {
        "java.time.Instant"
    };
    let fields = vec![
        ("seconds".into(), Value::Long(i64::from_be_bytes(*seconds))),
        ("nanos".into(), Value::Int(i32::from_be_bytes(*nanos))),
    ];
    Some(Value::Other(Object {
        class: class.into(),
        fields,
    }))
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
