//! Decoded objects: an arena. Back-references are indices, so a shared object is stored once, a cycle is harmless, and
//! dropping a deep structure does not recurse.

use std::sync::Arc;

/// Index of an object, string, array or enum constant in a [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeId(pub(super) u32);

/// Index of a class descriptor in a [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassId(pub(super) u32);

/// What a field, an array element or an annotation holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Item {
    /// `null`.
    Null,
    /// `boolean`.
    Bool(bool),
    /// `byte`.
    Byte(i8),
    /// `char`, a UTF-16 unit.
    Char(u16),
    /// `short`.
    Short(i16),
    /// `int`.
    Int(i32),
    /// `long`.
    Long(i64),
    /// `float`.
    Float(f32),
    /// `double`.
    Double(f64),
    /// An object, string, array or enum constant.
    Node(NodeId),
    /// A class, or its descriptor.
    Class(ClassId),
}

/// What stands behind a [`NodeId`].
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `TC_STRING`, `TC_LONGSTRING`.
    Text(Arc<str>),
    /// `TC_OBJECT`.
    Object(ObjectNode),
    /// `TC_ARRAY` of objects or arrays.
    Array(ClassId, Vec<Item>),
    /// `TC_ARRAY` of primitives: type code of the elements, and the elements as sent, big-endian.
    Primitives(ClassId, u8, Box<[u8]>),
    /// `TC_ENUM`: class and constant. The constant is empty while it is being read.
    Enum(ClassId, Arc<str>),
}

/// An object as sent.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectNode {
    /// Its class.
    pub class: ClassId,
    /// The fields of all its classes in the order sent: topmost super class first.
    pub fields: Vec<Item>,
    /// What its classes wrote by themselves (`writeObject`, `writeExternal`).
    pub annotations: Vec<(ClassId, Vec<Content>)>,
}

/// One piece of an annotation.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Primitive data.
    Block(Box<[u8]>),
    /// An object.
    Item(Item),
}

/// A class descriptor.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// Name of the class; of a dynamic proxy `$Proxy`.
    pub name: Arc<str>,
    /// `classDescFlags` of the specification.
    pub flags: u8,
    /// Its own fields: type code and name.
    pub fields: Vec<(u8, Arc<str>)>,
    /// Its super classes from the topmost down, and itself. Empty while the descriptor is being read.
    pub chain: Vec<ClassId>,
}

/// All objects of one reply.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) classes: Vec<Class>,
}

impl Graph {
    /// What stands behind an id of this graph.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }

    /// The class behind an id of this graph.
    pub fn class(&self, id: ClassId) -> Option<&Class> {
        self.classes.get(id.0 as usize)
    }

    /// The name of a class; empty for an id of another graph.
    pub fn class_name(&self, id: ClassId) -> Arc<str> {
        self.class(id)
            .map(|class| Arc::clone(&class.name))
            .unwrap_or_default()
    }

    /// The object an item refers to.
    pub fn object(&self, item: Item) -> Option<&ObjectNode> {
        match item {
            Item::Node(id) => match self.node(id)? {
                Node::Object(object) => Some(object),
                _ => None,
            },
            _ => None,
        }
    }

    /// The string an item refers to.
    pub fn text(&self, item: Item) -> Option<&Arc<str>> {
        match item {
            Item::Node(id) => match self.node(id)? {
                Node::Text(text) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the object's class is `class` or derived from it.
    pub fn is_a(&self, object: &ObjectNode, class: &str) -> bool {
        self.class(object.class).is_some_and(|own| {
            own.chain
                .iter()
                .any(|id| self.class(*id).is_some_and(|c| &*c.name == class))
        })
    }

    /// Names and values of an object's fields, topmost super class first.
    pub fn fields<'a>(
        &'a self,
        object: &'a ObjectNode,
    ) -> impl Iterator<Item = (&'a Arc<str>, Item)> {
        let chain = self
            .class(object.class)
            .map(|class| class.chain.as_slice())
            .unwrap_or_default();
        let names = chain
            .iter()
            .filter_map(|id| self.class(*id))
            .flat_map(|class| &class.fields);
        names
            .map(|(_, name)| name)
            .zip(object.fields.iter().copied())
    }

    /// The field of that name; of the most derived class which has one.
    pub fn field(&self, object: &ObjectNode, name: &str) -> Option<Item> {
        self.fields(object)
            .filter(|(key, _)| &***key == name)
            .last()
            .map(|(_, item)| item)
    }

    /// What the class of that name wrote by itself into the object.
    pub fn annotation<'a>(&'a self, object: &'a ObjectNode, class: &str) -> Option<&'a [Content]> {
        let found = object
            .annotations
            .iter()
            .find(|(id, _)| self.class(*id).is_some_and(|c| &*c.name == class));
        found.map(|(_, contents)| contents.as_slice())
    }

    /// Name of the class, or kind, of what an item holds: for messages.
    pub fn describe(&self, item: Item) -> Arc<str> {
        let class = match item {
            Item::Null => return "null".into(),
            Item::Class(_) => return "java.lang.Class".into(),
            Item::Node(id) => match self.node(id) {
                Some(Node::Object(object)) => object.class,
                Some(
                    Node::Array(class, _) | Node::Primitives(class, ..) | Node::Enum(class, _),
                ) => *class,
                Some(Node::Text(_)) | None => return "java.lang.String".into(),
            },
            _ => return "a primitive".into(),
        };
        self.class_name(class)
    }
}
