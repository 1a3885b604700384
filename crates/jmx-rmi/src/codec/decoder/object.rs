//! Objects, arrays, strings, enum constants: specification section 6.4, `object`, `classdata`, `contents`.

use std::sync::Arc;

use super::*;
use crate::codec::{mutf8, time};

/// Room made at once for what is claimed: no more than the first push would make.
pub(super) const FEW: usize = 4;

impl Decoder {
    /// `contents` of an annotation: block data, objects, and the end.
    pub(super) fn content(&mut self, input: &mut Input<'_>) -> Result<(), Stop> {
        let mut ahead = *input;
        let length = match ahead.u8()? {
            TC_ENDBLOCKDATA => {
                *input = ahead;
                self.stack.pop();
                return Ok(());
            }
            TC_BLOCKDATA => i64::from(ahead.u8()?),
            TC_BLOCKDATALONG => i64::from(ahead.i32()?),
            _ => return self.object(input),
        };
        let length = self.claim("bytes of block data", length, self.limits.string, 1)?;
        let block = ahead.take(length)?;
        *input = ahead;
        if let Some(Frame::ObjectAnnotation { node }) = self.stack.last().copied() {
            self.charge(block.len())?;
            self.annotate(node, Content::Block(block.into()))?;
        }
        Ok(())
    }

    /// `object`: all that starts with a tag and is not block data.
    pub(super) fn object(&mut self, input: &mut Input<'_>) -> Result<(), Stop> {
        match input.u8()? {
            TC_NULL => Ok(self.deliver(Item::Null)?),
            TC_REFERENCE => {
                let item = self.resolve(input.i32()?)?;
                Ok(self.deliver(item)?)
            }
            TC_STRING => {
                let bytes = input.utf()?;
                Ok(self.string(bytes)?)
            }
            TC_LONGSTRING => {
                let length =
                    self.claim("bytes of a string", input.i64()?, self.limits.string, 1)?;
                Ok(self.string(input.take(length)?)?)
            }
            tag @ (TC_OBJECT | TC_ARRAY | TC_ENUM | TC_CLASS) => {
                Ok(self.push(Frame::ClassOf { tag })?)
            }
            TC_CLASSDESC => self.new_class(input),
            TC_PROXYCLASSDESC => self.new_proxy_class(input),
            TC_EXCEPTION => Ok(self.exception()?),
            TC_RESET if matches!(self.stack.last(), Some(Frame::Root)) => {
                self.handles.clear();
                Ok(())
            }
            found => Err(self.unexpected(found, "an object")),
        }
    }

    fn string(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.charge(bytes.len())?;
        let id = self.add_node(Node::Text(mutf8::decode(bytes)?))?;
        self.deliver(Item::Node(id))
    }

    /// `TC_EXCEPTION`: the writer failed. What was open is void, the handles start anew, the exception follows.
    pub(super) fn exception(&mut self) -> Result<(), DecodeError> {
        if self.aborted {
            return Err(DecodeError::Unexpected {
                found: TC_EXCEPTION,
                expected: "an exception",
                position: self.position,
            });
        }
        self.aborted = true;
        self.handles.clear();
        self.stack.clear();
        self.push(Frame::Exception)
    }

    /// The class of an object, array, enum constant or class is known: now the thing itself gets its handle.
    pub(super) fn class_known(&mut self, tag: u8, item: Item) -> Result<(), DecodeError> {
        let Item::Class(class) = item else {
            return Err(DecodeError::Shape {
                found: "null".to_owned(),
                expected: "a class descriptor",
            });
        };
        if self.class(class)?.chain.is_empty() {
            return Err(self.class_problem(class, "is used inside its own descriptor"));
        }
        match tag {
            TC_ARRAY => self.replace(Frame::Length { class }),
            TC_ENUM => {
                let node = self.add_node(Node::Enum(class, Arc::default()))?;
                self.replace(Frame::EnumName { node });
            }
            TC_OBJECT => self.new_object(class)?,
            _ => {
                self.add_handle(Item::Class(class))?;
                self.stack.pop();
                self.deliver(Item::Class(class))?;
            }
        }
        Ok(())
    }

    fn new_object(&mut self, class: ClassId) -> Result<(), DecodeError> {
        let own = self.class(class)?;
        let (flags, last) = (own.flags, own.chain.len() - 1);
        // Exact for the classes of nearly all values, which have one field or two.
        let fields = own.fields.len();
        if flags & (SC_SERIALIZABLE | SC_EXTERNALIZABLE) == 0 {
            return Err(
                self.class_problem(class, "is not serializable, yet there is an object of it")
            );
        }
        let node = self.add_node(Node::Object(ObjectNode {
            class,
            fields: Vec::with_capacity(fields.min(FEW)),
            annotations: Vec::new(),
        }))?;
        // An externalizable class writes for its super classes as well (`writeExternal`).
        let level = if flags & SC_EXTERNALIZABLE == 0 {
            0
        } else {
            last
        };
        self.replace(Frame::Object {
            node,
            level,
            field: 0,
        });
        Ok(())
    }

    pub(super) fn enum_complete(&mut self, id: NodeId, name: Item) -> Result<(), DecodeError> {
        let name = self.text_of(name)?;
        if let Some(Node::Enum(_, constant)) = self.graph.nodes.get_mut(id.0 as usize) {
            *constant = name;
        }
        self.stack.pop();
        self.deliver(Item::Node(id))
    }

    /// `classdata`: for each class of the chain its fields, then what it wrote by itself.
    pub(super) fn object_data(
        &mut self,
        input: &mut Input<'_>,
        node: NodeId,
        level: usize,
        field: usize,
    ) -> Result<(), Stop> {
        let object = self.object_mut(node)?.class;
        let Some(id) = self.class(object)?.chain.get(level).copied() else {
            self.stack.pop();
            return Ok(self.deliver(Item::Node(node))?);
        };
        let class = self.class(id)?;
        let external = class.flags & SC_EXTERNALIZABLE != 0;
        if external && class.flags & SC_BLOCK_DATA == 0 {
            return self.protocol_1(input, node, id);
        }
        if let Some((code, _)) = class.fields.get(field).filter(|_| !external) {
            return match *code {
                b'[' | b'L' => self.object(input),
                code => {
                    let item = primitive(code, input)?;
                    Ok(self.deliver(item)?)
                }
            };
        }
        let annotated = external || class.flags & SC_WRITE_METHOD != 0;
        self.replace(Frame::Object {
            node,
            level: level + 1,
            field: 0,
        });
        if annotated {
            self.charge(size_of::<(ClassId, Vec<Content>)>())?;
            self.object_mut(node)?.annotations.push((id, Vec::new()));
            self.push(Frame::ObjectAnnotation { node })?;
        }
        Ok(())
    }

    /// What an externalizable class writes by protocol 1, which RMI uses (`MarshalOutputStream`), has no end that others
    /// could see. One such class is known here: the one behind all of `java.time`.
    fn protocol_1(
        &mut self,
        input: &mut Input<'_>,
        node: NodeId,
        class: ClassId,
    ) -> Result<(), Stop> {
        let start = *input;
        let known = *self.class(class)?.name == *"java.time.Ser" && time::read(input)?.is_some();
        if !known {
            let problem = "is externalizable, and where its data ends only its code knows";
            return Err(self.class_problem(class, problem).into());
        }
        let length = start.rest().len() - input.rest().len();
        let block = start.rest().get(..length).unwrap_or_default();
        self.charge(length + size_of::<(ClassId, Vec<Content>)>() + size_of::<Content>())?;
        self.object_mut(node)?
            .annotations
            .push((class, vec![Content::Block(block.into())]));
        self.stack.pop();
        Ok(self.deliver(Item::Node(node))?)
    }

    pub(super) fn annotate(&mut self, node: NodeId, content: Content) -> Result<(), DecodeError> {
        self.charge(size_of::<Content>())?;
        if let Some((_, contents)) = self.object_mut(node)?.annotations.last_mut() {
            contents.push(content);
        }
        Ok(())
    }

    /// `TC_ARRAY classDesc newHandle size values`: primitives are taken in one piece, objects one by one.
    pub(super) fn array(&mut self, input: &mut Input<'_>, class: ClassId) -> Result<(), Stop> {
        let name = self.graph.class_name(class);
        let mut characters = name.bytes();
        let (Some(b'['), Some(code)) = (characters.next(), characters.next()) else {
            return Err(self
                .class_problem(class, "is not the class of an array")
                .into());
        };
        let width =
            width(code).ok_or_else(|| self.class_problem(class, "is not the class of an array"))?;
        let length = self.claim(
            "elements of an array",
            i64::from(input.i32()?),
            self.limits.array,
            width,
        )?;
        if matches!(code, b'[' | b'L') {
            let node = self.add_node(Node::Array(class, Vec::new()))?;
            self.replace(Frame::Elements { node, left: length });
            return Ok(());
        }
        let bytes = input.take(length * width)?;
        self.charge(bytes.len())?;
        let node = self.add_node(Node::Primitives(class, code, bytes.into()))?;
        self.stack.pop();
        Ok(self.deliver(Item::Node(node))?)
    }

    pub(super) fn element(
        &mut self,
        input: &mut Input<'_>,
        node: NodeId,
        left: usize,
    ) -> Result<(), Stop> {
        if left > 0 {
            return self.object(input);
        }
        self.stack.pop();
        Ok(self.deliver(Item::Node(node))?)
    }
}

/// Bytes of one element; an object takes at least one.
fn width(code: u8) -> Option<usize> {
    Some(match code {
        b'B' | b'Z' | b'[' | b'L' => 1,
        b'C' | b'S' => 2,
        b'I' | b'F' => 4,
        b'J' | b'D' => 8,
        _ => return None,
    })
}

/// A field or element of primitive type.
pub(in crate::codec) fn primitive(code: u8, input: &mut Input<'_>) -> Result<Item, Stop> {
    Ok(match code {
        b'B' => Item::Byte(input.u8()? as i8),
        b'Z' => Item::Bool(input.u8()? != 0),
        b'C' => Item::Char(input.u16()?),
        b'S' => Item::Short(input.u16()? as i16),
        b'I' => Item::Int(input.i32()?),
        b'F' => Item::Float(input.array().map(f32::from_be_bytes)?),
        b'J' => Item::Long(input.i64()?),
        b'D' => Item::Double(input.array().map(f64::from_be_bytes)?),
        found => {
            return Err(DecodeError::Unexpected {
                found,
                expected: "a primitive type",
                position: 0,
            }
            .into());
        }
    })
}
