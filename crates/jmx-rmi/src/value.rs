//! What an attribute holds, once Java's classes are out of the way.
//!
//! A [`Value`] is a plain tree: no handle, no cycle, `Send`, and bounded when it is walked. Strings are shared
//! (`Arc<str>`), so a name that a thousand rows repeat is stored once.

use std::sync::Arc;

use crate::ObjectName;
use crate::info::{MBeanInfo, OpenType};

/// The attributes of one bean, in the order the server sent them.
///
/// The server leaves out attributes that do not exist and those whose getter throws (JSR 160, `getAttributes`), so
/// look values up by name, never by position.
pub type Attributes = Vec<(String, Value)>;

/// One value of an attribute.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `null`: the attribute exists and has no value.
    Null,
    /// `java.lang.Boolean`, `AtomicBoolean`.
    Bool(bool),
    /// `java.lang.Byte`.
    Byte(i8),
    /// `java.lang.Short`.
    Short(i16),
    /// `java.lang.Integer`, `AtomicInteger`.
    Int(i32),
    /// `java.lang.Long`, `AtomicLong`, `LongAdder`.
    Long(i64),
    /// `java.lang.Float`.
    Float(f32),
    /// `java.lang.Double`, `DoubleAdder`; may be NaN or infinite.
    Double(f64),
    /// `java.lang.Character`; half of a surrogate pair becomes U+FFFD.
    Char(char),
    /// `java.lang.String`.
    String(Arc<str>),
    /// `javax.management.ObjectName`.
    ObjectName(ObjectName),
    /// A constant of any Java enum, `TimeUnit` among them.
    Enum {
        /// Name of the enum's class.
        class: Arc<str>,
        /// Name of the constant.
        constant: Arc<str>,
    },
    /// `java.util.Date`: milliseconds since the epoch.
    Date(i64),
    /// `java.math.BigInteger`, in decimal.
    BigInteger(String),
    /// `java.math.BigDecimal`, in plain decimal notation (`toPlainString`).
    BigDecimal(String),
    /// `CompositeDataSupport`: a record with named items.
    Composite(Composite),
    /// `TabularDataSupport`: a table of records.
    Tabular(Tabular),
    /// `javax.management.MBeanInfo` or a class derived from it.
    MBeanInfo(Box<MBeanInfo>),
    /// The type of open data, as in the descriptors of MXBeans.
    OpenType(OpenType),
    /// A Java array, of objects or of primitives.
    Array(Vec<Value>),
    /// A `java.util.List`.
    List(Vec<Value>),
    /// A `java.util.Set`.
    Set(Vec<Value>),
    /// A `java.util.Map`.
    Map(Vec<(Value, Value)>),
    /// An object of a class this crate has no special knowledge of.
    Other(Object),
    /// A value that is there but is not shown, with the reason.
    Omitted {
        /// Name of the value's class.
        class: Arc<str>,
        /// Why it is not shown.
        reason: Omission,
    },
}

/// Why a value is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Omission {
    /// The value contains itself.
    Cycle,
    /// Showing it would break a limit on size or depth of one reply (see [`Limits`](crate::Limits)).
    TooLarge,
}

/// A record with named items (`CompositeData`), in the order sent: sorted by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Composite {
    /// Names and values.
    pub items: Vec<(Arc<str>, Value)>,
}

impl Composite {
    /// The item of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        find(&self.items, name)
    }
}

/// A table (`TabularData`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tabular {
    /// Names of the items that together are the key of a row.
    pub index: Vec<Arc<str>>,
    /// The rows; Java does not promise an order.
    pub rows: Vec<Composite>,
}

/// An object of an unknown class: its fields as the class descriptor lists them, super classes first.
///
/// What a class wrote by itself (`writeObject` annotations) has no names and is left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Name of the class.
    pub class: Arc<str>,
    /// Names and values of the fields.
    pub fields: Vec<(Arc<str>, Value)>,
}

impl Object {
    /// The field of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        find(&self.fields, name)
    }
}

fn find<'a>(items: &'a [(Arc<str>, Value)], name: &str) -> Option<&'a Value> {
    items
        .iter()
        .find(|(key, _)| &**key == name)
        .map(|(_, value)| value)
}

impl Value {
    /// The number as `i64`, if it is one of Java's integer types.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Byte(value) => Some(i64::from(*value)),
            Self::Short(value) => Some(i64::from(*value)),
            Self::Int(value) => Some(i64::from(*value)),
            Self::Long(value) => Some(*value),
            _ => None,
        }
    }

    /// The number as `f64`, if it is one of Java's integer or floating point types. NaN stays NaN; a `long` beyond
    /// 2^53 is rounded.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(f64::from(*value)),
            Self::Double(value) => Some(*value),
            _ => self.as_i64().map(|value| value as f64),
        }
    }

    /// The boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The text of a string, or the constant of an enum.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Enum { constant, .. } => Some(constant),
            _ => None,
        }
    }

    /// The item of a composite, or the field of an object of an unknown class.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Composite(composite) => composite.get(name),
            Self::Other(object) => object.get(name),
            _ => None,
        }
    }

    /// The elements of an array, a list or a set.
    pub fn elements(&self) -> Option<&[Value]> {
        match self {
            Self::Array(values) | Self::List(values) | Self::Set(values) => Some(values),
            _ => None,
        }
    }
}
