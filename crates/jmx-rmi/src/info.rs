//! What a bean says of itself: `javax.management.MBeanInfo` and what it is made of (JSR 3).
//!
//! Plain beans, MXBeans, open beans (`OpenMBeanInfoSupport`) and model beans (`ModelMBeanInfoSupport`, which Spring
//! exports) all end up in the same types. A text which the JVM does not have is empty.

use std::sync::Arc;

use crate::Value;

/// The description of one bean.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MBeanInfo {
    /// Java class of the bean.
    pub class_name: Arc<str>,
    /// For people.
    pub description: Arc<str>,
    /// In the order of the JVM, which is not sorted.
    pub attributes: Vec<AttributeInfo>,
    /// The public constructors of the bean's class.
    pub constructors: Vec<ConstructorInfo>,
    /// Methods that can be called.
    pub operations: Vec<OperationInfo>,
    /// Notifications that the bean may send.
    pub notifications: Vec<NotificationInfo>,
    /// Further facts.
    pub descriptor: Descriptor,
}

impl MBeanInfo {
    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&AttributeInfo> {
        self.attributes
            .iter()
            .find(|attribute| &*attribute.name == name)
    }
}

/// One attribute of a bean (`MBeanAttributeInfo`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttributeInfo {
    /// Its name.
    pub name: Arc<str>,
    /// Java class of its values as declared, `long` or `[J` or `javax.management.openmbean.CompositeData` for example.
    /// The values may be of a derived class.
    pub type_name: Arc<str>,
    /// For people.
    pub description: Arc<str>,
    /// It has a getter.
    pub readable: bool,
    /// It has a setter.
    pub writable: bool,
    /// Its getter is `isX`, not `getX`.
    pub is_is: bool,
    /// Its open type: of attributes of open beans and MXBeans.
    pub open_type: Option<OpenType>,
    /// Further facts: `units`, `minValue` and the like.
    pub descriptor: Descriptor,
}

/// One constructor of a bean's class (`MBeanConstructorInfo`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConstructorInfo {
    /// Its name: that of the class.
    pub name: Arc<str>,
    /// For people.
    pub description: Arc<str>,
    /// Its parameters.
    pub parameters: Vec<ParameterInfo>,
    /// Further facts.
    pub descriptor: Descriptor,
}

/// One operation of a bean (`MBeanOperationInfo`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OperationInfo {
    /// Its name; operations may share one and differ in their parameters.
    pub name: Arc<str>,
    /// Java class of what it returns, `void` for example.
    pub type_name: Arc<str>,
    /// For people.
    pub description: Arc<str>,
    /// What calling it does.
    pub impact: Impact,
    /// Its parameters.
    pub parameters: Vec<ParameterInfo>,
    /// Open type of what it returns: of operations of open beans and MXBeans.
    pub open_type: Option<OpenType>,
    /// Further facts.
    pub descriptor: Descriptor,
}

/// What calling an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Impact {
    /// It returns something and changes nothing (`MBeanOperationInfo.INFO`).
    Info,
    /// It changes something (`ACTION`).
    Action,
    /// Both (`ACTION_INFO`).
    ActionInfo,
    /// The bean does not say (`UNKNOWN`): most do not.
    #[default]
    Unknown,
}

/// One parameter of an operation or constructor (`MBeanParameterInfo`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParameterInfo {
    /// Its name; `p1`, `p2` where the bean does not say.
    pub name: Arc<str>,
    /// Java class of its values.
    pub type_name: Arc<str>,
    /// For people.
    pub description: Arc<str>,
    /// Its open type: in open beans and MXBeans.
    pub open_type: Option<OpenType>,
    /// Further facts.
    pub descriptor: Descriptor,
}

/// Notifications of one class (`MBeanNotificationInfo`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NotificationInfo {
    /// Java class of the notification.
    pub name: Arc<str>,
    /// For people.
    pub description: Arc<str>,
    /// The values which its `type` may have, `jmx.attribute.change` for example.
    pub types: Vec<Arc<str>>,
    /// Further facts.
    pub descriptor: Descriptor,
}

/// Further facts about a bean or a part of it (`javax.management.Descriptor`): fields with names. `openType`,
/// `originalType`, `units`, `minValue`, `maxValue`, `legalValues`, `defaultValue`, `interfaceClassName`, `mxbean` and
/// `immutableInfo` are some that have a meaning.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Descriptor {
    /// Names and values, sorted by name without regard to case.
    pub fields: Vec<(Arc<str>, Value)>,
}

impl Descriptor {
    /// The field of that name. Case does not matter, as in Java.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let found = |key: &str| key.eq_ignore_ascii_case(name);
        self.fields
            .iter()
            .find_map(|(key, value)| found(key).then_some(value))
    }
}

/// The type of open data (`javax.management.openmbean.OpenType`).
#[derive(Debug, Clone, PartialEq)]
pub enum OpenType {
    /// `SimpleType`: its Java class, `java.lang.Long` for example.
    Simple(Arc<str>),
    /// `ArrayType`.
    Array {
        /// How many pairs of brackets.
        dimensions: u32,
        /// What is in it.
        element: Box<OpenType>,
        /// Of `long`, not of `java.lang.Long`.
        primitive: bool,
    },
    /// `CompositeType`.
    Composite {
        /// Name of the type; of MXBeans the Java class behind it.
        name: Arc<str>,
        /// Names and types of the items, sorted by name.
        items: Vec<(Arc<str>, OpenType)>,
    },
    /// `TabularType`.
    Tabular {
        /// Name of the type.
        name: Arc<str>,
        /// Names of the items that together are the key of a row.
        index: Vec<Arc<str>>,
        /// Type of a row: a composite.
        row: Box<OpenType>,
    },
}
