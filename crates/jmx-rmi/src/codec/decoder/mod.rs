//! The object stream as a state machine: Java Object Serialization Specification, section 6.4 (the grammar).
//!
//! A reply has no length prefix, so its end is known only once it has been decoded. [`Decoder::decode`] takes what bytes
//! there are, does whole steps (a field, a string, a header), and keeps what is open on an explicit stack: with the next
//! bytes it goes on where it was, so each byte is looked at once, however small the pieces. A step that lacks bytes
//! changes nothing. Checking whether a long string is complete costs one comparison.
//!
//! - `input`: the cursor
//! - this file: the stack, handles, limits, and where finished values go
//! - `object`: what starts with a tag; fields, elements, annotations
//! - `class`: class descriptors

mod class;
mod input;
mod object;
#[cfg(test)]
mod tests;

use super::graph::{Class, ClassId, Content, Graph, Item, Node, NodeId, ObjectNode};
use super::tags::*;
use super::{DecodeError, Limits};

pub(super) use input::{Input, Stop};
pub(super) use object::primitive;

/// A decoded value with all it refers to.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The objects.
    pub graph: Graph,
    /// The value itself.
    pub root: Item,
    /// The writer failed in the middle and sent this exception instead of the value (`TC_EXCEPTION`). Nothing follows
    /// on such a stream.
    pub aborted: bool,
}

/// Decodes one object out of a stream that comes in pieces.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    graph: Graph,
    handles: Vec<Item>,
    stack: Vec<Frame>,
    finished: Option<Item>,
    aborted: bool,
    position: usize,
    memory: usize,
    /// Steps tried, those that lacked bytes included.
    #[cfg(test)]
    steps: usize,
}

/// What the reply to a read of one bean has: about as many objects, classes and constructs open at the same time.
/// Growing from nothing costs more than these few kilobytes.
const NODES: usize = 24;
const CLASSES: usize = 8;
const OPEN: usize = 16;

/// A construct that is open: what the next bytes belong to.
#[derive(Debug, Clone, Copy)]
enum Frame {
    /// The object that was asked for.
    Root,
    /// The exception behind `TC_EXCEPTION`.
    Exception,
    /// The fields of a class descriptor.
    Fields { class: ClassId, left: u16 },
    /// The names of a proxy's interfaces.
    Interfaces { class: ClassId, left: usize },
    /// The type of a field of class type: a string nobody needs.
    TypeName,
    /// The annotation of a class descriptor: the code base, which nobody needs.
    Annotation,
    /// The super class of a class descriptor.
    Super { class: ClassId },
    /// The class descriptor of an object, array, enum constant or class.
    ClassOf { tag: u8 },
    /// The name of an enum constant.
    EnumName { node: NodeId },
    /// An object: which class of the chain, which field of that class.
    Object {
        node: NodeId,
        level: usize,
        field: usize,
    },
    /// What a class wrote by itself into an object.
    ObjectAnnotation { node: NodeId },
    /// An array whose length is not known yet.
    Length { class: ClassId },
    /// The elements of an array of objects.
    Elements { node: NodeId, left: usize },
}

impl Decoder {
    /// A decoder for one object; the stream header (`AC ED 00 05`) is the caller's to take off.
    pub fn new(limits: Limits) -> Self {
        let mut stack = Vec::with_capacity(OPEN);
        stack.push(Frame::Root);
        Self {
            limits,
            graph: Graph {
                nodes: Vec::with_capacity(NODES),
                classes: Vec::with_capacity(CLASSES),
            },
            handles: Vec::with_capacity(NODES + CLASSES),
            stack,
            finished: None,
            aborted: false,
            position: 0,
            memory: 0,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// Takes what it can off the front of `bytes`. `None` means: all of what is left belongs to a step that needs more;
    /// call again with the same rest and what came after it. After a value or an error the decoder is spent.
    pub fn decode(&mut self, bytes: &mut &[u8]) -> Result<Option<Decoded>, DecodeError> {
        while self.finished.is_none() {
            let mut input = Input::new(bytes);
            #[cfg(test)]
            {
                self.steps += 1;
            }
            match self.step(&mut input) {
                Ok(()) => {
                    self.position += bytes.len() - input.rest().len();
                    *bytes = input.rest();
                    within("bytes in a reply", self.position, self.limits.bytes)?;
                }
                Err(Stop::More) => return Ok(None),
                Err(Stop::Bad(error)) => return Err(error),
            }
        }
        let Some(root) = self.finished.take() else {
            return Ok(None);
        };
        Ok(Some(Decoded {
            graph: std::mem::take(&mut self.graph),
            root,
            aborted: self.aborted,
        }))
    }

    /// Bytes of memory counted so far for the objects of this reply; at most [`Limits::memory`]. What allocators and
    /// growing vectors add stays within a factor of this.
    pub fn memory(&self) -> usize {
        self.memory
    }

    fn step(&mut self, input: &mut Input<'_>) -> Result<(), Stop> {
        match self.stack.last().copied() {
            Some(Frame::Root | Frame::Exception | Frame::TypeName | Frame::EnumName { .. }) => {
                self.object(input)
            }
            Some(Frame::Fields { class, left }) => self.field_descriptor(input, class, left),
            Some(Frame::Interfaces { class, left }) => self.interface(input, class, left),
            Some(Frame::Annotation | Frame::ObjectAnnotation { .. }) => self.content(input),
            Some(Frame::Super { .. } | Frame::ClassOf { .. }) => self.class_descriptor(input),
            Some(Frame::Object { node, level, field }) => {
                self.object_data(input, node, level, field)
            }
            Some(Frame::Length { class }) => self.array(input, class),
            Some(Frame::Elements { node, left }) => self.element(input, node, left),
            // Unreachable: the stack is empty only once there is a finished value.
            None => Err(Stop::Bad(DecodeError::Length(0))),
        }
    }

    /// Hands a finished item to what waits for it.
    fn deliver(&mut self, item: Item) -> Result<(), DecodeError> {
        match self.stack.last().copied() {
            None | Some(Frame::Root | Frame::Exception) => {
                self.stack.clear();
                self.finished = Some(item);
            }
            Some(Frame::TypeName) => {
                self.text_of(item)?;
                self.stack.pop();
            }
            Some(Frame::Super { class }) => self.class_complete(class, item)?,
            Some(Frame::ClassOf { tag }) => self.class_known(tag, item)?,
            Some(Frame::EnumName { node }) => self.enum_complete(node, item)?,
            Some(Frame::Object { node, level, field }) => {
                self.replace(Frame::Object {
                    node,
                    level,
                    field: field + 1,
                });
                self.add_field(node, item)?;
            }
            Some(Frame::ObjectAnnotation { node }) => self.annotate(node, Content::Item(item))?,
            Some(Frame::Elements { node, left }) => {
                self.replace(Frame::Elements {
                    node,
                    left: left.saturating_sub(1),
                });
                self.add_element(node, item)?;
            }
            // Nobody reads the annotations of class descriptors; the others take no items.
            Some(
                Frame::Annotation
                | Frame::Fields { .. }
                | Frame::Interfaces { .. }
                | Frame::Length { .. },
            ) => {}
        }
        Ok(())
    }

    fn push(&mut self, frame: Frame) -> Result<(), DecodeError> {
        self.stack.push(frame);
        within("nesting", self.stack.len(), self.limits.depth)
    }

    fn replace(&mut self, frame: Frame) {
        if let Some(top) = self.stack.last_mut() {
            *top = frame;
        }
    }

    /// Counts memory before it is used.
    fn charge(&mut self, bytes: usize) -> Result<(), DecodeError> {
        self.memory = self.memory.saturating_add(bytes);
        within("memory for a reply", self.memory, self.limits.memory)
    }

    fn add_handle(&mut self, item: Item) -> Result<(), DecodeError> {
        within(
            "objects in a reply",
            self.handles.len() + 1,
            self.limits.handles,
        )?;
        self.charge(size_of::<Item>())?;
        self.handles.push(item);
        Ok(())
    }

    /// Adds a node, gives it the next handle.
    fn add_node(&mut self, node: Node) -> Result<NodeId, DecodeError> {
        self.charge(size_of::<Node>())?;
        // `handles` stays below `u32::MAX` by its limit, and every node but those of a reset stream has one.
        let id = NodeId(u32::try_from(self.graph.nodes.len()).unwrap_or(u32::MAX));
        self.add_handle(Item::Node(id))?;
        self.graph.nodes.push(node);
        Ok(id)
    }

    fn add_field(&mut self, node: NodeId, item: Item) -> Result<(), DecodeError> {
        self.charge(size_of::<Item>())?;
        self.object_mut(node)?.fields.push(item);
        Ok(())
    }

    fn add_element(&mut self, node: NodeId, item: Item) -> Result<(), DecodeError> {
        self.charge(size_of::<Item>())?;
        if let Some(Node::Array(_, items)) = self.graph.nodes.get_mut(node.0 as usize) {
            items.push(item);
        }
        Ok(())
    }

    fn object_mut(&mut self, id: NodeId) -> Result<&mut ObjectNode, DecodeError> {
        match self.graph.nodes.get_mut(id.0 as usize) {
            Some(Node::Object(object)) => Ok(object),
            _ => Err(DecodeError::Handle {
                handle: id.0,
                expected: "an object",
            }),
        }
    }

    fn class(&self, id: ClassId) -> Result<&Class, DecodeError> {
        self.graph.class(id).ok_or(DecodeError::Handle {
            handle: id.0,
            expected: "a class",
        })
    }

    fn text_of(&self, item: Item) -> Result<std::sync::Arc<str>, DecodeError> {
        let found = || self.graph.describe(item).to_string();
        self.graph
            .text(item)
            .cloned()
            .ok_or_else(|| DecodeError::Shape {
                found: found(),
                expected: "a string",
            })
    }

    fn unexpected(&self, found: u8, expected: &'static str) -> Stop {
        Stop::Bad(DecodeError::Unexpected {
            found,
            expected,
            position: self.position,
        })
    }

    /// Checks a length before anything is done with it: against its own limit, and against what the reply may still
    /// hold, since the caller is going to buffer that much.
    fn claim(
        &self,
        what: &'static str,
        length: i64,
        limit: usize,
        width: usize,
    ) -> Result<usize, DecodeError> {
        let length = usize::try_from(length).map_err(|_| DecodeError::Length(length))?;
        within(what, length, limit)?;
        within(
            "bytes in a reply",
            self.position.saturating_add(length.saturating_mul(width)),
            self.limits.bytes,
        )?;
        Ok(length)
    }
}

fn within(what: &'static str, actual: usize, limit: usize) -> Result<(), DecodeError> {
    if actual > limit {
        Err(DecodeError::Limit { what, limit })
    } else {
        Ok(())
    }
}
