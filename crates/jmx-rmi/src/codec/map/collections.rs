//! Lists, sets and maps as the JDK's classes write them (see "Serialized Form" of each).
//!
//! Most write their elements as an annotation: a block with a size and such, then the elements. The block is not needed:
//! the annotation has an end.

use super::{Mapper, TooLarge};
use crate::codec::graph::{Content, Item, Node, ObjectNode};
use crate::value::Value;

impl<'a> Mapper<'a> {
    /// Classes that write their elements by themselves; then the others.
    ///
    /// `None`: the class is none of these, or its data is not what it should be.
    pub(super) fn collection(
        &mut self,
        class: &str,
        object: &ObjectNode,
    ) -> Result<Option<Value>, TooLarge> {
        match class {
            "java.util.ArrayList"
            | "java.util.LinkedList"
            | "java.util.ArrayDeque"
            | "java.util.PriorityQueue"
            | "java.util.concurrent.CopyOnWriteArrayList" => {
                self.elements(class, object, Value::List)
            }
            "java.util.concurrent.ConcurrentLinkedQueue"
            | "java.util.concurrent.ConcurrentLinkedDeque"
            | "java.util.concurrent.LinkedBlockingQueue"
            | "java.util.concurrent.LinkedBlockingDeque"
            | "java.util.concurrent.LinkedTransferQueue" => self.queue(class, object),
            "java.util.HashSet" => self.elements(class, object, Value::Set),
            "java.util.TreeSet" => self.sorted_set(class, object),
            "java.util.HashMap"
            | "java.util.TreeMap"
            | "java.util.Hashtable"
            | "java.util.EnumMap"
            | "java.util.IdentityHashMap"
            | "java.util.concurrent.ConcurrentHashMap"
            | "java.util.concurrent.ConcurrentSkipListMap" => self.entries(class, object),
            "java.util.CollSer" => self.immutable(class, object),
            _ => self.wrapper(class, object),
        }
    }

    /// Classes that keep their elements in a field.
    fn wrapper(&mut self, class: &str, object: &ObjectNode) -> Result<Option<Value>, TooLarge> {
        match class {
            "java.util.Arrays$ArrayList" => self.inner(object, "a", Value::List),
            "java.util.EnumSet$SerializationProxy" => self.inner(object, "elements", Value::Set),
            "java.util.concurrent.CopyOnWriteArraySet" => self.set_of(object, "al"),
            "java.util.concurrent.ConcurrentSkipListSet" | "java.util.Collections$SetFromMap" => {
                self.set_of(object, "m")
            }
            "java.util.concurrent.ConcurrentHashMap$KeySetView" => self.set_of(object, "map"),
            "java.util.Vector" => self.vector(object),
            "java.util.Collections$UnmodifiableMap"
            | "java.util.Collections$SynchronizedMap"
            | "java.util.Collections$CheckedMap" => self.delegate(object, "m"),
            "java.util.Collections$UnmodifiableCollection"
            | "java.util.Collections$SynchronizedCollection"
            | "java.util.Collections$CheckedCollection" => self.delegate(object, "c"),
            "java.util.Collections$EmptyList" => Ok(Some(Value::List(Vec::new()))),
            "java.util.Collections$EmptySet" => Ok(Some(Value::Set(Vec::new()))),
            "java.util.Collections$EmptyMap" => Ok(Some(Value::Map(Vec::new()))),
            "java.util.Collections$SingletonList" => self.single(object, Value::List),
            "java.util.Collections$SingletonSet" => self.single(object, Value::Set),
            "java.util.Collections$SingletonMap" => self.single_entry(object),
            _ => Ok(None),
        }
    }

    /// What an object wrote, without the blocks: paid for also if it turns out to be nothing that is known.
    fn items(&mut self, class: &str, object: &ObjectNode) -> Result<Option<Vec<Item>>, TooLarge> {
        let Some(contents) = self.graph.annotation(object, class) else {
            return Ok(None);
        };
        self.work(contents.len())?;
        let items = contents.iter().filter_map(|content| match content {
            Content::Item(item) => Some(*item),
            Content::Block(_) => None,
        });
        Ok(Some(items.collect()))
    }

    fn elements(
        &mut self,
        class: &str,
        object: &ObjectNode,
        kind: fn(Vec<Value>) -> Value,
    ) -> Result<Option<Value>, TooLarge> {
        let Some(items) = self.items(class, object)? else {
            return Ok(None);
        };
        self.values(&items).map(|values| Some(kind(values)))
    }

    /// `TreeSet` writes its comparator before the elements.
    fn sorted_set(&mut self, class: &str, object: &ObjectNode) -> Result<Option<Value>, TooLarge> {
        match self.items(class, object)?.as_deref() {
            Some([_comparator, items @ ..]) => {
                self.values(items).map(|values| Some(Value::Set(values)))
            }
            _ => Ok(None),
        }
    }

    fn entries(&mut self, class: &str, object: &ObjectNode) -> Result<Option<Value>, TooLarge> {
        let Some(mut items) = self.items(class, object)? else {
            return Ok(None);
        };
        // The concurrent ones have no size; their ends are two nulls and one.
        let end: &[Item] = match class {
            "java.util.concurrent.ConcurrentHashMap" => &[Item::Null, Item::Null],
            "java.util.concurrent.ConcurrentSkipListMap" => &[Item::Null],
            _ => &[],
        };
        if items.ends_with(end) {
            items.truncate(items.len() - end.len());
        }
        self.pairs(&items)
    }

    fn pairs(&mut self, items: &[Item]) -> Result<Option<Value>, TooLarge> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Ok(None);
        }
        let mut entries = Vec::new();
        for [key, value] in pairs {
            entries.push((self.value(*key)?, self.value(*value)?));
        }
        Ok(Some(Value::Map(entries)))
    }

    /// `List.of`, `Set.of`, `Map.of`: the low byte of the tag says which (`java.util.CollSer`).
    fn immutable(&mut self, class: &str, object: &ObjectNode) -> Result<Option<Value>, TooLarge> {
        let Some(items) = self.items(class, object)? else {
            return Ok(None);
        };
        match self.field(object, "tag")? {
            Some(Item::Int(tag)) if matches!(tag & 0xff, 1 | 4) => {
                Ok(Some(Value::List(self.values(&items)?)))
            }
            Some(Item::Int(tag)) if tag & 0xff == 2 => Ok(Some(Value::Set(self.values(&items)?))),
            Some(Item::Int(tag)) if tag & 0xff == 3 => self.pairs(&items),
            _ => Ok(None),
        }
    }

    /// A queue without a size: null is its end, and it holds no other.
    fn queue(&mut self, class: &str, object: &ObjectNode) -> Result<Option<Value>, TooLarge> {
        match self.items(class, object)?.as_deref() {
            Some([items @ .., Item::Null]) => {
                self.values(items).map(|values| Some(Value::List(values)))
            }
            _ => Ok(None),
        }
    }

    fn inner(
        &mut self,
        object: &ObjectNode,
        field: &str,
        kind: fn(Vec<Value>) -> Value,
    ) -> Result<Option<Value>, TooLarge> {
        match self.array(object, field)? {
            Some(items) => self.values(items).map(|values| Some(kind(values))),
            None => Ok(None),
        }
    }

    /// A set on top of a list, or of a map whose keys are its elements.
    fn set_of(&mut self, object: &ObjectNode, field: &str) -> Result<Option<Value>, TooLarge> {
        let Some(item) = self.field(object, field)? else {
            return Ok(None);
        };
        Ok(match self.value(item)? {
            Value::List(values) => Some(Value::Set(values)),
            Value::Map(entries) => {
                let keys = entries.into_iter().map(|(key, _)| key);
                Some(Value::Set(keys.collect()))
            }
            _ => None,
        })
    }

    /// `Vector` and `Stack`: an array with room at its end.
    fn vector(&mut self, object: &ObjectNode) -> Result<Option<Value>, TooLarge> {
        let count = match self.field(object, "elementCount")? {
            Some(Item::Int(count)) => usize::try_from(count).unwrap_or(0),
            _ => return Ok(None),
        };
        match self
            .array(object, "elementData")?
            .and_then(|items| items.get(..count))
        {
            Some(items) => self.values(items).map(|values| Some(Value::List(values))),
            None => Ok(None),
        }
    }

    fn array(&mut self, object: &ObjectNode, field: &str) -> Result<Option<&'a [Item]>, TooLarge> {
        let Some(Item::Node(id)) = self.field(object, field)? else {
            return Ok(None);
        };
        Ok(match self.graph.node(id) {
            Some(Node::Array(_, items)) => Some(items),
            _ => None,
        })
    }

    /// A wrapper shows what it wraps.
    fn delegate(&mut self, object: &ObjectNode, field: &str) -> Result<Option<Value>, TooLarge> {
        self.work(object.fields.len())?;
        match self.graph.fields(object).find(|(key, _)| &***key == field) {
            Some((_, item)) => self.value(item).map(Some),
            None => Ok(None),
        }
    }

    fn single(
        &mut self,
        object: &ObjectNode,
        kind: fn(Vec<Value>) -> Value,
    ) -> Result<Option<Value>, TooLarge> {
        match self.field(object, "element")? {
            Some(item) => Ok(Some(kind(vec![self.value(item)?]))),
            None => Ok(None),
        }
    }

    fn single_entry(&mut self, object: &ObjectNode) -> Result<Option<Value>, TooLarge> {
        match (self.field(object, "k")?, self.field(object, "v")?) {
            (Some(key), Some(value)) => self.pairs(&[key, value]),
            _ => Ok(None),
        }
    }
}
