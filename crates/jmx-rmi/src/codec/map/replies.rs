//! The shapes of whole replies: an attribute list, a set of names, an exception.

use std::collections::HashSet;

use super::boxed::name_text;
use super::{Mapper, TooLarge};
use crate::codec::decoder::Decoded;
use crate::codec::graph::{Content, Graph, Item, Node, NodeId, ObjectNode};
use crate::codec::{DecodeError, Limits};
use crate::{Attributes, ObjectName, RemoteException, Value};

/// Causes kept of an exception: the rest of a chain repeats itself, and a hostile one need not end.
const CAUSES: usize = 8;

/// The fields in which the JDK's exceptions keep their cause.
const CAUSE_FIELDS: [&str; 6] = [
    "cause",
    "detail",
    "target",
    "exception",
    "runtimeException",
    "error",
];

/// `AttributeList`: an `ArrayList` of `javax.management.Attribute`.
pub fn attributes(reply: &Decoded, limits: &Limits) -> Result<Attributes, DecodeError> {
    let graph = &reply.graph;
    let list = elements(graph, reply.root, "java.util.ArrayList", "an AttributeList")?;
    let mut mapper = Mapper::new(graph, limits);
    let mut attributes = Attributes::new();
    for item in list {
        let parts = name_and_value(&mut mapper, item).map_err(|TooLarge| DecodeError::Limit {
            what: "values in a reply",
            limit: limits.values,
        })?;
        let Some((name, value)) = parts else {
            return Err(shape(graph, item, "an Attribute"));
        };
        attributes.push((name.to_string(), mapper.attribute(value)));
    }
    Ok(attributes)
}

/// The value of one attribute, asked for alone: whatever it is.
pub fn attribute(reply: &Decoded, limits: &Limits) -> Value {
    Mapper::new(&reply.graph, limits).attribute(reply.root)
}

/// Name and value of one attribute; `None` if it is none.
fn name_and_value<'a>(
    mapper: &mut Mapper<'a>,
    item: Item,
) -> Result<Option<(&'a str, Item)>, TooLarge> {
    let graph = mapper.graph;
    mapper.charge(1)?;
    let Some(object) = graph.object(item) else {
        return Ok(None);
    };
    if !graph.is_a(object, "javax.management.Attribute") {
        return Ok(None);
    }
    let (name, value) = (
        mapper.field(object, "name")?,
        mapper.field(object, "value")?,
    );
    let Some((name, value)) = name.and_then(|name| graph.text(name)).zip(value) else {
        return Ok(None);
    };
    mapper.work(name.len())?;
    Ok(Some((name, value)))
}

/// A string.
pub fn text(reply: &Decoded) -> Result<String, DecodeError> {
    let text = reply.graph.text(reply.root);
    text.map(ToString::to_string)
        .ok_or_else(|| shape(&reply.graph, reply.root, "a string"))
}

/// A set of `ObjectName`s. An element of a set is there once: a set that repeats a handle would be a way to make a
/// small reply large.
pub fn names(reply: &Decoded) -> Result<Vec<ObjectName>, DecodeError> {
    let graph = &reply.graph;
    let mut seen: HashSet<u32> = HashSet::new();
    let mut names = Vec::new();
    for item in elements(graph, reply.root, "java.util.HashSet", "a set of names")? {
        let text = graph
            .object(item)
            .and_then(|object| name_text_id(graph, object));
        let Some((NodeId(id), text)) = text else {
            return Err(shape(graph, item, "an ObjectName"));
        };
        if !seen.insert(id) {
            return Err(shape(graph, item, "a set without duplicates"));
        }
        // A name which this crate cannot parse would be one the JVM could not have made.
        names.push(ObjectName::parse(text).map_err(|_| shape(graph, item, "a valid ObjectName"))?);
    }
    Ok(names)
}

/// The text of a name and the node it is: two names in one set cannot share it.
fn name_text_id<'a>(graph: &'a Graph, object: &'a ObjectNode) -> Option<(NodeId, &'a str)> {
    let text = name_text(graph, object)?;
    match graph.annotation(object, "javax.management.ObjectName")? {
        [Content::Item(Item::Node(id))] => Some((*id, text)),
        _ => None,
    }
}

fn elements<'a>(
    graph: &'a Graph,
    root: Item,
    class: &str,
    expected: &'static str,
) -> Result<impl Iterator<Item = Item> + use<'a>, DecodeError> {
    let contents = graph
        .object(root)
        .and_then(|object| graph.annotation(object, class));
    let Some(contents) = contents else {
        return Err(shape(graph, root, expected));
    };
    Ok(contents.iter().filter_map(|content| match content {
        Content::Item(item) => Some(*item),
        Content::Block(_) => None,
    }))
}

pub(crate) fn shape(graph: &Graph, found: Item, expected: &'static str) -> DecodeError {
    DecodeError::Shape {
        found: graph.describe(found).to_string(),
        expected,
    }
}

/// A `Throwable`: class, message, causes.
pub fn exception(reply: &Decoded, bean: Option<&ObjectName>) -> RemoteException {
    let graph = &reply.graph;
    let mut found = RemoteException {
        class: graph.describe(reply.root).to_string(),
        message: message(graph, reply.root),
        causes: Vec::new(),
        bean: bean.cloned(),
    };
    let mut at = reply.root;
    while let Some(cause) = cause(graph, at).filter(|_| found.causes.len() < CAUSES) {
        found
            .causes
            .push((graph.describe(cause).to_string(), message(graph, cause)));
        at = cause;
    }
    found
}

fn message(graph: &Graph, throwable: Item) -> Option<String> {
    let message = graph.field(graph.object(throwable)?, "detailMessage")?;
    graph.text(message).map(ToString::to_string)
}

/// A `Throwable` without a cause has itself as cause (`Throwable.initCause`).
fn cause(graph: &Graph, throwable: Item) -> Option<Item> {
    let object = graph.object(throwable)?;
    let items = CAUSE_FIELDS
        .iter()
        .filter_map(|field| graph.field(object, field));
    items.into_iter().find(|item| {
        let other = *item != throwable;
        other && matches!(item, Item::Node(id) if matches!(graph.node(*id), Some(Node::Object(_))))
    })
}
