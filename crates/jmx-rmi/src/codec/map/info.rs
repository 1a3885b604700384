//! What a bean says of itself: `MBeanInfo`, its features, descriptors and open types (JSR 3; the serialized forms are in
//! the class comments of `javax.management`).

use std::sync::Arc;

use super::{Mapper, TooLarge, shape};
use crate::codec::decoder::Decoded;
use crate::codec::graph::{Content, Item, Node, ObjectNode};
use crate::codec::{DecodeError, Limits};
use crate::info::*;
use crate::value::Value;

const BEAN: &str = "javax.management.MBeanInfo";
const FEATURE: &str = "javax.management.MBeanFeatureInfo";

/// Where model beans keep their descriptors (`javax.management.modelmbean`): they leave the one of the super class empty.
const MODEL_DESCRIPTORS: [&str; 5] = [
    "modelMBeanDescriptor",
    "attrDescriptor",
    "operationDescriptor",
    "consDescriptor",
    "notificationDescriptor",
];

/// The reply to `getMBeanInfo`.
pub fn mbean_info(reply: &Decoded, limits: &Limits) -> Result<MBeanInfo, DecodeError> {
    let graph = &reply.graph;
    let bean = graph
        .object(reply.root)
        .filter(|object| graph.is_a(object, BEAN))
        .ok_or_else(|| shape(graph, reply.root, "an MBeanInfo"))?;
    let found = Mapper::new(graph, limits).bean(bean);
    found.map_err(|TooLarge| DecodeError::Limit {
        what: "values in a reply",
        limit: limits.values,
    })
}

impl Mapper<'_> {
    pub(super) fn bean(&mut self, bean: &ObjectNode) -> Result<MBeanInfo, TooLarge> {
        Ok(MBeanInfo {
            class_name: self.text(bean, "className")?,
            description: self.text(bean, "description")?,
            attributes: self.features(bean, "attributes", Self::attribute_info)?,
            constructors: self.features(bean, "constructors", Self::constructor)?,
            operations: self.features(bean, "operations", Self::operation)?,
            notifications: self.features(bean, "notifications", Self::notification)?,
            descriptor: self.descriptor(bean, BEAN)?,
        })
    }

    fn attribute_info(&mut self, info: &ObjectNode) -> Result<AttributeInfo, TooLarge> {
        let descriptor = self.descriptor(info, FEATURE)?;
        Ok(AttributeInfo {
            name: self.text(info, "name")?,
            type_name: self.text(info, "attributeType")?,
            description: self.text(info, "description")?,
            readable: self.flag(info, "isRead")?,
            writable: self.flag(info, "isWrite")?,
            is_is: self.flag(info, "is")?,
            open_type: self.open_type_of(info, "openType", &descriptor)?,
            descriptor,
        })
    }

    fn constructor(&mut self, info: &ObjectNode) -> Result<ConstructorInfo, TooLarge> {
        Ok(ConstructorInfo {
            name: self.text(info, "name")?,
            description: self.text(info, "description")?,
            parameters: self.features(info, "signature", Self::parameter)?,
            descriptor: self.descriptor(info, FEATURE)?,
        })
    }

    fn operation(&mut self, info: &ObjectNode) -> Result<OperationInfo, TooLarge> {
        let descriptor = self.descriptor(info, FEATURE)?;
        Ok(OperationInfo {
            name: self.text(info, "name")?,
            type_name: self.text(info, "type")?,
            description: self.text(info, "description")?,
            impact: match self.field(info, "impact")? {
                Some(Item::Int(0)) => Impact::Info,
                Some(Item::Int(1)) => Impact::Action,
                Some(Item::Int(2)) => Impact::ActionInfo,
                _ => Impact::Unknown,
            },
            parameters: self.features(info, "signature", Self::parameter)?,
            open_type: self.open_type_of(info, "returnOpenType", &descriptor)?,
            descriptor,
        })
    }

    fn parameter(&mut self, info: &ObjectNode) -> Result<ParameterInfo, TooLarge> {
        let descriptor = self.descriptor(info, FEATURE)?;
        Ok(ParameterInfo {
            name: self.text(info, "name")?,
            type_name: self.text(info, "type")?,
            description: self.text(info, "description")?,
            open_type: self.open_type_of(info, "openType", &descriptor)?,
            descriptor,
        })
    }

    fn notification(&mut self, info: &ObjectNode) -> Result<NotificationInfo, TooLarge> {
        Ok(NotificationInfo {
            name: self.text(info, "name")?,
            description: self.text(info, "description")?,
            types: {
                let types = self.field(info, "types")?;
                self.texts(types)?
            },
            descriptor: self.descriptor(info, FEATURE)?,
        })
    }

    /// The elements of an array field. Java cannot make one with a null in it; one that came is left out.
    fn features<T>(
        &mut self,
        owner: &ObjectNode,
        field: &str,
        feature: fn(&mut Self, &ObjectNode) -> Result<T, TooLarge>,
    ) -> Result<Vec<T>, TooLarge> {
        let graph = self.graph;
        let Some(Item::Node(id)) = self.field(owner, field)? else {
            return Ok(Vec::new());
        };
        let Some(Node::Array(_, items)) = graph.node(id) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for item in items {
            self.charge(1)?;
            if let Some(object) = graph.object(*item) {
                found.push(feature(self, object)?);
            }
        }
        Ok(found)
    }

    /// `writeObject` of `MBeanInfo` and `MBeanFeatureInfo`: a byte, then for 1 the names and the values of the fields,
    /// for 0 a descriptor object or null.
    fn descriptor(&mut self, owner: &ObjectNode, class: &str) -> Result<Descriptor, TooLarge> {
        let graph = self.graph;
        let written = match graph.annotation(owner, class) {
            Some(
                [
                    Content::Block(_),
                    Content::Item(names),
                    Content::Item(values),
                ],
            ) => self.named(Some(*names), Some(*values))?,
            Some([Content::Block(_), Content::Item(object)]) => self.descriptor_object(*object)?,
            _ => Descriptor::default(),
        };
        if !written.fields.is_empty() {
            return Ok(written);
        }
        for name in MODEL_DESCRIPTORS {
            if let Some(own) = self.field(owner, name)? {
                return self.descriptor_object(own);
            }
        }
        Ok(written)
    }

    /// `ImmutableDescriptor` has names and values, `DescriptorSupport` a map.
    fn descriptor_object(&mut self, item: Item) -> Result<Descriptor, TooLarge> {
        let graph = self.graph;
        let Some(object) = graph.object(item) else {
            return Ok(Descriptor::default());
        };
        let Some(map) = self.field(object, "descriptor")? else {
            let names = self.field(object, "names")?;
            let values = self.field(object, "values")?;
            return self.named(names, values);
        };
        let Value::Map(entries) = self.value(map)? else {
            return Ok(Descriptor::default());
        };
        let fields = entries.into_iter().filter_map(|(key, value)| match key {
            Value::String(name) => Some((name, value)),
            _ => None,
        });
        let mut fields: Vec<(Arc<str>, Value)> = fields.collect();
        // A hash map has no order; in Java a descriptor is sorted like this.
        fields.sort_by_cached_key(|(name, _)| name.to_ascii_lowercase());
        Ok(Descriptor { fields })
    }

    fn named(&mut self, names: Option<Item>, values: Option<Item>) -> Result<Descriptor, TooLarge> {
        let names = self.texts(names)?;
        let values = match self.value(values.unwrap_or(Item::Null))? {
            Value::Array(values) => values,
            _ => Vec::new(),
        };
        Ok(Descriptor {
            fields: names.into_iter().zip(values).collect(),
        })
    }

    /// Open beans have their type in a field, MXBeans in the descriptor.
    fn open_type_of(
        &mut self,
        info: &ObjectNode,
        field: &str,
        descriptor: &Descriptor,
    ) -> Result<Option<OpenType>, TooLarge> {
        if let Some(item) = self.field(info, field)?
            && let Value::OpenType(found) = self.value(item)?
        {
            return Ok(Some(found));
        }
        Ok(match descriptor.get("openType") {
            Some(Value::OpenType(found)) => Some(found.clone()),
            _ => None,
        })
    }

    /// `None`: the class is no open type, or its data is not what it should be.
    pub(super) fn open_type(
        &mut self,
        class: &str,
        object: &ObjectNode,
    ) -> Result<Option<Value>, TooLarge> {
        let found = match class {
            "javax.management.openmbean.SimpleType" => {
                Some(OpenType::Simple(self.text(object, "className")?))
            }
            "javax.management.openmbean.ArrayType" => self.array_type(object)?,
            "javax.management.openmbean.CompositeType" => self.composite_type(object)?,
            "javax.management.openmbean.TabularType" => self.tabular_type(object)?,
            _ => None,
        };
        Ok(found.map(Value::OpenType))
    }

    fn array_type(&mut self, object: &ObjectNode) -> Result<Option<OpenType>, TooLarge> {
        let dimensions = match self.field(object, "dimension")? {
            Some(Item::Int(dimensions)) => u32::try_from(dimensions).unwrap_or_default(),
            _ => return Ok(None),
        };
        let element = self.inner_type(object, "elementType")?;
        let primitive = self.flag(object, "primitiveArray")?;
        Ok(element.map(|element| OpenType::Array {
            dimensions,
            element: Box::new(element),
            primitive,
        }))
    }

    fn composite_type(&mut self, object: &ObjectNode) -> Result<Option<OpenType>, TooLarge> {
        let Some(types) = self.field(object, "nameToType")? else {
            return Ok(None);
        };
        let Value::Map(entries) = self.value(types)? else {
            return Ok(None);
        };
        let mut items = Vec::with_capacity(entries.len());
        for entry in entries {
            let (Value::String(name), Value::OpenType(kind)) = entry else {
                return Ok(None);
            };
            items.push((name, kind));
        }
        let name = self.text(object, "typeName")?;
        Ok(Some(OpenType::Composite { name, items }))
    }

    fn tabular_type(&mut self, object: &ObjectNode) -> Result<Option<OpenType>, TooLarge> {
        let name = self.text(object, "typeName")?;
        let index = self.field(object, "indexNames")?;
        let index = self.texts(index)?;
        let row = self.inner_type(object, "rowType")?;
        Ok(row.map(|row| OpenType::Tabular {
            name,
            index,
            row: Box::new(row),
        }))
    }

    fn inner_type(
        &mut self,
        object: &ObjectNode,
        field: &str,
    ) -> Result<Option<OpenType>, TooLarge> {
        let Some(item) = self.field(object, field)? else {
            return Ok(None);
        };
        Ok(match self.value(item)? {
            Value::OpenType(found) => Some(found),
            _ => None,
        })
    }

    /// A text field; empty where there is none.
    fn text(&mut self, object: &ObjectNode, field: &str) -> Result<Arc<str>, TooLarge> {
        self.charge(1)?;
        let found = self.field(object, field)?;
        let text = found.and_then(|item| self.graph.text(item));
        Ok(text.cloned().unwrap_or_default())
    }

    fn flag(&mut self, object: &ObjectNode, field: &str) -> Result<bool, TooLarge> {
        Ok(self.field(object, field)? == Some(Item::Bool(true)))
    }

    /// The strings of an array or list; what is not a string is left out.
    pub(super) fn texts(&mut self, item: Option<Item>) -> Result<Vec<Arc<str>>, TooLarge> {
        let value = self.value(item.unwrap_or(Item::Null))?;
        let texts = value.elements().unwrap_or_default().iter();
        Ok(texts
            .filter_map(|text| match text {
                Value::String(text) => Some(Arc::clone(text)),
                _ => None,
            })
            .collect())
    }
}
